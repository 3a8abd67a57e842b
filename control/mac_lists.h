// SPDX-License-Identifier: BSD-3-Clause
// The link-layer addresses that a link receives beside its own.
#ifndef VSWITCH_CONTROL_MAC_LISTS_H_
#define VSWITCH_CONTROL_MAC_LISTS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"

namespace vswitch {

struct Device;
struct IpAddress;

using MacAddress = std::array<uint8_t, 6>;

// The group in which a node is asked for an IPv6 address (RFC 4291, section 2.7.1).
MacAddress SolicitedNodeMac(const IpAddress& address);

// Addresses in the order in which they came (struct netdev_hw_addr_list).
class MacList {
 public:
  // One more user of the address.
  void Use(const MacAddress& mac);
  // One less: the last one takes it away. False when it is not here.
  bool Release(const MacAddress& mac);
  bool Has(const MacAddress& mac) const { return entries_.contains(mac); }
  bool empty() const { return order_.empty(); }
  void AppendTo(std::vector<MacAddress>& out) const;

 private:
  struct Entry {
    size_t users = 0;
    std::list<MacAddress>::iterator position;
  };
  std::list<MacAddress> order_;
  absl::flat_hash_map<MacAddress, Entry> entries_;
};

// Of a link with which a user meddled; the others receive what JoinedGroups says. Control thread.
class MacLists {
 public:
  // A wish of a user. EEXIST. (dev_uc_add_excl, dev_mc_add_excl)
  absl::Status Add(const MacAddress& mac);
  // Even of a group that the link's protocols joined. ENOENT. (dev_uc_del, dev_mc_del)
  absl::Status Remove(const MacAddress& mac);
  // What the protocols of the link want now: they leave and join groups.
  void Follow(const std::vector<MacAddress>& groups);

  bool has_unicast() const { return !unicast_.empty(); }
  std::vector<MacAddress> All() const;

 private:
  MacList& ListOf(const MacAddress& mac);

  MacList unicast_, groups_;
  std::vector<MacAddress> joined_;  // by the protocols
};

// The groups that the protocols of a link want, in the order in which one that comes up joins them.
std::vector<MacAddress> JoinedGroups(const Device& device);

// All that the link receives, in the order of a dump of its forwarding table; of a lower device
// also what those need that stand on it and are up (dev_uc_sync, dev_mc_sync).
std::vector<MacAddress> ReceivedMacs(const Device& device);

// Lets the lists of the link, if it has any, follow its protocols.
void FollowGroups(const Device& device);

// Whether it receives more than one address of its own.
bool HasUnicast(const Device& device);

// After a change of what the link receives. One that is up and receives more than one address of
// its own needs all frames, unless its kind says otherwise, as it has no filter to set; one that is
// down stays as it is (__dev_set_rx_mode).
void SetRxMode(Device& device);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_MAC_LISTS_H_
