// SPDX-License-Identifier: BSD-3-Clause
// Looking for IPv6 routes, and what addresses and links do to them.
#include "control/fib6.h"

#include <linux/if.h>
#include <linux/if_addr.h>

#include <algorithm>
#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kAddrconfMetric = 256;  // IP6_RT_PRIO_ADDRCONF

const std::vector<InetAddress>& AddressesOf(const Device& device) {
  static const std::vector<InetAddress> kNone;
  return device.inet == nullptr ? kNone : device.inet->v6;
}

IpPrefix HostPrefix(const IpAddress& address) { return {address, 128}; }
IpPrefix OwnPrefix(const InetAddress& address) { return {address.local, address.prefix_length}; }

uint32_t MetricOf(const InetAddress& address) {
  return address.rt_priority != 0 ? address.rt_priority : kAddrconfMetric;
}

bool WantsPrefixRoute(const InetAddress& address) {
  return (address.flags & IFA_F_NOPREFIXROUTE) == 0;
}
// Whether the route was made for the address and not for some time.
bool OwnsPrefixRoute(const InetAddress& address) {
  return WantsPrefixRoute(address) && (address.flags & IFA_F_PERMANENT) != 0;
}

// RFC 4191 as the kernel compares it: 1 low, 2 medium, 3 high.
int PreferenceOf(const IpRoute& route) { return route.preference ^ 2; }

// What a route that leads nowhere answers (ip6_rt_init_dst_reject): nothing, if it is only that
// packets over the loopback are lost.
int RejectError(const IpRoute& route) {
  if (IsRejectType(route.type)) return ErrorOfType(route.type);
  return route.nexthop != nullptr ? ENETUNREACH : 0;
}

bool NeedsSameLink(const IpAddress& address) {
  return address.IsMulticast() || address.IsLinkLocal() || address.IsLoopback();
}

// A route that the switch itself wants.
RouteConfig Automatic(const Device& device, const IpPrefix& dst, uint8_t type, uint32_t table,
                      uint32_t metric) {
  return {.dst = dst,
          .type = type,
          .protocol = RTPROT_KERNEL,
          .table = table,
          .nlflags = NLM_F_CREATE,
          .oif = device.ifindex,
          .priority = metric};
}

std::optional<MonotonicTime> EndOf(const InetAddress& address) {
  if (address.valid_lifetime == kForever) return std::nullopt;
  return address.updated + std::chrono::seconds(address.valid_lifetime);
}

}  // namespace

bool CanBeMultipath(const IpRoute& route) {
  return !route.own && route.nexthop == nullptr && route.hops[0].gateway.valid();
}

bool IsRejectType(uint8_t type) {
  return type == RTN_UNREACHABLE || type == RTN_BLACKHOLE || type == RTN_PROHIBIT ||
         type == RTN_THROW;
}

// A route over the loopback to what is not there would be a loop.
bool IsReject(const IpRoute& route) {
  if (IsRejectType(route.type)) return true;
  if (route.nexthop != nullptr) return route.nexthop->IsBlackhole();
  const Device* device = route.hops[0].device;
  return device != nullptr && (device->flags & IFF_LOOPBACK) != 0 &&
         !route.dst.address.IsLoopback() && route.type != RTN_LOCAL && route.type != RTN_ANYCAST;
}

Fib6::Fib6(const Namespace& ns, const RuleSet& rules, const Nexthops& nexthops,
           const AddressLabels& labels, RouteAnnouncer& announcer)
    : ns_(ns), rules_(rules), nexthops_(nexthops), labels_(labels), announcer_(announcer) {
  tables_.FindOrMake(RT_TABLE_MAIN);
  tables_.FindOrMake(RT_TABLE_LOCAL);
}

