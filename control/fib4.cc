// SPDX-License-Identifier: BSD-3-Clause
// Looking for routes, and what addresses and links do to them.
#include "control/fib4.h"

#include <linux/if.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "control/fill_link.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kZeroNet = 0, kZeroNetMask = 0xff000000;
constexpr uint32_t kLimitedBroadcast = 0xffffffff;

bool IsZeroNet(const IpAddress& address) { return (address.ToV4() & kZeroNetMask) == kZeroNet; }

// None of a null device.
const std::vector<InetAddress>& AddressesOf(const Device* device) {
  static const std::vector<InetAddress> kNone;
  return device == nullptr || device->inet == nullptr ? kNone : device->inet->v4;
}

const std::vector<InetAddress>& AddressesOf(const Device& device) { return AddressesOf(&device); }

// Those that count when an address goes.
const std::vector<InetAddress>& OthersOf(const Device& device) {
  return AddressesOf(device.inet != nullptr && device.inet->v4_stops ? nullptr : &device);
}

IpPrefix HostPrefix(const IpAddress& address) { return {address, 32}; }

// The last address of a subnet.
IpAddress BroadcastOf(const IpPrefix& subnet) {
  const uint64_t hosts = (uint64_t{1} << (32 - subnet.length)) - 1;
  return IpAddress::V4(subnet.address.ToV4() | static_cast<uint32_t>(hosts));
}

// The first address of the same subnet (inet_ifa_byprefix).
const InetAddress* PrimaryOf(const Device& device, const InetAddress& address) {
  for (const InetAddress& other : OthersOf(device)) {
    if (other.prefix_length != address.prefix_length) continue;
    if (other.prefix().Contains(address.peer)) return &other;
  }
  return nullptr;
}

bool IsUsable(const NextHop& hop, const Flow& flow) {
  if (hop.dead()) return false;
  return flow.oif == 0 || (hop.device != nullptr && hop.device->ifindex == flow.oif);
}

// Whether a subnet has a route of its own.
bool HasSubnetRoute(const InetAddress& address) {
  const IpPrefix subnet = address.prefix().Network();
  return !IsZeroNet(subnet.address) &&
         (subnet.address != address.local || address.prefix_length < 32);
}

uint8_t SubnetType(const Device& device) {
  return (device.flags & IFF_LOOPBACK) != 0 ? RTN_LOCAL : RTN_UNICAST;
}

// What other addresses of a device still need (fib_del_ifaddr).
enum Needed : uint32_t { kLocal = 1, kBroadcast = 2, kFirst = 4, kLast = 8 };

}  // namespace

bool Fib4::Merged(uint32_t id) const {
  return rules_.untouched() && (id == RT_TABLE_LOCAL || id == RT_TABLE_MAIN);
}

// Whether a route takes the packet: EAGAIN if not (fib_table_lookup).
RouteResult Fib4::Judge(IpRoute& route, const Flow& flow) const {
  if (route.tos != 0 && route.tos != flow.tos) return {.error = EAGAIN};
  if (route.scope < flow.scope) return {.error = EAGAIN};
  RouteResult result{.route = &route, .type = route.type, .table = route.table};
  result.error = ErrorOfType(route.type);
  if (result.error != 0) return result;
  if ((route.flags & RTNH_F_DEAD) != 0) return {.error = EAGAIN};
  if (route.nexthop != nullptr && route.nexthop->IsBlackhole()) {
    result.error = EINVAL;
    return result;
  }
  for (const NextHop& hop : HopsOf(route)) {
    if (!IsUsable(hop, flow)) continue;
    result.hop = &hop;
    return result;
  }
  return {.error = EAGAIN};
}

RouteResult Fib4::LookupTable(uint32_t id, const Flow& flow) const {
  const bool merged = Merged(id);
  const std::array<const RouteTable*, 2> tables = {
      tables_.Find(merged ? uint32_t{RT_TABLE_LOCAL} : id),
      merged ? tables_.Find(RT_TABLE_MAIN) : nullptr};
  RouteResult result{.error = EAGAIN};
  const auto visit = [&](IpRoute& route) {
    result = Judge(route, flow);
    result.table = id;
    return result.error != EAGAIN || result.route != nullptr;
  };
  for (int length = 32; length >= 0; --length) {
    for (const RouteTable* table : tables) {
      if (table == nullptr) continue;
      if (table->LookupLength(flow.dst, static_cast<uint8_t>(length), visit) != nullptr) {
        return result;
      }
    }
  }
  return {.error = EAGAIN};
}

