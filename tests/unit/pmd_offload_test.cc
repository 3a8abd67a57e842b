// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "dataplane/packet_buffer.h"
#include "pmd/offload.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

bool operator==(const Offload& a, const Offload& b) {
  return a.csum_start == b.csum_start && a.csum_offset == b.csum_offset &&
         a.gso_size == b.gso_size && a.gso == b.gso && a.needs_checksum == b.needs_checksum;
}

// An mbuf of one frame that frees itself.
class Frame {
 public:
  explicit Frame(const IpFrame& frame) : packet_(ToPacket(frame.bytes)) {}
  ~Frame() { PacketBuffer::Free({&packet_, 1}); }
  rte_mbuf* mbuf() { return PacketBuffer::Mbuf(packet_); }
  std::vector<uint8_t> bytes() const { return FrameBytes(packet_); }

 private:
  const Packet packet_;
};

struct RequestCase {
  const char* name;
  IpFrameSpec spec;
  std::function<void(const IpFrame&, Offload&)> change;
  bool accepted;
};

class CheckOffloadTest : public testing::TestWithParam<RequestCase> {};

TEST_P(CheckOffloadTest, AcceptsOrRefuses) {
  const RequestCase& c = GetParam();
  const IpFrame frame = BuildIpFrame(c.spec);
  Offload offload = c.spec.udp ? frame.ChecksumRequest() : frame.GsoRequest(1000);
  c.change(frame, offload);
  const auto length = static_cast<uint32_t>(frame.bytes.size());
  EXPECT_EQ(CheckOffload(frame.bytes, length, offload), c.accepted);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, CheckOffloadTest,
    testing::Values(
        RequestCase{"gso", {.payload = 3000}, [](auto&, auto&) {}, true},
        RequestCase{"gso6", {.ipv6 = true, .payload = 3000}, [](auto&, auto&) {}, true},
        RequestCase{"udp_checksum", {.udp = true}, [](auto&, auto&) {}, true},
        RequestCase{"nothing", {}, [](auto&, Offload& o) { o = {}; }, true},
        RequestCase{"field_ends_with_frame",
                    {.udp = true},
                    [](const IpFrame& f, Offload& o) {
                      o.csum_start = static_cast<uint16_t>(f.bytes.size() - 4);
                      o.csum_offset = 2;
                    },
                    true},
        RequestCase{"field_behind_frame",
                    {.udp = true},
                    [](const IpFrame& f, Offload& o) {
                      o.csum_start = static_cast<uint16_t>(f.bytes.size() - 4);
                      o.csum_offset = 3;
                    },
                    false},
        RequestCase{"sum_overflows",
                    {.udp = true},
                    [](auto&, Offload& o) { o.csum_start = o.csum_offset = 65535; },
                    false},
        RequestCase{"starts_in_ethernet_header",
                    {.udp = true},
                    [](auto&, Offload& o) { o.csum_start = 13; },
                    false},
        RequestCase{"gso_without_checksum",
                    {.payload = 3000},
                    [](auto&, Offload& o) { o.needs_checksum = false; },
                    false},
        RequestCase{
            "gso_size_zero", {.payload = 3000}, [](auto&, Offload& o) { o.gso_size = 0; }, false},
        RequestCase{"gso_of_other_family",
                    {.payload = 3000},
                    [](auto&, Offload& o) { o.gso = GsoType::kTcp6; },
                    false},
        RequestCase{"gso_with_udp_field",
                    {.payload = 3000},
                    [](auto&, Offload& o) { o.csum_offset = 6; },
                    false},
        RequestCase{"gso_start_not_at_tcp",
                    {.payload = 3000},
                    [](auto&, Offload& o) { o.csum_start += 4; },
                    false},
        RequestCase{"gso_of_udp",
                    {.udp = true, .payload = 3000},
                    [](const IpFrame& f, Offload& o) {
                      o = f.GsoRequest(1000);
                      o.csum_offset = 16;
                    },
                    false},
        RequestCase{"too_many_segments",
                    {.payload = 60000},
                    [](auto&, Offload& o) { o.gso_size = 58; },
                    false},
        RequestCase{
            "many_segments", {.payload = 60000}, [](auto&, Offload& o) { o.gso_size = 59; }, true},
        RequestCase{"longer_than_ip", {.payload = 65500}, [](auto&, auto&) {}, false}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(CheckOffload, RefusesTcpHeadersOutsideTheFrame) {
  const IpFrame frame = BuildIpFrame({.tcp_options = 40, .payload = 0});
  for (size_t length = frame.transport; length < frame.payload; ++length) {
    Offload offload = frame.GsoRequest(1);
    const std::span<const uint8_t> cut(frame.bytes.data(), length);
    EXPECT_FALSE(CheckOffload(cut, static_cast<uint32_t>(length), offload)) << length;
  }
}

TEST(CheckOffload, AFrameOfOneSegmentIsNotGso) {
  const IpFrame frame = BuildIpFrame({.payload = 1000});
  Offload offload = frame.GsoRequest(1000);
  ASSERT_TRUE(CheckOffload(frame.bytes, static_cast<uint32_t>(frame.bytes.size()), offload));
  EXPECT_TRUE(offload == frame.ChecksumRequest());
  offload = frame.GsoRequest(999);
  ASSERT_TRUE(CheckOffload(frame.bytes, static_cast<uint32_t>(frame.bytes.size()), offload));
  EXPECT_TRUE(offload == frame.GsoRequest(999));
}

struct MappingCase {
  const char* name;
  IpFrameSpec spec;
  uint16_t gso_size;  // 0: a checksum only
  uint64_t rx_flags;
  uint64_t tx_flags;
};

class MappingTest : public testing::TestWithParam<MappingCase> {
 protected:
  const IpFrame frame_ = BuildIpFrame(GetParam().spec);
  const Offload offload_ =
      GetParam().gso_size == 0 ? frame_.ChecksumRequest() : frame_.GsoRequest(GetParam().gso_size);
};

TEST_P(MappingTest, FromVhostFlags) {
  Frame frame(frame_);
  frame.mbuf()->ol_flags = GetParam().rx_flags;
  frame.mbuf()->tso_segsz = GetParam().gso_size;
  EXPECT_TRUE(HasRxRequest(frame.mbuf()->ol_flags));
  Offload offload;
  ASSERT_TRUE(OffloadFromRxFlags(frame.mbuf(), &offload));
  EXPECT_TRUE(offload == offload_);
}

TEST_P(MappingTest, ToTxFlagsAndBack) {
  Frame frame(frame_);
  ASSERT_TRUE(SetTxRequest(frame.mbuf(), offload_, /*ip_checksum=*/true));
  EXPECT_EQ(frame.mbuf()->ol_flags, GetParam().tx_flags);
  EXPECT_EQ(frame.mbuf()->l2_len, frame_.network);
  EXPECT_EQ(frame.mbuf()->l2_len + frame.mbuf()->l3_len, frame_.transport);
  EXPECT_EQ(frame.mbuf()->l2_len + frame.mbuf()->l3_len + frame.mbuf()->l4_len, frame_.payload);
  EXPECT_EQ(frame.mbuf()->tso_segsz, GetParam().gso_size);
  // The field's contents are ours to write, whatever the sender left there.
  *rte_pktmbuf_mtod_offset(frame.mbuf(), uint8_t*, offload_.csum_start + offload_.csum_offset) ^= 1;
  Offload offload;
  ASSERT_TRUE(TakeTxRequest(frame.mbuf(), &offload));
  EXPECT_TRUE(offload == offload_);
  EXPECT_EQ(frame.mbuf()->ol_flags, 0u);
  EXPECT_EQ(frame.bytes(), frame_.bytes);
}

INSTANTIATE_TEST_SUITE_P(
    Flags, MappingTest,
    testing::Values(MappingCase{"tcp4",
                                {},
                                0,
                                RTE_MBUF_F_RX_L4_CKSUM_NONE,
                                RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM},
                    MappingCase{"udp4",
                                {.udp = true},
                                0,
                                RTE_MBUF_F_RX_L4_CKSUM_NONE,
                                RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM},
                    MappingCase{"tcp6",
                                {.ipv6 = true},
                                0,
                                RTE_MBUF_F_RX_L4_CKSUM_NONE,
                                RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM},
                    MappingCase{"udp6",
                                {.ipv6 = true, .udp = true, .vlan_tags = 2},
                                0,
                                RTE_MBUF_F_RX_L4_CKSUM_NONE,
                                RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_UDP_CKSUM},
                    MappingCase{"tso4",
                                {.vlan_tags = 1, .tcp_options = 12, .payload = 1900},
                                500,
                                RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_LRO,
                                RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM |
                                    RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM},
                    MappingCase{
                        "tso6",
                        {.ipv6 = true, .payload = 1900},
                        500,
                        RTE_MBUF_F_RX_L4_CKSUM_NONE | RTE_MBUF_F_RX_LRO,
                        RTE_MBUF_F_TX_IPV6 | RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_TCP_SEG}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(HasRxRequest, IsNotFooledByOtherVerdicts) {
  EXPECT_FALSE(HasRxRequest(0));
  EXPECT_FALSE(HasRxRequest(RTE_MBUF_F_RX_L4_CKSUM_GOOD | RTE_MBUF_F_RX_IP_CKSUM_NONE));
  EXPECT_FALSE(HasRxRequest(RTE_MBUF_F_RX_L4_CKSUM_BAD));
}

TEST(OffloadFromRxFlags, RefusesWhatTheFrameDoesNotBearOut) {
  const auto refused = [](IpFrame ip, uint64_t flags, uint16_t segment_size) {
    Frame frame(ip);
    frame.mbuf()->ol_flags = flags;
    frame.mbuf()->tso_segsz = segment_size;
    Offload offload;
    return !OffloadFromRxFlags(frame.mbuf(), &offload);
  };
  const uint64_t checksum = RTE_MBUF_F_RX_L4_CKSUM_NONE;
  IpFrame sctp = BuildIpFrame({});
  sctp.bytes[sctp.network + 9] = 132;
  EXPECT_TRUE(refused(sctp, checksum, 0));
  IpFrame arp = BuildIpFrame({});
  arp.bytes[13] = 0x06;
  EXPECT_TRUE(refused(arp, checksum, 0));
  IpFrame fragment = BuildIpFrame({});
  fragment.bytes[fragment.network + 6] = 0x20;
  EXPECT_TRUE(refused(fragment, checksum, 0));
  EXPECT_TRUE(refused(BuildIpFrame({.payload = 1900}), checksum | RTE_MBUF_F_RX_LRO, 0));
  EXPECT_TRUE(
      refused(BuildIpFrame({.udp = true, .payload = 1900}), checksum | RTE_MBUF_F_RX_LRO, 500));
}

TEST(SetTxRequest, LeavesToSoftwareWhatFlagsCannotSay) {
  const auto says = [](const IpFrame& ip, const Offload& offload) {
    Frame frame(ip);
    const bool result = SetTxRequest(frame.mbuf(), offload, false);
    EXPECT_EQ(frame.mbuf()->ol_flags != 0, result);
    return result;
  };
  const IpFrame plain = BuildIpFrame({});
  EXPECT_TRUE(says(plain, plain.ChecksumRequest()));
  const IpFrame options = BuildIpFrame({.network_extra = 4});
  EXPECT_FALSE(says(options, options.ChecksumRequest()));
  const IpFrame extended = BuildIpFrame({.ipv6 = true, .network_extra = 8});
  EXPECT_FALSE(says(extended, extended.ChecksumRequest()));
  Offload inner = plain.ChecksumRequest();
  inner.csum_start += 8;
  EXPECT_FALSE(says(plain, inner));
  Offload elsewhere = plain.ChecksumRequest();
  elsewhere.csum_offset = 6;
  EXPECT_FALSE(says(plain, elsewhere));
}

struct TxCase {
  const char* name;
  uint64_t flags;
  int l2_change;
  int l3_change;
  bool accepted;
};

class TakeTxRequestTest : public testing::TestWithParam<TxCase> {};

TEST_P(TakeTxRequestTest, AcceptsOrRefuses) {
  const TxCase& c = GetParam();
  const IpFrame ip = BuildIpFrame({.payload = 1900});
  Frame frame(ip);
  frame.mbuf()->l2_len = static_cast<uint8_t>(ip.network + c.l2_change);
  frame.mbuf()->l3_len = static_cast<uint16_t>(ip.transport - ip.network + c.l3_change);
  frame.mbuf()->l4_len = 20;
  frame.mbuf()->tso_segsz = 500;
  frame.mbuf()->ol_flags = c.flags;
  Offload offload;
  EXPECT_EQ(TakeTxRequest(frame.mbuf(), &offload), c.accepted);
  EXPECT_EQ(frame.mbuf()->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, 0u);
}

INSTANTIATE_TEST_SUITE_P(
    Flags, TakeTxRequestTest,
    testing::Values(TxCase{"none", 0, 0, 0, true},
                    TxCase{"family_alone", RTE_MBUF_F_TX_IPV4, 5, 5, true},
                    TxCase{"tcp", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM, 0, 0, true},
                    TxCase{"tso", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG, 0, 0, true},
                    TxCase{"wrong_l2", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM, 4, 0, false},
                    TxCase{"wrong_l3", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM, 0, 400, false},
                    TxCase{"udp_of_tcp", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_UDP_CKSUM, 0, 0, false},
                    TxCase{"sctp", RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_SCTP_CKSUM, 0, 0, false},
                    TxCase{"vlan_insertion", RTE_MBUF_F_TX_VLAN, 0, 0, false},
                    TxCase{"udp_segmentation", RTE_MBUF_F_TX_UDP_SEG, 0, 0, false},
                    TxCase{"tunnel",
                           RTE_MBUF_F_TX_TUNNEL_VXLAN | RTE_MBUF_F_TX_OUTER_IPV4 |
                               RTE_MBUF_F_TX_TCP_SEG,
                           0, 0, false}),
    [](const auto& info) { return std::string(info.param.name); });

TEST(TakeTxRequest, CompletesAnIpv4HeaderChecksum) {
  const IpFrame ip = BuildIpFrame({});
  Frame frame(ip);
  std::fill_n(rte_pktmbuf_mtod_offset(frame.mbuf(), uint8_t*, ip.network + 10), 2, uint8_t{0xee});
  frame.mbuf()->l2_len = ip.network;
  frame.mbuf()->l3_len = 20;
  frame.mbuf()->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
  Offload offload;
  ASSERT_TRUE(TakeTxRequest(frame.mbuf(), &offload));
  EXPECT_FALSE(offload.Any());
  EXPECT_EQ(frame.bytes(), ip.bytes);
}

TEST(OffloadSupport, TakesOnlyWhatWasNegotiated) {
  const IpFrame frame4 = BuildIpFrame({.payload = 3000});
  const IpFrame frame6 = BuildIpFrame({.ipv6 = true, .payload = 3000});
  const Offload checksum = frame4.ChecksumRequest();
  const Offload tso4 = frame4.GsoRequest(1000);
  const Offload tso6 = frame6.GsoRequest(1000);
  struct {
    OffloadSupport support;
    bool none, checksum, tso4, tso6;
  } const kTable[] = {
      {{false, false, false}, true, false, false, false},
      {{true, false, false}, true, true, false, false},
      {{true, true, false}, true, true, true, false},
      {{true, false, true}, true, true, false, true},
      {{true, true, true}, true, true, true, true},
      {{false, true, true}, true, false, false, false},
  };
  for (const auto& row : kTable) {
    EXPECT_EQ(row.support.Takes({}), row.none);
    EXPECT_EQ(row.support.Takes(checksum), row.checksum);
    EXPECT_EQ(row.support.Takes(tso4), row.tso4);
    EXPECT_EQ(row.support.Takes(tso6), row.tso6);
  }
}

}  // namespace
}  // namespace vswitch
