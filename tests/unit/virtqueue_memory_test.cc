// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "pmd/virtqueue/copy.h"
#include "pmd/virtqueue/guest_memory.h"
#include "pmd/virtqueue/notify.h"

namespace vswitch {
namespace {

std::array<uint8_t, 64> host;

bool Accepts(const std::vector<MemoryRegion>& regions) { return GuestMemory::Create(regions).ok(); }

TEST(GuestMemory, RefusesWhatCannotBe) {
  uint8_t* const at = host.data();
  EXPECT_TRUE(Accepts({{0x2000, 0x1000, at}, {0x1000, 0x1000, at}}));
  EXPECT_FALSE(Accepts({}));
  EXPECT_FALSE(Accepts({{0x1000, 0, at}})) << "empty";
  EXPECT_FALSE(Accepts({{0x1000, 0x1000, nullptr}})) << "not mapped";
  EXPECT_FALSE(Accepts({{UINT64_MAX - 0xfff, 0x2000, at}})) << "wraps around";
  EXPECT_FALSE(Accepts({{0x1000, 0x1001, at}, {0x2000, 0x1000, at}})) << "overlap";
}

TEST(GuestMemory, FindsTheRegionOfAnAddress) {
  const std::vector<MemoryRegion> regions = {{0x8000, 0x1000, host.data() + 2},
                                             {0x1000, 0x1000, host.data()},
                                             {0x2000, 0x1000, host.data() + 1}};
  const auto memory = GuestMemory::Create(regions);
  ASSERT_TRUE(memory.ok());
  const auto found = [&](uint64_t address) {
    const MemoryRegion* region = memory->Find(address);
    return region == nullptr ? -1 : region->host - host.data();
  };
  EXPECT_EQ(found(0xfff), -1);
  EXPECT_EQ(found(0x1000), 0);
  EXPECT_EQ(found(0x1fff), 0);
  EXPECT_EQ(found(0x2000), 1);
  EXPECT_EQ(found(0x3000), -1);
  EXPECT_EQ(found(0x8fff), 2);
  EXPECT_EQ(found(0x9000), -1);
  EXPECT_EQ(found(UINT64_MAX), -1);
}

TEST(MemoryRegion, TranslatesWhatLiesInIt) {
  const MemoryRegion region{0x1000, 0x100, host.data()};
  EXPECT_EQ(region.Translate(0x1000, 0x100), host.data());
  EXPECT_EQ(region.Translate(0x1020, 0xe0), host.data() + 0x20);
  EXPECT_EQ(region.Translate(0x1000, 0x101), nullptr);
  EXPECT_EQ(region.Translate(0x10ff, 2), nullptr);
  EXPECT_EQ(region.Translate(0xfff, 1), nullptr);
  EXPECT_EQ(region.Translate(0x1100, 0), nullptr);
  EXPECT_EQ(region.Translate(UINT64_MAX, 2), nullptr);
}

TEST(CopyBytes, CopiesAnyLengthAndNoMore) {
  std::array<uint8_t, 300> from;
  for (size_t i = 0; i < from.size(); ++i) from[i] = static_cast<uint8_t>(i * 7 + 1);
  for (uint32_t length = 0; length <= 256; ++length) {
    std::array<uint8_t, 300> to{};
    CopyBytes(to.data() + 16, from.data() + 3, length);
    std::array<uint8_t, 300> expected{};
    std::copy_n(from.begin() + 3, length, expected.begin() + 16);
    ASSERT_EQ(to, expected) << length;
  }
}

TEST(PassedEvent, IsTrueOnceThePositionIsBehindTheEvent) {
  EXPECT_TRUE(PassedEvent(5, 5, 6));
  EXPECT_TRUE(PassedEvent(5, 0, 32));
  EXPECT_FALSE(PassedEvent(5, 6, 9)) << "already before";
  EXPECT_FALSE(PassedEvent(5, 3, 5)) << "not yet";
  EXPECT_TRUE(PassedEvent(0xffff, 0xfffe, 1)) << "across the wrap";
  EXPECT_FALSE(PassedEvent(2, 0xfffe, 1));
}

}  // namespace
}  // namespace vswitch