RouteResult Fib4::Lookup(const Flow& flow) const {
  if (!rules_.untouched()) {
    return rules_.Lookup(ns_, flow, [&](uint32_t id) { return LookupTable(id, flow); });
  }
  RouteResult result{.error = ENETUNREACH};
  for (const uint32_t id : {uint32_t{RT_TABLE_MAIN}, uint32_t{RT_TABLE_DEFAULT}}) {
    if (!result.ok() && (id == RT_TABLE_MAIN || tables_.Find(id) != nullptr)) {
      result = LookupTable(id, flow);
    }
  }
  if (result.error == EAGAIN) result.error = ENETUNREACH;
  return result;
}

RouteResult Fib4::Resolve(Flow& flow) const {
  RouteResult result = Lookup(flow);
  if (!result.ok()) return result;
  if (result.type == RTN_LOCAL) {
    if (!flow.src.valid()) {
      flow.src = result.route->prefsrc.valid() ? result.route->prefsrc : flow.dst;
    }
    return result;
  }
  const std::vector<NextHop>& hops = HopsOf(*result.route);
  if (flow.oif == 0 && hops.size() > 1) {
    std::vector<const NextHop*> usable;
    for (const NextHop& hop : hops) {
      if (IsUsable(hop, flow)) usable.push_back(&hop);
    }
    const NextHop* resilient = SelectResilient(*result.route, flow);
    result.hop = resilient != nullptr ? resilient : SelectHop(usable, flow);
  }
  if (!flow.src.valid()) flow.src = SourceOf(result);
  return result;
}

uint8_t Fib4::TypeOf(const IpAddress& address, const Device* device, uint32_t table) const {
  if (IsZeroNet(address) || address.ToV4() == kLimitedBroadcast) return RTN_BROADCAST;
  if (address.IsMulticast()) return RTN_MULTICAST;
  if (tables_.Find(table) == nullptr) return RTN_BROADCAST;
  const RouteResult result = LookupTable(table, Flow{.dst = address});
  if (!result.ok()) return RTN_UNICAST;
  const bool counts = device == nullptr || HopsOf(*result.route)[0].device == device;
  return counts ? result.type : static_cast<uint8_t>(RTN_UNICAST);
}

IpAddress Fib4::SelectSource(const Device* device, const IpAddress& dst, uint8_t scope) const {
  std::optional<IpAddress> any;
  for (const InetAddress& address : AddressesOf(device)) {
    if (address.secondary() || std::min<uint8_t>(address.scope, RT_SCOPE_HOST) > scope) continue;
    if (!dst.valid() || address.prefix().Contains(dst)) return address.local;
    if (!any.has_value()) any = address.local;
  }
  if (any.has_value()) return *any;
  for (const auto& [serial, other] : with_addresses_) {
    for (const InetAddress& address : AddressesOf(*other)) {
      if (address.secondary() || address.scope == RT_SCOPE_LINK) continue;
      if (address.scope <= scope) return address.local;
    }
  }
  return IpAddress::Any(AF_INET);
}

IpAddress Fib4::SourceOf(const RouteResult& result) const {
  if (result.route->prefsrc.valid()) return result.route->prefsrc;
  const IpAddress& gateway = result.hop->gateway;
  const IpAddress dst = gateway.family == AF_INET ? gateway : IpAddress{};
  return SelectSource(result.hop->device, dst, result.route->scope);
}

void Fib4::Announce(const IpRoute& route, uint16_t type, uint16_t flags, const Cause& cause) const {
  announcer_.AnnounceRoute(ns_, {&route}, type, flags, cause);
}

// A route that the switch itself wants or does not want any more (fib_magic).
void Fib4::Magic(uint16_t type, const Device& device, const IpPrefix& dst, uint8_t route_type,
                 const InetAddress& primary, uint32_t priority) {
  const bool subnet = route_type == RTN_UNICAST;
  const RouteConfig config{
      .dst = dst,
      .type = route_type,
      .scope = static_cast<uint8_t>(route_type == RTN_LOCAL ? RT_SCOPE_HOST : RT_SCOPE_LINK),
      .protocol = RTPROT_KERNEL,
      .table = subnet ? uint32_t{RT_TABLE_MAIN} : uint32_t{RT_TABLE_LOCAL},
      .nlflags = NLM_F_CREATE | NLM_F_APPEND,
      .oif = device.ifindex,
      .priority = priority,
      .prefsrc = primary.local};
  ExtAck ignored;
  (void)(type == RTM_NEWROUTE ? Add(config, {}, ignored) : Delete(config, {}));
}

