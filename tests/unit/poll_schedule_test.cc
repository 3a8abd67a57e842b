// SPDX-License-Identifier: BSD-3-Clause
// When a worker looks at which queue, with a clock of the test's own. Needs no EAL.
#include "dataplane/poll_schedule.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <optional>
#include <vector>

#include "tests/support/bell_backend.h"

namespace vswitch {
namespace {

constexpr uint64_t kStep = 100;
constexpr uint64_t kMillisecond = 1'000'000;
constexpr PollTimes kTimes;

// A queue with a guest behind it.
struct Port {
  explicit Port(bool bell = true) {
    entry.backend = &backend;
    entry.bell = bell ? backend.Bell(0) : -1;
  }
  BellGuest guest;
  BellBackend backend{guest};
  PollEntry entry;
};

class PollScheduleTest : public testing::Test {
 protected:
  Port& Add(bool bell = true) {
    ports_.push_back(std::make_unique<Port>(bell));
    bells_.Add(ports_.back()->entry);
    Publish();
    return *ports_.back();
  }
  void Publish() {
    std::vector<PollEntry*> entries;
    for (const auto& port : ports_) entries.push_back(&port->entry);
    list_.emplace(++number_, std::move(entries));
  }

  uint32_t Round() {
    now_ += kStep;
    return schedule_.Round(*list_, now_, [this](PollEntry& entry) {
      Burst burst;
      looks_.push_back(now_);
      entry.backend->Receive(entry.queue, burst);
      return PollSchedule::Found{burst.count, burst.count + burst.malformed > 0};
    });
  }
  uint32_t Run(uint64_t time) {
    uint32_t packets = 0;
    for (const uint64_t end = now_ + time; now_ < end;) packets += Round();
    return packets;
  }
  // How often queues are looked at in such a time.
  size_t LooksIn(uint64_t time) {
    looks_.clear();
    Run(time);
    return looks_.size();
  }
  // From its first packet on.
  bool IsActive(Port& port) {
    port.guest.Offer(1);
    for (int i = 0; i < 200 && port.guest.offered > 0; ++i) Round();
    for (int i = 0; i < 20; ++i) {
      port.guest.Offer(1);
      if (Round() != 1) return false;
    }
    return true;
  }
  uint64_t LongestWait() const {
    uint64_t longest = 0;
    for (size_t i = 1; i < looks_.size(); ++i) {
      longest = std::max(longest, looks_[i] - looks_[i - 1]);
    }
    return longest;
  }

