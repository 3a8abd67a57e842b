// SPDX-License-Identifier: BSD-3-Clause
// Frames must be what switches take for ordinary traffic, and give away any change.
#include <gtest/gtest.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

#include "perf/frame.h"
#include "perf/size_mix.h"

namespace vswitch {
namespace {

constexpr uint32_t kTag = 0x1234567;
constexpr uint32_t kStamp = 0xFEDCBA98;

std::vector<FlowHeader> ThreeFlows() {
  std::vector<FlowHeader> flows;
  for (uint16_t i = 0; i < 3; ++i) {
    flows.push_back({.src_mac = 0x020000010001u + i,
                     .dst_mac = 0x0200000200FFu + i,
                     .src_ip = 0xC6120001u + i,
                     .dst_ip = 0xC61300FFu + i,
                     .src_port = static_cast<uint16_t>(50000 + i)});
  }
  return flows;
}

FrameCodec Codec(const std::vector<uint32_t>& sizes, Verify verify = Verify::kFull,
                 uint32_t tag = kTag) {
  return {tag, sizes, ThreeFlows(), verify};
}

class FrameTest : public testing::TestWithParam<uint32_t> {
 protected:
  const FrameCodec codec_ = Codec({GetParam()});
  std::vector<uint8_t> frame_ = std::vector<uint8_t>(GetParam());
};

TEST_P(FrameTest, IntactFrameGivesWhatItWasWrittenWith) {
  codec_.Write(frame_.data(), 0, 2, FrameCodec::kMaxSequence - 1, kStamp);
  const FrameCheck check = codec_.Check(frame_);
  EXPECT_EQ(check.verdict, FrameVerdict::kIntact);
  EXPECT_EQ(check.flow, 2);
  EXPECT_EQ(check.sequence, FrameCodec::kMaxSequence - 1);
  EXPECT_EQ(check.stamp, kStamp);
  EXPECT_EQ(FrameCodec::TagOf(frame_), kTag);
}

TEST_P(FrameTest, EveryFlippedBitIsNoticed) {
  codec_.Write(frame_.data(), 0, 1, 77, kStamp);
  for (size_t bit = 0; bit < frame_.size() * 8; ++bit) {
    frame_[bit / 8] ^= 1 << bit % 8;
    EXPECT_NE(codec_.Check(frame_).verdict, FrameVerdict::kIntact) << "bit " << bit;
    EXPECT_NE(codec_.Check(frame_).verdict, FrameVerdict::kProbe) << "bit " << bit;
    frame_[bit / 8] ^= 1 << bit % 8;
  }
}

TEST_P(FrameTest, AFlippedPayloadBitIsCorruption) {
  codec_.Write(frame_.data(), 0, 1, 77, kStamp);
  frame_.back() ^= 1;
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, TheTailOfAnotherFrameIsCorruption) {
  std::vector<uint8_t> other(frame_.size());
  codec_.Write(frame_.data(), 0, 1, 77, kStamp);
  codec_.Write(other.data(), 0, 1, 78, kStamp);
  frame_.back() = other.back();
  if (frame_.size() > FrameCodec::kMinSize) {
    std::copy(other.begin() + FrameCodec::kMinSize, other.end(),
              frame_.begin() + FrameCodec::kMinSize);
  }
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, TheHeadersOfAnotherFlowAreCorruption) {
  std::vector<uint8_t> other(frame_.size());
  codec_.Write(frame_.data(), 0, 1, 77, kStamp);
  codec_.Write(other.data(), 0, 0, 77, kStamp);
  std::copy_n(other.begin(), 42, frame_.begin());
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, ShortenedOrLengthenedIsNotIntact) {
  codec_.Write(frame_.data(), 0, 0, 5, kStamp);
  for (size_t length = 0; length < frame_.size(); ++length) {
    EXPECT_NE(codec_.Check({frame_.data(), length}).verdict, FrameVerdict::kIntact) << length;
  }
  frame_.push_back(0);
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kCorrupt);
}

TEST_P(FrameTest, OtherStreamsAreForeign) {
  Codec({GetParam()}, Verify::kFull, kTag + 1).Write(frame_.data(), 0, 0, 1, kStamp);
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kForeign);
}

