// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_table.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "control/nexthop.h"

namespace vswitch {

namespace {

constexpr uint32_t kBuckets = 256;

// Which of two prefixes comes first: -1, 0 or 1.
int CompareV4(const IpPrefix& a, const IpPrefix& b) {
  if (a.address != b.address) return a.address < b.address ? -1 : 1;
  return a.length == b.length ? 0 : a.length > b.length ? -1 : 1;
}

int CompareV6(const IpPrefix& a, const IpPrefix& b) {
  if (a.length == b.length) return a.address == b.address ? 0 : a.address < b.address ? -1 : 1;
  const uint8_t common = std::min(a.length, b.length);
  const IpAddress left = a.address.Masked(common), right = b.address.Masked(common);
  if (left != right) return left < right ? -1 : 1;
  return a.length > b.length ? -1 : 1;
}

}  // namespace

bool RouteKey::operator<(const RouteKey& other) const {
  const int order_of_dst =
      dst.address.family == AF_INET6 ? CompareV6(dst, other.dst) : CompareV4(dst, other.dst);
  if (order_of_dst != 0) return order_of_dst < 0;
  return std::tie(rank, order) < std::tie(other.rank, other.order);
}

RouteKey RouteTable::KeyOf(const IpRoute& route) {
  return {route.dst, RouteKey::RankOf(route.tos, route.priority), route.order};
}

RouteTable::Map::const_iterator RouteTable::FirstOf(const IpPrefix& dst, uint64_t rank) const {
  return routes_.lower_bound({dst, rank, std::numeric_limits<int64_t>::min()});
}

bool RouteTable::HasPrefix(const IpPrefix& dst) const {
  const auto first = FirstOf(dst);
  return first != routes_.end() && first->first.dst == dst;
}

std::vector<IpRoute*> RouteTable::OfPrefix(const IpPrefix& dst) const {
  std::vector<IpRoute*> routes;
  for (auto entry = FirstOf(dst); entry != routes_.end() && entry->first.dst == dst; ++entry) {
    routes.push_back(entry->second.get());
  }
  return routes;
}

std::vector<IpRoute*> RouteTable::OfGroup(const IpPrefix& dst, uint8_t tos,
                                          uint32_t priority) const {
  std::vector<IpRoute*> routes;
  (void)VisitGroup(dst, tos, priority, [&](IpRoute& route) {
    routes.push_back(&route);
    return true;
  });
  return routes;
}

IpRoute& RouteTable::Insert(std::unique_ptr<IpRoute> route, Place place) {
  constexpr int64_t kFirst = std::numeric_limits<int64_t>::min();
  constexpr int64_t kLast = std::numeric_limits<int64_t>::max();
  RouteKey key = KeyOf(*route);
  const auto in_group = [&](Map::const_iterator entry) {
    return entry->first.dst == key.dst && entry->first.rank == key.rank;
  };
  auto next = routes_.lower_bound({key.dst, key.rank, place == Place::kFirst ? kFirst : kLast});
  key.order = 0;
  if (place == Place::kFirst && next != routes_.end() && in_group(next)) {
    key.order = next->first.order - 1;
  } else if (place == Place::kLast && next != routes_.begin() && in_group(std::prev(next))) {
    key.order = std::prev(next)->first.order + 1;
  }
  route->order = key.order;
  ++lengths_[key.dst.length];
  ++changes_;
  return *routes_.emplace(key, std::move(route)).first->second;
}

std::unique_ptr<IpRoute> RouteTable::Replace(IpRoute& old, std::unique_ptr<IpRoute> route) {
  route->order = old.order;
  ++changes_;
  return std::exchange(routes_.at(KeyOf(old)), std::move(route));
}

std::unique_ptr<IpRoute> RouteTable::Remove(IpRoute& route) {
  --lengths_[route.dst.length];
  ++changes_;
  return std::move(routes_.extract(KeyOf(route)).mapped());
}

IpRoute* RouteTable::After(const std::optional<RouteKey>& key) const {
  const auto next = key.has_value() ? routes_.upper_bound(*key) : routes_.begin();
  return next == routes_.end() ? nullptr : next->second.get();
}

RouteTable* RouteTables::Find(uint32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

RouteTable& RouteTables::FindOrMake(uint32_t id) {
  if (RouteTable* table = Find(id)) return *table;
  const RouteTable::Position position(id % kBuckets, -++last_table_);
  auto& table = tables_[position];
  table = std::make_unique<RouteTable>(id, position);
  return *(by_id_[id] = table.get());
}

std::vector<RouteTable*> RouteTables::DumpOrder() const {
  std::vector<RouteTable*> tables;
  for (const auto& [key, table] : tables_) tables.push_back(table.get());
  return tables;
}

void RouteTables::Index(IpRoute& route) {
  for (const NextHop& hop : route.hops) {
    if (hop.device != nullptr) by_device_.insert(Use{hop.device, route.dst, &route});
  }
  if (route.nexthop != nullptr) by_device_.insert(Use{nullptr, route.dst, &route});
  if (route.prefsrc.valid()) by_source_[route.prefsrc].insert(&route);
  if (route.nexthop != nullptr) route.nexthop->routes.insert(&route);
}

void RouteTables::Unindex(IpRoute& route) {
  for (const NextHop& hop : route.hops) by_device_.erase(Use{hop.device, route.dst, &route});
  if (route.nexthop != nullptr) by_device_.erase(Use{nullptr, route.dst, &route});
  if (route.prefsrc.valid()) UnindexSource(route);
  if (route.nexthop != nullptr) route.nexthop->routes.erase(&route);
}

void RouteTables::UnindexSource(IpRoute& route) {
  const auto found = by_source_.find(route.prefsrc);
  found->second.erase(&route);
  if (found->second.empty()) by_source_.erase(found);
}

IpRoute& RouteTables::Insert(std::unique_ptr<IpRoute> route, RouteTable::Place place) {
  Index(*route);
  return FindOrMake(route->table).Insert(std::move(route), place);
}

std::unique_ptr<IpRoute> RouteTables::Replace(IpRoute& old, std::unique_ptr<IpRoute> route) {
  Unindex(old);
  Index(*route);
  return Find(old.table)->Replace(old, std::move(route));
}

std::unique_ptr<IpRoute> RouteTables::Remove(IpRoute& route) {
  Unindex(route);
  return Find(route.table)->Remove(route);
}

std::vector<IpRoute*> RouteTables::InOrder(std::vector<IpRoute*> routes) const {
  std::sort(routes.begin(), routes.end(), [&](const IpRoute* a, const IpRoute* b) {
    if (a->table != b->table) return Find(a->table)->position() < Find(b->table)->position();
    return RouteTable::KeyOf(*a) < RouteTable::KeyOf(*b);
  });
  return routes;
}

std::vector<IpRoute*> RouteTables::Using(const Device& device) const {
  std::vector<IpRoute*> routes;
  for (auto entry = by_device_.lower_bound({&device, {}, nullptr});
       entry != by_device_.end() && entry->device == &device; ++entry) {
    routes.push_back(entry->route);
  }
  return InOrder(std::move(routes));
}

std::vector<IpRoute*> RouteTables::WithSource(const IpAddress& prefsrc) const {
  const auto found = by_source_.find(prefsrc);
  if (found == by_source_.end()) return {};
  return InOrder({found->second.begin(), found->second.end()});
}

void RouteTables::ForgetSource(IpRoute& route) {
  UnindexSource(route);
  route.prefsrc = {};
}

uint64_t RouteTables::changes() const {
  uint64_t changes = tables_.size();
  for (const auto& [key, table] : tables_) changes += table->changes();
  return changes;
}

}  // namespace vswitch
