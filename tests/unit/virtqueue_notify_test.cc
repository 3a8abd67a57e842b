// SPDX-License-Identifier: BSD-3-Clause
// Who is told of what in a ring: the guest of used chains, we of available ones.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <string>

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

}  // namespace
}  // namespace vswitch
