// SPDX-License-Identifier: BSD-3-Clause
// Chains and rings that no honest driver makes. A malformed chain is given back like any other, and
// those behind it are taken; a ring that makes no sense gives nothing any more.
#include <gtest/gtest.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

constexpr uint16_t kSize = 8;
constexpr uint64_t kBase = GuestRam::kBase;
constexpr uint64_t kEnd = kBase + (4u << 20);
constexpr uint32_t kGood = 100;  // bytes of a good buffer

using Chains = std::vector<std::vector<uint32_t>>;

template <typename Ring>
Chains Take(Ring& ring, ChainList& list) {
  list.Clear();
  ring.template Take<Direction::kFromGuest>(list, 32);
  Chains chains;
  for (const Segment& segment : list.view()) {
    if (segment.slots > 0) chains.emplace_back();
    if (segment.data != nullptr) chains.back().push_back(segment.length);
  }
  return chains;
}

// A ring with two chains of one good buffer each, of which tests spoil the first.
template <typename Driver>
class Malformed : public testing::Test {
 protected:
  static constexpr bool kPacked = std::is_same_v<Driver, PackedDriver>;

  Malformed() {
    const GuestBuffer good{buffer_, kGood};
    first_ = driver_.Add({&good, 1});
    second_ = driver_.Add({&good, 1});
  }

  // A descriptor of a table, or with `available` flags of a packed ring.
  RawDescriptor Descriptor(uint64_t address, uint32_t length, uint16_t flags, uint16_t next = 0,
                           uint16_t available = 0) const {
    flags |= available;
    return {address, kPacked ? PackedDescriptor{length, first_, flags}.Details()
                             : SplitDescriptor{length, flags, next}.Details()};
  }
  void SpoilFirst(uint64_t address, uint32_t length, uint16_t flags, uint16_t next = 0) {
    driver_.descriptors()[0] =
        Descriptor(address, length, flags, next, kPacked ? kDescriptorAvailable : 0);
  }
  void WriteTable(std::vector<RawDescriptor> table) {
    std::copy(table.begin(), table.end(), ram_.At<RawDescriptor>(table_));
  }

  bool FirstIsMalformed(bool indirect = true) {
    RingSetup setup = driver_.Setup();
    setup.indirect = indirect;
    auto ring = driver_.MakeRing(setup);
    ChainList list;
    const Chains taken = Take(ring, list);
    if (taken == Chains{{kGood}, {kGood}}) return false;
    EXPECT_EQ(taken, (Chains{{}, {kGood}}));
    EXPECT_FALSE(ring.broken());
    ring.template Stage<Direction::kFromGuest>(list.view());
    ring.Publish();
    EXPECT_EQ(driver_.TakeUsed(), (UsedChain{first_, 0}));
    EXPECT_EQ(driver_.TakeUsed(), (UsedChain{second_, 0}));
    return true;
  }

  GuestRam ram_{kEnd - kBase};
  Driver driver_{ram_, kSize};
  const uint64_t buffer_ = ram_.Allocate(kGood);
  const uint64_t table_ = ram_.Allocate(4096, 16);
  uint16_t first_, second_;
};

using Drivers = testing::Types<SplitDriver, PackedDriver>;
struct Names {
  template <typename Driver>
  static std::string GetName(int) {
    return std::is_same_v<Driver, PackedDriver> ? "packed" : "split";
  }
};
TYPED_TEST_SUITE(Malformed, Drivers, Names);

TYPED_TEST(Malformed, NothingIsAtFirst) { EXPECT_FALSE(this->FirstIsMalformed()); }