  Bells bells_;
  PollSchedule schedule_{bells_};
  std::vector<std::unique_ptr<Port>> ports_;
  uint64_t number_ = 0;
  std::optional<PollList> list_;  // always in the same place
  uint64_t now_ = 50 * kMillisecond;
  std::vector<uint64_t> looks_;
};

TEST_F(PollScheduleTest, AnActiveQueueIsLookedAtInEveryRound) {
  Port& port = Add();
  for (int i = 0; i < 20'000; ++i) {
    port.guest.Offer(1);
    ASSERT_EQ(Round(), 1u);
  }
  EXPECT_EQ(port.guest.rests, 0u);
}

TEST_F(PollScheduleTest, ASilentQueueIsLookedAtEverMoreRarelyUpToALongestWait) {
  Port& port = Add();
  port.guest.Offer(1);
  const size_t first = LooksIn(kMillisecond / 100);
  EXPECT_GT(first, 10u);
  EXPECT_LT(first, 40u) << "of 100 rounds";
  EXPECT_LT(LooksIn(9 * kMillisecond / 10), 80u) << "of 9,000 rounds";
  EXPECT_LE(LongestWait(), kTimes.longest_wait + kStep);
  EXPECT_GE(LongestWait(), kTimes.longest_wait);
  port.guest.Offer(1);
  EXPECT_EQ(Run(kTimes.longest_wait + kStep), 1u);
  EXPECT_TRUE(IsActive(port));
}

TEST_F(PollScheduleTest, ARestingQueueIsNotLookedAt) {
  Port& port = Add();
  Run(kMillisecond + kTimes.longest_wait + kStep);
  EXPECT_EQ(port.guest.rests, 1u);
  EXPECT_EQ(schedule_.resting(), 1u);
  EXPECT_TRUE(schedule_.AllRest(now_));
  EXPECT_EQ(LooksIn(100 * kMillisecond), 0u);
  EXPECT_EQ(port.guest.rests, 1u);
}

TEST_F(PollScheduleTest, ItsBellWakesAQueue) {
  Port& port = Add();
  for (uint32_t i = 1; i <= 3; ++i) {
    Run(2 * kMillisecond);
    ASSERT_EQ(schedule_.resting(), 1u);
    port.guest.Offer(2);
    EXPECT_EQ(Run(kTimes.idle_look), 2u);
    EXPECT_EQ(port.guest.wakes, i);
    EXPECT_FALSE(schedule_.AllRest(now_));
    EXPECT_TRUE(IsActive(port));
    EXPECT_EQ(port.guest.rests, i);
  }
}

TEST_F(PollScheduleTest, ABusyWorkerHearsABellInTime) {
  Port& active = Add();
  Port& resting = Add();
  for (int i = 0; i < 40'000; ++i) {
    active.guest.Offer(1);
    Round();
  }
  ASSERT_EQ(schedule_.resting(), 1u);
  resting.guest.Offer(1);
  uint64_t waited = 0;
  for (; resting.guest.offered > 0 && waited < kMillisecond; waited += kStep) {
    active.guest.Offer(1);
    Round();
  }
  EXPECT_LE(waited, kTimes.look + kStep);
}

TEST_F(PollScheduleTest, WhatComesBeforeTheGuestKnowsIsFound) {
  Port& port = Add();
  port.guest.in_rest = [&] {
    port.guest.offered = 1;  // without a kick
    port.guest.in_rest = [] {};
  };
  EXPECT_EQ(Run(2 * kMillisecond), 1u);
  EXPECT_EQ(port.guest.rests, 1u);
  EXPECT_EQ(port.guest.wakes, 1u);
  EXPECT_EQ(schedule_.resting(), 0u) << "it is active";
  Run(kMillisecond);
  EXPECT_EQ(schedule_.resting(), 1u);
}

TEST_F(PollScheduleTest, AKickBeforeTheBellIsWatchedIsHeard) {
  Port& port = Add();
  port.guest.in_rest = [&] { port.guest.Kick(); };
  Run(kMillisecond + kTimes.longest_wait + kStep);
  ASSERT_EQ(port.guest.rests, 1u);
  port.guest.in_rest = [] {};
  Run(kTimes.idle_look + kStep);
  EXPECT_EQ(port.guest.wakes, 1u);
  Run(2 * kMillisecond);
  EXPECT_EQ(port.guest.rests, 2u);
  EXPECT_EQ(port.guest.wakes, 1u) << "the old kick was drained";
}

TEST_F(PollScheduleTest, KicksOfAnActiveQueueAreIgnored) {
  Port& active = Add();
  Port& resting = Add();
  for (int i = 0; i < 40'000; ++i) {
    active.guest.Offer(1);
    active.guest.Kick();
    Round();
  }
  EXPECT_EQ(active.guest.wakes, 0u);
  resting.guest.Offer(1);
  EXPECT_EQ(Run(kTimes.look + kStep), 1u) << "they hide no other";
}

TEST_F(PollScheduleTest, RefusedFramesAreNoSilence) {
  Port& port = Add();
  Run(kMillisecond);
  port.guest.in_rest = [&] { port.guest.malformed = 1; };
  Run(kMillisecond);
  EXPECT_EQ(port.guest.rests, 1u);
  EXPECT_EQ(schedule_.resting(), 0u) << "more may be behind them";
}

TEST_F(PollScheduleTest, AQueueWithoutABellIsLookedAtForEver) {
  Port& port = Add(/*bell=*/false);
  Run(5 * kMillisecond);
  EXPECT_EQ(port.guest.rests, 0u);
  EXPECT_EQ(schedule_.resting(), 0u);
  EXPECT_TRUE(schedule_.HasSilent());
  const size_t looks = LooksIn(10 * kMillisecond);
  EXPECT_GE(looks, 490u);
  EXPECT_LE(looks, 510u);
  EXPECT_LE(LongestWait(), kTimes.longest_wait + kStep);
  port.guest.Offer(1);
  EXPECT_EQ(Run(kTimes.longest_wait + kStep), 1u);
  EXPECT_TRUE(IsActive(port));
}

TEST_F(PollScheduleTest, ManyQueuesWithoutABellTakeABoundedShare) {
  for (int i = 0; i < 100; ++i) Add(/*bell=*/false);
  Run(5 * kMillisecond);
  const uint64_t turn = 100 * kTimes.silent_gap;
  for (const auto& port : ports_) port->guest.receives = 0;
  EXPECT_LE(LooksIn(turn), 101u);
  for (const auto& port : ports_) EXPECT_GE(port->guest.receives, 1u);
  now_ += 100 * kMillisecond;  // a long round
  looks_.clear();
  for (int i = 0; i < 10; ++i) Round();
  EXPECT_LE(looks_.size(), 101u) << "nothing is made up for";
  EXPECT_FALSE(schedule_.AllRest(now_ + kMillisecond));
}

TEST_F(PollScheduleTest, AQueueThatCannotRestIsLookedAtOn) {
  Port& port = Add();
  port.guest.may_rest = false;
  Run(5 * kMillisecond);
  EXPECT_EQ(port.guest.rests, 1u);
  EXPECT_LE(LooksIn(kMillisecond), 51u);
  port.guest.may_rest = true;
  port.guest.Offer(1);
  EXPECT_EQ(Run(kTimes.longest_wait + kStep), 1u);
  Run(2 * kMillisecond);
  EXPECT_EQ(schedule_.resting(), 1u) << "it was asked again";
}

TEST_F(PollScheduleTest, QueuesThatFallSilentTogetherRestOneByOne) {
  for (int i = 0; i < 50; ++i) Add();
  while (schedule_.resting() == 0) Round();
  for (uint64_t rested = schedule_.resting(); rested < 50; rested = schedule_.resting()) {
    Round();
    ASSERT_LE(schedule_.resting(), rested + 4);
    ASSERT_GT(schedule_.resting(), rested);
  }
}

TEST_F(PollScheduleTest, ManyBellsAtOnceAreAllHeard) {
  for (int i = 0; i < 150; ++i) Add();
  Run(3 * kMillisecond);
  ASSERT_EQ(schedule_.resting(), 150u);
  for (const auto& port : ports_) port->guest.Offer(1);
  EXPECT_EQ(Run(kTimes.idle_look + 2 * kStep), 150u);
}

TEST_F(PollScheduleTest, RestOutlivesTheList) {
  Port& resting = Add();
  Port& silent = Add(/*bell=*/false);
  Run(2 * kMillisecond);
  Port& fresh = Add();
  EXPECT_EQ(LooksIn(kStep), 1u) << "the new one";
  EXPECT_EQ(fresh.guest.receives, 1u);
  EXPECT_EQ(schedule_.resting(), 1u);
  resting.guest.Offer(1);
  silent.guest.Offer(1);
  EXPECT_EQ(Run(kTimes.longest_wait + kStep), 2u);
  EXPECT_EQ(resting.guest.rests, 1u);
}

TEST_F(PollScheduleTest, AQueueThatIsGoneIsNotTouched) {
  for (const bool rests : {true, false}) {
    Port& kept = Add();
    Port& gone = Add();
    Run(rests ? 2 * kMillisecond : kStep);
    bells_.Remove(gone.entry);
    const std::unique_ptr<Port> port = std::move(ports_.back());
    ports_.pop_back();
    Publish();  // in the memory of the list before
    port->guest.Offer(1);
    port->guest.Kick();
    port->guest.receives = 0;
    kept.guest.Offer(1);
    EXPECT_EQ(Run(kMillisecond), 1u);
    EXPECT_EQ(port->guest.receives + port->guest.wakes, 0u);
  }
}

TEST(BellsTest, AnArmedBellRingsOnce) {
  Bells bells;
  Port port;
  bells.Add(port.entry);
  std::array<PollEntry*, 4> rung;
  port.guest.Kick();
  EXPECT_EQ(bells.Rung(rung), 0u) << "not armed";
  ASSERT_TRUE(bells.Arm(port.entry));
  ASSERT_EQ(bells.Rung(rung), 1u) << "it had rung before";
  EXPECT_EQ(rung[0], &port.entry);
  port.guest.Kick();
  EXPECT_EQ(bells.Rung(rung), 0u) << "who is polled may ring for nothing";
}

TEST_F(PollScheduleTest, ABellThatCannotBeWatchedIsNone) {
  Port port;
  port.entry.bell = 9999;  // not open
  bells_.Add(port.entry);
  EXPECT_EQ(port.entry.bell, -1);
}

// It has room for so many packets only.
TEST_F(PollScheduleTest, ANicIsLookedAtHoweverManyOthersAreSilent) {
  for (int i = 0; i < 100; ++i) Add(/*bell=*/false);
  Port& nic = Add(/*bell=*/false);
  nic.entry.wire = true;
  Run(3 * kMillisecond);
  ASSERT_EQ(ports_.front()->entry.state, PollEntry::State::kSilent);
  for (int i = 0; i < 100; ++i) {
    Run(2 * kMillisecond);
    nic.guest.Offer(1);
    EXPECT_EQ(Run(kTimes.longest_wait + kStep), 1u);
  }
}

}  // namespace
}  // namespace vswitch
