// SPDX-License-Identifier: BSD-3-Clause
// Who is told of what in a ring: the guest of used chains, we of available ones.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <string>

#include "pmd/virtqueue/notify.h"
#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

constexpr uint16_t kSize = 16;

template <typename Driver>
class VirtqueueNotify : public testing::Test {
 protected:
  ~VirtqueueNotify() override { close(fd_); }

  typename Driver::Ring MakeRing(bool event_index) {
    RingSetup setup = driver_.Setup();
    setup.call_fd = fd_;
    setup.event_index = event_index;
    return driver_.MakeRing(setup);
  }
  // Gives so many chains back, and says how often the guest was interrupted.
  uint64_t CallsAfter(typename Driver::Ring& ring, int chains) {
    const GuestBuffer buffer{GuestRam::kBase, 100};
    for (int i = 0; i < chains; ++i) driver_.Add({&buffer, 1});
    list_.Clear();
    ring.template Take<Direction::kFromGuest>(list_, 32);
    ring.template Stage<Direction::kFromGuest>(list_.view());
    ring.Publish();
    ring.Notify();
    while (driver_.TakeUsed().has_value()) {
    }
    uint64_t calls = 0;
    return read(fd_, &calls, sizeof(calls)) == sizeof(calls) ? calls : 0;
  }

  void TestKicks(bool event_index) {
    auto ring = MakeRing(event_index);
    for (int round = 0; round < 3; ++round) {
      ring.SetKicks(true);
      EXPECT_TRUE(driver_.WantsKick(event_index));
      CallsAfter(ring, 1);
      ring.SetKicks(false);
      EXPECT_FALSE(driver_.WantsKick(event_index));
    }
  }

  const int fd_ = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  GuestRam ram_;
  Driver driver_{ram_, kSize};
  ChainList list_;
};

using Drivers = testing::Types<SplitDriver, PackedDriver>;
struct Names {
  template <typename Driver>
  static std::string GetName(int) {
    return std::is_same_v<Driver, PackedDriver> ? "packed" : "split";
  }
};
TYPED_TEST_SUITE(VirtqueueNotify, Drivers, Names);

TYPED_TEST(VirtqueueNotify, InterruptsOncePerBurstUnlessTheGuestPolls) {
  auto ring = this->MakeRing(false);
  this->driver_.SetCalls(true);
  EXPECT_EQ(this->CallsAfter(ring, 5), 1u);
  EXPECT_EQ(this->CallsAfter(ring, 0), 0u);
  this->driver_.SetCalls(false);
  EXPECT_EQ(this->CallsAfter(ring, 5), 0u);
}

TYPED_TEST(VirtqueueNotify, InterruptsAtAnEventIndex) {
  auto ring = this->MakeRing(true);
  for (int lap = 0; lap < 10; ++lap) {
    this->driver_.SetCallAfter(5);
    EXPECT_EQ(this->CallsAfter(ring, 3), 0u) << lap;
    EXPECT_EQ(this->CallsAfter(ring, 1), 0u) << lap;
    EXPECT_EQ(this->CallsAfter(ring, 2), 1u) << lap;
    EXPECT_EQ(this->CallsAfter(ring, 3), 0u) << "passed long ago, lap " << lap;
  }
}

TYPED_TEST(VirtqueueNotify, DoesWithoutAnEventfd) {
  auto ring = this->driver_.MakeRing();
  this->driver_.SetCalls(true);
  EXPECT_EQ(this->CallsAfter(ring, 1), 0u);
}

TYPED_TEST(VirtqueueNotify, AsksForKicksOrNot) { this->TestKicks(/*event_index=*/false); }

TYPED_TEST(VirtqueueNotify, AsksForKicksOrNotWithEventIndices) {
  this->TestKicks(/*event_index=*/true);
}

// With descriptors that no guest has for this. When one of these tests hangs, so would a worker.
class InterrupterTest : public testing::TestWithParam<Interrupter::Way> {
 protected:
  Interrupter interrupter_{GetParam()};
};
INSTANTIATE_TEST_SUITE_P(Ways, InterrupterTest,
                         testing::Values(Interrupter::Way::kSignal, Interrupter::Way::kWrite),
                         [](const auto& way) {
                           return way.param == Interrupter::Way::kSignal ? "signal" : "write";
                         });

void Fill(int fd) {
  const std::array<char, 4096> bytes = {};
  fcntl(fd, F_SETFL, O_NONBLOCK);
  while (write(fd, bytes.data(), bytes.size()) > 0) {
  }
  fcntl(fd, F_SETFL, 0);
}

TEST_P(InterrupterTest, AddsToAnEventfdAsOftenAsItLikes) {
  const int fd = eventfd(0, EFD_NONBLOCK);
  for (int i = 0; i < 1000; ++i) interrupter_.Call(fd);
  eventfd_t calls = 0;
  eventfd_read(fd, &calls);
  EXPECT_EQ(calls, 1000u);
  close(fd);
}

TEST_P(InterrupterTest, NeverWaitsForAnEventfd) {
  const int fd = eventfd(0, 0);
  eventfd_write(fd, UINT64_MAX - 1);  // no more fits
  for (int i = 0; i < 100; ++i) interrupter_.Call(fd);
  eventfd_t calls = 0;
  EXPECT_EQ(eventfd_read(fd, &calls), 0);
  EXPECT_GE(calls, UINT64_MAX - 1);
  close(fd);
}

TEST_P(InterrupterTest, NeverWaitsForAPipeOrASocket) {
  int pipes[2], sockets[2];
  ASSERT_EQ(pipe(pipes), 0);
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), 0);
  for (const int fd : {pipes[1], sockets[1]}) {
    Fill(fd);
    for (int i = 0; i < 100; ++i) interrupter_.Call(fd);
  }
  for (const int fd : {pipes[0], pipes[1], sockets[0], sockets[1]}) close(fd);
}

TEST_P(InterrupterTest, SurvivesWhenNobodyReads) {
  int pipes[2];
  ASSERT_EQ(pipe(pipes), 0);
  close(pipes[0]);
  interrupter_.Call(pipes[1]);  // else SIGPIPE
  close(pipes[1]);
  interrupter_.Call(pipes[1]);
  interrupter_.Call(-1);
}

}  // namespace
}  // namespace vswitch
