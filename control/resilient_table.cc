// SPDX-License-Identifier: BSD-3-Clause
#include "control/resilient_table.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"

namespace vswitch {

void ResilientTable::SetMembers(const std::vector<Member>& members, MonotonicTime now) {
  const bool was_unbalanced = !underweight_.empty();
  const MonotonicTime since = unbalanced_since_;
  shares_.clear();
  for (const Member& member : members) shares_.push_back({.member = member});
  CountBuckets();
  Rebalance(now);
  if (was_unbalanced && !underweight_.empty()) unbalanced_since_ = since;
  (void)Upkeep(now);
}

// nh_res_table_migrate_buckets
void ResilientTable::CountBuckets() {
  absl::flat_hash_map<uint32_t, uint16_t> by_id;
  for (const Share& share : shares_) {
    by_id.emplace(share.member.id, static_cast<uint16_t>(&share - shares_.data()));
  }
  for (Bucket& bucket : buckets_) {
    const auto found = by_id.find(bucket.member);
    bucket.share = found == by_id.end() ? kNobody : found->second;
    if (bucket.share != kNobody) ++shares_[bucket.share].has;
  }
}

// nh_res_group_rebalance
void ResilientTable::Rebalance(MonotonicTime now) {
  uint64_t total = 0, weight = 0, before = 0;
  for (const Share& share : shares_) total += share.member.weight;
  underweight_.clear();
  for (Share& share : shares_) {
    weight += share.member.weight;
    const uint64_t bound = (buckets_.size() * weight + total / 2) / total;
    share.wants = static_cast<uint32_t>(bound - before);
    before = bound;
    if (share.has < share.wants) {
      underweight_.push_back(static_cast<uint16_t>(&share - shares_.data()));
    }
  }
  if (!underweight_.empty()) unbalanced_since_ = now;
}

// nh_res_bucket_should_migrate
bool ResilientTable::ShouldMove(const Bucket& bucket, MonotonicTime now, MonotonicTime& due) {
  if (bucket.share == kNobody) return true;
  const Share& share = shares_[bucket.share];
  if (share.has <= share.wants) return false;
  const MonotonicTime idle = bucket.used == bucket.moved ? now : bucket.used + idle_timer;
  if (now >= idle) return true;
  if (unbalanced_timer.count() != 0) {
    const MonotonicTime forced = unbalanced_since_ + unbalanced_timer;
    if (now > forced) return true;
    due = std::min(due, forced);
  }
  due = std::min(due, idle);
  return false;
}

// nh_res_bucket_migrate
void ResilientTable::Move(Bucket& bucket, MonotonicTime now) {
  if (bucket.share != kNobody) --shares_[bucket.share].has;
  const uint16_t share = underweight_.back();
  Share& to = shares_[share];
  bucket = {.member = to.member.id, .share = share, .used = now, .moved = now};
  if (++to.has == to.wants) underweight_.pop_back();
}

std::vector<uint16_t> ResilientTable::Upkeep(MonotonicTime now) {
  constexpr Milliseconds kShortestWait{500};
  std::vector<uint16_t> moved;
  MonotonicTime due = now + (unbalanced_timer.count() != 0 ? unbalanced_timer : idle_timer);
  for (size_t i = 0; i < buckets_.size() && !underweight_.empty(); ++i) {
    if (!ShouldMove(buckets_[i], now, due)) continue;
    Move(buckets_[i], now);
    moved.push_back(static_cast<uint16_t>(i));
  }
  due_.reset();
  if (!underweight_.empty()) due_ = std::max(due, now + kShortestWait);
  return moved;
}

uint32_t ResilientTable::Use(uint32_t hash, MonotonicTime now) {
  Bucket& bucket = buckets_[hash % buckets_.size()];
  bucket.used = now;
  return bucket.member;
}

MonotonicTime::duration ResilientTable::UnbalancedFor(MonotonicTime now) const {
  return underweight_.empty() ? MonotonicTime::duration::zero() : now - unbalanced_since_;
}

}  // namespace vswitch