// The routes of a prefix that a packet may take, the lowest metric first. On a link of its own it
// takes none of the other links', and of some prefixes each link has a route.
std::vector<IpRoute*> Fib6::Candidates(const RouteTable& table, const RouteNode& node,
                                       const Flow& flow, uint32_t strict) const {
  if (flow.oif == 0 || (strict & kSameLink) == 0) return table.OfNode(node);
  std::vector<IpRoute*> routes;
  const auto add = [&](IpRoute& route) {
    if (route.table == table.id()) routes.push_back(&route);
    return false;
  };
  const Device* device = ns_.FindByIndex(flow.oif);
  if (device != nullptr) (void)tables_.FindUsing(device, node, add);
  (void)tables_.FindUsing(nullptr, node, add);
  std::sort(routes.begin(), routes.end(), [](const IpRoute* a, const IpRoute* b) {
    return RouteTable::KeyOf(*a) < RouteTable::KeyOf(*b);
  });
  return routes;
}

// The best of them, by metric and preference (rt6_select). EAGAIN if there is none. `lowest` is the
// lowest metric of the prefix.
RouteResult Fib6::Select(const std::vector<IpRoute*>& routes, uint32_t lowest, const Flow& flow,
                         uint32_t strict) {
  const MonotonicTime now = MonotonicTime::clock::now();
  RouteResult best{.error = EAGAIN};
  int best_score = -1;
  for (IpRoute* route : routes) {
    // The lowest metric decides, if any of its routes will do.
    if (best.ok() && best.route->priority == lowest && route->priority != lowest) break;
    if (route->expires.has_value() && *route->expires <= now) continue;
    for (const NextHop& hop : HopsOf(*route)) {
      const bool blackhole = route->nexthop != nullptr && route->nexthop->IsBlackhole();
      if (hop.dead() && !blackhole) continue;
      const bool on_link = flow.oif == 0 || hop.device->ifindex == flow.oif;
      if (!on_link && (strict & kSameLink) != 0 && !blackhole) continue;
      const int score = (on_link ? 2 : 0) | PreferenceOf(*route) << 2;
      if (score <= best_score) continue;
      best_score = score;
      best = {.error = 0,
              .route = route,
              .hop = &hop,
              .type = blackhole ? static_cast<uint8_t>(RTN_BLACKHOLE) : route->type,
              .table = route->table};
    }
  }
  return best;
}

// Goes on at shorter prefixes until some route will do (fib6_table_lookup). EAGAIN if none does.
RouteResult Fib6::LookupTable(uint32_t id, const Flow& flow, uint32_t strict) const {
  const RouteTable* table = tables_.Find(id);
  RouteResult result{.error = EAGAIN};
  if (table == nullptr) return result;
  const IpAddress source = flow.src.valid() ? flow.src : IpAddress::Any(AF_INET6);
  table->VisitNodes(flow.dst, source, [&](const IpRoute& first) {
    const RouteNode node(first.dst, first.src);
    const std::vector<IpRoute*> routes = Candidates(*table, node, flow, strict);
    result = Select(routes, first.priority, flow, strict);
    return result.ok();
  });
  return result;
}

// By rules (fib6_lookup). Routes that lead nowhere are results, too.
RouteResult Fib6::Lookup(const Flow& flow, uint32_t strict) const {
  const auto in_table = [&](uint32_t id) {
    RouteResult result = LookupTable(id, flow, strict);
    if (result.ok() && IsReject(*result.route)) result.error = RejectError(*result.route);
    return result;
  };
  if (!rules_.untouched()) return rules_.Lookup(ns_, flow, in_table);
  RouteResult result = in_table(RT_TABLE_LOCAL);
  if (result.error == EAGAIN) result = in_table(RT_TABLE_MAIN);
  if (result.error == EAGAIN) return {.error = ENETUNREACH};
  return result;
}

// One of several equal routes or hops (fib6_select_path).
RouteResult Fib6::ChoosePath(RouteResult result, const Flow& flow) const {
  if (!result.ok()) return result;
  std::vector<const NextHop*> usable;
  const bool same_link = flow.oif != 0 && result.hop->device->ifindex == flow.oif;
  const auto consider = [&](const NextHop& hop) {
    const bool on_link = !same_link || hop.device->ifindex == flow.oif;
    if (!hop.dead() && on_link) usable.push_back(&hop);
  };
  const std::vector<const IpRoute*> siblings = Siblings(*result.route);
  for (const IpRoute* sibling : siblings) {
    for (const NextHop& hop : HopsOf(*sibling)) consider(hop);
  }
  if (usable.size() < 2) return result;
  const NextHop* resilient = same_link ? nullptr : SelectResilient(*result.route, flow);
  result.hop = resilient != nullptr ? resilient : SelectHop(usable, flow);
  for (const IpRoute* sibling : siblings) {
    if (sibling->nexthop == nullptr && &sibling->hops[0] == result.hop) result.route = sibling;
  }
  return result;
}

