// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETSTATS and RTM_SETSTATS: counters of links by themselves (rtnl_stats_*).
#ifndef VSWITCH_CONTROL_LINK_STATS_H_
#define VSWITCH_CONTROL_LINK_STATS_H_

#include "control/notify.h"
#include "control/registry.h"
#include "control/request.h"
#include "dataplane/dataplane.h"

namespace vswitch {

absl::Status GetStats(const Dataplane& dataplane, const Request& request);
DumpStart DumpStats(const Registry& registry, const Dataplane& dataplane, const Request& request);
// Asks for counters of layer 3 in hardware, or for none; there is no hardware that has them.
absl::Status SetStats(Multicast& multicast, const Request& request);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_STATS_H_
