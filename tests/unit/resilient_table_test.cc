// SPDX-License-Identifier: BSD-3-Clause
// Which buckets of a resilient nexthop group move, and when.
#include "control/resilient_table.h"

#include <gtest/gtest.h>

namespace vswitch {

namespace {

using std::chrono::seconds;
using Owners = std::vector<uint32_t>;

class ResilientTableTest : public testing::Test {
 protected:
  ResilientTableTest() {
    table_.idle_timer = seconds(10);
    table_.SetMembers({{.id = 1}, {.id = 2}}, now_);
  }

  Owners Buckets() const {
    Owners owners;
    for (const ResilientTable::Bucket& bucket : table_.buckets()) owners.push_back(bucket.member);
    return owners;
  }
  // A packet for every bucket.
  void UseAll() {
    now_ += seconds(1);
    for (uint32_t bucket = 0; bucket < 4; ++bucket) table_.Use(bucket, now_);
  }

  MonotonicTime now_{seconds(1000)};
  ResilientTable table_{4};
};

TEST_F(ResilientTableTest, MembersGetTheirShare) {
  EXPECT_EQ(Buckets(), (Owners{2, 2, 1, 1}));
  EXPECT_EQ(table_.due(), std::nullopt);
  EXPECT_EQ(table_.Use(7, now_), 1U);
  ResilientTable uneven(5);
  uneven.SetMembers({{.id = 1, .weight = 1}, {.id = 2, .weight = 3}}, now_);
  EXPECT_EQ(uneven.Use(0, now_), 2U);
  EXPECT_EQ(uneven.Use(4, now_), 1U);
}

TEST_F(ResilientTableTest, BucketsOfAMemberThatWentMoveAtOnce) {
  UseAll();
  table_.SetMembers({{.id = 1}, {.id = 3}}, now_);
  EXPECT_EQ(Buckets(), (Owners{3, 3, 1, 1}));
  EXPECT_EQ(table_.due(), std::nullopt);
}

TEST_F(ResilientTableTest, BucketsThatNobodyUsesMoveAtOnce) {
  table_.SetMembers({{.id = 1}, {.id = 2}, {.id = 3, .weight = 2}}, now_);
  EXPECT_EQ(Buckets(), (Owners{3, 2, 3, 1}));
}

TEST_F(ResilientTableTest, BucketsInUseMoveOnceTheyAreIdle) {
  UseAll();
  table_.SetMembers({{.id = 1}, {.id = 2}, {.id = 3, .weight = 2}}, now_);
  EXPECT_EQ(Buckets(), (Owners{2, 2, 1, 1}));
  EXPECT_EQ(table_.due(), now_ + seconds(10));
  now_ += seconds(9);
  table_.Use(0, now_);
  now_ += seconds(1);
  EXPECT_EQ(table_.Upkeep(now_), (std::vector<uint16_t>{1, 2}));
  EXPECT_EQ(Buckets(), (Owners{2, 3, 3, 1}));
  EXPECT_EQ(table_.UnbalancedFor(now_), seconds(0));
}

TEST_F(ResilientTableTest, AGroupIsNotUnbalancedForEver) {
  UseAll();
  table_.unbalanced_timer = seconds(3);
  table_.SetMembers({{.id = 1}}, now_);
  UseAll();
  table_.SetMembers({{.id = 1}, {.id = 2}}, now_);
  EXPECT_EQ(Buckets(), (Owners{1, 1, 1, 1}));
  EXPECT_EQ(table_.due(), now_ + seconds(3));
  now_ += seconds(2);
  EXPECT_EQ(table_.UnbalancedFor(now_), seconds(2));
  EXPECT_TRUE(table_.Upkeep(now_).empty());
  now_ += seconds(2);
  EXPECT_EQ(table_.Upkeep(now_), (std::vector<uint16_t>{0, 1}));
}

}  // namespace

}  // namespace vswitch
