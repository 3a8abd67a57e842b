// SPDX-License-Identifier: BSD-3-Clause
#include "control/mac_lists.h"

#include <linux/if.h>
#include <linux/if_arp.h>

#include <algorithm>
#include <cerrno>

#include "absl/container/flat_hash_set.h"
#include "control/device.h"
#include "control/fill_af_spec.h"
#include "control/link_kind.h"
#include "control/lower_port.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr MacAddress kAllHosts{0x01, 0x00, 0x5e, 0, 0, 1};
constexpr MacAddress kAllNodes{0x33, 0x33, 0, 0, 0, 1};

bool IsGroup(const MacAddress& mac) { return (mac[0] & 1) != 0; }

// 01:80:c2:00:00:00 to 0f: bridges do not forward these (is_link_local_ether_addr).
bool IsReserved(const MacAddress& mac) {
  constexpr MacAddress kPrefix{0x01, 0x80, 0xc2};
  return std::equal(mac.begin(), mac.end() - 1, kPrefix.begin()) && mac[5] < 0x10;
}

// RFC 1112, section 6.4; RFC 2464, section 7.
MacAddress GroupMac(const IpAddress& group) {
  const auto& bytes = group.bytes;
  if (group.family == AF_INET6) return {0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]};
  return {0x01, 0x00, 0x5e, static_cast<uint8_t>(bytes[1] & 0x7f), bytes[2], bytes[3]};
}

std::vector<MacAddress> OwnMacs(const Device& device) {
  if (device.mac_lists == nullptr) return JoinedGroups(device);
  FollowGroups(device);
  return device.mac_lists->All();
}

}  // namespace

MacAddress SolicitedNodeMac(const IpAddress& address) {
  return {0x33, 0x33, 0xff, address.bytes[13], address.bytes[14], address.bytes[15]};
}

void MacList::Use(const MacAddress& mac) {
  Entry& entry = entries_[mac];
  if (entry.users++ == 0) entry.position = order_.insert(order_.end(), mac);
}

bool MacList::Release(const MacAddress& mac) {
  const auto found = entries_.find(mac);
  if (found == entries_.end()) return false;
  if (--found->second.users > 0) return true;
  order_.erase(found->second.position);
  entries_.erase(found);
  return true;
}

void MacList::AppendTo(std::vector<MacAddress>& out) const {
  out.insert(out.end(), order_.begin(), order_.end());
}

MacList& MacLists::ListOf(const MacAddress& mac) {
  return IsGroup(mac) && !IsReserved(mac) ? groups_ : unicast_;
}

absl::Status MacLists::Add(const MacAddress& mac) {
  MacList& list = ListOf(mac);
  if (list.Has(mac)) return ErrnoStatus(EEXIST);
  list.Use(mac);
  return absl::OkStatus();
}

absl::Status MacLists::Remove(const MacAddress& mac) {
  return ListOf(mac).Release(mac) ? absl::OkStatus() : ErrnoStatus(ENOENT);
}

void MacLists::Follow(const std::vector<MacAddress>& groups) {
  const absl::flat_hash_set<MacAddress> before(joined_.begin(), joined_.end());
  const absl::flat_hash_set<MacAddress> now(groups.begin(), groups.end());
  for (const MacAddress& mac : joined_) {
    if (!now.contains(mac)) groups_.Release(mac);
  }
  for (const MacAddress& mac : groups) {
    if (!before.contains(mac)) groups_.Use(mac);
  }
  joined_ = groups;
}

std::vector<MacAddress> MacLists::All() const {
  std::vector<MacAddress> all;
  unicast_.AppendTo(all);
  groups_.AppendTo(all);
  return all;
}

std::vector<MacAddress> JoinedGroups(const Device& device) {
  std::vector<MacAddress> groups;
  if (device.type != ARPHRD_ETHER) return groups;
  const bool nodes = HasInet6(device) && (device.up() || !device.was_down);
  if (nodes && !device.was_down) groups.push_back(kAllNodes);
  if (device.up() && HasInet(device)) groups.push_back(kAllHosts);
  if (nodes && device.was_down) groups.push_back(kAllNodes);
  if (device.inet == nullptr) return groups;
  absl::flat_hash_set<MacAddress> joined;
  const auto join = [&](const MacAddress& group) {
    if (joined.insert(group).second) groups.push_back(group);
  };
  const auto join_for = [&](const InetAddress& address) {
    if ((address.flags & IFA_F_MCAUTOJOIN) != 0) join(GroupMac(address.local));
  };
  const bool asked = (device.flags & IFF_NOARP) == 0;
  const std::vector<InetAddress>& v6 = device.inet->v6;
  for (auto address = v6.rbegin(); address != v6.rend(); ++address) {
    join_for(*address);
    if (asked) join(SolicitedNodeMac(address->local));
  }
  if (device.up() || !device.was_down) {
    std::for_each(device.inet->v4.begin(), device.inet->v4.end(), join_for);
  }
  return groups;
}

std::vector<MacAddress> ReceivedMacs(const Device& device) {
  if (device.lower_port == nullptr) return OwnMacs(device);
  MacLists lists;
  const auto add = [&](const Device& from) {
    for (const MacAddress& mac : OwnMacs(from)) (void)lists.Add(mac);  // may be there already
  };
  add(device);
  for (const Device* upper : device.lower_port->slaves()) {
    if (upper->up()) add(*upper);
  }
  return lists.All();
}

void FollowGroups(const Device& device) {
  if (device.mac_lists != nullptr) device.mac_lists->Follow(JoinedGroups(device));
}

bool HasUnicast(const Device& device) {
  return device.mac_lists != nullptr && device.mac_lists->has_unicast();
}

void SetRxMode(Device& device) {
  if (!device.up()) return;
  if (device.kind != nullptr && device.kind->set_rx_mode != nullptr) {
    return device.kind->set_rx_mode(device);
  }
  const bool all = device.upper_unicast > 0 || HasUnicast(device);
  if (all == device.unicast_promiscuous) return;
  device.unicast_promiscuous = all;
  all ? ++device.promiscuity : --device.promiscuity;
}

}  // namespace vswitch
