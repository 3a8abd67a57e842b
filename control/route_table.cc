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

int CompareV6(const RouteNode& a, const RouteNode& b) {
  if (a.dst == b.dst) {
    if (a.from_all() || b.from_all()) return int{a.from_all()} - int{b.from_all()};
    return CompareV6(a.src, b.src);
  }
  // What has a source comes before all that is inside of its prefix.
  if (!a.from_all() && a.dst.length < b.dst.length && a.dst.Contains(b.dst.address)) return -1;
  if (!b.from_all() && b.dst.length < a.dst.length && b.dst.Contains(a.dst.address)) return 1;
  return CompareV6(a.dst, b.dst);
}

}  // namespace

bool RouteKey::operator<(const RouteKey& other) const {
  const int order_of_node = node.dst.address.family == AF_INET6
                                ? CompareV6(node, other.node)
                                : CompareV4(node.dst, other.node.dst);
  if (order_of_node != 0) return order_of_node < 0;
  return std::tie(rank, order) < std::tie(other.rank, other.order);
}

RouteKey RouteTable::KeyOf(const IpRoute& route) {
  return {{route.dst, route.src}, RouteKey::RankOf(route.tos, route.priority), route.order};
}

RouteTable::Map::const_iterator RouteTable::FirstOf(const RouteNode& node, uint64_t rank) const {
  return routes_.lower_bound({node, rank, std::numeric_limits<int64_t>::min()});
}

const IpRoute* RouteTable::First(const RouteNode& node) const {
  const auto first = FirstOf(node);
  return first != routes_.end() && first->first.node == node ? first->second.get() : nullptr;
}

bool RouteTable::HasNode(const RouteNode& node) const { return First(node) != nullptr; }

void RouteTable::CountSource(const RouteNode& node) {
  if (!node.from_all()) ++source_lengths_[node.dst][node.src.length];
}

void RouteTable::UncountSource(const RouteNode& node) {
  if (node.from_all()) return;
  const auto sources = source_lengths_.find(node.dst);
  const auto length = sources->second.find(node.src.length);
  if (--length->second == 0) sources->second.erase(length);
  if (sources->second.empty()) source_lengths_.erase(sources);
}

std::vector<IpRoute*> RouteTable::OfNode(const RouteNode& node) const {
  std::vector<IpRoute*> routes;
  for (auto entry = FirstOf(node); entry != routes_.end() && entry->first.node == node; ++entry) {
    routes.push_back(entry->second.get());
  }
  return routes;
}

std::vector<IpRoute*> RouteTable::OfGroup(const RouteNode& node, uint8_t tos,
                                          uint32_t priority) const {
  std::vector<IpRoute*> routes;
  (void)VisitGroup(node, tos, priority, [&](IpRoute& route) {
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
    return entry->first.node == key.node && entry->first.rank == key.rank;
  };
  auto next = routes_.lower_bound({key.node, key.rank, place == Place::kFirst ? kFirst : kLast});
  key.order = 0;
  if (place == Place::kFirst && next != routes_.end() && in_group(next)) {
    key.order = next->first.order - 1;
  } else if (place == Place::kLast && next != routes_.begin() && in_group(std::prev(next))) {
    key.order = std::prev(next)->first.order + 1;
  }
  route->order = key.order;
  ++lengths_[key.node.dst.length];
  CountSource(key.node);
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
  UncountSource({route.dst, route.src});
  ++changes_;
  return std::move(routes_.extract(KeyOf(route)).mapped());
}

IpRoute* RouteTable::After(const std::optional<RouteKey>& key) const {
  const auto next = key.has_value() ? routes_.upper_bound(*key) : routes_.begin();
  return next == routes_.end() ? nullptr : next->second.get();
}

bool RouteTable::HasSourcesTo(const IpAddress& address) const {
  return std::any_of(source_lengths_.begin(), source_lengths_.end(),
                     [&](const auto& entry) { return entry.first.Contains(address); });
}

bool RouteTables::HasSourcesTo(const IpAddress& address) const {
  return std::any_of(tables_.begin(), tables_.end(),
                     [&](const auto& entry) { return entry.second->HasSourcesTo(address); });
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
    if (hop.device != nullptr) by_device_.insert(Use{hop.device, route.dst, route.src, &route});
  }
  if (route.nexthop != nullptr) by_device_.insert(Use{nullptr, route.dst, route.src, &route});
  if (route.prefsrc.valid()) by_source_[route.prefsrc].insert(&route);
  if (route.nexthop != nullptr) route.nexthop->routes.insert(&route);
}

void RouteTables::Unindex(IpRoute& route) {
  for (const NextHop& hop : route.hops)
    by_device_.erase(Use{hop.device, route.dst, route.src, &route});
  if (route.nexthop != nullptr) by_device_.erase(Use{nullptr, route.dst, route.src, &route});
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
  using Entry = std::pair<RouteTable::Position, IpRoute*>;
  std::vector<Entry> entries;
  for (IpRoute* route : routes) entries.emplace_back(Find(route->table)->position(), route);
  std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) {
    if (a.first != b.first) return a.first < b.first;
    return RouteTable::KeyOf(*a.second) < RouteTable::KeyOf(*b.second);
  });
  std::transform(entries.begin(), entries.end(), routes.begin(),
                 [](const Entry& entry) { return entry.second; });
  return routes;
}

std::vector<IpRoute*> RouteTables::Using(const Device& device) const {
  std::vector<IpRoute*> routes;
  for (auto entry = by_device_.lower_bound({&device, {}, {}, nullptr});
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
