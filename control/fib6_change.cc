// SPDX-License-Identifier: BSD-3-Clause
// Adding and deleting IPv6 routes (ip6_route_info_create, fib6_nh_init, fib6_add_rt2node,
// ip6_route_del and the multipath forms).
#include <linux/if.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/fib6.h"
#include "control/fill_af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kUserMetric = 1024;  // IP6_RT_PRIO_USER
// Routes of one multipath route: all of them must fit one message.
constexpr size_t kMaxSiblings = 1024;

uint32_t TableOf(const RouteConfig& config) {
  return config.table == RT_TABLE_UNSPEC ? uint32_t{RT_TABLE_MAIN} : config.table;
}

absl::Status Unreachable() { return ErrnoStatus(EHOSTUNREACH); }

// ipv6_addr_type of what can be a gateway but is not link-local.
bool CanBeGateway(const IpAddress& address) { return !address.IsAny() && !address.IsMulticast(); }

std::optional<MonotonicTime> ExpiryOf(const RouteConfig& config) {
  if (!config.expires.has_value() || *config.expires == kForever) return std::nullopt;
  return MonotonicTime::clock::now() + std::chrono::seconds(*config.expires);
}

// Low and high are themselves; everything else is medium (ICMPV6_ROUTER_PREF_*).
uint8_t Preference(uint8_t wanted) { return wanted == 1 || wanted == 3 ? wanted : 0; }

bool SameHop(const IpRoute& a, const IpRoute& b) {
  if (a.nexthop != nullptr || b.nexthop != nullptr) return a.nexthop == b.nexthop;
  return a.hops[0].device == b.hops[0].device && a.hops[0].gateway == b.hops[0].gateway;
}

// A table without a default route has an entry in its place that cannot be deleted
// (fib6_null_entry).
bool MatchesNullEntry(const RouteConfig& config) {
  return config.priority == 0 && config.nexthop_id == 0 &&
         (config.protocol == 0 || config.protocol == RTPROT_KERNEL) &&
         (config.oif == 0 || config.oif == 1) &&
         (!config.gateway.valid() || config.gateway.IsAny());
}

bool IsFull(const RouteTable& table, const IpRoute& route) {
  size_t siblings = 0;
  return !table.VisitGroup({route.dst, route.src}, route.tos, route.priority,
                           [&](const IpRoute& other) {
                             siblings += CanBeMultipath(other) ? 1 : 0;
                             return siblings < kMaxSiblings;
                           });
}

// The configuration of one hop of a multipath request.
absl::StatusOr<RouteConfig> HopOf(const RouteConfig& config, const HopConfig& hop) {
  RouteConfig one = config;
  one.multipath.reset();
  if (hop.oif != 0) one.oif = hop.oif;
  if (hop.gateway.has_value()) {
    if (hop.gateway->value.size() < 16) {
      return ErrnoStatus(EINVAL, "Invalid IPv6 address in RTA_GATEWAY");
    }
    one.gateway = IpAddress::Read(AF_INET6, hop.gateway->value);
  }
  one.flags |= hop.flags & RTNH_F_ONLINK;
  return one;
}

}  // namespace

absl::Status Fib6::CheckGatewayOnlink(const RouteConfig& config, const Device* device) const {
  const RouteResult result =
      LookupTable(RT_TABLE_MAIN, Flow{.dst = config.gateway, .oif = config.oif}, 0);
  if (!result.ok() || IsReject(*result.route) || result.route->dst.address.IsAny()) {
    return absl::OkStatus();
  }
  if (result.type == RTN_UNICAST && result.hop->device == device) return absl::OkStatus();
  return ErrnoStatus(EINVAL, "Nexthop has invalid gateway or device mismatch");
}

// The gateway must be on a link, or be known to its table (ip6_route_check_nh).
absl::Status Fib6::CheckGatewayRoute(const RouteConfig& config, Device*& device) const {
  const Flow flow{.dst = config.gateway, .oif = config.oif};
  const auto direct = [](const RouteResult& result) {
    return result.ok() && !IsReject(*result.route) && !result.hop->gateway.valid();
  };
  RouteResult result{.error = EAGAIN};
  if (config.table != RT_TABLE_UNSPEC) result = LookupTable(config.table, flow, kSameLink);
  if (!direct(result) || (device != nullptr && result.hop->device != device)) {
    result = Lookup(flow, kSameLink);
    if (!direct(result)) return Unreachable();
  }
  if (device != nullptr && result.hop->device != device) return Unreachable();
  device = result.hop->device;
  return absl::OkStatus();
}