void Fib4::AddressAdded(Device& device, const InetAddress& address) {
  with_addresses_[device.serial] = &device;
  const InetAddress* found = address.secondary() ? PrimaryOf(device, address) : &address;
  if (found == nullptr) return;
  const InetAddress primary = *found;
  const IpPrefix subnet = address.prefix().Network();
  Magic(RTM_NEWROUTE, device, HostPrefix(address.local), RTN_LOCAL, primary, 0);
  if (!device.up()) return;
  if (address.broadcast.valid() && address.broadcast.ToV4() != kLimitedBroadcast) {
    Magic(RTM_NEWROUTE, device, HostPrefix(address.broadcast), RTN_BROADCAST, primary, 0);
  }
  if (!address.secondary() && HasSubnetRoute(address)) {
    if ((address.flags & IFA_F_NOPREFIXROUTE) == 0) {
      Magic(RTM_NEWROUTE, device, subnet, SubnetType(device), primary, address.rt_priority);
    }
    if (address.prefix_length < 31) {
      Magic(RTM_NEWROUTE, device, HostPrefix(BroadcastOf(subnet)), RTN_BROADCAST, primary, 0);
    }
  }
  SyncUp(device, RTNH_F_DEAD);
}

// Which routes of a removed address another one needs, too.
uint32_t Fib4::StaleRoutes(const Device& device, const InetAddress& address,
                           const InetAddress& primary) const {
  const IpPrefix subnet = address.prefix().Network();
  const IpAddress last = BroadcastOf(subnet);
  uint32_t needed = 0;
  bool same_source = false;
  const InetAddress* other_primary = nullptr;
  const auto covers = [](const InetAddress& a, const InetAddress& b) {
    return a.prefix_length == b.prefix_length && b.prefix().Contains(a.peer);
  };
  for (const InetAddress& other : OthersOf(device)) {
    if (other.secondary()) {
      if (covers(other, primary)) {
        other_primary = &primary;
      } else {
        if (!same_source) continue;
        if (other_primary == nullptr || !covers(other, *other_primary)) {
          other_primary = PrimaryOf(device, other);
        }
        if (other_primary == nullptr || other_primary->local != primary.local) continue;
      }
    } else {
      if (primary.local != other.local) continue;
      other_primary = &other;
      same_source = true;
    }
    if (address.local == other.local) needed |= kLocal;
    if (address.broadcast == other.broadcast) needed |= kBroadcast;
    if (last == other.broadcast) needed |= kLast;
    if (subnet.address == other.broadcast) needed |= kFirst;
    if (other_primary != &other || other.prefix_length >= 31) continue;
    const IpPrefix other_subnet = other.prefix().Network();
    if (IsZeroNet(other_subnet.address)) continue;
    const IpAddress ends[] = {other_subnet.address, BroadcastOf(other_subnet)};
    const auto is_end = [&](const IpAddress& a) { return a == ends[0] || a == ends[1]; };
    if (is_end(address.broadcast)) needed |= kBroadcast;
    if (is_end(last)) needed |= kLast;
    if (is_end(subnet.address)) needed |= kFirst;
  }
  return ~needed;
}

void Fib4::AddressRemoved(Device& device, const InetAddress& address) {
  const InetAddress* found = address.secondary() ? PrimaryOf(device, address) : &address;
  if (found != nullptr) {
    const InetAddress primary = *found;
    const IpPrefix subnet = address.prefix().Network();
    const bool whole_subnet = !address.secondary() && HasSubnetRoute(address);
    if (whole_subnet && (address.flags & IFA_F_NOPREFIXROUTE) == 0) {
      Magic(RTM_DELROUTE, device, subnet, SubnetType(device), primary, 0);
    }
    const uint32_t stale = StaleRoutes(device, address, primary);
    const auto remove = [&](uint32_t which, const IpAddress& dst, uint8_t type) {
      if ((stale & which) == 0) return;
      Magic(RTM_DELROUTE, device, HostPrefix(dst), type, primary, 0);
    };
    remove(kBroadcast, address.broadcast.valid() ? address.broadcast : IpAddress::Any(AF_INET),
           RTN_BROADCAST);
    if (whole_subnet && address.prefix_length < 31) {
      remove(kLast, BroadcastOf(subnet), RTN_BROADCAST);
      remove(kFirst, subnet.address, RTN_BROADCAST);
    }
    remove(kLocal, address.local, RTN_LOCAL);
    if ((stale & kLocal) != 0 && TypeOf(address.local) != RTN_LOCAL) {
      SyncDownSource(address.local);
    }
  }
  if (!AddressesOf(device).empty()) return;
  with_addresses_.erase(device.serial);
  SyncDown(device, RTNH_F_DEAD | RTNH_F_LINKDOWN, true);
}

