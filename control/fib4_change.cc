// SPDX-License-Identifier: BSD-3-Clause
// Adding and deleting IPv4 routes (fib_table_insert, fib_create_info, fib_check_nh,
// fib_table_delete).
#include <linux/if.h>

#include <algorithm>
#include <cerrno>

#include "control/fib4.h"
#include "control/fib6.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr int32_t kLoopbackIndex = 1;
constexpr uint32_t kDeadFlags = RTNH_F_DEAD | RTNH_F_LINKDOWN;

// The widest scope that a type of route may have (fib_props).
uint8_t NarrowestScope(uint8_t type) {
  switch (type) {
    case RTN_UNICAST:
    case RTN_MULTICAST:
    case RTN_BLACKHOLE:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
    case RTN_THROW:
      return RT_SCOPE_UNIVERSE;
    case RTN_LOCAL:
      return RT_SCOPE_HOST;
    case RTN_BROADCAST:
    case RTN_ANYCAST:
      return RT_SCOPE_LINK;
    default:
      return RT_SCOPE_NOWHERE;
  }
}

bool CanForward(uint8_t type) {
  return type == RTN_UNICAST || type == RTN_LOCAL || type == RTN_BROADCAST || type == RTN_ANYCAST ||
         type == RTN_MULTICAST;
}

// What does not count when routes are compared (RTNH_COMPARE_MASK).
uint32_t Compared(uint32_t flags) {
  return flags & ~uint32_t{kDeadFlags | RTNH_F_OFFLOAD | RTNH_F_TRAP};
}

bool SameHop(const NextHop& a, const NextHop& b) {
  return a.device == b.device && a.gateway == b.gateway && a.scope == b.scope &&
         a.weight == b.weight && a.flow == b.flow && Compared(a.flags) == Compared(b.flags);
}

bool SameMetrics(const IpRoute& a, const IpRoute& b) {
  static const RouteMetrics kDefault;
  const auto of = [](const IpRoute& r) { return r.metrics == nullptr ? kDefault : *r.metrics; };
  return of(a) == of(b);
}

// Whether two routes of a group are the same route (fib_find_info).
bool SameRoute(const IpRoute& a, const IpRoute& b) {
  return a.type == b.type && a.protocol == b.protocol && a.scope == b.scope &&
         a.prefsrc == b.prefsrc && Compared(a.flags) == Compared(b.flags) &&
         a.nexthop == b.nexthop && SameMetrics(a, b) &&
         std::equal(a.hops.begin(), a.hops.end(), b.hops.begin(), b.hops.end(), SameHop);
}

// One of the two ways to name a gateway (fib_get_nhs). Without family: none.
absl::StatusOr<IpAddress> GatewayOf(const HopConfig& hop) {
  if (hop.gateway.has_value() && hop.via.has_value()) {
    return ErrnoStatus(EINVAL, "Nexthop configuration can not contain both GATEWAY and VIA");
  }
  if (hop.via.has_value()) return ParseVia(*hop.via);
  if (!hop.gateway.has_value()) return IpAddress{};
  if (hop.gateway->value.size() < 4) {
    return ErrnoStatus(EINVAL, "Invalid IPv4 address in RTA_GATEWAY");
  }
  const IpAddress gateway = IpAddress::Read(AF_INET, hop.gateway->value);
  return gateway.IsAny() ? IpAddress{} : gateway;
}

// Whether a gateway in the request is that of a hop (fib_nh_match).
absl::StatusOr<bool> MatchesGateway(const HopConfig& config, const NextHop& hop) {
  const auto gateway = GatewayOf(config);
  if (!gateway.ok()) return gateway.status();
  if (config.via.has_value() && !hop.gateway.valid()) return true;
  if (!config.gateway.has_value() && !config.via.has_value()) return true;
  return *gateway == hop.gateway;
}

absl::StatusOr<bool> MatchesHop(const HopConfig& config, const NextHop& hop) {
  if (config.oif != 0 && (hop.device == nullptr || hop.device->ifindex != config.oif)) return false;
  const auto gateway = MatchesGateway(config, hop);
  if (!gateway.ok() || !*gateway) return gateway;
  if (!config.flow.has_value()) return true;
  if (config.flow->value.size() < sizeof(uint32_t)) return ErrnoStatus(EINVAL, "Invalid RTA_FLOW");
  return ReadStruct<uint32_t>(config.flow->value) == hop.flow;
}

