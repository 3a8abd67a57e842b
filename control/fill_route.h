// SPDX-License-Identifier: BSD-3-Clause
// A route as RTM_NEWROUTE or RTM_DELROUTE (fib_dump_info, rt6_fill_node), and parts that other
// messages have, too.
#ifndef VSWITCH_CONTROL_FILL_ROUTE_H_
#define VSWITCH_CONTROL_FILL_ROUTE_H_

#include <vector>

#include "control/message_head.h"
#include "control/netlink.h"
#include "control/route.h"

namespace vswitch {

void FillRoute4(const IpRoute& route, const MessageHead& head, Datagram& out);

// `routes` are one, or all of a multipath route.
void FillRoute6(const std::vector<const IpRoute*>& routes, const MessageHead& head,
                MonotonicTime now, Datagram& out);

// RTA_METRICS, unless all are default (rtnetlink_put_metrics).
void PutMetrics(const RouteMetrics* metrics, NlWriter& writer);
// RTA_GATEWAY or, of the other family than `family`, RTA_VIA.
void PutGateway(const IpAddress& gateway, uint8_t family, NlWriter& writer);
// RTA_CACHEINFO; `expires` is in hundredths of a second, negative when it is over.
void PutRouteCacheInfo(int32_t expires, uint32_t error, NlWriter& writer);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_ROUTE_H_
