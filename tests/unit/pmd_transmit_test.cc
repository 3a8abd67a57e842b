// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <vector>

#include "pmd/transmit.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

// A far end in memory that takes `room` more mbufs.
struct TestLink : public MbufLink<TestLink> {
  OffloadSupport offloads;
  size_t room = SIZE_MAX;
  uint32_t largest = UINT32_MAX;  // stops at a larger one, as librte_vhost does
  bool prepares = true;
  int calls = 0;
  std::vector<std::vector<uint8_t>> taken;
  std::vector<uint64_t> flags;

  uint16_t Transmit(rte_mbuf** mbufs, uint16_t count) {
    ++calls;
    uint16_t n = 0;
    while (n < count && n < room && mbufs[n]->pkt_len <= largest) ++n;
    for (uint16_t i = 0; i < n; ++i) {
      flags.push_back(mbufs[i]->ol_flags);
      const Packet packet = PacketBuffer::FromMbuf(mbufs[i]);
      taken.push_back(FrameBytes(packet));
      PacketBuffer::Free({&packet, 1});
    }
    room -= n;
    return n;
  }
  bool Prepare(Packet& packet) {
    return prepares && SetTxRequest(PacketBuffer::Mbuf(packet), packet.offload(), false);
  }
  const OffloadSupport& support() const { return offloads; }
  rte_mempool* pool() const { return TestPool(); }
  DropReason refusal() const { return DropReason::kBackendFull; }
};

class BurstSenderTest : public testing::Test {
 protected:
  void Add(const IpFrame& frame, const Offload& offload) {
    burst_.packets[burst_.count++] = ToPacket(frame.bytes, offload);
  }
  SendResult Send() {
    const SendResult result = BurstSender(link_, burst_).Run();
    rest_ = burst_.view().subspan(result.accepted);
    return result;
  }
  void TearDown() override {
    PacketBuffer::Free(rest_);
    EXPECT_EQ(BuffersInUse(), before_);
  }

  const unsigned before_ = BuffersInUse();
  const IpFrame plain_ = BuildIpFrame({.udp = true, .payload = 50});
  const IpFrame tcp_ = BuildIpFrame({.payload = 200});
  const IpFrame large_ = BuildIpFrame({.payload = 3000});
  TestLink link_;
  Burst burst_;
  std::span<Packet> rest_;
};

TEST_F(BurstSenderTest, HandsOnRequestsTheFarEndTakes) {
  link_.offloads = {true, true, true};
  Add(tcp_, tcp_.ChecksumRequest());
  Add(large_, large_.GsoRequest(1000));
  Add(plain_, {});
  EXPECT_EQ(Send().accepted, 3);
  ASSERT_EQ(link_.taken.size(), 3u);
  EXPECT_EQ(link_.taken[0], tcp_.bytes);
  EXPECT_EQ(link_.taken[1], large_.bytes);
  EXPECT_EQ(link_.flags[0], RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM);
  EXPECT_NE(link_.flags[1] & RTE_MBUF_F_TX_TCP_SEG, 0u);
  EXPECT_EQ(link_.flags[2], 0u);
}

TEST_F(BurstSenderTest, CompletesInOrderWhatItDoesNotTake) {
  Add(plain_, {});
  Add(large_, large_.GsoRequest(1000));
  Add(tcp_, tcp_.ChecksumRequest());
  EXPECT_EQ(Send().accepted, 3);
  ASSERT_EQ(link_.taken.size(), 5u);
  EXPECT_EQ(link_.taken[0], plain_.bytes);
  for (size_t i = 1; i < 5; ++i) EXPECT_TRUE(ChecksumsValid(ParseIpFrame(link_.taken[i]))) << i;
  for (size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(Be32(link_.taken[i], large_.transport + 4), 0x01020304 + (i - 1) * 1000);
  }
  EXPECT_EQ(link_.taken[4].size(), tcp_.bytes.size());
  for (const uint64_t flags : link_.flags) EXPECT_EQ(flags, 0u);
}

