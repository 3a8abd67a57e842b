// SPDX-License-Identifier: BSD-3-Clause
// The packet-rate generator must notice whatever a switch can do to a packet.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "perf/sequence.h"

namespace vswitch {
namespace {

struct SequenceCase {
  const char* name;
  std::vector<uint64_t> arrivals;
  uint64_t sent, lost, duplicated, reordered;
};

class SequenceTest : public testing::TestWithParam<SequenceCase> {};

TEST_P(SequenceTest, Counts) {
  const SequenceCase& test = GetParam();
  SequenceChecker checker;
  for (uint64_t sequence : test.arrivals) checker.Take(sequence);
  EXPECT_EQ(checker.Lost(test.sent), test.lost);
  EXPECT_EQ(checker.duplicated(), test.duplicated);
  EXPECT_EQ(checker.reordered(), test.reordered);
  EXPECT_EQ(checker.unique() + test.lost, test.sent);
}

INSTANTIATE_TEST_SUITE_P(
    Arrivals, SequenceTest,
    testing::Values(SequenceCase{"nothing_sent", {}, 0, 0, 0, 0},
                    SequenceCase{"all_in_order", {0, 1, 2, 3}, 4, 0, 0, 0},
                    SequenceCase{"all_lost", {}, 3, 3, 0, 0},
                    SequenceCase{"first_lost", {1, 2}, 3, 1, 0, 0},
                    SequenceCase{"middle_lost", {0, 3, 4}, 5, 2, 0, 0},
                    SequenceCase{"last_lost", {0, 1}, 3, 1, 0, 0},
                    SequenceCase{"duplicate_of_newest", {0, 1, 1, 2}, 3, 0, 1, 0},
                    SequenceCase{"duplicate_of_older", {0, 1, 2, 0}, 3, 0, 1, 0},
                    SequenceCase{"duplicate_of_late_one", {0, 2, 1, 1}, 3, 0, 1, 1},
                    SequenceCase{"two_swapped", {0, 2, 1, 3}, 4, 0, 0, 1},
                    SequenceCase{"one_late_by_three", {0, 2, 3, 4, 1}, 5, 0, 0, 1},
                    SequenceCase{"one_early", {3, 0, 1, 2}, 4, 0, 0, 3},
                    SequenceCase{"loss_and_duplicate", {0, 2, 2}, 3, 1, 1, 0}),
    [](const auto& test) { return test.param.name; });

TEST(SequenceTest, AGapAfterALapOfTheWindowIsNotTakenForOldArrivals) {
  SequenceChecker checker;
  const uint64_t lap = SequenceChecker::kWindow;
  for (uint64_t i = 0; i < lap + 10; ++i) checker.Take(i);
  checker.Take(lap + 12);  // 10 and 11 of the lap before stood where these two would
  checker.Take(lap + 11);
  EXPECT_EQ(checker.reordered(), 1);
  EXPECT_EQ(checker.duplicated(), 0);
  EXPECT_EQ(checker.Lost(lap + 13), 1);
}

TEST(SequenceTest, AGapWiderThanTheWindowIsAllLost) {
  SequenceChecker checker;
  const uint64_t far = 3 * SequenceChecker::kWindow + 5;
  for (uint64_t i = 0; i < 100; ++i) checker.Take(i);
  checker.Take(far);
  EXPECT_EQ(checker.Lost(far + 1), far - 100);
  checker.Take(far - 1);
  EXPECT_EQ(checker.reordered(), 1);
}

TEST(SequenceTest, OlderThanTheWindowCountsAsDuplicateAndStaysLost) {
  SequenceChecker checker;
  const uint64_t far = 2 * SequenceChecker::kWindow;
  checker.Take(far);
  checker.Take(0);
  EXPECT_EQ(checker.duplicated(), 1);
  EXPECT_EQ(checker.Lost(far + 1), far);
}

TEST(SequenceTest, FlowsThatTakeTurnsShareTheWindow) {
  EXPECT_EQ(SequenceChecker::WindowFor(1), SequenceChecker::kWindow);
  EXPECT_EQ(SequenceChecker::WindowFor(3), SequenceChecker::kWindow / 4);
  EXPECT_EQ(SequenceChecker::WindowFor(1 << 20), SequenceChecker::kMinWindow);
}

TEST(SequenceTest, ASmallWindowKnowsLatePacketsWithinIt) {
  SequenceChecker checker(64);
  checker.Take(64);
  EXPECT_EQ(checker.Take(1), Arrival::kFirst);
  EXPECT_EQ(checker.Take(1), Arrival::kRepeated);
  EXPECT_EQ(checker.Take(0), Arrival::kRepeated);  // too old to tell
  EXPECT_EQ(checker.reordered(), 1);
  EXPECT_EQ(checker.duplicated(), 2);
}

TEST(SequenceTest, WhatWasSentBeforeARestartCountsForNothing) {
  SequenceChecker checker;
  for (const uint64_t sequence : {0, 1, 1, 4, 3}) checker.Take(sequence);
  checker.Restart(6);
  EXPECT_EQ(checker.Take(5), Arrival::kEarlier);
  EXPECT_EQ(checker.Take(6), Arrival::kFirst);
  EXPECT_EQ(checker.Take(4), Arrival::kEarlier);
  EXPECT_EQ(checker.Take(8), Arrival::kFirst);
  EXPECT_EQ(checker.unique(), 2);
  EXPECT_EQ(checker.duplicated(), 0);
  EXPECT_EQ(checker.reordered(), 0);
  EXPECT_EQ(checker.Lost(9), 1);
  EXPECT_EQ(checker.Lost(6), 0);
}

}  // namespace
}  // namespace vswitch
