// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_groups.h"

#include "absl/container/flat_hash_set.h"
#include "control/fill_af_spec.h"

namespace vswitch {

namespace {

constexpr MacAddress kAllHosts{0x01, 0x00, 0x5e, 0, 0, 1};
constexpr MacAddress kAllNodes{0x33, 0x33, 0, 0, 0, 1};

}  // namespace

MacAddress SolicitedNodeMac(const IpAddress& address) {
  return {0x33, 0x33, 0xff, address.bytes[13], address.bytes[14], address.bytes[15]};
}

std::vector<MacAddress> GroupsOf(const Device& device) {
  std::vector<MacAddress> groups;
  if (device.type != ARPHRD_ETHER) return groups;
  const bool left = device.qdisc_active && !device.up();
  if (HasInet6(device) && !left) groups.push_back(kAllNodes);
  if (!device.up()) return groups;
  if (HasInet(device)) groups.push_back(kAllHosts);
  if (device.inet == nullptr || (device.flags & IFF_NOARP) != 0) return groups;
  absl::flat_hash_set<MacAddress> joined;
  for (auto address = device.inet->v6.rbegin(); address != device.inet->v6.rend(); ++address) {
    const MacAddress group = SolicitedNodeMac(address->local);
    if (joined.insert(group).second) groups.push_back(group);
  }
  return groups;
}

}  // namespace vswitch
