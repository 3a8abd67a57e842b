// SPDX-License-Identifier: BSD-3-Clause
// The device's side of both kinds of rings: chains taken, refused and given back.
#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

constexpr uint16_t kSize = 16;

template <typename Driver>
class VirtqueueRing : public testing::Test {
 protected:
  using Ring = typename Driver::Ring;
  static constexpr bool kPacked = std::is_same_v<Driver, PackedDriver>;

  RingSetup IndirectSetup() {
    RingSetup setup = driver_.Setup();
    setup.indirect = true;
    return setup;
  }
  Ring MakeRing() { return driver_.MakeRing(IndirectSetup()); }

  GuestBuffer Buffer(uint32_t length, bool writable = false) {
    return {ram_.Allocate(length), length, writable};
  }
  // Chains as the lengths of their segments; a malformed one has none.
  using Chains = std::vector<std::vector<uint32_t>>;
  template <Direction kDirection = Direction::kFromGuest>
  Chains Take(Ring& ring, uint16_t most = 32) {
    list_.Clear();
    ring.template Take<kDirection>(list_, most);
    Chains chains;
    for (const Segment& segment : list_.view()) {
      if (segment.slots > 0) chains.emplace_back();
      if (segment.data != nullptr) chains.back().push_back(segment.length);
    }
    return chains;
  }
  // Gives all back that was taken last.
  void Return(Ring& ring) {
    ring.template Stage<Direction::kFromGuest>(list_.view());
    ring.Publish();
  }
  std::vector<UsedChain> TakeUsed() {
    std::vector<UsedChain> used;
    while (const auto chain = driver_.TakeUsed()) used.push_back(*chain);
    return used;
  }
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
TYPED_TEST_SUITE(VirtqueueRing, Drivers, Names);

TYPED_TEST(VirtqueueRing, HasNothingAtFirst) {
  auto ring = this->MakeRing();
  EXPECT_TRUE(this->Take(ring).empty());
  this->Return(ring);
  EXPECT_TRUE(this->TakeUsed().empty());
}

TYPED_TEST(VirtqueueRing, TakesAChainOfOneBuffer) {
  auto ring = this->MakeRing();
  const GuestBuffer buffer = this->Buffer(100);
  this->driver_.Add({&buffer, 1});
  EXPECT_EQ(this->Take(ring), (std::vector<std::vector<uint32_t>>{{100}}));
  EXPECT_EQ(this->list_.segments()[0].data, this->ram_.At(buffer.address));
  EXPECT_TRUE(this->Take(ring).empty()) << "only once";
}

TYPED_TEST(VirtqueueRing, TakesNoMoreThanItIsAskedFor) {
  auto ring = this->MakeRing();
  for (int i = 0; i < 5; ++i) {
    const GuestBuffer buffer = this->Buffer(100 + i);
    this->driver_.Add({&buffer, 1});
  }
  EXPECT_EQ(this->Take(ring, 3), (std::vector<std::vector<uint32_t>>{{100}, {101}, {102}}));
  EXPECT_EQ(this->Take(ring, 3), (std::vector<std::vector<uint32_t>>{{103}, {104}}));
}

TYPED_TEST(VirtqueueRing, TakesChainsOfSeveralBuffersAmongOthers) {
  auto ring = this->MakeRing();
  const std::vector<GuestBuffer> three = {this->Buffer(12), this->Buffer(60), this->Buffer(70)};
  const std::vector<GuestBuffer> one = {this->Buffer(90)};
  this->driver_.Add(one);
  this->driver_.Add(three);
  this->driver_.AddIndirect(three);
  this->driver_.Add(one, three);
  this->driver_.Add(one);
  EXPECT_EQ(this->Take(ring), (std::vector<std::vector<uint32_t>>{
                                  {90}, {12, 60, 70}, {12, 60, 70}, {90, 12, 60, 70}, {90}}));
  this->Return(ring);
  EXPECT_EQ(this->TakeUsed().size(), 5u);
  EXPECT_TRUE(this->driver_.HasRoom(kSize));
}

TYPED_TEST(VirtqueueRing, TakesABufferAcrossTwoRegionsInTwoPieces) {
  constexpr uint64_t kBorder = GuestRam::kBase + 0x200000;
  GuestRam ram(std::vector<GuestRam::Region>{
      {GuestRam::kBase, 0x200000}, {kBorder, 0x1000}, {kBorder + 0x2000, 0x1000}});
  TypeParam driver(ram, kSize);
  auto ring = driver.MakeRing();
  const GuestBuffer across{kBorder - 40, 100};
  driver.Add({&across, 1});
  const GuestBuffer beyond{kBorder, 0x1001};  // there is nothing behind it
  driver.Add({&beyond, 1});
  const GuestBuffer third{kBorder + 0x2000, 0x1000};
  driver.Add({&third, 1});
  EXPECT_EQ(this->Take(ring), (std::vector<std::vector<uint32_t>>{{40, 60}, {}, {0x1000}}));
  EXPECT_EQ(this->list_.segments()[0].data, ram.At(kBorder - 40));
  EXPECT_EQ(this->list_.segments()[1].data, ram.At(kBorder));
}

TYPED_TEST(VirtqueueRing, GivesChainsBackOnceTheyArePublished) {
  auto ring = this->MakeRing();
  std::vector<UsedChain> expected;
  for (int i = 0; i < 4; ++i) {
    const std::vector<GuestBuffer> chain(1 + i % 2, this->Buffer(100, true));
    expected.push_back({this->driver_.Add(chain), 10u + i});
  }
  this->template Take<Direction::kToGuest>(ring);
  uint32_t written = 10;
  for (Segment& segment : this->list_.view()) segment.length = segment.slots > 0 ? written++ : 0;
  ring.template Stage<Direction::kToGuest>(this->list_.view());
  EXPECT_TRUE(this->TakeUsed().empty());
  ring.Publish();
  EXPECT_EQ(this->TakeUsed(), expected);
  ring.Publish();
  EXPECT_TRUE(this->TakeUsed().empty());
}

TYPED_TEST(VirtqueueRing, WorksForManyRounds) {
  for (const uint16_t size : {uint16_t{8}, uint16_t{this->kPacked ? 13 : 32}}) {
    GuestRam ram;
    TypeParam driver(ram, size);
    auto ring = driver.MakeRing();
    const std::vector<GuestBuffer> chain(3, {ram.Allocate(100), 100});
    for (uint32_t round = 0; round < 70000; ++round) {
      const size_t buffers = 1 + round % 3;
      const uint16_t id = driver.Add(std::span(chain).first(buffers));
      ASSERT_EQ(this->Take(ring),
                (std::vector<std::vector<uint32_t>>{std::vector<uint32_t>(buffers, 100)}));
      this->Return(ring);
      ASSERT_EQ(driver.TakeUsed(), (UsedChain{id, 0}));
    }
  }
}

TYPED_TEST(VirtqueueRing, CanPutChainsBack) {
  auto ring = this->MakeRing();
  const GuestBuffer buffer = this->Buffer(100);
  for (int round = 0; round < 20; ++round) {
    std::vector<UsedChain> expected;
    for (int i = 0; i < 7; ++i) {
      const std::vector<GuestBuffer> chain(1 + i % 2, buffer);
      expected.push_back({this->driver_.Add(chain), 0});
    }
    ASSERT_EQ(this->Take(ring).size(), 7u);
    uint32_t slots = 0;
    for (const Segment& segment : this->list_.view()) slots += segment.slots;
    ring.PutBack(slots);
    ASSERT_EQ(this->Take(ring).size(), 7u);
    this->Return(ring);
    ASSERT_EQ(this->TakeUsed(), expected);
  }
}

TYPED_TEST(VirtqueueRing, GoesOnWhereAnotherStopped) {
  const GuestBuffer buffer = this->Buffer(100);
  std::optional<typename TypeParam::Ring> ring = this->MakeRing();
  for (int round = 0; round < 50; ++round) {
    const uint16_t id = this->driver_.Add({&buffer, 1});
    ASSERT_EQ(this->Take(*ring).size(), 1u) << round;
    this->Return(*ring);
    ASSERT_EQ(this->TakeUsed(), (std::vector<UsedChain>{{id, 0}}));
    ring = *TypeParam::Ring::Create(this->IndirectSetup(), ring->position());
  }
}

TYPED_TEST(VirtqueueRing, RefusesToServeWhatCannotBe) {
  const auto refused = [&](auto change) {
    RingSetup setup = this->IndirectSetup();
    change(setup);
    return !TypeParam::Ring::Create(setup, {}).ok();
  };
  const auto move = [](void*& area, int bytes) { area = static_cast<uint8_t*>(area) + bytes; };
  EXPECT_FALSE(refused([](RingSetup&) {}));
  EXPECT_TRUE(refused([](RingSetup& s) { s.size = 0; }));
  EXPECT_TRUE(refused([](RingSetup& s) { s.size = kMaxRingSize + 1; }));
  EXPECT_TRUE(refused([](RingSetup& s) { s.descriptors = nullptr; }));
  EXPECT_TRUE(refused([&](RingSetup& s) { move(s.descriptors, 8); }));
  EXPECT_TRUE(refused([&](RingSetup& s) { move(s.driver, 1); }));
  EXPECT_TRUE(refused([&](RingSetup& s) { move(s.device, 2); }));
  EXPECT_EQ(refused([](RingSetup& s) { s.size = 12; }), !this->kPacked) << "no power of two";
}

TEST(PackedRing, RefusesToGoOnBehindItsEnd) {
  GuestRam ram;
  const PackedDriver driver(ram, kSize);
  EXPECT_TRUE(PackedRing::Create(driver.Setup(), {kSize - 1, kSize - 1}).ok());
  EXPECT_FALSE(PackedRing::Create(driver.Setup(), {kSize, 0}).ok());
  EXPECT_FALSE(PackedRing::Create(driver.Setup(), {0, kSize}).ok());
}

}  // namespace
}  // namespace vswitch
