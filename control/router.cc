// SPDX-License-Identifier: BSD-3-Clause
#include "control/router.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "control/addresses.h"
#include "control/fill_link.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

bool HasCarrier(const Device& device) {
  return (ReportedFlags(device) & (IFF_RUNNING | IFF_LOWER_UP)) != 0;
}

bool IsAboutNeighbours(uint16_t type) {
  return type == RTM_NEWNEIGH || type == RTM_DELNEIGH || type == RTM_GETNEIGH;
}

}  // namespace

RouterTables::RouterTables(const Namespace& ns, NeighAnnouncer& neigh_announcer,
                           RouteAnnouncer& route_announcer)
    : arp(AF_INET, neigh_announcer),
      nd(AF_INET6, neigh_announcer),
      rules4(AF_INET),
      rules6(AF_INET6),
      fib4(ns, rules4, nexthops, route_announcer),
      fib6(ns, rules6, nexthops, address_labels, route_announcer) {
  fib4.set_fib6(&fib6);
}

RuleSet* RouterTables::Rules(uint8_t family) {
  for (RuleSet* rules : {&rules4, &mroute_rules4, &mroute_rules6, &rules6}) {
    if (rules->family() == family) return rules;
  }
  return nullptr;
}

Router::Router(Registry& registry, Multicast& multicast)
    : registry_(registry), multicast_(multicast) {}

bool Router::Handles(uint16_t type) {
  constexpr uint16_t kTypes[] = {
      RTM_NEWNEIGH,     RTM_DELNEIGH,     RTM_GETNEIGH,        RTM_GETNEIGHTBL, RTM_NEWROUTE,
      RTM_DELROUTE,     RTM_GETROUTE,     RTM_NEWRULE,         RTM_DELRULE,     RTM_GETRULE,
      RTM_NEWNEXTHOP,   RTM_DELNEXTHOP,   RTM_GETNEXTHOP,      RTM_SETNEIGHTBL, RTM_NEWADDRLABEL,
      RTM_DELADDRLABEL, RTM_GETADDRLABEL, RTM_GETNEXTHOPBUCKET};
  return std::find(std::begin(kTypes), std::end(kTypes), type) != std::end(kTypes);
}

absl::Status Router::Execute(const Request& request) {
  const absl::Status status = Do(request);
  // Not everything that such a request changes is announced.
  if ((request.message.header.nlmsg_type & 3) != (RTM_GETLINK & 3)) on_routes_(*request.client.ns);
  return status;
}

absl::Status Router::Do(const Request& request) {
  const uint16_t type = request.message.header.nlmsg_type;
  if (request.family() == AF_BRIDGE && IsAboutNeighbours(type)) return ExecuteFdb(request);
  switch (type) {
    case RTM_NEWADDRLABEL:
      return NewAddressLabel(request);
    case RTM_DELADDRLABEL:
      return DelAddressLabel(request);
    case RTM_GETADDRLABEL:
      return GetAddressLabel(request);
    case RTM_NEWNEIGH:
      return NewNeigh(request);
    case RTM_DELNEIGH:
      return DelNeigh(request);
    case RTM_GETNEIGH:
      return GetNeigh(request);
    case RTM_SETNEIGHTBL:
      return SetNeighTable(request);
    case RTM_NEWROUTE:
      return NewRoute(request);
    case RTM_DELROUTE:
      return DelRoute(request);
    case RTM_GETROUTE:
      return GetRoute(request);
    case RTM_NEWRULE:
      return NewRule(request);
    case RTM_DELRULE:
      return DelRule(request);
    case RTM_NEWNEXTHOP:
      return NewNexthop(request);
    case RTM_DELNEXTHOP:
      return DelNexthop(request);
    case RTM_GETNEXTHOP:
      return GetNexthop(request);
    case RTM_GETNEXTHOPBUCKET:
      return GetBucket(request);
    default:
      return ErrnoStatus(EOPNOTSUPP);
  }
}

DumpStart Router::Dump(const Request& request) {
  switch (request.message.header.nlmsg_type) {
    case RTM_GETNEIGH:
      return DumpNeighs(request);
    case RTM_GETNEIGHTBL:
      return DumpNeighTables(request);
    case RTM_GETROUTE:
      return DumpRoutes(request);
    case RTM_GETRULE:
      return DumpRules(request);
    case RTM_GETADDRLABEL:
      return DumpAddressLabels(request);
    case RTM_GETNEXTHOP:
      return DumpNexthops(request);
    case RTM_GETNEXTHOPBUCKET:
      return DumpBuckets(request);
    default:
      return ErrnoStatus(EOPNOTSUPP);
  }
}

RouterTables& Router::TablesOf(const Namespace& ns) {
  std::unique_ptr<RouterTables>& tables = tables_[&ns];
  if (tables != nullptr) return *tables;
  NeighAnnouncer& neigh_announcer = *this;
  RouteAnnouncer& route_announcer = *this;
  tables = std::make_unique<RouterTables>(ns, neigh_announcer, route_announcer);
  tables->arp.set_resolver(arp_resolver_);
  tables->nd.set_resolver(nd_resolver_);
  // Limits and defaults are the same everywhere.
  if (RouterTables* initial = FindTables(registry_.initial()); initial != nullptr) {
    for (const uint8_t family : {AF_INET, AF_INET6}) {
      tables->Neighbours(family)->set_limits(initial->Neighbours(family)->limits());
      tables->Neighbours(family)->set_defaults(initial->Neighbours(family)->defaults());
    }
  }
  return *tables;
}