TYPED_TEST(Malformed, BufferBeforeMemory) {
  this->SpoilFirst(kBase - 1, kGood, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferBehindMemory) {
  this->SpoilFirst(kEnd, kGood, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferAcrossTheEnd) {
  this->SpoilFirst(kEnd - kGood + 1, kGood, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferUpToTheEndIsNot) {
  this->SpoilFirst(kEnd - kGood, kGood, 0);
  EXPECT_FALSE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferWrapsAround) {
  this->SpoilFirst(UINT64_MAX - 50, kGood, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferTooLong) {
  this->SpoilFirst(kBase, kMaxChainBytes + 1, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferOfAllThatFitsThirtyTwoBits) {
  this->SpoilFirst(kBase, UINT32_MAX, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferWithoutBytes) {
  this->SpoilFirst(kBase, 0, 0);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BufferInTheWrongDirection) {
  this->SpoilFirst(this->buffer_, kGood, kDescriptorWrite);
  EXPECT_TRUE(this->FirstIsMalformed());
}

TYPED_TEST(Malformed, GoodTableIsNot) {
  this->WriteTable({this->Descriptor(this->buffer_, kGood, 0)});
  this->SpoilFirst(this->table_, 16, kDescriptorIndirect);
  EXPECT_FALSE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableOfBuffersInTheWrongDirection) {
  this->WriteTable({this->Descriptor(this->buffer_, kGood, kDescriptorWrite)});
  this->SpoilFirst(this->table_, 16, kDescriptorIndirect);
  EXPECT_EQ(this->FirstIsMalformed(), !this->kPacked) << "DPDK's driver sends so in packed rings";
}
TYPED_TEST(Malformed, TableThatWasNotNegotiated) {
  this->WriteTable({this->Descriptor(this->buffer_, kGood, 0)});
  this->SpoilFirst(this->table_, 16, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed(/*indirect=*/false));
}
TYPED_TEST(Malformed, TableAcrossTheEnd) {
  this->SpoilFirst(kEnd - 16, 32, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableWithoutDescriptors) {
  this->SpoilFirst(this->table_, 0, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableWithHalfADescriptor) {
  this->WriteTable({this->Descriptor(this->buffer_, kGood, 0)});
  this->SpoilFirst(this->table_, 24, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableThatIsNotAligned) {
  this->SpoilFirst(this->table_ + 4, 16, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableInATable) {
  this->WriteTable({this->Descriptor(this->table_ + 16, 16, kDescriptorIndirect),
                    this->Descriptor(this->buffer_, kGood, 0)});
  this->SpoilFirst(this->table_, 16, kDescriptorIndirect);
  // In a packed ring the flag means nothing there, and the table itself is a buffer.
  if (this->kPacked) this->WriteTable({this->Descriptor(kEnd, 16, kDescriptorIndirect)});
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, RingAsATable) {
  const auto* host = reinterpret_cast<uint8_t*>(this->driver_.descriptors());
  const uint64_t ring = kBase + (host - this->ram_.Bytes().data());
  this->SpoilFirst(ring, 16, kDescriptorIndirect);
  // In a packed ring it is a buffer of 16 bytes.
  if (this->kPacked) this->SpoilFirst(ring, 17, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, SecondBufferOutsideMemory) {
  this->WriteTable({this->Descriptor(this->buffer_, kGood, kDescriptorNext, 1),
                    this->Descriptor(kEnd, kGood, 0)});
  this->SpoilFirst(this->table_, 32, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, BuffersTooLongTogether) {
  this->WriteTable(
      {this->Descriptor(kBase, kMaxChainBytes, kDescriptorNext, 1), this->Descriptor(kBase, 1, 0)});
  this->SpoilFirst(this->table_, 32, kDescriptorIndirect);
  EXPECT_TRUE(this->FirstIsMalformed());
}
TYPED_TEST(Malformed, TableOfMoreDescriptorsThanAListHolds) {
  constexpr uint32_t kCount = ChainList::kSegments + 1;
  const uint64_t table = this->ram_.Allocate(kCount * sizeof(RawDescriptor));
  auto* raw = this->ram_.template At<RawDescriptor>(table);
  for (uint32_t length = 0; length < 2; ++length) {
    for (uint32_t i = 0; i < kCount; ++i) {
      raw[i] = this->Descriptor(kBase, length, i + 1 < kCount ? kDescriptorNext : 0,
                                static_cast<uint16_t>(i + 1));
    }
    this->SpoilFirst(table, kCount * sizeof(RawDescriptor), kDescriptorIndirect);
    auto ring = this->driver_.MakeRing([&] {
      RingSetup setup = this->driver_.Setup();
      setup.indirect = true;
      return setup;
    }());
    ChainList list;
    EXPECT_EQ(Take(ring, list), (Chains{{}, {kGood}})) << length;
  }
}

// Chains that fit a list, but not all the same one, are taken one list after the other.
TYPED_TEST(Malformed, LongChainsAreNot) {
  constexpr uint32_t kCount = ChainList::kSegments / 2 + 1;
  const uint64_t table = this->ram_.Allocate(kCount * sizeof(RawDescriptor));
  auto* raw = this->ram_.template At<RawDescriptor>(table);
  for (uint32_t i = 0; i < kCount; ++i) {
    raw[i] = this->Descriptor(kBase, 2, i + 1 < kCount ? kDescriptorNext : 0,
                              static_cast<uint16_t>(i + 1));
  }
  this->SpoilFirst(table, kCount * sizeof(RawDescriptor), kDescriptorIndirect);
  this->driver_.descriptors()[1] = this->driver_.descriptors()[0];
  RingSetup setup = this->driver_.Setup();
  setup.indirect = true;
  auto ring = this->driver_.MakeRing(setup);
  ChainList list;
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(Take(ring, list), Chains{std::vector<uint32_t>(kCount, 2)});
    EXPECT_EQ(list.full(), i == 0);
  }
  EXPECT_TRUE(Take(ring, list).empty());
}

class MalformedSplit : public Malformed<SplitDriver> {};

TEST_F(MalformedSplit, TableThatGoesOn) {
  WriteTable({Descriptor(buffer_, kGood, 0)});
  SpoilFirst(table_, 16, kDescriptorIndirect | kDescriptorNext, 2);
  EXPECT_TRUE(FirstIsMalformed());
}
TEST_F(MalformedSplit, ChainThatEndsInItself) {
  SpoilFirst(buffer_, 1, kDescriptorNext, 0);
  EXPECT_TRUE(FirstIsMalformed());
}
TEST_F(MalformedSplit, ChainThatEndsInItselfBehindAnother) {
  driver_.descriptors()[1] = Descriptor(buffer_, 1, kDescriptorNext, 1);
  auto ring = driver_.MakeRing();
  ChainList list;
  EXPECT_EQ(Take(ring, list), (Chains{{kGood}, {}}));
}
TEST_F(MalformedSplit, ChainThatLeavesTheRing) {
  SpoilFirst(buffer_, kGood, kDescriptorNext, kSize);
  EXPECT_TRUE(FirstIsMalformed());
}
TEST_F(MalformedSplit, ChainThatLeavesItsTable) {
  WriteTable({Descriptor(buffer_, kGood, kDescriptorNext, 2), Descriptor(buffer_, kGood, 0),
              Descriptor(buffer_, kGood, 0)});
  SpoilFirst(table_, 32, kDescriptorIndirect);
  EXPECT_TRUE(FirstIsMalformed());
}
TEST_F(MalformedSplit, LoopInATable) {
  WriteTable(
      {Descriptor(buffer_, 1, kDescriptorNext, 1), Descriptor(buffer_, 1, kDescriptorNext, 0)});
  SpoilFirst(table_, 32, kDescriptorIndirect);
  EXPECT_TRUE(FirstIsMalformed());
}

// Nothing comes out of it whatever the guest does next.
template <typename Driver>
void ExpectBroken(Driver& driver, typename Driver::Ring& ring, const Chains& before) {
  ChainList list;
  EXPECT_EQ(Take(ring, list), before);
  EXPECT_TRUE(ring.broken());
  const GuestBuffer good{kBase, kGood};
  driver.Add({&good, 1});
  EXPECT_TRUE(Take(ring, list).empty());
  ring.PutBack(static_cast<uint32_t>(before.size()));
  EXPECT_TRUE(Take(ring, list).empty());
}

TEST_F(MalformedSplit, IndexThatJumpsBreaksTheRing) {
  auto ring = driver_.MakeRing();
  driver_.available()->index = kSize + 1;
  ExpectBroken(driver_, ring, {});
}
TEST_F(MalformedSplit, HeadOutsideTheRingBreaksIt) {
  auto ring = driver_.MakeRing();
  driver_.available()->entries()[1] = kSize;
  ExpectBroken(driver_, ring, {{kGood}});
}

class MalformedPacked : public Malformed<PackedDriver> {};

TEST_F(MalformedPacked, TableThatGoesOn) {
  WriteTable({Descriptor(buffer_, kGood, 0)});
  SpoilFirst(table_, 16, kDescriptorIndirect | kDescriptorNext);
  RingSetup setup = driver_.Setup();
  setup.indirect = true;
  auto ring = driver_.MakeRing(setup);
  ChainList list;
  EXPECT_EQ(Take(ring, list), Chains{{}}) << "the second descriptor is part of it";
  EXPECT_EQ(list.segments()[0].slots, 2);
  EXPECT_EQ(list.segments()[0].id, second_);
}
TEST_F(MalformedPacked, ChainWithoutEndBreaksTheRing) {
  auto ring = driver_.MakeRing();
  for (uint16_t i = 0; i < kSize; ++i) {
    driver_.descriptors()[i] = Descriptor(buffer_, 1, kDescriptorNext, 0, kDescriptorAvailable);
  }
  ExpectBroken(driver_, ring, {});
}

}  // namespace
}  // namespace vswitch
