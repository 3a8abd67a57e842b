// SPDX-License-Identifier: BSD-3-Clause
// The packet-rate generator must notice whatever a switch can do to a packet.
#include "perf/sequence.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "perf/frame.h"
#include "perf/pacer.h"

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

constexpr uint32_t kRun = 0x1234567;
constexpr uint16_t kFlows = 3;

class FrameTest : public testing::TestWithParam<uint32_t> {
 protected:
  FrameCodec codec_{GetParam(), kRun, 0, kFlows, Verify::kFull};
  std::vector<uint8_t> frame_ = std::vector<uint8_t>(GetParam());
};

TEST_P(FrameTest, IntactFrameGivesItsFlowAndSequence) {
  codec_.Write(frame_.data(), 2, 0x123456789A);
  const FrameCheck check = codec_.Check(frame_);
  EXPECT_EQ(check.verdict, FrameVerdict::kIntact);
  EXPECT_EQ(check.flow, 2);
  EXPECT_EQ(check.sequence, 0x123456789A);
}

TEST_P(FrameTest, EveryFlippedBitIsNoticed) {
  codec_.Write(frame_.data(), 1, 77);
  for (size_t bit = 0; bit < frame_.size() * 8; ++bit) {
    frame_[bit / 8] ^= 1 << bit % 8;
    EXPECT_NE(codec_.Check(frame_).verdict, FrameVerdict::kIntact) << "bit " << bit;
    frame_[bit / 8] ^= 1 << bit % 8;
  }
}

TEST_P(FrameTest, AFlippedPayloadBitIsCorruption) {
  codec_.Write(frame_.data(), 1, 77);
  frame_.back() ^= 1;
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, TheTailOfAnotherFrameIsCorruption) {
  std::vector<uint8_t> other(frame_.size());
  codec_.Write(frame_.data(), 1, 77);
  codec_.Write(other.data(), 1, 78);
  frame_.back() = other.back();
  if (frame_.size() > FrameCodec::kMinSize) {
    std::copy(other.begin() + FrameCodec::kMinSize, other.end(),
              frame_.begin() + FrameCodec::kMinSize);
  }
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, ShortenedOrLengthenedIsNotIntact) {
  codec_.Write(frame_.data(), 0, 5);
  for (size_t length = 0; length < frame_.size(); ++length) {
    EXPECT_NE(codec_.Check({frame_.data(), length}).verdict, FrameVerdict::kIntact) << length;
  }
  frame_.push_back(0);
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, OtherRunsAndTheOtherDirectionAreForeign) {
  for (const FrameCodec& other : {FrameCodec(GetParam(), kRun + 1, 0, kFlows, Verify::kFull),
                                  FrameCodec(GetParam(), kRun, 1, kFlows, Verify::kFull)}) {
    other.Write(frame_.data(), 0, 1);
    EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kForeign);
  }
}

TEST_P(FrameTest, ProbesAreNotCountedAsTraffic) {
  codec_.WriteProbe(frame_.data(), 1);
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kProbe);
}

INSTANTIATE_TEST_SUITE_P(Sizes, FrameTest, testing::Values(64, 65, 71, 72, 300, 1518, 9018));

TEST(PacerTest, DueFollowsTheClockAndIgnoresWhatCameBack) {
  Pacer pacer(1000, 1'000'000, 100);  // a packet per 1000 ticks
  EXPECT_EQ(pacer.Due(5000), 0);      // the clock starts here
  EXPECT_EQ(pacer.Due(15000), 10);
  pacer.Take(4);
  EXPECT_EQ(pacer.Due(15000), 6);
  EXPECT_EQ(pacer.missed(), 0);
}

TEST(PacerTest, APauseIsMadeUpForOnlyInPart) {
  Pacer pacer(1000, 1'000'000, 100);
  pacer.Due(1);
  EXPECT_EQ(pacer.Due(1 + 1'000'000), 100);
  EXPECT_EQ(pacer.missed(), 900);
}

TEST(PacerTest, NoRateMeansNoLimit) {
  Pacer pacer(0, 1'000'000, 100);
  EXPECT_EQ(pacer.Due(1), UINT32_MAX);
  EXPECT_EQ(pacer.missed(), 0);
}

}  // namespace
}  // namespace vswitch
