// SPDX-License-Identifier: BSD-3-Clause
// The groups of Ethernet addresses that a link listens to, as far as its own stack joins them.
#ifndef VSWITCH_CONTROL_LINK_GROUPS_H_
#define VSWITCH_CONTROL_LINK_GROUPS_H_

#include <vector>

#include "control/device.h"

namespace vswitch {

// In the order in which a link that comes up joins them. One that was up and went down has left
// them all.
std::vector<MacAddress> GroupsOf(const Device& device);

// The group in which a node is asked for an IPv6 address (RFC 4291, section 2.7.1).
MacAddress SolicitedNodeMac(const IpAddress& address);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_GROUPS_H_
