// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <rte_ring.h>

#include <memory>

#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/factory.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

class RingBackendTest : public testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<Backend>> Create(const std::string& name,
                                                  const std::string& device = "dev") {
    BackendSpec spec;
    spec.type = BackendType::kRing;
    spec.name = name;
    BackendEnv env;
    env.pool = TestPool();
    return CreateBackend(spec, device, 1500, env);
  }
  void Put(const Packet& packet) {
    ASSERT_EQ(rte_ring_enqueue(rte_ring_lookup("other_rx"), PacketBuffer::Mbuf(packet)), 0);
  }
  rte_mbuf* Take() {
    void* entry = nullptr;
    return rte_ring_dequeue(rte_ring_lookup("other_tx"), &entry) == 0
               ? static_cast<rte_mbuf*>(entry)
               : nullptr;
  }
  void TearDown() override { EXPECT_EQ(BuffersInUse(), before_); }

  const unsigned before_ = BuffersInUse();
  Burst burst_;
};

TEST_F(RingBackendTest, CarriesFramesBothWays) {
  const std::unique_ptr<Backend> backend = *Create("other");
  EXPECT_EQ(backend->Status().type, "ring");
  EXPECT_EQ(backend->Status().path, "other");
  for (uint8_t i = 0; i < 40; ++i) Put(MakeFrame(60 + i, i));
  backend->Receive(0, burst_);
  ASSERT_EQ(burst_.count, Burst::kCapacity);
  EXPECT_EQ(burst_.packets[31].length(), 91u);
  const SendResult result = backend->Send(0, burst_);
  EXPECT_EQ(result.accepted, 32);
  for (uint32_t i = 0; i < 32; ++i) {
    rte_mbuf* mbuf = Take();
    ASSERT_NE(mbuf, nullptr);
    EXPECT_EQ(mbuf->pkt_len, 60 + i);
    rte_pktmbuf_free(mbuf);
  }
  EXPECT_EQ(Take(), nullptr);
}  // the eight frames left in the ring are freed with it

TEST_F(RingBackendTest, CarriesRequestsBothWays) {
  const std::unique_ptr<Backend> backend = *Create("other");
  const IpFrame frame = BuildIpFrame({.payload = 4000});
  const Packet packet = ToPacket(frame.bytes);
  rte_mbuf* in = PacketBuffer::Mbuf(packet);
  in->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG | RTE_MBUF_F_TX_IP_CKSUM;
  in->l2_len = 14;
  in->l3_len = 20;
  in->l4_len = 20;
  in->tso_segsz = 1448;
  Put(packet);
  backend->Receive(0, burst_);
  ASSERT_EQ(burst_.count, 1);
  EXPECT_EQ(burst_.packets[0].offload().gso, GsoType::kTcp4);
  EXPECT_EQ(burst_.packets[0].offload().gso_size, 1448);
  EXPECT_EQ(burst_.packets[0].offload().csum_start, 34);
  EXPECT_EQ(FrameBytes(burst_.packets[0]), frame.bytes);
  ASSERT_EQ(backend->Send(0, burst_).accepted, 1);
  rte_mbuf* out = Take();
  ASSERT_NE(out, nullptr);
  EXPECT_EQ(out->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK, RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_SEG |
                                                            RTE_MBUF_F_TX_IP_CKSUM |
                                                            RTE_MBUF_F_TX_TCP_CKSUM);
  EXPECT_EQ(out->tso_segsz, 1448);
  EXPECT_EQ(out->l2_len + out->l3_len + out->l4_len, 54);
  rte_pktmbuf_free(out);
}

TEST_F(RingBackendTest, RefusesSenselessRequestsAndMakesHeadersContiguous) {
  const std::unique_ptr<Backend> backend = *Create("other");
  const IpFrame frame = BuildIpFrame({.payload = 400});
  const Packet bad = ToPacket(frame.bytes);
  PacketBuffer::Mbuf(bad)->ol_flags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_TCP_CKSUM;
  PacketBuffer::Mbuf(bad)->l2_len = 100;
  PacketBuffer::Mbuf(bad)->l3_len = 400;
  Put(bad);
  Put(ToPacket(frame.bytes, {}, 20));
  backend->Receive(0, burst_);
  EXPECT_EQ(burst_.malformed, 1);
  ASSERT_EQ(burst_.count, 1);
  EXPECT_GE(burst_.packets[0].Headers().size(), 128u);
  EXPECT_EQ(FrameBytes(burst_.packets[0]), frame.bytes);
  PacketBuffer::Free(burst_.view());
}

TEST_F(RingBackendTest, LeavesToTheCallerWhatAFullRingDoesNotTake) {
  const std::unique_ptr<Backend> backend = *Create("other");
  uint32_t sent = 0;
  for (;;) {
    for (burst_.count = 0; burst_.count < 32; ++burst_.count) {
      burst_.packets[burst_.count] = MakeFrame(60);
    }
    const SendResult result = backend->Send(0, burst_);
    sent += result.accepted;
    if (result.accepted == 32) continue;
    EXPECT_EQ(result.reason, DropReason::kBackendFull);
    PacketBuffer::Free(burst_.view().subspan(result.accepted));
    break;
  }
  EXPECT_EQ(sent, 1023u);  // a ring of 1024 holds one less
}

TEST_F(RingBackendTest, NamesAreTheDevicesByDefaultAndTakenOnce) {
  const std::unique_ptr<Backend> backend = *Create("", "other");
  EXPECT_NE(rte_ring_lookup("other_rx"), nullptr);
  const auto second = Create("other");
  EXPECT_EQ(ErrnoOf(second.status()), EEXIST);
  EXPECT_NE(second.status().message().find("other_rx"), absl::string_view::npos);
}

TEST_F(RingBackendTest, LeavesNothingBehindWhenOneNameIsTaken) {
  rte_ring* taken = rte_ring_create("half_tx", 2, SOCKET_ID_ANY, 0);
  EXPECT_EQ(ErrnoOf(Create("half").status()), EEXIST);
  EXPECT_EQ(rte_ring_lookup("half_rx"), nullptr);
  rte_ring_free(taken);
  EXPECT_TRUE(Create("half").ok());
  EXPECT_EQ(rte_ring_lookup("half_rx"), nullptr);
  EXPECT_EQ(rte_ring_lookup("half_tx"), nullptr);
}

TEST_F(RingBackendTest, RefusesLongNames) {
  EXPECT_EQ(ErrnoOf(Create(std::string(40, 'n')).status()), ENAMETOOLONG);
}

}  // namespace
}  // namespace vswitch