// ip6_validate_gw
absl::Status Fib6::CheckGateway(const RouteConfig& config, Device*& device) const {
  const IpAddress& gateway = config.gateway;
  const bool link_local = gateway.IsLinkLocal();
  const auto is_ours = [&] { return IsLocal(gateway, link_local ? device : nullptr, 0); };
  const bool device_known = device != nullptr;
  if (device_known && is_ours()) {
    return ErrnoStatus(EINVAL, "Gateway can not be a local address");
  }
  if (!link_local) {
    if (!CanBeGateway(gateway)) return ErrnoStatus(EINVAL, "Invalid gateway address");
    const absl::Status status = (config.flags & RTNH_F_ONLINK) != 0
                                    ? CheckGatewayOnlink(config, device)
                                    : CheckGatewayRoute(config, device);
    if (!status.ok()) return status;
  }
  if (device == nullptr) return ErrnoStatus(EINVAL, "Egress device not specified");
  if ((device->flags & IFF_LOOPBACK) != 0) {
    return ErrnoStatus(EINVAL, "Egress device can not be loopback device for this route");
  }
  if (!device_known && is_ours()) {
    return ErrnoStatus(EINVAL, "Gateway can not be a local address");
  }
  return absl::OkStatus();
}

absl::Status Fib6::MakeHop(const RouteConfig& config, NextHop& hop) const {
  Device* device = config.oif == 0 ? nullptr : ns_.FindByIndex(config.oif);
  if (config.oif != 0 && (device == nullptr || !HasInet6(*device))) return ErrnoStatus(ENODEV);
  if ((config.flags & RTNH_F_ONLINK) != 0) {
    if (device == nullptr) return ErrnoStatus(ENODEV, "Nexthop device required for onlink");
    if (!device->up()) return ErrnoStatus(ENETDOWN, "Nexthop device is not up");
    hop.flags |= RTNH_F_ONLINK;
  }
  const bool local = config.type == RTN_LOCAL || config.type == RTN_ANYCAST;
  if (IsRejectType(config.type)) {
    hop.device = ns_.FindByIndex(1);
    return absl::OkStatus();
  }
  if (config.gateway.valid()) {
    if (const absl::Status status = CheckGateway(config, device); !status.ok()) return status;
    hop.gateway = config.gateway;
  }
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!HasInet6(*device)) return ErrnoStatus(EACCES, "IPv6 is disabled on nexthop device");
  if (!device->up() && !config.ignore_link_down) {
    return ErrnoStatus(ENETDOWN, "Nexthop device is not up");
  }
  if (!local && !device->carrier) hop.flags |= RTNH_F_LINKDOWN;
  hop.device = device;
  return absl::OkStatus();
}

absl::Status Fib6::CheckGatewayFor4(NextHop& hop, int32_t oif, uint32_t table) const {
  const RouteConfig config{.dst = {IpAddress::Any(AF_INET6), 0},
                           .type = RTN_UNICAST,
                           .table = table,
                           .flags = hop.flags,
                           .oif = oif,
                           .gateway = hop.gateway};
  NextHop made;
  const absl::Status status = MakeHop(config, made);
  if (!status.ok()) return status;
  hop.device = made.device;
  return absl::OkStatus();
}

