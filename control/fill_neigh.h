// SPDX-License-Identifier: BSD-3-Clause
// A neighbour as RTM_NEWNEIGH or RTM_DELNEIGH (neigh_fill_info, pneigh_fill_info).
#ifndef VSWITCH_CONTROL_FILL_NEIGH_H_
#define VSWITCH_CONTROL_FILL_NEIGH_H_

#include <cstdint>

#include "control/message_head.h"
#include "control/neigh_proxies.h"
#include "control/neigh_table.h"
#include "control/netlink.h"

namespace vswitch {

void FillNeigh(const Neighbour& neighbour, const MessageHead& head, MonotonicTime now,
               Datagram& out);
void FillProxy(const NeighProxy& proxy, const MessageHead& head, Datagram& out);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_NEIGH_H_