bool MatchesMultipath(const NlAttr& multipath, const std::vector<NextHop>& hops) {
  bool leftover = false;
  const std::vector<HopConfig> wanted = ListHops(multipath, leftover);
  for (size_t i = 0; i < hops.size(); ++i) {
    if (i >= wanted.size()) return false;
    const auto matches = MatchesHop(wanted[i], hops[i]);
    if (!matches.ok() || !*matches) return false;
  }
  return true;
}

// fib_nh_match
bool MatchesHops(const RouteConfig& config, const IpRoute& route) {
  if (config.priority != 0 && config.priority != route.priority) return false;
  if (config.nexthop_id != 0) {
    return route.nexthop != nullptr && route.nexthop->id == config.nexthop_id;
  }
  const bool names_hop = config.oif != 0 || config.gateway.valid();
  if (route.nexthop != nullptr) return !names_hop && !config.multipath.has_value();
  if (!names_hop) {
    return !config.multipath.has_value() || MatchesMultipath(*config.multipath, route.hops);
  }
  const NextHop& hop = route.hops[0];
  if (config.flow != 0 && config.flow != hop.flow) return false;
  if (config.oif != 0 && (hop.device == nullptr || hop.device->ifindex != config.oif)) return false;
  return !config.gateway.valid() || config.gateway == hop.gateway;
}

// fib_metrics_match
bool MatchesMetrics(const RouteConfig& config, const IpRoute& route) {
  if (!config.metrics.has_value()) return true;
  ExtAck ignored;
  const auto wanted = ParseMetrics(config.metrics, ignored);
  if (!wanted.ok()) return false;
  static const RouteMetrics kDefault;
  const RouteMetrics& actual = route.metrics == nullptr ? kDefault : *route.metrics;
  for (const NlAttr& attr : ListAttributes(config.metrics->value, 0)) {
    if (attr.type == 0) continue;
    if (attr.type == RTAX_CC_ALGO) {
      if ((*wanted)->congestion_control != actual.congestion_control) return false;
    } else if (ReadStruct<uint32_t>(attr.value) != actual.values[attr.type]) {
      return false;
    }
  }
  return true;
}

}  // namespace

absl::Status Fib4::CheckOnlink(NextHop& hop, int32_t oif, uint8_t scope) const {
  if (scope >= RT_SCOPE_LINK) return ErrnoStatus(EINVAL, "Nexthop has invalid scope");
  Device* device = ns_.FindByIndex(oif);
  if (device == nullptr) return ErrnoStatus(ENODEV, "Nexthop device required for onlink");
  if (!device->up()) return ErrnoStatus(ENETDOWN, "Nexthop device is not up");
  if (TypeOf(hop.gateway) != RTN_UNICAST) {
    return ErrnoStatus(EINVAL, "Nexthop has invalid gateway");
  }
  if (!device->carrier) hop.flags |= RTNH_F_LINKDOWN;
  hop.device = device;
  hop.scope = RT_SCOPE_LINK;
  return absl::OkStatus();
}

absl::Status Fib4::CheckGateway(NextHop& hop, int32_t oif, uint32_t table, uint8_t scope) const {
  if ((hop.flags & RTNH_F_ONLINK) != 0) return CheckOnlink(hop, oif, scope);
  const uint8_t narrower = std::max<uint8_t>(scope + 1, RT_SCOPE_LINK);
  const Flow flow{.dst = hop.gateway, .oif = oif, .iif = kLoopbackIndex, .scope = narrower};
  RouteResult result{.error = EAGAIN};
  const bool other_table = table != RT_TABLE_UNSPEC && table != RT_TABLE_MAIN;
  if (other_table && tables_.Find(table) != nullptr) result = LookupTable(table, flow);
  if (!result.ok()) result = Lookup(flow);
  if (!result.ok()) return ErrnoStatus(result.error, "Nexthop has invalid gateway");
  if (result.type != RTN_UNICAST && result.type != RTN_LOCAL) {
    return ErrnoStatus(EINVAL, "Nexthop has invalid gateway");
  }
  hop.scope = result.route->scope;
  hop.device = result.hop->device;
  if (hop.device == nullptr) {
    return ErrnoStatus(EINVAL, "No egress device for nexthop gateway");
  }
  if (!hop.device->carrier) hop.flags |= RTNH_F_LINKDOWN;
  return hop.device->up() ? absl::OkStatus() : ErrnoStatus(ENETDOWN);
}