RouteResult Fib6::Resolve(const Flow& flow) const {
  const bool any_source = !flow.src.valid() || flow.src.IsAny();
  const bool strict = NeedsSameLink(flow.dst) || (flow.oif != 0 && any_source);
  return ChoosePath(Lookup(flow, strict ? uint32_t{kSameLink} : 0), flow);
}

RouteResult Fib6::ResolveInput(const Flow& flow) const {
  Flow input = flow;
  input.oif = flow.iif;
  return ChoosePath(Lookup(input, NeedsSameLink(flow.dst) ? uint32_t{kSameLink} : 0), input);
}

std::vector<const IpRoute*> Fib6::Siblings(const IpRoute& route) const {
  if (!CanBeMultipath(route)) return {&route};
  std::vector<const IpRoute*> siblings;
  for (const IpRoute* other :
       tables_.Find(route.table)->OfGroup({route.dst, route.src}, route.tos, route.priority)) {
    if (CanBeMultipath(*other)) siblings.push_back(other);
  }
  const auto self = std::find(siblings.begin(), siblings.end(), &route);
  if (self == siblings.end()) return {&route};
  std::rotate(siblings.begin(), self, siblings.end());
  return siblings;
}

void Fib6::Announce(const std::vector<const IpRoute*>& routes, uint16_t type, uint16_t flags,
                    const Cause& cause) const {
  announcer_.AnnounceRoute(ns_, routes, type, flags, cause);
}

bool Fib6::IsLocal(const IpAddress& address, const Device* device, uint32_t banned_flags) const {
  const auto found = addresses_.find(address);
  if (found == addresses_.end()) return false;
  return std::any_of(found->second.begin(), found->second.end(), [&](const Device* other) {
    const bool here = device == nullptr || device == other || !NeedsSameLink(address);
    return here && std::any_of(AddressesOf(*other).begin(), AddressesOf(*other).end(),
                               [&](const InetAddress& own) {
                                 return own.local == address && (own.flags & banned_flags) == 0;
                               });
  });
}

void Fib6::SetExpiry(IpRoute& route, std::optional<MonotonicTime> expires) {
  if (route.expires.has_value()) expiring_.erase({*route.expires, &route});
  route.expires = expires;
  if (expires.has_value()) expiring_.emplace(*expires, &route);
}

// addrconf_prefix_route
void Fib6::AddPrefixRoute(const Device& device, const IpPrefix& prefix, const InetAddress& address,
                          uint32_t lifetime) {
  RouteConfig config =
      Automatic(device, prefix.Network(), RTN_UNICAST, RT_TABLE_MAIN, MetricOf(address));
  config.expires = lifetime;
  ExtAck ignored;
  (void)Add(config, {}, ignored);
}

// addrconf_get_prefix_route
IpRoute* Fib6::FindPrefixRoute(const Device& device, const IpPrefix& prefix,
                               bool with_gateway) const {
  IpRoute* first = nullptr;
  (void)tables_.FindUsing(&device, prefix.Network(), [&](IpRoute& route) {
    const bool fits =
        route.table == RT_TABLE_MAIN && (with_gateway || !route.hops[0].gateway.valid());
    const bool before = first == nullptr || RouteTable::KeyOf(route) < RouteTable::KeyOf(*first);
    if (fits && before) first = &route;
    return false;
  });
  return first;
}

