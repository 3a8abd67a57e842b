// SPDX-License-Identifier: BSD-3-Clause
// What vswitch-perf computes with: rates, distributions, and who was the limit.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "perf/generator_load.h"
#include "perf/histogram.h"
#include "perf/pacer.h"
#include "perf/topology.h"

namespace vswitch {
namespace {

Pacer PacerAt(double rate) {
  Pacer pacer(1'000'000, 100);
  pacer.SetRate(rate);
  return pacer;
}

TEST(PacerTest, DueFollowsTheClockAndIgnoresWhatCameBack) {
  Pacer pacer = PacerAt(1000);    // a packet per 1000 ticks
  EXPECT_EQ(pacer.Due(5000), 0);  // the clock starts here
  EXPECT_EQ(pacer.Due(15000), 10);
  pacer.Take(4);
  EXPECT_EQ(pacer.Due(15000), 6);
  EXPECT_EQ(pacer.missed(), 0);
}

TEST(PacerTest, APauseIsMadeUpForOnlyInPart) {
  Pacer pacer = PacerAt(1000);
  pacer.Due(1);
  EXPECT_EQ(pacer.Due(1 + 1'000'000), 100);
  EXPECT_EQ(pacer.missed(), 900);
  pacer.ForgetMissed();
  EXPECT_EQ(pacer.missed(), 0);
  EXPECT_EQ(pacer.Due(1 + 1'000'000), 100);
}

TEST(PacerTest, ADelayPutsOffWhatIsDue) {
  Pacer pacer = PacerAt(1000);
  pacer.Delay(0.5);
  EXPECT_EQ(pacer.Due(1), 0);
  EXPECT_EQ(pacer.Due(1400), 0);
  EXPECT_EQ(pacer.Due(1502), 1);
}

TEST(PacerTest, NoRateMeansNoLimit) {
  Pacer pacer = PacerAt(0);
  EXPECT_EQ(pacer.Due(1), UINT32_MAX);
  EXPECT_EQ(pacer.missed(), 0);
}

TEST(PacerTest, ANewRateHoldsFromNowOn) {
  Pacer pacer = PacerAt(0);
  pacer.Due(1000);
  pacer.Due(900'000);
  pacer.SetRate(1000);
  EXPECT_EQ(pacer.Due(910'000), 10);
  pacer.SetRate(2000);
  EXPECT_EQ(pacer.Due(920'000), 30);
}

TEST(HistogramTest, SmallValuesAreExact) {
  Histogram histogram;
  for (uint32_t value = 1; value <= 100; ++value) histogram.Record(value);
  EXPECT_EQ(histogram.count(), 100);
  EXPECT_EQ(histogram.min(), 1);
  EXPECT_EQ(histogram.Quantile(0.5), 50);
  EXPECT_EQ(histogram.Quantile(0.99), 99);
  EXPECT_EQ(histogram.Quantile(1), 100);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(HistogramTest, AnyValueIsKnownToOnePartInSixtyFour) {
  for (uint64_t value = 1; value <= UINT32_MAX; value = value * 17 / 16 + 1) {
    Histogram histogram;
    histogram.Record(static_cast<uint32_t>(value));
    histogram.Record(UINT32_MAX);
    const uint64_t found = histogram.Quantile(0.5);
    EXPECT_GE(found, value);
    EXPECT_LE(found, value + value / Histogram::kDivisions) << value;
    EXPECT_LE(histogram.min(), value);
    EXPECT_GE(histogram.min(), value - value / Histogram::kDivisions);
  }
}

TEST(HistogramTest, OneInTenThousandShowsInTheTailOnly) {
  Histogram histogram;
  for (int i = 0; i < 9999; ++i) histogram.Record(1000);
  histogram.Record(3'000'000);
  EXPECT_LE(histogram.Quantile(0.999), 1016);
  EXPECT_EQ(histogram.Quantile(1), 3'000'000);
  EXPECT_EQ(histogram.max(), 3'000'000);
}

TEST(HistogramTest, NothingRecordedIsNothing) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0);
  EXPECT_EQ(histogram.min(), 0);
  EXPECT_EQ(histogram.Quantile(0.5), 0);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(HistogramTest, SinceAndAddAreInverse) {
  Histogram before;
  before.Record(5000);
  Histogram now = before;
  now.Record(70);
  const Histogram between = now.Since(before);
  EXPECT_EQ(between.count(), 1);
  EXPECT_EQ(between.max(), 70);
  Histogram sum = before;
  sum.Add(between);
  EXPECT_EQ(sum.count(), 2);
  EXPECT_EQ(sum.max(), 5000);
}

// A run in which `ring_full` of 1000 bursts found no room, and `backlog` of 1000 polls were full.
GeneratorLoad LoadOf(uint64_t ring_full, uint64_t backlog, uint64_t missed = 0) {
  return {.cycles = 1000,
          .busy_cycles = 900,
          .offered = 10000,
          .received = 5000,
          .missed = missed,
          .send_bursts = 1000,
          .sends_cut_short = ring_full,
          .receive_polls = 1000,
          .full_receives = backlog};
}

TEST(GeneratorLoadTest, FlatOutTheSlowerSideIsTheLimit) {
  EXPECT_EQ(LoadOf(900, 100).WhyLimited(true), "");
  EXPECT_NE(LoadOf(10, 100).WhyLimited(true), "");
  EXPECT_NE(LoadOf(900, 950).WhyLimited(true), "");
  EXPECT_EQ(GeneratorLoad{}.WhyLimited(true), "");
}

TEST(GeneratorLoadTest, ARateIsTheGeneratorsFaultOnlyWhileThereIsRoom) {
  EXPECT_EQ(LoadOf(0, 100).WhyLimited(false), "");
  EXPECT_NE(LoadOf(0, 100, 1000).WhyLimited(false), "");
  EXPECT_EQ(LoadOf(900, 100, 1000).WhyLimited(false), "");
}

TEST(GeneratorLoadTest, Shares) {
  const GeneratorLoad load = LoadOf(250, 500);
  EXPECT_DOUBLE_EQ(load.CyclesPerPacket(), 0.12);
  EXPECT_DOUBLE_EQ(load.Busy(), 0.9);
  EXPECT_DOUBLE_EQ(load.RingFull(), 0.25);
  EXPECT_DOUBLE_EQ(load.ReceiveFull(), 0.5);
}

using WayList = std::vector<Way>;

TEST(WaysTest, PairsHaveAWayBackThatOnlyAnnounces) {
  EXPECT_EQ(Ways(Pattern::kPairs, 4, false),
            (WayList{{0, 1, true}, {1, 0, false}, {2, 3, true}, {3, 2, false}}));
  EXPECT_EQ(Ways(Pattern::kPairs, 2, true), (WayList{{0, 1, true}, {1, 0, true}}));
}

TEST(WaysTest, RingOfTwoIsBothWays) {
  EXPECT_EQ(Ways(Pattern::kRing, 2, false), (WayList{{0, 1, true}, {1, 0, true}}));
}

TEST(WaysTest, MeshHasEachWayOnce) {
  const WayList ways = Ways(Pattern::kMesh, 3, false);
  EXPECT_EQ(ways.size(), 6);
  for (const Way& way : ways) EXPECT_TRUE(way.carries && way.from != way.to);
}

}  // namespace
}  // namespace vswitch
