// SPDX-License-Identifier: BSD-3-Clause
// A neighbour as RTM_NEWNEIGH or RTM_DELNEIGH (neigh_fill_info, pneigh_fill_info,
// nlmsg_populate_fdb_fill).
#ifndef VSWITCH_CONTROL_FILL_NEIGH_H_
#define VSWITCH_CONTROL_FILL_NEIGH_H_

#include <cstdint>

#include "control/message_head.h"
#include "control/neigh_proxies.h"
#include "control/neigh_table.h"
#include "control/netlink.h"

namespace vswitch {

// An address that a link receives, as its forwarding table shows it.
struct FdbEntry {
  int32_t ifindex = 0;
  MacAddress mac{};
  uint16_t state = 0;  // NUD_*
  uint16_t vlan = 0;   // 0: none
};

void FillNeigh(const Neighbour& neighbour, const MessageHead& head, MonotonicTime now,
               Datagram& out);
void FillProxy(const NeighProxy& proxy, const MessageHead& head, Datagram& out);
void FillFdb(const FdbEntry& entry, const MessageHead& head, Datagram& out);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_NEIGH_H_
