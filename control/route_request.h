// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWROUTE and RTM_DELROUTE as parsed requests (rtm_to_fib_config, rtm_to_fib6_config).
#ifndef VSWITCH_CONTROL_ROUTE_REQUEST_H_
#define VSWITCH_CONTROL_ROUTE_REQUEST_H_

#include <linux/rtnetlink.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "control/notify.h"
#include "control/request.h"
#include "control/route.h"

namespace vswitch {

// What a route shall be, by a request or by the switch itself. Views into the request.
struct RouteConfig {
  IpPrefix dst;
  IpPrefix src;  // IPv6: whom packets must come from; length 0: anybody
  uint8_t tos = 0, type = 0, scope = 0, protocol = 0;
  uint32_t table = 0;
  uint32_t flags = 0;    // rtm_flags: RTNH_F_*, RTM_F_*
  uint16_t nlflags = 0;  // NLM_F_*
  int32_t oif = 0;
  IpAddress gateway;  // without family: none
  uint32_t priority = 0;
  IpAddress prefsrc;
  uint32_t flow = 0;
  uint32_t nexthop_id = 0;
  std::optional<NlAttr> metrics, multipath;
  uint8_t preference = 0;
  std::optional<uint32_t> expires;  // seconds
  bool prefix_route = false, own = false;
  bool ignore_link_down = false;
};

// One entry of RTA_MULTIPATH.
struct HopConfig {
  int32_t oif = 0;
  uint32_t flags = 0;  // rtnh_flags
  uint32_t weight = 1;
  std::optional<NlAttr> gateway, via, flow, encap_type;
};

// The policies of RTA_* (rtm_ipv4_policy, rtm_ipv6_policy).
std::span<const NlPolicy> RoutePolicy(uint8_t family);

absl::StatusOr<RouteConfig> ParseRoute4(const Request& request);
absl::StatusOr<RouteConfig> ParseRoute6(const Request& request);

// The entries of RTA_MULTIPATH up to the first that is malformed; `leftover` says whether there was
// one.
std::vector<HopConfig> ListHops(const NlAttr& multipath, bool& leftover);

// A gateway of any family (fib_gw_from_via). EINVAL.
absl::StatusOr<IpAddress> ParseVia(const NlAttr& via);

// Null for no metrics. EINVAL. (ip_metrics_convert)
absl::StatusOr<std::shared_ptr<const RouteMetrics>> ParseMetrics(
    const std::optional<NlAttr>& metrics, ExtAck& ack);

// What RTA_ENCAP_TYPE asks for is not there (lwtunnel_valid_encap_type).
absl::Status RefuseEncap(uint16_t type);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ROUTE_REQUEST_H_
