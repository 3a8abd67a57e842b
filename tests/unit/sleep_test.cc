// SPDX-License-Identifier: BSD-3-Clause
// Workers that sleep, on real threads; also run under ThreadSanitizer. Needs no EAL. A wake-up that
// is lost shows as a test that does not get on.
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/eventfd.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/dataplane.h"
#include "tests/support/bell_backend.h"

namespace vswitch {
namespace {

using std::chrono_literals::operator""s;

bool WaitUntil(const std::function<bool()>& done) {
  const auto deadline = std::chrono::steady_clock::now() + 20s;
  while (!done()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::yield();
  }
  return true;
}

// Whatever comes out of its backend goes to `to`.
class Cable final : public Netdev {
 public:
  Cable(DeviceId self, DeviceId to) : route_{self, to} {}
  void Forward(Worker& worker, uint16_t /*queue*/, Burst& burst) const override {
    worker.Deliver(route_, burst);
  }

 private:
  const Route route_;
};

// Tired at once, so that nearly every packet meets a worker that is about to rest or sleep.
constexpr PollTimes kHasty = {
    .longest_wait = 500, .rest_after = 1000, .look = 500, .idle_look = 200, .silent_gap = 500};

// A guest on each of two workers, the first sends to the second.
class SleepTest : public testing::Test {
 protected:
  void SetUp() override {
    plane_.AllowSleep();
    for (const auto& worker : plane_.workers()) worker->set_poll_times(kHasty);
    a_ = plane_.CreateDevice();
    b_ = plane_.CreateDevice();
    plane_.Publish(a_, std::make_unique<Cable>(a_, b_));
    plane_.Publish(b_, std::make_unique<Cable>(b_, a_));
    plane_.Attach(a_, std::make_unique<BellBackend>(guest_a_));
    plane_.Attach(b_, std::make_unique<BellBackend>(guest_b_));
    for (const auto& worker : plane_.workers()) {
      threads_.emplace_back([this, &worker] { worker->Run(plane_.rcu(), stop_); });
    }
  }
  void TearDown() override {
    stop_.store(true);
    for (const auto& worker : plane_.workers()) worker->waker().Wake();
    for (std::thread& thread : threads_) thread.join();
  }

  uint64_t Sleeps(uint16_t worker) const {
    return plane_.workers()[worker]->counters().sleeps.Read();
  }

  Dataplane plane_{2};
  DeviceId a_, b_;
  BellGuest guest_a_, guest_b_;
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

TEST_F(SleepTest, EveryPacketWakesWhomItConcerns) {
  for (uint32_t i = 1; i <= 20'000; ++i) {
    guest_a_.Offer(1);
    ASSERT_TRUE(WaitUntil([&] { return guest_b_.received.load() == i; })) << i;
    for (uint32_t pause = i * 7919 % 257; pause > 0; --pause) std::this_thread::yield();
  }
  EXPECT_GT(Sleeps(0), 10u);
  EXPECT_GT(Sleeps(1), 10u);
}

TEST_F(SleepTest, AStreamArrivesWhole) {
  constexpr uint32_t kPackets = 200'000;
  for (uint32_t sent = 0; sent < kPackets; sent += 10) {
    ASSERT_TRUE(WaitUntil([&] { return sent - guest_b_.received.load() < 1000; }));
    guest_a_.Offer(10);
  }
  EXPECT_TRUE(WaitUntil([&] { return guest_b_.received.load() == kPackets; }));
}

TEST_F(SleepTest, SleepersKeepNobodyWaiting) {
  ASSERT_TRUE(WaitUntil([&] { return Sleeps(0) > 0 && Sleeps(1) > 0; }));
  for (int i = 0; i < 200; ++i) {
    const DeviceId c = plane_.CreateDevice();
    BellGuest guest;
    plane_.Publish(c, std::make_unique<Cable>(c, b_));
    plane_.Attach(c, std::make_unique<BellBackend>(guest));
    plane_.Commit();
    const uint32_t before = guest_b_.received.load();
    guest.Offer(3);
    ASSERT_TRUE(WaitUntil([&] { return guest_b_.received.load() == before + 3; })) << i;
    guest.Kick();
    plane_.RemoveDevice(c);
    guest.Kick();
    plane_.Commit();
    if (i % 2 == 0) std::this_thread::yield();
  }
}

// Lists come and go while a worker sleeps, in the same memory.
TEST_F(SleepTest, WhatComesAndGoesDuringASleepIsNotTouched) {
  for (int i = 0; i < 500; ++i) {
    const DeviceId c = plane_.CreateDevice();
    BellGuest guest;
    plane_.Attach(c, std::make_unique<BellBackend>(guest));
    guest.Kick();
    plane_.RemoveDevice(c);
    plane_.Commit();
  }
  guest_a_.Offer(1);
  EXPECT_TRUE(WaitUntil([&] { return guest_b_.received.load() == 1; }));
}

TEST(WakerTest, RingsOnlyForWhoSleepsAndOnce) {
  Waker waker;
  const auto rings = [&] {
    pollfd fd{waker.fd(), POLLIN, 0};
    return poll(&fd, 1, 0) == 1;
  };
  waker.Wake();
  EXPECT_FALSE(rings());
  waker.BeginSleep();
  EXPECT_FALSE(rings());
  waker.Wake();
  EXPECT_TRUE(rings());
  waker.EndSleep();
  EXPECT_FALSE(rings());
  waker.Wake();
  EXPECT_FALSE(rings());
}

// Whoever woke it was held up before it rang.
TEST(WakerTest, ALateRingEndsOneSleepOnly) {
  Waker waker;
  const auto ends_at_once = [&] {
    waker.BeginSleep();
    pollfd fd{waker.fd(), POLLIN, 0};
    const bool rings = poll(&fd, 1, 0) == 1;
    waker.EndSleep();
    return rings;
  };
  eventfd_write(waker.fd(), 1);
  EXPECT_TRUE(ends_at_once());
  EXPECT_FALSE(ends_at_once());
}

TEST(WakerTest, WhatIsLeftIsSeenOrEndsTheSleep) {
  constexpr uint32_t kThings = 20'000;
  Waker waker;
  Bells bells;
  std::atomic<uint32_t> left{0};
  std::atomic<uint32_t> seen{0};
  std::thread sleeper([&] {
    while (seen.load(std::memory_order_relaxed) < kThings) {
      waker.BeginSleep();
      if (left.load(std::memory_order_relaxed) == seen.load(std::memory_order_relaxed)) {
        bells.Wait(waker.fd(), -1);
      }
      waker.EndSleep();
      seen.store(left.load(std::memory_order_relaxed), std::memory_order_relaxed);
    }
  });
  for (uint32_t i = 1; i <= kThings; ++i) {
    left.store(i, std::memory_order_relaxed);
    waker.Wake();
    if (i % 3 == 0) {
      EXPECT_TRUE(WaitUntil([&] { return seen.load(std::memory_order_relaxed) == i; })) << i;
    }
  }
  sleeper.join();
}

}  // namespace
}  // namespace vswitch