absl::Status Fib4::CheckDirect(NextHop& hop, int32_t oif) const {
  if ((hop.flags & (RTNH_F_PERVASIVE | RTNH_F_ONLINK)) != 0) {
    return ErrnoStatus(EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set");
  }
  Device* device = ns_.FindByIndex(oif);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!device->up()) return ErrnoStatus(ENETDOWN, "Device for nexthop is not up");
  hop.device = device;
  hop.scope = RT_SCOPE_HOST;
  if (!device->carrier) hop.flags |= RTNH_F_LINKDOWN;
  return absl::OkStatus();
}

absl::Status Fib4::CheckHop(NextHop& hop, int32_t oif, uint32_t table, uint8_t scope) const {
  if (!hop.gateway.valid()) return CheckDirect(hop, oif);
  if (hop.gateway.family == AF_INET) return CheckGateway(hop, oif, table, scope);
  const absl::Status status = fib6_->CheckGatewayFor4(hop, oif, table);
  if (status.ok()) hop.scope = RT_SCOPE_LINK;
  return status;
}

// The hops that the request names, with their interfaces (fib_get_nhs, fib_nh_init).
absl::StatusOr<std::vector<std::pair<NextHop, int32_t>>> Fib4::WantedHops(
    const RouteConfig& config) const {
  std::vector<std::pair<NextHop, int32_t>> hops;
  if (!config.multipath.has_value()) {
    hops.emplace_back(
        NextHop{.gateway = config.gateway, .flags = config.flags, .flow = config.flow}, config.oif);
    return hops;
  }
  bool leftover = false;
  for (const HopConfig& wanted : ListHops(*config.multipath, leftover)) {
    if ((wanted.flags & kDeadFlags) != 0) {
      return ErrnoStatus(EINVAL, "Invalid flags for nexthop - can not contain DEAD or LINKDOWN");
    }
    const auto gateway = GatewayOf(wanted);
    if (!gateway.ok()) return gateway.status();
    if (wanted.flow.has_value() && wanted.flow->value.size() < sizeof(uint32_t)) {
      return ErrnoStatus(EINVAL, "Invalid RTA_FLOW");
    }
    NextHop hop{.gateway = *gateway,
                .flags = (config.flags & ~uint32_t{0xff}) | wanted.flags,
                .weight = wanted.weight};
    if (wanted.flow.has_value()) hop.flow = ReadStruct<uint32_t>(wanted.flow->value);
    hops.emplace_back(hop, wanted.oif);
  }
  if (config.oif != 0 && hops[0].second != config.oif) {
    return ErrnoStatus(EINVAL, "Nexthop device index does not match RTA_OIF");
  }
  if (config.gateway.valid() && hops[0].first.gateway != config.gateway) {
    return ErrnoStatus(EINVAL, "Nexthop gateway does not match RTA_GATEWAY or RTA_VIA");
  }
  if (config.flow != 0 && hops[0].first.flow != config.flow) {
    return ErrnoStatus(EINVAL, "Nexthop class id does not match RTA_FLOW");
  }
  return hops;
}

absl::Status Fib4::CheckHops(const RouteConfig& config, IpRoute& route,
                             std::vector<std::pair<NextHop, int32_t>> wanted) const {
  if (config.scope == RT_SCOPE_HOST) {
    if (wanted.size() != 1) {
      return ErrnoStatus(EINVAL, "Route with host scope can not have multiple nexthops");
    }
    auto& [hop, oif] = wanted[0];
    if (hop.gateway.valid()) {
      return ErrnoStatus(EINVAL, "Route with host scope can not have a gateway");
    }
    hop.scope = RT_SCOPE_NOWHERE;
    hop.device = ns_.FindByIndex(oif);
    if (hop.device == nullptr) return ErrnoStatus(ENODEV);
    route.hops.push_back(hop);
    return absl::OkStatus();
  }
  size_t down = 0;
  for (auto& [hop, oif] : wanted) {
    const absl::Status status = CheckHop(hop, oif, config.table, config.scope);
    if (!status.ok()) return status;
    if ((hop.flags & RTNH_F_LINKDOWN) != 0) ++down;
    route.hops.push_back(hop);
  }
  if (down == route.hops.size()) route.flags |= RTNH_F_LINKDOWN;
  return absl::OkStatus();
}

