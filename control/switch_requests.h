// SPDX-License-Identifier: BSD-3-Clause
// vswitch's own requests, on the same socket as rtnetlink: attach, detach, show, workers
// (protocol.h).
#ifndef VSWITCH_CONTROL_SWITCH_REQUESTS_H_
#define VSWITCH_CONTROL_SWITCH_REQUESTS_H_

#include "control/client.h"
#include "control/netlink.h"
#include "control/rtnl.h"

namespace vswitch {

// Whether the first message of the datagram is one of them.
bool IsSwitchRequest(Bytes datagram);

// Control thread. Executes every message of the datagram and queues the answers; they may be shown
// to the client only after the next Rtnl::Commit.
void HandleSwitchRequests(Rtnl& rtnl, Bytes datagram, Client& client);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_SWITCH_REQUESTS_H_
