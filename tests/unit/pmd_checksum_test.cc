// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <cstring>
#include <string>

#include "dataplane/packet_buffer.h"
#include "pmd/checksum.h"
#include "pmd/pull.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

uint16_t InMemoryOrder(uint16_t big_endian) {
  const uint8_t bytes[2] = {static_cast<uint8_t>(big_endian >> 8),
                            static_cast<uint8_t>(big_endian)};
  uint16_t value;
  std::memcpy(&value, bytes, sizeof(value));
  return value;
}

TEST(RawChecksum, AgreesWithTheRfcWhereverSegmentsBegin) {
  // High bytes make carries, which odd segments must not lose.
  std::vector<uint8_t> bytes(1001);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(0xff - i % 3);
  for (uint16_t segment : {1, 2, 3, 7, 64, 333, 2048}) {
    const Packet packet = ToPacket(bytes, {}, segment);
    for (uint32_t offset : {0u, 1u, 14u, 333u, 1000u}) {
      for (uint32_t length : {0u, 1u, 2u, 500u, 1001u}) {
        if (offset + length > bytes.size()) continue;
        const uint16_t expected = ReferenceSum(std::span(bytes).subspan(offset, length));
        EXPECT_EQ(RawChecksum(PacketBuffer::Mbuf(packet), offset, length), InMemoryOrder(expected))
            << segment << " " << offset << " " << length;
      }
    }
    PacketBuffer::Free({&packet, 1});
  }
}

struct Case {
  const char* name;
  IpFrameSpec spec;
};

class CompleteChecksumTest : public testing::TestWithParam<Case> {};

TEST_P(CompleteChecksumTest, MakesTheFrameValid) {
  const IpFrame frame = BuildIpFrame(GetParam().spec);
  ASSERT_FALSE(ChecksumsValid(frame));
  const Offload request = frame.ChecksumRequest();
  for (uint16_t segment : {2048, 61, 35}) {  // 35: the field itself lies across segments
    const Packet packet = ToPacket(frame.bytes, request, segment);
    ASSERT_TRUE(
        CompleteChecksum(PacketBuffer::Mbuf(packet), request.csum_start, request.csum_offset));
    EXPECT_TRUE(ChecksumsValid(ParseIpFrame(FrameBytes(packet)))) << segment;
    PacketBuffer::Free({&packet, 1});
  }
}

INSTANTIATE_TEST_SUITE_P(
    Frames, CompleteChecksumTest,
    testing::Values(Case{"tcp4", {}}, Case{"udp4", {.udp = true}}, Case{"tcp6", {.ipv6 = true}},
                    Case{"udp6", {.ipv6 = true, .udp = true}},
                    Case{"odd_payload", {.payload = 101}}, Case{"no_payload", {.payload = 0}},
                    Case{"vlan", {.vlan_tags = 1}}, Case{"two_tags", {.vlan_tags = 2}},
                    Case{"ipv4_options", {.network_extra = 12}},
                    Case{"ipv6_destination_options", {.ipv6 = true, .network_extra = 16}},
                    Case{"tcp_options", {.tcp_options = 12, .payload = 1}}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CompleteChecksum, StoresZeroAsAllOnes) {
  // A UDP checksum of zero means there is none (RFC 768). All-ones payload sums to zero with a
  // field of zero.
  std::vector<uint8_t> bytes(22, 0);
  bytes[20] = 0xff;
  bytes[21] = 0xff;
  const Packet packet = ToPacket(bytes);
  ASSERT_TRUE(CompleteChecksum(PacketBuffer::Mbuf(packet), 14, 4));
  EXPECT_EQ(Be16(FrameBytes(packet), 18), 0xffff);
  PacketBuffer::Free({&packet, 1});
}

TEST(CompleteChecksum, LeavesFramesAloneWhoseFieldLiesOutside) {
  const std::vector<uint8_t> bytes(60, 0xab);
  const Packet packet = ToPacket(bytes);
  rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
  EXPECT_FALSE(CompleteChecksum(mbuf, 59, 0));
  EXPECT_FALSE(CompleteChecksum(mbuf, 34, 25));
  EXPECT_FALSE(CompleteChecksum(mbuf, 65535, 65535));
  EXPECT_EQ(FrameBytes(packet), bytes);
  EXPECT_TRUE(CompleteChecksum(mbuf, 34, 24));
  PacketBuffer::Free({&packet, 1});
}

TEST(PseudoHeaderChecksum, CoversAddressesLengthAndProtocol) {
  for (const bool ipv6 : {false, true}) {
    const IpFrame frame = BuildIpFrame({.ipv6 = ipv6, .payload = 60000});
    const auto headers = FindTransport(frame.bytes);
    ASSERT_TRUE(headers.has_value());
    const uint16_t sum = PseudoHeaderChecksum(
        frame.bytes.data(), *headers, static_cast<uint32_t>(frame.bytes.size() - frame.transport));
    EXPECT_EQ(sum, InMemoryOrder(ReferencePseudoSum(frame)));
  }
}

TEST(PullHeaders, MakesTheFirst128BytesContiguous) {
  const unsigned before = BuffersInUse();
  std::vector<uint8_t> bytes(300);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  for (uint16_t segment : {1, 14, 60, 127, 128, 299}) {
    Packet packet = ToPacket(bytes, {}, segment);
    rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
    PullHeaders(mbuf);
    PacketBuffer::Replace(packet, mbuf, {});
    EXPECT_GE(packet.Headers().size(), 128u) << segment;
    EXPECT_EQ(FrameBytes(packet), bytes) << segment;
    EXPECT_EQ(rte_mbuf_check(mbuf, 1, std::array<const char*, 1>().data()), 0) << segment;
    PacketBuffer::Free({&packet, 1});
  }
  EXPECT_EQ(BuffersInUse(), before);
}

TEST(PullHeaders, TakesAShortFrameWhole) {
  const std::vector<uint8_t> bytes(60, 7);
  Packet packet = ToPacket(bytes, {}, 20);
  PullHeaders(PacketBuffer::Mbuf(packet));
  EXPECT_EQ(PacketBuffer::Mbuf(packet)->nb_segs, 1);
  EXPECT_EQ(FrameBytes(packet), bytes);
  PacketBuffer::Free({&packet, 1});
}

TEST(JoinChains, StopsAtWhatHasNoRoom) {
  const std::vector<uint8_t> bytes(900, 0x5a);
  const Packet packets[] = {ToPacket(bytes), ToPacket(bytes, {}, 300), MakeFrame(3000),
                            ToPacket(bytes, {}, 300)};
  rte_mbuf* mbufs[4];
  for (int i = 0; i < 4; ++i) mbufs[i] = PacketBuffer::Mbuf(packets[i]);
  EXPECT_EQ(JoinChains(mbufs, 2), 2);
  EXPECT_EQ(JoinChains(mbufs, 4), 2);
  EXPECT_EQ(mbufs[1]->nb_segs, 1);
  EXPECT_EQ(FrameBytes(packets[1]), bytes);
  EXPECT_EQ(mbufs[3]->nb_segs, 3);
  PacketBuffer::Free(packets);
}

}  // namespace
}  // namespace vswitch