TEST_F(BurstSenderTest, SegmentsForAGuestWithChecksumsOnly) {
  link_.offloads = {true, false, false};
  Add(large_, large_.GsoRequest(1000));
  Add(tcp_, tcp_.ChecksumRequest());
  EXPECT_EQ(Send().accepted, 2);
  ASSERT_EQ(link_.taken.size(), 4u);
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(ChecksumsValid(ParseIpFrame(link_.taken[i]))) << i;
  EXPECT_EQ(link_.taken[3], tcp_.bytes);
}

TEST_F(BurstSenderTest, CompletesWhatTheLinkCannotSay) {
  link_.offloads = {true, true, true};
  link_.prepares = false;
  Add(tcp_, tcp_.ChecksumRequest());
  Add(large_, large_.GsoRequest(1500));
  EXPECT_EQ(Send().accepted, 2);
  ASSERT_EQ(link_.taken.size(), 3u);
  for (const auto& bytes : link_.taken) EXPECT_TRUE(ChecksumsValid(ParseIpFrame(bytes)));
}

TEST_F(BurstSenderTest, KeepsWhatAFullFarEndDoesNotTake) {
  link_.room = 2;
  for (int i = 0; i < 4; ++i) Add(tcp_, tcp_.ChecksumRequest());
  const SendResult result = Send();
  EXPECT_EQ(result.accepted, 2);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
}

TEST_F(BurstSenderTest, AFrameThatDoesNotFitHoldsUpNoOther) {
  link_.largest = 2000;
  Add(tcp_, tcp_.ChecksumRequest());
  Add(large_, {});
  Add(plain_, {});
  Add(large_, {});
  Add(large_, large_.ChecksumRequest());
  Add(large_, large_.GsoRequest(1000));
  Add(plain_, {});
  const SendResult result = Send();
  EXPECT_EQ(result.accepted, 4);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
  ASSERT_EQ(link_.taken.size(), 6u);
  EXPECT_EQ(link_.taken[0].size(), tcp_.bytes.size());
  EXPECT_EQ(link_.taken[1], plain_.bytes);
  EXPECT_EQ(link_.taken[5], plain_.bytes);
  ASSERT_EQ(rest_.size(), 3u);
  for (const Packet& packet : rest_) EXPECT_EQ(packet.length(), large_.bytes.size());
}

TEST_F(BurstSenderTest, AFullFarEndIsNotAskedAgainForFramesOfOneSize) {
  link_.room = 5;
  for (int i = 0; i < 32; ++i) Add(plain_, {});
  EXPECT_EQ(TransmitFitting(link_, burst_.view()), 5);
  rest_ = burst_.view().subspan(5);
  EXPECT_EQ(link_.calls, 1);
}

TEST_F(BurstSenderTest, RefusesAGsoFrameWhoseSegmentsDoNotAllFit) {
  link_.room = 3;  // one plain frame, two of three segments
  Add(plain_, {});
  Add(large_, large_.GsoRequest(1000));
  Add(plain_, {});
  const SendResult result = Send();
  EXPECT_EQ(result.accepted, 1);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
  EXPECT_EQ(link_.taken.size(), 3u);
}

TEST_F(BurstSenderTest, SendsMoreSegmentsThanABurstHolds) {
  const IpFrame huge = BuildIpFrame({.payload = 60000});
  Add(huge, huge.GsoRequest(500));
  EXPECT_EQ(Send().accepted, 1);
  EXPECT_EQ(link_.taken.size(), 120u);
}

TEST_F(BurstSenderTest, PutsAsideWhatCannotBeCompleted) {
  Offload bad = tcp_.ChecksumRequest();
  bad.csum_offset = 60000;
  Offload bad_gso = plain_.GsoRequest(20);
  Add(plain_, {});
  Add(tcp_, bad);
  Add(plain_, bad_gso);
  Add(large_, large_.GsoRequest(3000 - 1));
  const SendResult result = Send();
  EXPECT_EQ(result.accepted, 2);
  EXPECT_EQ(result.reason, DropReason::kOffload);
  ASSERT_EQ(link_.taken.size(), 3u);
  EXPECT_EQ(link_.taken[0], plain_.bytes);
  ASSERT_EQ(rest_.size(), 2u);
  EXPECT_EQ(FrameBytes(rest_[0]), tcp_.bytes);
  EXPECT_EQ(FrameBytes(rest_[1]), plain_.bytes);
}

}  // namespace
}  // namespace vswitch
