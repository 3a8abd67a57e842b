// SPDX-License-Identifier: BSD-3-Clause
// How a resilient nexthop group spreads flows over its members (struct nh_res_table).
#ifndef VSWITCH_CONTROL_RESILIENT_TABLE_H_
#define VSWITCH_CONTROL_RESILIENT_TABLE_H_

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/inet_device.h"

namespace vswitch {

// Flows are hashed into buckets, and a bucket belongs to one member. When members come or go, only
// those buckets move that must: at once those of a member that went, others not before they are
// idle, or the group was unbalanced for too long. Control thread.
class ResilientTable {
 public:
  using Milliseconds = std::chrono::milliseconds;
  struct Member {
    uint32_t id = 0;  // of a nexthop
    uint32_t weight = 1;
  };
  static constexpr uint16_t kNobody = UINT16_MAX;  // its member went
  struct Bucket {
    uint32_t member = 0;
    uint16_t share = kNobody;
    MonotonicTime used, moved;  // the same: no packet came since it moved
  };

  // REQUIRES: buckets > 0
  explicit ResilientTable(uint16_t buckets) : buckets_(buckets) {}

  // The members are these now (replace_nexthop_grp_res). REQUIRES: there are 1 to 65534.
  void SetMembers(const std::vector<Member>& members, MonotonicTime now);
  // The numbers of the buckets that it moved (nh_res_table_upkeep).
  std::vector<uint16_t> Upkeep(MonotonicTime now);
  // When Upkeep must be called next; nothing is due when all members have their share.
  std::optional<MonotonicTime> due() const { return due_; }
  // The member to which a packet goes (nexthop_select_path_res).
  uint32_t Use(uint32_t hash, MonotonicTime now);

  const std::vector<Bucket>& buckets() const { return buckets_; }
  // How long some member has had too few buckets.
  MonotonicTime::duration UnbalancedFor(MonotonicTime now) const;

  Milliseconds idle_timer{120000};
  Milliseconds unbalanced_timer{0};  // 0: a bucket is never forced to move

 private:
  struct Share {
    Member member;
    uint32_t wants = 0, has = 0;  // buckets
  };

  void CountBuckets();
  void Rebalance(MonotonicTime now);
  // Whether the bucket should move. If it may later, `due` is no later than that.
  bool ShouldMove(const Bucket& bucket, MonotonicTime now, MonotonicTime& due);
  void Move(Bucket& bucket, MonotonicTime now);

  std::vector<Bucket> buckets_;
  std::vector<Share> shares_;
  std::vector<uint16_t> underweight_;  // shares with too few, the next to get one last
  MonotonicTime unbalanced_since_;
  std::optional<MonotonicTime> due_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RESILIENT_TABLE_H_