void Fib6::AddressAdded(Device& device, const InetAddress& address) {
  addresses_[address.local].insert(&device);
  with_addresses_[device.serial] = &device;
  // Nobody asked for that of `lo` (add_addr).
  const bool implied = address.local.IsLoopback() && address.protocol == IFAPROT_KERNEL_LO;
  if (WantsPrefixRoute(address) && !implied)
    AddPrefixRoute(device, OwnPrefix(address), address, address.valid_lifetime);
}

// __ipv6_ifa_notify for RTM_NEWADDR
void Fib6::AddressReady(Device& device, const InetAddress& address) {
  RouteConfig config = Automatic(device, HostPrefix(address.local), RTN_LOCAL, RT_TABLE_LOCAL, 0);
  config.ignore_link_down = true;
  ExtAck ignored;
  (void)Add(config, {}, ignored);
  if (address.has_peer()) AddPrefixRoute(device, HostPrefix(address.peer), address, kForever);
}

void Fib6::PeerChanges(Device& device, const InetAddress& address) {
  if (!address.has_peer()) return;
  IpRoute* route = FindPrefixRoute(device, address.prefix());
  if (route != nullptr) Remove(*route, {});
}

// modify_prefix_route
bool Fib6::ModifyPrefixRoute(const Device& device, const IpPrefix& prefix,
                             const InetAddress& address) {
  IpRoute* route = FindPrefixRoute(device, prefix);
  if (route == nullptr) return false;
  if (route->priority == MetricOf(address)) {
    SetExpiry(*route, EndOf(address));
  } else {
    Remove(*route, {});
    AddPrefixRoute(device, prefix, address, address.valid_lifetime);
  }
  return true;
}

// inet6_addr_modify
void Fib6::AddressChanged(Device& device, const InetAddress& before, const InetAddress& now) {
  const bool had_route = OwnsPrefixRoute(before);
  if (!WantsPrefixRoute(now)) {
    if (had_route) RemovePrefixRoute(device, now);
    return;
  }
  const auto update = [&](const IpPrefix& prefix) {
    if (had_route && ModifyPrefixRoute(device, prefix, now)) return;
    AddPrefixRoute(device, prefix, now, now.valid_lifetime);
  };
  update(OwnPrefix(now));
  if (now.has_peer()) update(now.prefix());
}

// check_cleanup_prefix_route, cleanup_prefix_route: the route stays as long as another address of
// the link needs it.
void Fib6::RemovePrefixRoute(const Device& device, const InetAddress& address) {
  const IpPrefix prefix = OwnPrefix(address).Network();
  IpRoute* route = FindPrefixRoute(device, prefix);
  if (route == nullptr) return;
  std::optional<MonotonicTime> expires;
  for (const InetAddress& other : AddressesOf(device)) {
    const bool same = other.local != address.local &&
                      other.prefix_length == address.prefix_length && prefix.Contains(other.local);
    if (!same) continue;
    if ((other.flags & (IFA_F_PERMANENT | IFA_F_NOPREFIXROUTE)) != 0) return;
    const std::optional<MonotonicTime> end = EndOf(other);
    if (!expires.has_value() || (end.has_value() && *end > *expires)) expires = end;
  }
  if (!expires.has_value()) return Remove(*route, {});
  if (!route->expires.has_value()) SetExpiry(*route, expires);
}

void Fib6::AddressRemoved(Device& device, const InetAddress& address) {
  const auto known = addresses_.find(address.local);
  if (known != addresses_.end()) {
    known->second.erase(&device);
    if (known->second.empty()) addresses_.erase(known);
  }
  if (AddressesOf(device).empty()) with_addresses_.erase(device.serial);
  if (address.has_peer()) {
    IpRoute* peer = FindPrefixRoute(device, HostPrefix(address.peer), true);
    if (peer != nullptr) Remove(*peer, {});
  }
  const auto is_ours = [](const IpRoute& route) {
    return route.table == RT_TABLE_LOCAL && route.type == RTN_LOCAL &&
           route.protocol == RTPROT_KERNEL;
  };
  IpRoute* local = tables_.FindUsing(&device, HostPrefix(address.local), is_ours);
  if (local != nullptr) Remove(*local, {});
  if (OwnsPrefixRoute(address)) RemovePrefixRoute(device, address);
  for (IpRoute* route : tables_.WithSource(address.local)) {
    const bool through = route->nexthop == nullptr && route->hops[0].device == &device;
    if (through) tables_.ForgetSource(*route);
  }
}