Fib6::RouteOr Fib6::Make(const RouteConfig& config, ExtAck& ack) {
  if ((config.flags & RTM_F_CLONED) != 0) {
    return ErrnoStatus(EINVAL, "Userspace can not set RTF_CACHE");
  }
  if (config.type > RTN_MAX) return ErrnoStatus(EINVAL, "Invalid route type");
  if (config.dst.length > 128) return ErrnoStatus(EINVAL, "Invalid prefix length");
  if (config.src.length > 128) return ErrnoStatus(EINVAL, "Invalid source address length");
  auto route = std::make_unique<IpRoute>(
      IpRoute{.dst = config.dst.Network(),
              .src = config.src.length != 0 ? config.src.Network() : IpPrefix{},
              .table = TableOf(config),
              .type = config.type == RTN_UNSPEC ? static_cast<uint8_t>(RTN_UNICAST) : config.type,
              .protocol = config.protocol == RTPROT_UNSPEC ? uint8_t{RTPROT_BOOT} : config.protocol,
              .priority = config.priority,
              .expires = ExpiryOf(config),
              .preference = Preference(config.preference)});
  if (config.nexthop_id != 0) {
    route->nexthop = nexthops_.Find(config.nexthop_id);
    if (route->nexthop == nullptr) return ErrnoStatus(EINVAL, "Nexthop id does not exist");
    if (config.src.length != 0) {
      return ErrnoStatus(EINVAL, "IPv6 routes using source address can not use nexthop objects");
    }
    if (const absl::Status status = CheckNexthopFor6(*route->nexthop); !status.ok()) return status;
  }
  tables_.FindOrMake(TableOf(config));
  auto metrics = ParseMetrics(config.metrics, ack);
  if (!metrics.ok()) return metrics.status();
  route->metrics = *std::move(metrics);
  if (route->nexthop == nullptr) {
    route->hops.emplace_back();
    const absl::Status status = MakeHop(config, route->hops[0]);
    if (!status.ok()) return status;
    if (IsReject(*route)) route->expires.reset();
  }
  if (config.prefsrc.valid()) {
    const Device* device = HopsOf(*route)[0].device;
    if (!IsLocal(config.prefsrc, device, IFA_F_TENTATIVE)) {
      return ErrnoStatus(EINVAL, "Invalid source address");
    }
    route->prefsrc = config.prefsrc;
  }
  return route;
}

absl::Status CheckNexthopFor6(const NexthopObject& nexthop) {
  if (nexthop.HasV4()) return ErrnoStatus(EINVAL, "IPv6 routes can not use an IPv4 nexthop");
  if (nexthop.fdb) return ErrnoStatus(EINVAL, "Route cannot point to a fdb nexthop");
  return absl::OkStatus();
}

IpRoute* Fib6::FindDuplicate(const IpRoute& route) const {
  const Device* device = route.nexthop != nullptr ? nullptr : route.hops[0].device;
  return tables_.FindUsing(device, {route.dst, route.src}, [&](const IpRoute& other) {
    return other.table == route.table && other.priority == route.priority && SameHop(other, route);
  });
}

IpRoute& Fib6::Replace(IpRoute& old, std::unique_ptr<IpRoute> route) {
  std::vector<const IpRoute*> siblings = Siblings(old);
  siblings.erase(siblings.begin());
  for (const IpRoute* sibling : siblings) (void)Take(const_cast<IpRoute&>(*sibling));
  SetExpiry(old, std::nullopt);
  IpRoute& added = *route;
  (void)tables_.Replace(old, std::move(route));
  return added;
}

// fib6_add_rt2node
absl::Status Fib6::AddOne(std::unique_ptr<IpRoute> route, uint16_t nlflags, bool announce,
                          const Cause& cause, IpRoute** added) {
  const RouteTable& table = *tables_.Find(route->table);
  const bool replace = (nlflags & NLM_F_REPLACE) != 0, create = (nlflags & NLM_F_CREATE) != 0;
  const RouteNode node(route->dst, route->src);
  const bool root = node.dst.length == 0 && node.from_all();
  if (replace && !create && !root && !table.HasNode(node)) {
    return ErrnoStatus(ENOENT, "Can not replace route - no match found");
  }
  bool taken = false;
  IpRoute* old = nullptr;
  const std::optional<MonotonicTime> expires = route->expires;
  uint16_t flags = (nlflags & NLM_F_APPEND) | NLM_F_CREATE;
  (void)table.VisitGroup(node, route->tos, route->priority, [&](IpRoute& other) {
    taken = true;
    const bool alike = CanBeMultipath(other) == CanBeMultipath(*route);
    if (old == nullptr || alike) old = &other;
    return replace && !alike;
  });
  if (taken && (nlflags & NLM_F_EXCL) != 0) return ErrnoStatus(EEXIST);
  if (!taken) flags |= NLM_F_EXCL;
  if (replace && taken) {
    *added = &Replace(*old, std::move(route));
    flags = NLM_F_REPLACE;
  } else if (replace && !create) {
    return ErrnoStatus(ENOENT);
  } else {
    if (IpRoute* duplicate = FindDuplicate(*route)) {
      if (duplicate->expires.has_value()) SetExpiry(*duplicate, expires);
      return ErrnoStatus(EEXIST);
    }
    if (CanBeMultipath(*route) && IsFull(table, *route)) return ErrnoStatus(ENOBUFS);
    *added = &tables_.Insert(std::move(route), RouteTable::Place::kLast);
  }
  if (expires.has_value()) expiring_.emplace(*expires, *added);
  if (announce) Announce(Siblings(**added), RTM_NEWROUTE, flags, cause);
  return absl::OkStatus();
}

