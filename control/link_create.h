// SPDX-License-Identifier: BSD-3-Clause
// New devices, before they are registered. Shared by RTM_NEWLINK and by kinds that create a second
// device, such as a veth peer.
#ifndef VSWITCH_CONTROL_LINK_CREATE_H_
#define VSWITCH_CONTROL_LINK_CREATE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/device.h"
#include "control/link_kind.h"
#include "control/netlink.h"

namespace vswitch {

// A device of `kind` with the kind's defaults and the attributes that count at creation: queues,
// MTU, addresses, txqlen, operstate, link mode, group, GSO and GRO sizes (rtnl_create_link). `name`
// may be a template; it is settled by Rtnl::Register.
absl::StatusOr<std::unique_ptr<Device>> CreateLink(Namespace& ns, const std::string& name,
                                                   const LinkKind& kind, const NlAttrs& attrs,
                                                   ExtAck& ack);

// A locally administered unicast address (eth_random_addr). Control thread.
MacAddress RandomAddress();

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_CREATE_H_
