// SPDX-License-Identifier: BSD-3-Clause
// A route and its parts (struct fib_info with fib_alias, struct fib6_info).
#ifndef VSWITCH_CONTROL_ROUTE_H_
#define VSWITCH_CONTROL_ROUTE_H_

#include <linux/rtnetlink.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/device.h"
#include "control/inet_device.h"

namespace vswitch {

struct NexthopObject;

// One way out (struct fib_nh_common).
struct NextHop {
  IpAddress gateway;         // without family: the destination is on the link; may be of the other
                             // family than the route
  Device* device = nullptr;  // null for routes that lead nowhere
  uint32_t flags = 0;        // RTNH_F_*
  uint8_t scope = 0;         // IPv4: RT_SCOPE_*, narrower than the route's
  uint32_t weight = 1;
  uint32_t flow = 0;  // RTA_FLOW

  bool dead() const { return (flags & RTNH_F_DEAD) != 0; }
};

// RTAX_*, by number. The congestion algorithm is kept by its name.
struct RouteMetrics {
  std::array<uint32_t, RTAX_MAX + 1> values{};
  std::string congestion_control;

  bool operator==(const RouteMetrics&) const = default;
};

struct IpRoute {
  IpPrefix dst;  // the bits behind the prefix are zero
  IpPrefix src;  // IPv6: only packets from there take it; as dst, or without length: all do
  uint32_t table = RT_TABLE_MAIN;
  uint8_t tos = 0;  // IPv4
  uint8_t type = RTN_UNICAST;
  uint8_t scope = 0;  // IPv4: RT_SCOPE_*
  uint8_t protocol = 0;
  uint32_t priority = 0;                        // the metric
  uint32_t flags = 0;                           // IPv4: RTM_F_* and RTNH_F_* of all hops
  IpAddress prefsrc;                            // without family: none
  std::shared_ptr<const RouteMetrics> metrics;  // null: all default
  // One or more; just one for IPv6, whose multipath routes are several with the same priority.
  std::vector<NextHop> hops;
  std::shared_ptr<NexthopObject> nexthop;  // in place of hops
  std::optional<MonotonicTime> expires;    // IPv6
  uint8_t preference = 0;                  // IPv6: RFC 4191, as RTA_PREF encodes it
  bool prefix_route = false;               // IPv6: came with an address (RTF_PREFIX_RT)
  bool own = false;                        // IPv6: RTF_ADDRCONF

  int64_t order = 0;  // among those of the same prefix, tos and priority; the table's
};

// Why an address has no route, or a type of route none: 0 for types that forward (fib_props).
int ErrorOfType(uint8_t type);

// What nexthop objects lead to, or the route's own hops.
const std::vector<NextHop>& HopsOf(const IpRoute& route);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ROUTE_H_
