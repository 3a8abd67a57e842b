// SPDX-License-Identifier: BSD-3-Clause
// The ordered changes that RTM_SETLINK and RTM_NEWLINK make to an existing device.
#ifndef VSWITCH_CONTROL_MODIFY_LINK_H_
#define VSWITCH_CONTROL_MODIFY_LINK_H_

#include "absl/status/status.h"
#include "control/device.h"
#include "control/link_request.h"

namespace vswitch {

class Rtnl;

// Applies what the request says in the kernel's order (do_setlink). Not atomic: an error leaves
// the earlier changes in place. `notify` is whether something was changed already that is to be
// announced if the device is UP.
absl::Status ModifyLink(Rtnl& rtnl, const LinkRequest& request, Device& device, bool notify,
                        ExtAck& ack);

// 0 releases. EINVAL for an unknown index, EOPNOTSUPP for a device that cannot have slaves
// (do_set_master).
absl::Status SetMaster(const Device& device, int32_t ifindex);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_MODIFY_LINK_H_
