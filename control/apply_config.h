// SPDX-License-Identifier: BSD-3-Clause
// Makes the links of a config file, through the requests that clients send.
#ifndef VSWITCH_CONTROL_APPLY_CONFIG_H_
#define VSWITCH_CONTROL_APPLY_CONFIG_H_

#include "absl/status/status.h"
#include "config/options.h"
#include "control/rtnl.h"

namespace vswitch {

// Control thread. Makes options.links in their order in the initial namespace, attaches their
// backends and sets them up. The first failure ends it with FailedPrecondition, "FILE:LINE: KEY:
// reason"; what was made by then stays until `rtnl` goes, which is what start-up does.
absl::Status ApplyConfig(const Options& options, Rtnl& rtnl);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_APPLY_CONFIG_H_
