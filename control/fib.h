// SPDX-License-Identifier: BSD-3-Clause
// What looking for a route takes and gives, for both families.
#ifndef VSWITCH_CONTROL_FIB_H_
#define VSWITCH_CONTROL_FIB_H_

#include <cstdint>
#include <vector>

#include "control/notify.h"
#include "control/route.h"
#include "control/route_table.h"

namespace vswitch {

// A packet as far as routing it goes (struct flowi4, struct flowi6).
struct Flow {
  IpAddress dst;
  IpAddress src;      // without family: not chosen yet
  int32_t oif = 0;    // the link it must leave through
  int32_t iif = 0;    // the link it came from
  uint8_t tos = 0;    // IPv4
  uint8_t scope = 0;  // IPv4: routes must lead at least this close, RT_SCOPE_*
  uint32_t mark = 0;
  uint32_t uid = 0;
  uint8_t protocol = 0;
  uint16_t sport = 0, dport = 0;
};

// The way a packet takes.
struct RouteResult {
  int error = 0;  // errno: there is none; the rest is meaningless then
  const IpRoute* route = nullptr;
  const NextHop* hop = nullptr;  // valid until routes change
  uint8_t type = 0;              // RTN_*
  uint32_t table = 0;

  bool ok() const { return error == 0; }
};

// Tells clients about routes. Control thread.
class RouteAnnouncer {
 public:
  virtual ~RouteAnnouncer() = default;
  // RTM_NEWROUTE or RTM_DELROUTE; `routes` are one, or all of a multipath route of IPv6. `flags` is
  // nlmsg_flags.
  virtual void AnnounceRoute(const Namespace& ns, const std::vector<const IpRoute*>& routes,
                             uint16_t type, uint16_t flags, const Cause& cause) = 0;
};

// One of the hops of a route by the weights of all that `usable` accepts; the same flow always
// takes the same. Null when there is none. (fib_select_multipath, rt6_multipath_hash)
const NextHop* SelectHop(const std::vector<const NextHop*>& usable, const Flow& flow);
// That of a route through a resilient group; null for any other.
const NextHop* SelectResilient(const IpRoute& route, const Flow& flow);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FIB_H_
