// SPDX-License-Identifier: BSD-3-Clause
// What requests about neighbours of every family have in common.
#ifndef VSWITCH_CONTROL_NEIGH_REQUEST_H_
#define VSWITCH_CONTROL_NEIGH_REQUEST_H_

#include "absl/status/statusor.h"
#include "control/netlink.h"
#include "control/request.h"

namespace vswitch {

// The attributes behind an ndmsg (nda_policy). EINVAL "Invalid header length"; errors of
// ParseAttributes.
absl::StatusOr<NlAttrs> ParseNeigh(const Request& request, NlParse mode);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NEIGH_REQUEST_H_