// fib_check_nexthop
absl::Status CheckNexthopFor4(const NexthopObject& nexthop, uint8_t scope) {
  if (nexthop.fdb) return ErrnoStatus(EINVAL, "Route cannot point to a fdb nexthop");
  if (nexthop.group() && scope == RT_SCOPE_HOST) {
    return ErrnoStatus(EINVAL, "Route with host scope can not have multiple nexthops");
  }
  const NextHop& hop = nexthop.group() ? nexthop.members[0].nexthop->hop : nexthop.hop;
  if (scope == RT_SCOPE_HOST && hop.gateway.valid()) {
    return ErrnoStatus(EINVAL, "Route with host scope can not have a gateway");
  }
  if ((hop.flags & RTNH_F_ONLINK) != 0 && scope >= RT_SCOPE_LINK) {
    return ErrnoStatus(EINVAL, "Scope mismatch with nexthop");
  }
  return absl::OkStatus();
}

absl::Status Fib4::MakeHops(const RouteConfig& config, IpRoute& route) const {
  absl::StatusOr<std::vector<std::pair<NextHop, int32_t>>> wanted(
      std::vector<std::pair<NextHop, int32_t>>{});
  if (route.nexthop == nullptr) wanted = WantedHops(config);
  if (!wanted.ok()) return wanted.status();
  if (ErrorOfType(config.type) != 0) {
    if (config.gateway.valid() || config.oif != 0 || config.multipath.has_value()) {
      return ErrnoStatus(EINVAL,
                         "Gateway, device and multipath can not be specified for this route type");
    }
    if (route.nexthop == nullptr) route.hops.push_back((*wanted)[0].first);
    return absl::OkStatus();
  }
  if (!CanForward(config.type)) return ErrnoStatus(EINVAL, "Invalid route type");
  if (config.scope > RT_SCOPE_HOST) return ErrnoStatus(EINVAL, "Invalid scope");
  const absl::Status status = route.nexthop != nullptr
                                  ? CheckNexthopFor4(*route.nexthop, config.scope)
                                  : CheckHops(config, route, *std::move(wanted));
  if (!status.ok()) return status;
  if (config.prefsrc.valid() && !IsValidSource(config)) {
    return ErrnoStatus(EINVAL, "Invalid prefsrc address");
  }
  return absl::OkStatus();
}

// fib_valid_prefsrc
bool Fib4::IsValidSource(const RouteConfig& config) const {
  if (config.type == RTN_LOCAL && !config.dst.address.IsAny() &&
      config.prefsrc == config.dst.address) {
    return true;
  }
  const uint32_t table = config.table == RT_TABLE_MAIN ? RT_TABLE_LOCAL : config.table;
  return TypeOf(config.prefsrc, nullptr, table) == RTN_LOCAL || TypeOf(config.prefsrc) == RTN_LOCAL;
}

absl::StatusOr<std::unique_ptr<IpRoute>> Fib4::Make(const RouteConfig& config, ExtAck& ack) const {
  if (NarrowestScope(config.type) > config.scope) return ErrnoStatus(EINVAL, "Invalid scope");
  if ((config.flags & kDeadFlags) != 0) {
    return ErrnoStatus(EINVAL, "Invalid rtm_flags - can not contain DEAD or LINKDOWN");
  }
  auto route = std::make_unique<IpRoute>(IpRoute{.dst = config.dst,
                                                 .table = config.table,
                                                 .tos = config.tos,
                                                 .type = config.type,
                                                 .scope = config.scope,
                                                 .protocol = config.protocol,
                                                 .priority = config.priority,
                                                 .flags = config.flags,
                                                 .prefsrc = config.prefsrc});
  if (config.nexthop_id != 0) {
    route->nexthop = nexthops_.Find(config.nexthop_id);
    if (route->nexthop == nullptr) return ErrnoStatus(EINVAL, "Nexthop id does not exist");
  }
  if (config.multipath.has_value()) {
    bool leftover = false;
    const bool none = ListHops(*config.multipath, leftover).empty();
    if (leftover) {
      return ErrnoStatus(EINVAL, "Invalid nexthop configuration - extra data after nexthops");
    }
    if (none) return ErrnoStatus(EINVAL);
  }
  auto metrics = ParseMetrics(config.metrics, ack);
  if (!metrics.ok()) return metrics.status();
  route->metrics = *std::move(metrics);
  const absl::Status status = MakeHops(config, *route);
  if (!status.ok()) return status;
  return route;
}