RouterTables* Router::FindTables(const Namespace& ns) const {
  const auto found = tables_.find(&ns);
  return found == tables_.end() ? nullptr : found->second.get();
}

void Router::Forget(const Namespace& ns) { tables_.erase(&ns); }

void Router::SetFollowers(std::function<void(const Namespace&)> routes,
                          std::function<void(const Neighbour&, bool gone)> neighbours) {
  on_routes_ = std::move(routes);
  on_neighbour_ = std::move(neighbours);
}

void Router::SetResolver(uint8_t family, NeighResolver* resolver) {
  (family == AF_INET ? arp_resolver_ : nd_resolver_) = resolver;
  for (const auto& [ns, tables] : tables_) tables->Neighbours(family)->set_resolver(resolver);
}

std::optional<MonotonicTime> Router::NextDeadline() const {
  std::optional<MonotonicTime> next;
  for (const auto& [ns, tables] : tables_) {
    for (const auto& when : {tables->arp.NextDeadline(), tables->nd.NextDeadline(),
                             tables->fib6.NextDeadline(), tables->nexthops.NextDeadline()}) {
      if (when.has_value() && (!next.has_value() || *when < *next)) next = when;
    }
  }
  return next;
}

void Router::Run(MonotonicTime now) {
  for (const auto& [ns, tables] : tables_) {
    tables->arp.Run(now);
    tables->nd.Run(now);
    tables->fib6.Run(now);
    RunNexthops(*ns, tables->nexthops, now);
  }
}

uint8_t Router::TypeOf(const Device& device, const IpAddress& address) {
  return TablesOf(*device.ns).fib4.TypeOf(address);
}

void Router::OnAddressAdded(Device& device, const InetAddress& address) {
  FollowGroups(device);
  RouterTables& tables = TablesOf(*device.ns);
  if (address.family() == AF_INET6) return tables.fib6.AddressAdded(device, address);
  tables.fib4.AddressAdded(device, address);
  if (!device.up() || !address.broadcast.valid()) return;
  tables.arp.Invalidate(device, address.broadcast, MonotonicTime::clock::now());
}

void Router::OnAddressReady(Device& device, const InetAddress& address) {
  TablesOf(*device.ns).fib6.AddressReady(device, address);
}

void Router::OnPeerChange(Device& device, const InetAddress& address) {
  TablesOf(*device.ns).fib6.PeerChanges(device, address);
}

void Router::OnAddressChanged(Device& device, const InetAddress& before, const InetAddress& now) {
  RouterTables& tables = TablesOf(*device.ns);
  if (now.family() == AF_INET6) return tables.fib6.AddressChanged(device, before, now);
  tables.fib4.MetricChanged(device, before, now);
}

void Router::OnAddressRemoved(Device& device, const InetAddress& address) {
  FollowGroups(device);
  RouterTables& tables = TablesOf(*device.ns);
  if (address.family() == AF_INET6) return tables.fib6.AddressRemoved(device, address);
  tables.fib4.AddressRemoved(device, address);
  if (device.inet == nullptr || device.inet->v4.empty()) {
    FlushNeighbours(device, AF_INET, false);
  }
}

void Router::OnInet6Start(Device& device) { TablesOf(*device.ns).fib6.Inet6Started(device); }

void Router::OnInet6Stop(Device& device) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables != nullptr) tables->fib6.LinkGone(device);
  FlushNeighbours(device, AF_INET6, false);
  if (tables != nullptr) tables->nd.ForgetParams(device);
}

void Router::OnLinkUp(Device& device) {
  FollowGroups(device);
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  tables->fib4.LinkUp(device);
  tables->fib6.LinkUp(device);
}

void Router::OnLinkChanged(Device& device) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  const bool carrier = HasCarrier(device);
  if (!carrier) FlushNexthops(device, false);
  tables->fib4.LinkChanged(device);
  tables->fib6.LinkChanged(device, IsLinkReady(device));
  if (carrier) return;
  FlushNeighbours(device, AF_INET, true);
  FlushNeighbours(device, AF_INET6, true);
}

void Router::OnLinkDown(Device& device) {
  FollowGroups(device);
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  FlushNexthops(device, false);
  tables->fib4.LinkDown(device);
  FlushNeighbours(device, AF_INET, false);
  tables->fib6.LinkDown(device);
  FlushNeighbours(device, AF_INET6, false);
}

void Router::OnLinkGone(Device& device) {
  device.mac_lists = nullptr;
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  tables->arp.ForgetParams(device);
  tables->nd.ForgetParams(device);
  FlushNexthops(device, true);
  tables->fib4.LinkGone(device);
  FlushNeighbours(device, AF_INET, false);
  tables->fib6.LinkGone(device);
  FlushNeighbours(device, AF_INET6, false);
}

void Router::OnLinkAddressChanged(const Device& device) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  tables->arp.Flush(device, false);
  tables->nd.Flush(device, false);
}

void Router::OnMtuChanged(const Device& device, uint32_t old_mtu) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables != nullptr) tables->fib6.MtuChanged(device, old_mtu);
}

// neigh_ifdown, neigh_carrier_down
void Router::FlushNeighbours(const Device& device, uint8_t family, bool keep_permanent) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  tables->Neighbours(family)->Flush(device, keep_permanent);
  tables->proxies.Flush(device, family);
}

}  // namespace vswitch
