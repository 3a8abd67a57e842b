// SPDX-License-Identifier: BSD-3-Clause
// Multicast routing (families RTNL_FAMILY_IPMR and RTNL_FAMILY_IP6MR). A routing daemon would tell
// the kernel over a socket of its own which links take part; here none ever does: the tables are
// there, and empty.
#ifndef VSWITCH_CONTROL_MROUTE_H_
#define VSWITCH_CONTROL_MROUTE_H_

#include <cstdint>

#include "absl/status/status.h"
#include "control/request.h"

namespace vswitch {

bool IsMrouteFamily(uint8_t family);

// RTM_NEWROUTE, RTM_DELROUTE; IPv4 only. Always an error, for want of links. (ipmr_rtm_route)
absl::Status ChangeMroute(const Request& request);
// RTM_GETROUTE. ENOENT if nothing else. (ipmr_rtm_getroute, ip6mr_rtm_getroute)
absl::Status GetMroute(const Request& request);
// A dump of the routes of `table`; 0: of all tables. (ipmr_rtm_dumproute, ip6mr_rtm_dumproute)
DumpStart DumpMroutes(uint8_t family, uint32_t table);
// RTM_GETLINK of RTNL_FAMILY_IPMR: the tables with their links. (ipmr_rtm_dumplink)
DumpStart DumpMrouteLinks(const Request& request);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_MROUTE_H_
