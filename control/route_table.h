// SPDX-License-Identifier: BSD-3-Clause
// Routing tables as containers: order, lookup by longest prefix, and which routes use a device.
#ifndef VSWITCH_CONTROL_ROUTE_TABLE_H_
#define VSWITCH_CONTROL_ROUTE_TABLE_H_

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/route.h"

namespace vswitch {

// What routes of a table are for (struct fib6_node). Packets to a prefix; those that come from
// `src` only, if it has a length.
struct RouteNode {
  IpPrefix dst;
  IpPrefix src;

  RouteNode(const IpPrefix& to = {}, const IpPrefix& from = {}) : dst(to), src(from) {}
  bool operator==(const RouteNode&) const = default;
  bool from_all() const { return src.length == 0; }
};

// Where a route stands in its table. Those with the same node, tos and priority are a group.
struct RouteKey {
  RouteNode node;
  uint64_t rank = 0;  // among routes of the prefix: the highest tos, then the lowest priority first
  int64_t order = 0;  // in the group

  static uint64_t RankOf(uint8_t tos, uint32_t priority) {
    return uint64_t{static_cast<uint8_t>(~tos)} << 32 | priority;
  }
  // In the order of a dump. IPv4 goes by address, and the longest of the prefixes that begin there
  // comes first (fib_trie); IPv6 goes by address, too, but a prefix comes after all that is inside
  // of it, and before that what is for some sources only (fib6_walk).
  bool operator<(const RouteKey& other) const;
};

// Control thread.
class RouteTable {
 public:
  using Map = absl::btree_map<RouteKey, std::unique_ptr<IpRoute>>;

  enum class Place { kFirst, kLast };  // in the group

  // By bucket, (id & 255), then the most recent first: the order of a dump.
  using Position = std::pair<uint32_t, int64_t>;

  RouteTable(uint32_t id, Position position) : id_(id), position_(position) {}
  uint32_t id() const { return id_; }
  Position position() const { return position_; }

  static RouteKey KeyOf(const IpRoute& route);

  IpRoute& Insert(std::unique_ptr<IpRoute> route, Place place);
  // The new route takes the old one's place. Returns the old one.
  std::unique_ptr<IpRoute> Replace(IpRoute& old, std::unique_ptr<IpRoute> route);
  std::unique_ptr<IpRoute> Remove(IpRoute& route);

  // All routes of a node, or of one group, in order.
  std::vector<IpRoute*> OfNode(const RouteNode& node) const;
  std::vector<IpRoute*> OfGroup(const RouteNode& node, uint8_t tos, uint32_t priority) const;

  // Calls `visit(IpRoute&)` for the routes of a group until it returns false; true at the end.
  template <typename Visit>
  bool VisitGroup(const RouteNode& node, uint8_t tos, uint32_t priority, Visit visit) const {
    const uint64_t rank = RouteKey::RankOf(tos, priority);
    for (auto entry = FirstOf(node, rank);
         entry != routes_.end() && entry->first.node == node && entry->first.rank == rank;
         ++entry) {
      if (!visit(*entry->second)) return false;
    }
    return true;
  }
  bool HasNode(const RouteNode& node) const;
  // Whether some routes to the prefix are for some sources only.
  bool HasSources(const IpPrefix& dst) const { return source_lengths_.contains(dst); }
  // The same of any prefix that the address is in.
  bool HasSourcesTo(const IpAddress& address) const;

