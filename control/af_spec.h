// SPDX-License-Identifier: BSD-3-Clause
// IFLA_AF_SPEC: per-family settings of a link (rtnl_af_ops of IPv4 and IPv6).
#ifndef VSWITCH_CONTROL_AF_SPEC_H_
#define VSWITCH_CONTROL_AF_SPEC_H_

#include "absl/status/status.h"
#include "control/device.h"
#include "control/netlink.h"

namespace vswitch {

// Whether every family of the nest can be set. Errors: EAFNOSUPPORT for an unknown family or a
// device without state of that family, EOPNOTSUPP for a family that takes no settings, EINVAL for
// bad settings. A null device is one that does not exist yet.
absl::Status CheckAfSpec(const Device* device, const NlAttr& nest, ExtAck& ack);

// Stops at the first setting that this device cannot have, with what came before it done: EINVAL,
// or EAFNOSUPPORT if another change of the same request took away the state of a family, as a short
// MTU that of IPv6. REQUIRES: CheckAfSpec succeeded.
absl::Status ApplyAfSpec(Device& device, const NlAttr& nest);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_AF_SPEC_H_