TEST_P(FrameTest, ProbesAreNotTraffic) {
  codec_.WriteProbe(frame_.data(), 2, 1);
  EXPECT_EQ(codec_.Check(frame_).verdict, FrameVerdict::kProbe);
}

INSTANTIATE_TEST_SUITE_P(Sizes, FrameTest, testing::Values(64, 65, 71, 72, 300, 1518, 9018));

TEST(FrameHeaderTest, EachFlowHasItsAddresses) {
  const FrameCodec codec = Codec({100});
  std::vector<uint8_t> frame(100);
  codec.Write(frame.data(), 0, 1, 0, kStamp);
  rte_ether_hdr ether;
  rte_ipv4_hdr ip;
  rte_udp_hdr udp;
  std::memcpy(&ether, frame.data(), sizeof(ether));
  std::memcpy(&ip, &frame[sizeof(ether)], sizeof(ip));
  std::memcpy(&udp, &frame[sizeof(ether) + sizeof(ip)], sizeof(udp));
  const rte_ether_addr src{{0x02, 0, 0, 0x01, 0, 0x02}};
  const rte_ether_addr dst{{0x02, 0, 0, 0x02, 0x01, 0x00}};
  EXPECT_TRUE(rte_is_same_ether_addr(&ether.src_addr, &src));
  EXPECT_TRUE(rte_is_same_ether_addr(&ether.dst_addr, &dst));
  EXPECT_EQ(rte_be_to_cpu_32(ip.src_addr), 0xC6120002);
  EXPECT_EQ(rte_be_to_cpu_32(ip.dst_addr), 0xC6130100);
  EXPECT_EQ(rte_be_to_cpu_16(ip.total_length), 86);
  EXPECT_EQ(rte_ipv4_cksum(&ip), 0);  // as it is over a header with the right sum
  EXPECT_EQ(rte_be_to_cpu_16(udp.src_port), 50001);
  EXPECT_EQ(rte_be_to_cpu_16(udp.dgram_len), 66);
}

TEST(FrameMixTest, EachSizeIsIntactAndNoOtherLength) {
  const FrameCodec codec = Codec(SizeMix::Imix().sizes);
  for (uint8_t kind = 0; kind < 3; ++kind) {
    std::vector<uint8_t> frame(codec.size(kind));
    codec.Write(frame.data(), kind, 1, 9, kStamp);
    EXPECT_EQ(codec.Check(frame).verdict, FrameVerdict::kIntact);
    frame.resize(codec.size((kind + 1) % 3));
    EXPECT_EQ(codec.Check(frame).verdict, FrameVerdict::kCorrupt);
  }
}

TEST(FrameMixTest, ImixIsSevenToFourToOne) {
  const SizeMix mix = SizeMix::Imix();
  EXPECT_EQ(mix.sizes, (std::vector<uint32_t>{64, 570, 1518}));
  EXPECT_EQ(std::ranges::count(mix.pattern, 0), 7);
  EXPECT_EQ(std::ranges::count(mix.pattern, 1), 4);
  EXPECT_EQ(std::ranges::count(mix.pattern, 2), 1);
}

TEST(FrameVerifyTest, HeaderOnlyTrustsTheRest) {
  const FrameCodec codec = Codec({100}, Verify::kHeader);
  std::vector<uint8_t> frame(100);
  codec.Write(frame.data(), 0, 1, 9, kStamp);
  frame[99] ^= 1;
  EXPECT_EQ(codec.Check(frame).verdict, FrameVerdict::kIntact);
  frame[63] ^= 1;
  EXPECT_EQ(codec.Check(frame).verdict, FrameVerdict::kCorrupt);
}

}  // namespace
}  // namespace vswitch