absl::Status Fib4::Add(const RouteConfig& config, const Cause& cause, ExtAck& ack) {
  // The local table is a view of the main one at first, so it brings that along.
  if (config.table == RT_TABLE_LOCAL && rules_.untouched()) tables_.FindOrMake(RT_TABLE_MAIN);
  RouteTable& table = tables_.FindOrMake(config.table);
  absl::StatusOr<std::unique_ptr<IpRoute>> route = Make(config, ack);
  if (!route.ok()) return route.status();
  NoteMarks(**route);
  const std::vector<IpRoute*> group = table.OfGroup(config.dst, config.tos, config.priority);
  if (!group.empty()) return InsertInGroup(config, *std::move(route), group, cause);
  if ((config.nlflags & NLM_F_CREATE) == 0) return ErrnoStatus(ENOENT);
  const IpRoute& added = tables_.Insert(*std::move(route), RouteTable::Place::kLast);
  Announce(added, RTM_NEWROUTE, NLM_F_EXCL | NLM_F_CREATE, cause);
  return absl::OkStatus();
}

// The part of Add for when there are routes with the same prefix, tos and priority.
absl::Status Fib4::InsertInGroup(const RouteConfig& config, std::unique_ptr<IpRoute> route,
                                 const std::vector<IpRoute*>& group, const Cause& cause) {
  if ((config.nlflags & NLM_F_EXCL) != 0) return ErrnoStatus(EEXIST);
  const auto same = std::find_if(group.begin(), group.end(),
                                 [&](const IpRoute* other) { return SameRoute(*other, *route); });
  const bool exists = same != group.end();
  if ((config.nlflags & NLM_F_REPLACE) != 0) {
    if (exists) return same == group.begin() ? absl::OkStatus() : ErrnoStatus(EEXIST);
    const IpRoute& added = *route;
    (void)tables_.Replace(*group.front(), std::move(route));
    Announce(added, RTM_NEWROUTE, NLM_F_REPLACE, cause);
    return absl::OkStatus();
  }
  if (exists) return ErrnoStatus(EEXIST);
  const bool append = (config.nlflags & NLM_F_APPEND) != 0;
  if ((config.nlflags & NLM_F_CREATE) == 0) return ErrnoStatus(ENOENT);
  const IpRoute& added = tables_.Insert(
      std::move(route), append ? RouteTable::Place::kLast : RouteTable::Place::kFirst);
  Announce(added, RTM_NEWROUTE, NLM_F_CREATE | (append ? NLM_F_APPEND : 0), cause);
  return absl::OkStatus();
}

IpRoute* Fib4::FindToDelete(const RouteConfig& config, const RouteTable& table) const {
  for (IpRoute* route : table.OfNode(config.dst)) {
    const bool matches = route->tos == config.tos &&
                         (config.type == 0 || route->type == config.type) &&
                         (config.scope == RT_SCOPE_NOWHERE || route->scope == config.scope) &&
                         (!config.prefsrc.valid() || route->prefsrc == config.prefsrc) &&
                         (config.protocol == 0 || route->protocol == config.protocol) &&
                         MatchesHops(config, *route) && MatchesMetrics(config, *route);
    if (matches) return route;
  }
  return nullptr;
}

absl::Status Fib4::Delete(const RouteConfig& config, const Cause& cause) {
  if (config.nexthop_id != 0 && nexthops_.Find(config.nexthop_id) == nullptr) {
    return ErrnoStatus(EINVAL, "Nexthop id does not exist");
  }
  const RouteTable* table = tables_.Find(config.table);
  if (table == nullptr) return ErrnoStatus(ESRCH, "FIB table does not exist");
  IpRoute* route = FindToDelete(config, *table);
  if (route == nullptr) return ErrnoStatus(ESRCH);
  Announce(*route, RTM_DELROUTE, 0, cause);
  (void)tables_.Remove(*route);
  return absl::OkStatus();
}

}  // namespace vswitch