absl::Status Fib6::Add(const RouteConfig& wanted, const Cause& cause, ExtAck& ack) {
  RouteConfig config = wanted;
  if (config.priority == 0 && cause.header != nullptr) config.priority = kUserMetric;
  if (config.multipath.has_value()) return AddMultipath(config, cause, ack);
  RouteOr route = Make(config, ack);
  if (!route.ok()) return route.status();
  IpRoute* added = nullptr;
  return AddOne(*std::move(route), config.nlflags, true, cause, &added);
}

// The routes that a multipath request stands for.
absl::StatusOr<std::vector<std::unique_ptr<IpRoute>>> Fib6::MakeMultipath(
    const RouteConfig& config, std::vector<RouteConfig>& hops, ExtAck& ack) {
  std::vector<std::unique_ptr<IpRoute>> routes;
  bool leftover = false;
  for (const HopConfig& hop : ListHops(*config.multipath, leftover)) {
    const auto one = HopOf(config, hop);
    if (!one.ok()) return one.status();
    RouteOr route = Make(*one, ack);
    if (!route.ok()) return route.status();
    if (!CanBeMultipath(**route)) {
      return ErrnoStatus(EINVAL,
                         "Device only routes can not be added for IPv6 using the multipath API.");
    }
    (*route)->hops[0].weight = hop.weight;
    const bool twice = std::any_of(routes.begin(), routes.end(),
                                   [&](const auto& other) { return SameHop(*other, **route); });
    if (twice) return ErrnoStatus(EEXIST);
    routes.push_back(*std::move(route));
    hops.push_back(*one);
  }
  if (routes.empty()) {
    return ErrnoStatus(EINVAL, "Invalid nexthop configuration - no valid nexthops");
  }
  return routes;
}

absl::Status Fib6::AddMultipath(const RouteConfig& config, const Cause& cause, ExtAck& ack) {
  std::vector<RouteConfig> hops;
  auto routes = MakeMultipath(config, hops, ack);
  if (!routes.ok()) return routes.status();
  const bool replace = (config.nlflags & NLM_F_REPLACE) != 0;
  const auto flags = static_cast<uint16_t>((replace ? NLM_F_REPLACE : NLM_F_CREATE) |
                                           (config.nlflags & NLM_F_APPEND));
  uint16_t nlflags = config.nlflags;
  IpRoute *first = nullptr, *last = nullptr;
  absl::Status status;
  size_t count = 0;
  for (; count < routes->size(); ++count) {
    status = AddOne(std::move((*routes)[count]), nlflags, false, cause, &last);
    if (!status.ok()) break;
    if (first == nullptr) first = last;
    nlflags = static_cast<uint16_t>((nlflags & ~(NLM_F_EXCL | NLM_F_REPLACE)) | NLM_F_CREATE);
  }
  if (first == nullptr) return status;
  std::vector<const IpRoute*> siblings = Siblings(*first);
  // What was appended is told as a whole, from its beginning.
  if ((flags & NLM_F_APPEND) != 0) {
    std::sort(siblings.begin(), siblings.end(),
              [](const IpRoute* a, const IpRoute* b) { return a->order < b->order; });
  }
  Announce(siblings, RTM_NEWROUTE, flags, cause);
  if (status.ok()) return status;
  if (replace && count > 0) {
    ack.warning = "ipv6: multipath route replace failed (check consistency of installed routes)";
  }
  for (size_t i = 0; i < count; ++i) (void)DeleteOne(hops[i], false, cause);
  return status;
}

