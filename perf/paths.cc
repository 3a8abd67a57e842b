// SPDX-License-Identifier: BSD-3-Clause
#include "perf/path.h"

namespace vswitch {

std::span<const PathFamily> PathFamilies() {
  static const std::vector<uint32_t> addresses = {2, 1000, 100000, 1000000};
  static const std::vector<uint32_t> table = {10, 1000, 100000, 1000000};
  static const std::vector<uint32_t> others = {0, 1000};
  static const std::vector<uint32_t> lengths = {64, 1518, 9000};
  static const std::vector<PathFamily> families = {
      {"veth", "a burst through a veth pair, ring to ring", {1, 8, 32, 64}, MakeVethHop},
      {"cross_core", "the same to another worker's ring", {1, 8, 32, 64}, MakeCrossCoreHop},
      {"guests_split", "a burst of so long frames, guest to guest", lengths, MakeSplitGuests},
      {"guests_packed", "the same with packed rings", lengths, MakePackedGuests},
      {"mailbox", "a burst into a mailbox and out", {1, 8, 32}, MakeMailbox},
      {"staging", "letters to so many receivers in turn, sent", {1, 2, 8}, MakeStaging},
      {"idle", "a look at each of so many silent ports", {2, 100}, MakeIdleRound},
      {"beside_silent", "veth/32 beside so many ports that cannot rest", others, MakeBesideSilent},
      {"beside_resting", "veth/32 beside so many that rest", others, MakeBesideResting},
      {"device_lookup", "a device by its number", {1, 1000, 100000}, MakeDeviceLookup},
      {"index_lookup", "a link by its ifindex", {1, 1000, 100000}, MakeIndexLookup},
      {"name_lookup", "a link by its name", {1, 1000, 100000}, MakeNameLookup},
      {"ipvlan_l2", "a burst from a slave to another, ring to ring", addresses, MakeIpvlanL2},
      {"ipvlan_l3", "the same in L3 mode", addresses, MakeIpvlanL3},
      {"ipvlan_wire",
       "a burst from an L3 slave, routed to the wire",
       {2, 1000, 60000},
       MakeIpvlanWire},
      {"address_find", "an address among so many", table, MakeAddressFind},
      {"address_lookup", "a burst of them at once", table, MakeAddressLookup},
      {"address_change", "an address that comes and goes", table, MakeAddressChange},
      {"rte_hash_find", "the same with rte_hash", table, MakeRteFind},
      {"rte_hash_lookup", "the same with rte_hash", table, MakeRteLookup},
      {"rte_hash_change", "the same with rte_hash", table, MakeRteChange},
      {"parse", "`ip link add type veth`, parsed", {1}, MakeParse},
      {"newlink", "a veth pair made and deleted beside others", {0, 1000, 100000}, MakeNewLink},
  };
  return families;
}

}  // namespace vswitch