  // Calls `visit(const IpRoute&)` for the first route of each node that a packet matches, until it
  // returns true: from the longest prefix on, of each the longest source first. A prefix with
  // sources, all of which are others, is passed over as long as there was none before
  // (fib6_node_lookup, fib6_backtrack). `source` may be none at all.
  template <typename Visit>
  void VisitNodes(const IpAddress& address, const IpAddress& source, Visit visit) const {
    bool found = false;
    for (int length = address.bits(); length >= 0; --length) {
      if (lengths_[static_cast<size_t>(length)] == 0) continue;
      const IpPrefix dst = IpPrefix{address, static_cast<uint8_t>(length)}.Network();
      const auto sources = source_lengths_.find(dst);
      const bool has_sources = sources != source_lengths_.end();
      bool from_there = false;
      if (has_sources && source.valid()) {
        for (const auto& [bits, count] : sources->second) {
          const IpRoute* first = First({dst, IpPrefix{source, bits}.Network()});
          if (first == nullptr) continue;
          from_there = found = true;
          if (visit(*first)) return;
        }
      }
      if (has_sources && !from_there && !found && length != 0) continue;
      const IpRoute* first = First(dst);
      if (first == nullptr) continue;
      found = true;
      if (visit(*first)) return;
    }
  }
  // Calls `visit(IpRoute&)` for the routes to an address whose prefix has this length, until it
  // returns true; returns that route, or null.
  template <typename Visit>
  IpRoute* LookupLength(const IpAddress& address, uint8_t length, Visit visit) const {
    if (lengths_[length] == 0) return nullptr;
    const IpPrefix dst{address.Masked(length), length};
    for (auto entry = FirstOf(dst); entry != routes_.end() && entry->first.node == dst; ++entry) {
      if (visit(*entry->second)) return entry->second.get();
    }
    return nullptr;
  }

  // The first route behind `key`; null at the end.
  IpRoute* After(const std::optional<RouteKey>& key) const;
  bool empty() const { return routes_.empty(); }
  uint64_t changes() const { return changes_; }

 private:
  Map::const_iterator FirstOf(const RouteNode& node, uint64_t rank = 0) const;
  // Null if there is none.
  const IpRoute* First(const RouteNode& node) const;
  void CountSource(const RouteNode& node);
  void UncountSource(const RouteNode& node);

  const uint32_t id_;
  const Position position_;
  Map routes_;
  std::array<uint32_t, 129> lengths_{};  // routes by prefix length
  // Prefixes with routes for some sources only: of those the lengths, the longest first, and how
  // many routes have it.
  using Lengths = absl::btree_map<uint8_t, uint32_t, std::greater<>>;
  absl::flat_hash_map<IpPrefix, Lengths> source_lengths_;
  uint64_t changes_ = 0;
};

// The tables of one family in a namespace. Control thread.
class RouteTables {
 public:
  // Null if there is none.
  RouteTable* Find(uint32_t id) const;
  RouteTable& FindOrMake(uint32_t id);
  // In the order of a dump.
  std::vector<RouteTable*> DumpOrder() const;

  // As RouteTable has them, for the table that the route names.
  IpRoute& Insert(std::unique_ptr<IpRoute> route, RouteTable::Place place);
  std::unique_ptr<IpRoute> Replace(IpRoute& old, std::unique_ptr<IpRoute> route);
  std::unique_ptr<IpRoute> Remove(IpRoute& route);

  // Those with a hop through the device, or with the preferred source, in the order of a dump.
  std::vector<IpRoute*> Using(const Device& device) const;
  std::vector<IpRoute*> WithSource(const IpAddress& prefsrc) const;

  // Whether the way of packets to the address may depend on where they are from.
  bool HasSourcesTo(const IpAddress& address) const;

  // Any of those of a node through the device that `accept(const IpRoute&)` wants; null if there
  // is none. A null device: those that use a nexthop object.
  template <typename Accept>
  IpRoute* FindUsing(const Device* device, const RouteNode& node, Accept accept) const {
    for (auto entry = by_device_.lower_bound({device, node.dst, node.src, nullptr});
         entry != by_device_.end() && entry->device == device && entry->dst == node.dst &&
         entry->src == node.src;
         ++entry) {
      if (accept(*entry->route)) return entry->route;
    }
    return nullptr;
  }
  // The route names no preferred source any more.
  void ForgetSource(IpRoute& route);

  uint64_t changes() const;

 private:
  using RouteSet = absl::flat_hash_set<IpRoute*>;
  struct Use {
    const Device* device = nullptr;
    IpPrefix dst, src;
    IpRoute* route = nullptr;

    auto operator<=>(const Use&) const = default;
  };

  void Index(IpRoute& route);
  void Unindex(IpRoute& route);
  void UnindexSource(IpRoute& route);
  std::vector<IpRoute*> InOrder(std::vector<IpRoute*> routes) const;

  absl::btree_map<RouteTable::Position, std::unique_ptr<RouteTable>> tables_;
  absl::flat_hash_map<uint32_t, RouteTable*> by_id_;
  absl::btree_set<Use> by_device_;
  absl::flat_hash_map<IpAddress, RouteSet> by_source_;
  int64_t last_table_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ROUTE_TABLE_H_
