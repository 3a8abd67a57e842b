// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETNETCONF and its notifications: a few settings of each device and family
// (inet_netconf_*, inet6_netconf_*).
#ifndef VSWITCH_CONTROL_NETCONF_H_
#define VSWITCH_CONTROL_NETCONF_H_

#include "control/device.h"
#include "control/notify.h"
#include "control/registry.h"
#include "control/request.h"

namespace vswitch {

// RTM_GETNETCONF for one device or for "all" or "default".
absl::Status GetNetconf(const Request& request);
DumpStart DumpNetconf(const Registry& registry, const Request& request);

// RTM_NEWNETCONF, or RTM_DELNETCONF when the device loses the family, to the group of the family.
void NotifyNetconf(Multicast& multicast, const Device& device, uint8_t family, bool gone);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NETCONF_H_
