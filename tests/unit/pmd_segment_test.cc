// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <string>

#include "dataplane/packet_buffer.h"
#include "pmd/segment.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

constexpr uint8_t kFin = 0x01, kPsh = 0x08, kAck = 0x10, kCwr = 0x80;

std::vector<IpFrame> Cut(const IpFrame& frame, uint16_t gso_size, uint16_t mbuf_size = 2048) {
  const Packet packet = ToPacket(frame.bytes, frame.GsoRequest(gso_size), mbuf_size);
  Segmenter segmenter(packet, TestPool());
  EXPECT_TRUE(segmenter.valid());
  std::vector<IpFrame> segments;
  while (segmenter.valid() && !segmenter.done()) {
    const Packet segment = PacketBuffer::FromMbuf(segmenter.Next());
    segments.push_back(ParseIpFrame(FrameBytes(segment)));
    PacketBuffer::Free({&segment, 1});
  }
  EXPECT_EQ(FrameBytes(packet), frame.bytes) << "the frame itself is not changed";
  PacketBuffer::Free({&packet, 1});
  return segments;
}

struct Case {
  const char* name;
  IpFrameSpec spec;
  uint16_t gso_size;
  size_t segments;
  uint16_t mbuf_size = 2048;
};

class SegmentTest : public testing::TestWithParam<Case> {};

TEST_P(SegmentTest, CutsIntoValidFrames) {
  const Case& c = GetParam();
  const unsigned before = BuffersInUse();
  const IpFrame frame = BuildIpFrame(c.spec);
  const std::vector<IpFrame> segments = Cut(frame, c.gso_size, c.mbuf_size);
  ASSERT_EQ(segments.size(), c.segments);
  std::vector<uint8_t> payload;
  for (size_t i = 0; i < segments.size(); ++i) {
    const IpFrame& segment = segments[i];
    SCOPED_TRACE(i);
    EXPECT_TRUE(ChecksumsValid(segment));
    EXPECT_EQ(segment.network, frame.network);
    EXPECT_EQ(segment.transport, frame.transport);
    EXPECT_EQ(segment.payload, frame.payload);
    const size_t length = segment.bytes.size() - segment.network;
    if (frame.ipv6) {
      EXPECT_EQ(Be16(segment.bytes, segment.network + 4), length - 40);
    } else {
      EXPECT_EQ(Be16(segment.bytes, segment.network + 2), length);
      EXPECT_EQ(Be16(segment.bytes, segment.network + 4), static_cast<uint16_t>(c.spec.ip_id + i));
    }
    EXPECT_EQ(Be32(segment.bytes, segment.transport + 4),
              static_cast<uint32_t>(c.spec.sequence + i * c.gso_size));
    if (i + 1 < segments.size()) {
      EXPECT_EQ(segment.bytes.size() - segment.payload, c.gso_size);
    }
    payload.insert(payload.end(), segment.bytes.begin() + segment.payload, segment.bytes.end());
  }
  EXPECT_TRUE(std::equal(payload.begin(), payload.end(), frame.bytes.begin() + frame.payload,
                         frame.bytes.end()));
  EXPECT_EQ(BuffersInUse(), before);
}

INSTANTIATE_TEST_SUITE_P(
    Frames, SegmentTest,
    testing::Values(Case{"tcp4", {.payload = 4000}, 1448, 3},
                    Case{"tcp6", {.ipv6 = true, .payload = 4000}, 1428, 3},
                    Case{"exact_multiple", {.payload = 4344}, 1448, 3},
                    Case{"odd_size", {.payload = 3001}, 999, 4},
                    Case{"last_of_one_byte", {.payload = 2001}, 1000, 3},
                    Case{"largest", {.tcp_options = 12, .payload = 65483}, 1448, 46},
                    Case{"vlan", {.vlan_tags = 1, .payload = 3000}, 1400, 3},
                    Case{"two_tags", {.vlan_tags = 2, .payload = 3000}, 1400, 3},
                    Case{"ipv4_options", {.network_extra = 40, .payload = 3000}, 1000, 3},
                    Case{"ipv6_destination_options",
                         {.ipv6 = true, .network_extra = 24, .payload = 3000},
                         1000,
                         3},
                    Case{"tcp_options", {.tcp_options = 40, .payload = 3000}, 1000, 3},
                    Case{"jumbo_segments", {.payload = 60000}, 8948, 7},
                    Case{"small_source_buffers", {.payload = 3000}, 700, 5, 129},
                    Case{"sequence_wraps", {.payload = 3000, .sequence = 0xfffffff0}, 1000, 3},
                    Case{"ip_id_wraps", {.payload = 3000, .ip_id = 0xffff}, 1000, 3}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(Segmenter, KeepsFinAndPshForTheLastAndCwrForTheFirst) {
  const IpFrame frame = BuildIpFrame({.payload = 3000, .tcp_flags = kFin | kPsh | kAck | kCwr});
  const std::vector<IpFrame> segments = Cut(frame, 1000);
  ASSERT_EQ(segments.size(), 3u);
  const auto flags = [&](size_t i) { return segments[i].bytes[segments[i].transport + 13]; };
  EXPECT_EQ(flags(0), kAck | kCwr);
  EXPECT_EQ(flags(1), kAck);
  EXPECT_EQ(flags(2), kAck | kFin | kPsh);
}

TEST(Segmenter, RefusesWhatItCannotCut) {
  const auto valid = [](std::vector<uint8_t> bytes, const Offload& offload) {
    const Packet packet = ToPacket(bytes, offload);
    const bool result = Segmenter(packet, TestPool()).valid();
    PacketBuffer::Free({&packet, 1});
    return result;
  };
  const IpFrame frame = BuildIpFrame({.payload = 3000});
  EXPECT_TRUE(valid(frame.bytes, frame.GsoRequest(1000)));
  EXPECT_FALSE(valid(frame.bytes, frame.GsoRequest(0)));
  EXPECT_FALSE(valid(frame.bytes, frame.GsoRequest(65535))) << "an IP packet could not hold it";
  const IpFrame udp = BuildIpFrame({.udp = true, .payload = 3000});
  EXPECT_FALSE(valid(udp.bytes, udp.GsoRequest(1000)));
  std::vector<uint8_t> truncated(frame.bytes.begin(), frame.bytes.begin() + frame.payload - 1);
  EXPECT_FALSE(valid(truncated, frame.GsoRequest(1000)));
  std::vector<uint8_t> fragment = frame.bytes;
  fragment[frame.network + 7] = 1;
  EXPECT_FALSE(valid(fragment, frame.GsoRequest(1000)));
  std::vector<uint8_t> short_tcp = frame.bytes;
  short_tcp[frame.transport + 12] = 0x40;
  EXPECT_FALSE(valid(short_tcp, frame.GsoRequest(1000)));
}

TEST(Segmenter, SaysSoWhenThePoolIsEmptyAndLeaksNothing) {
  rte_mempool* tiny =
      rte_pktmbuf_pool_create("tiny", 3, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  ASSERT_NE(tiny, nullptr);
  const IpFrame frame = BuildIpFrame({.payload = 30000});
  const Packet packet = ToPacket(frame.bytes, frame.GsoRequest(8000));
  Segmenter segmenter(packet, tiny);  // a segment needs four buffers
  EXPECT_EQ(segmenter.Next(), nullptr);
  EXPECT_EQ(rte_mempool_in_use_count(tiny), 0u);
  PacketBuffer::Free({&packet, 1});
  rte_mempool_free(tiny);
}

}  // namespace
}  // namespace vswitch
