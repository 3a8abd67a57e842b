// SPDX-License-Identifier: BSD-3-Clause
// Nexthop objects: ways out with a number, which routes can share (net/ipv4/nexthop.c).
#ifndef VSWITCH_CONTROL_NEXTHOP_H_
#define VSWITCH_CONTROL_NEXTHOP_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_set.h"
#include "control/resilient_table.h"
#include "control/route.h"

namespace vswitch {

// What a request says about a group of type resilient; what it does not say stays, or is the
// default.
struct ResilientConfig {
  std::optional<uint16_t> buckets;
  std::optional<ResilientTable::Milliseconds> idle_timer, unbalanced_timer;
};

struct NexthopObject {
  struct Member {
    std::shared_ptr<NexthopObject> nexthop;
    uint32_t weight = 1;
  };

  uint32_t id = 0;
  uint8_t family = AF_UNSPEC;  // AF_UNSPEC: a group
  uint8_t protocol = 0;
  uint32_t flags = 0;  // RTNH_F_*
  bool blackhole = false;
  bool fdb = false;  // for forwarding tables of tunnels, not for routes; of a group: all members
  NextHop hop;       // of one that is no group
  std::vector<Member> members;
  std::optional<ResilientConfig> resilient_config;  // a group of type resilient
  std::unique_ptr<ResilientTable> resilient;        // of such a group once it is inserted
  std::optional<MonotonicTime> upkeep;              // it is scheduled for

  std::vector<NextHop> hops;                   // what routes see: those of the members, or `hop`
  absl::flat_hash_set<IpRoute*> routes;        // that use it
  absl::flat_hash_set<NexthopObject*> groups;  // it is a member of

  bool group() const { return !members.empty(); }
  // Whether no packet goes this way.
  bool IsBlackhole() const;
  bool HasV4() const;
  // After `hop` or members changed.
  void UpdateHops();
  // After members changed: the buckets follow.
  void UpdateBuckets(MonotonicTime now);
};

// The objects of a namespace by number, the order of dumps. Control thread.
class Nexthops {
 public:
  using Map = absl::btree_map<uint32_t, std::shared_ptr<NexthopObject>>;

  // A short request makes 65,535 of them, and what looks at all must not take long. Linux has no
  // limit.
  static constexpr size_t kMaxBuckets = 1 << 20;

  std::shared_ptr<NexthopObject> Find(uint32_t id) const;
  // Whether the buckets of all groups stay within kMaxBuckets.
  bool HasRoomFor(const NexthopObject& nexthop) const;
  // REQUIRES: a resilient group says how many buckets, and there is room.
  void Insert(std::shared_ptr<NexthopObject> nexthop);
  // Takes it out of its groups, too; a group that is left empty stays.
  void Erase(NexthopObject& nexthop);
  // `old` becomes what `now` is, for all that use it. REQUIRES: both are groups, or none is.
  void Redefine(NexthopObject& old, const NexthopObject& now);
  // Those through a device that are no groups, by number.
  std::vector<std::shared_ptr<NexthopObject>> Through(const Device& device) const;
  // A number that is free (nh_find_unused_id).
  uint32_t UnusedId();

  const Map& all() const { return by_id_; }
  uint64_t changes() const { return changes_; }

  // When a resilient group needs upkeep.
  std::optional<MonotonicTime> NextDeadline() const;
  // One that does by now, to be scheduled again; null if there is none.
  NexthopObject* FindDue(MonotonicTime now) const;
  // After upkeep.
  void Schedule(NexthopObject& nexthop);
  // When members changed: the buckets of a resilient group follow.
  void Rebalance(NexthopObject& group);

 private:
  void Unschedule(NexthopObject& nexthop);
  void Reconfigure(NexthopObject& group, const ResilientConfig& config);

  Map by_id_;
  absl::btree_set<std::pair<const Device*, uint32_t>> by_device_;
  absl::btree_set<std::pair<MonotonicTime, uint32_t>> upkeep_;  // groups that are unbalanced
  size_t buckets_ = 0;                                          // of all resilient groups
  uint32_t last_id_ = 0;
  uint64_t changes_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NEXTHOP_H_