// addrconf_add_mroute
void Fib6::Inet6Started(Device& device) {
  IpPrefix multicast{IpAddress::Any(AF_INET6), 8};
  multicast.address.bytes[0] = 0xff;
  ExtAck ignored;
  (void)Add(Automatic(device, multicast, RTN_MULTICAST, RT_TABLE_LOCAL, kAddrconfMetric), {},
            ignored);
}

// addrconf_permanent_addr, rt6_sync_up: an address that came while the link was down has no route
// yet.
void Fib6::LinkUp(Device& device) {
  for (const InetAddress& address : AddressesOf(device)) {
    if (OwnsPrefixRoute(address)) AddPrefixRoute(device, OwnPrefix(address), address, kForever);
  }
  const uint32_t flags = RTNH_F_DEAD | (device.carrier ? RTNH_F_LINKDOWN : 0);
  for (IpRoute* route : tables_.Using(device)) route->hops[0].flags &= ~flags;
}

void Fib6::MtuChanged(const Device& device, uint32_t old_mtu) {
  for (IpRoute* route : tables_.Using(device)) {
    if (route->metrics == nullptr) continue;
    const uint32_t mtu = route->metrics->values[RTAX_MTU];
    const bool locked = (route->metrics->values[RTAX_LOCK] & (1u << RTAX_MTU)) != 0;
    if (locked || mtu == 0 || (mtu < device.mtu && mtu != old_mtu)) continue;
    auto metrics = std::make_shared<RouteMetrics>(*route->metrics);
    metrics->values[RTAX_MTU] = device.mtu;
    route->metrics = std::move(metrics);
  }
}

// NETDEV_CHANGE (rt6_sync_up, rt6_sync_down_dev)
void Fib6::LinkChanged(Device& device, bool ready) {
  for (IpRoute* route : tables_.Using(device)) {
    if (ready) {
      route->hops[0].flags &= ~uint32_t{RTNH_F_LINKDOWN};
    } else if (route->type != RTN_LOCAL && route->type != RTN_ANYCAST) {
      route->hops[0].flags |= RTNH_F_LINKDOWN;
    }
  }
}

// rt6_disable_ip, fib6_ifdown: a multipath route loses the hops through the link only if others
// live.
void Fib6::LinkDown(Device& device) {
  for (IpRoute* route : tables_.Using(device)) {
    const std::vector<const IpRoute*> siblings = Siblings(*route);
    const bool alive = std::any_of(siblings.begin(), siblings.end(), [&](const IpRoute* sibling) {
      return sibling->hops[0].device != &device && !sibling->hops[0].dead();
    });
    if (alive) {
      route->hops[0].flags |= RTNH_F_DEAD | RTNH_F_LINKDOWN;
      continue;
    }
    // The hops that were dead already go with the last one.
    for (const IpRoute* sibling : siblings) {
      if (sibling != route && sibling->hops[0].device != &device) {
        Remove(const_cast<IpRoute&>(*sibling), {});
      }
    }
    Remove(*route, {});
  }
}

void Fib6::LinkGone(Device& device) {
  for (IpRoute* route : tables_.Using(device)) Remove(*route, {});
  with_addresses_.erase(device.serial);
}

void Fib6::RemoveRoutesOf(const NexthopObject& nexthop) {
  const std::vector<IpRoute*> routes(nexthop.routes.begin(), nexthop.routes.end());
  for (IpRoute* route : routes) {
    if (route->dst.address.family == AF_INET6) Remove(*route, {});
  }
}

std::optional<MonotonicTime> Fib6::NextDeadline() const {
  if (expiring_.empty()) return std::nullopt;
  return expiring_.begin()->first;
}

void Fib6::Run(MonotonicTime now) {
  while (!expiring_.empty() && expiring_.begin()->first <= now) {
    Remove(*expiring_.begin()->second, {});
  }
}

}  // namespace vswitch