std::unique_ptr<IpRoute> Fib6::Take(IpRoute& route) {
  if (route.expires.has_value()) expiring_.erase({*route.expires, &route});
  return tables_.Remove(route);
}

void Fib6::Remove(IpRoute& route, const Cause& cause, bool announce) {
  const std::unique_ptr<IpRoute> removed = Take(route);
  if (announce) Announce({removed.get()}, RTM_DELROUTE, 0, cause);
}

bool Fib6::Matches(const RouteConfig& config, const IpRoute& route) {
  if (route.nexthop != nullptr && config.nexthop_id != 0 &&
      route.nexthop->id != config.nexthop_id) {
    return false;
  }
  if (config.priority != 0 && config.priority != route.priority) return false;
  if (config.protocol != 0 && config.protocol != route.protocol) return false;
  if (route.nexthop != nullptr) return true;
  if (config.nexthop_id != 0) return false;
  const NextHop& hop = route.hops[0];
  if (config.oif != 0 && (hop.device == nullptr || hop.device->ifindex != config.oif)) return false;
  if (!config.gateway.valid()) return true;
  return hop.gateway.valid() ? hop.gateway == config.gateway : config.gateway.IsAny();
}

// ip6_route_del
absl::Status Fib6::DeleteOne(const RouteConfig& config, bool all_siblings, const Cause& cause) {
  const RouteTable* table = tables_.Find(TableOf(config));
  if (table == nullptr) return ErrnoStatus(ESRCH, "FIB table does not exist");
  if (config.dst.length > 128 || config.src.length > 128) return ErrnoStatus(ESRCH);
  // There are no cached routes, so all of those that match are gone.
  const bool cached = (config.flags & RTM_F_CLONED) != 0;
  if (cached) return config.nexthop_id == 0 ? absl::OkStatus() : ErrnoStatus(ESRCH);
  // The source does not count where none has any (fib6_locate).
  RouteNode node(config.dst.Network());
  if (config.src.length != 0 && table->HasSources(node.dst)) node.src = config.src.Network();
  if (node.dst.length == 0 && node.from_all() && !table->HasNode(node)) {
    return ErrnoStatus(MatchesNullEntry(config) ? ENOENT : ESRCH);
  }
  for (IpRoute* route : table->OfNode(node)) {
    if (!Matches(config, *route)) continue;
    const std::vector<const IpRoute*> siblings = Siblings(*route);
    if (!all_siblings || config.gateway.valid() || siblings.size() == 1) {
      Remove(*route, cause);
      return absl::OkStatus();
    }
    std::vector<std::unique_ptr<IpRoute>> removed;
    for (const IpRoute* sibling : siblings) {
      removed.push_back(Take(const_cast<IpRoute&>(*sibling)));
    }
    Announce(siblings, RTM_DELROUTE, 0, cause);
    return absl::OkStatus();
  }
  return ErrnoStatus(ESRCH);
}

absl::Status Fib6::DeleteMultipath(const RouteConfig& config, const Cause& cause) {
  absl::Status last;
  bool leftover = false;
  for (const HopConfig& hop : ListHops(*config.multipath, leftover)) {
    const auto one = HopOf(config, hop);
    const absl::Status status = one.ok() ? DeleteOne(*one, false, cause) : one.status();
    if (!status.ok()) last = status;
  }
  return last;
}

absl::Status Fib6::Delete(const RouteConfig& config, const Cause& cause) {
  if (config.nexthop_id != 0 && nexthops_.Find(config.nexthop_id) == nullptr) {
    return ErrnoStatus(EINVAL, "Nexthop id does not exist");
  }
  if (config.multipath.has_value()) return DeleteMultipath(config, cause);
  return DeleteOne(config, true, cause);
}

}  // namespace vswitch