// fib_modify_prefix_metric
void Fib4::MetricChanged(const Device& device, const InetAddress& before, const InetAddress& now) {
  const bool own_route = device.up() && HasSubnetRoute(now) && !now.secondary() &&
                         (now.flags & IFA_F_NOPREFIXROUTE) == 0;
  if (!own_route || before.rt_priority == now.rt_priority) return;
  const IpPrefix subnet = now.prefix().Network();
  Magic(RTM_NEWROUTE, device, subnet, SubnetType(device), now, now.rt_priority);
  Magic(RTM_DELROUTE, device, subnet, SubnetType(device), now, before.rt_priority);
}

void Fib4::LinkUp(Device& device) {
  const std::vector<InetAddress> addresses = AddressesOf(device);
  for (const InetAddress& address : addresses) AddressAdded(device, address);
  SyncUp(device, RTNH_F_DEAD);
}

void Fib4::LinkChanged(Device& device) {
  if ((ReportedFlags(device) & (IFF_RUNNING | IFF_LOWER_UP)) != 0) {
    SyncUp(device, RTNH_F_LINKDOWN);
  } else {
    SyncDown(device, RTNH_F_LINKDOWN, false);
  }
}

void Fib4::LinkDown(Device& device) { SyncDown(device, RTNH_F_DEAD | RTNH_F_LINKDOWN, false); }

void Fib4::LinkGone(Device& device) {
  for (IpRoute* route : tables_.Using(device)) (void)tables_.Remove(*route);
  with_addresses_.erase(device.serial);
  marks_.erase(&device);
}

void Fib4::NoteMarks(const IpRoute& route) {
  for (const NextHop& hop : route.hops) {
    const uint32_t marks = hop.flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN);
    if (marks != 0) marks_[hop.device] |= marks;
  }
}

// Hops through a device come back to life (fib_sync_up). Every address that comes asks for it, so
// there must be some.
void Fib4::SyncUp(Device& device, uint32_t flags) {
  const auto marks = marks_.find(&device);
  if (!device.up() || marks == marks_.end()) return;
  const bool running = (ReportedFlags(device) & (IFF_RUNNING | IFF_LOWER_UP)) != 0;
  if ((flags & RTNH_F_DEAD) != 0 && running) flags |= RTNH_F_LINKDOWN;
  if ((marks->second & flags) == 0) return;
  for (IpRoute* route : tables_.Using(device)) {
    bool alive = false;
    for (NextHop& hop : route->hops) {
      const bool up = hop.device != nullptr && hop.device->up();
      const bool marked = (hop.flags & flags) != 0;
      if (marked && (!up || hop.device != &device)) continue;
      alive = true;
      hop.flags &= ~flags;
    }
    if (alive) route->flags &= ~flags;
  }
  marks->second &= ~flags;
  if (marks->second == 0) marks_.erase(marks);
}

// Hops through a device are marked, and routes without any other go, silently (fib_sync_down_dev,
// fib_flush). Unless forced, what leads to this host stays.
void Fib4::SyncDown(Device& device, uint32_t flags, bool force) {
  for (IpRoute* route : tables_.Using(device)) {
    size_t dead = 0;
    for (NextHop& hop : route->hops) {
      const bool ours = hop.device == &device && (force || hop.scope != RT_SCOPE_NOWHERE);
      if (!hop.dead() && !ours) continue;
      if (!hop.dead()) hop.flags |= flags;
      ++dead;
    }
    NoteMarks(*route);
    if (dead < route->hops.size()) continue;
    route->flags |= flags;
    if ((flags & RTNH_F_DEAD) != 0) (void)tables_.Remove(*route);
  }
}

// Routes that name a source that is gone (fib_sync_down_addr, fib_flush): from the last to the
// first.
void Fib4::SyncDownSource(const IpAddress& local) {
  std::vector<IpRoute*> routes = tables_.WithSource(local);
  std::reverse(routes.begin(), routes.end());
  for (IpRoute* route : routes) {
    if (route->table != RT_TABLE_MAIN) continue;
    route->flags |= RTNH_F_DEAD;
    Announce(*route, RTM_DELROUTE, 0, {});
    (void)tables_.Remove(*route);
  }
}

void Fib4::RemoveRoutesOf(const NexthopObject& nexthop) {
  const std::vector<IpRoute*> routes(nexthop.routes.begin(), nexthop.routes.end());
  for (IpRoute* route : routes) {
    if (route->dst.address.family == AF_INET) (void)tables_.Remove(*route);
  }
}

}  // namespace vswitch
