// SPDX-License-Identifier: BSD-3-Clause
// What goes to the host stack and what comes from it, seen from the workers.
#include <gtest/gtest.h>

#include <string>

#include "dataplane/dataplane.h"
#include "dataplane/sink.h"
#include "dataplane/veth.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

constexpr uint16_t kArp = 0x0806, kIpv4 = 0x0800, kIpv6 = 0x86dd;

// A frame of zeros with this ethertype, and with `protocol` where IPv4 and IPv6 have it.
Packet Frame(uint16_t ethertype, uint8_t protocol = 0, uint32_t length = 60,
             const Offload& offload = {}) {
  const Packet packet = MakeFrame(length, 0, offload);
  auto* bytes = rte_pktmbuf_mtod(PacketBuffer::Mbuf(packet), uint8_t*);
  std::fill_n(bytes, length, uint8_t{0});
  bytes[12] = static_cast<uint8_t>(ethertype >> 8);
  bytes[13] = static_cast<uint8_t>(ethertype);
  const size_t at = ethertype == kIpv6 ? 20 : 23;
  if (protocol != 0) bytes[at] = protocol;
  return packet;
}

struct Row {
  const char* description;
  uint16_t ethertype;
  uint8_t protocol;
  uint32_t length;
  Offload offload;
  bool taken;
};

class TakesTable : public testing::TestWithParam<Row> {};

TEST_P(TakesTable, OnlyWhatTheStackUnderstands) {
  const Row& row = GetParam();
  const Packet packet = Frame(row.ethertype, row.protocol, row.length, row.offload);
  EXPECT_EQ(HostQueue::Takes(packet), row.taken);
  PacketBuffer::Free({&packet, 1});
}

constexpr Offload kPartial{34, 2, 0, GsoType::kNone, true};
constexpr Offload kGso{34, 16, 1448, GsoType::kTcp4, true};

INSTANTIATE_TEST_SUITE_P(
    Frames, TakesTable,
    testing::Values(
        Row{"arp", kArp, 0, 42, {}, true}, Row{"arp_truncated", kArp, 0, 14, {}, true},
        Row{"icmp", kIpv4, 1, 60, {}, true}, Row{"udp", kIpv4, 17, 60, {}, false},
        Row{"tcp", kIpv4, 6, 60, {}, false}, Row{"ipv4_without_protocol", kIpv4, 0, 23, {}, false},
        Row{"icmp6", kIpv6, 58, 60, {}, true}, Row{"hop_by_hop", kIpv6, 0, 60, {}, true},
        Row{"udp6", kIpv6, 17, 60, {}, false},
        Row{"ipv6_without_next_header", kIpv6, 0, 20, {}, false},
        Row{"partial_checksum", kIpv4, 1, 60, kPartial, true},
        Row{"gso", kIpv4, 1, 600, kGso, false}, Row{"another_protocol", 0x88b5, 1, 60, {}, false}),
    [](const testing::TestParamInfo<Row>& info) { return info.param.description; });

// a with a far end, b with nothing behind it but the host stack.
class HostStackBehindVeth : public testing::Test {
 protected:
  void SetUp() override {
    in_use_ = BuffersInUse();
    plane_ = std::make_unique<Dataplane>(1);
    a_ = plane_->CreateDevice();
    b_ = plane_->CreateDevice();
    plane_->Publish(a_, std::make_unique<Veth>(VethState{a_, b_, 1500, true, true}));
    plane_->Publish(b_, std::make_unique<Veth>(VethState{b_, a_, 1500, true, true}));
    plane_->Attach(a_, std::make_unique<FakeBackend>(far_));
    plane_->SetHostStack(b_, true);
  }
  void TearDown() override {
    plane_.reset();
    EXPECT_EQ(BuffersInUse(), in_use_);
  }

  void Step() { plane_->workers()[0]->RunOnce(); }
  bool Receive() { return plane_->host().Receive(frame_); }
  static uint64_t Dropped(const DeviceTotals& totals, DropReason reason) {
    return totals.drops[static_cast<size_t>(reason)];
  }

  unsigned in_use_ = 0;
  FarEnd far_;
  std::unique_ptr<Dataplane> plane_;
  DeviceId a_, b_;
  HostFrame frame_;
};

TEST_F(HostStackBehindVeth, GetsWhatItUnderstandsInOrder) {
  far_.input.push_back(Frame(kArp));
  far_.input.push_back(Frame(kIpv4, 17, 100));
  far_.input.push_back(Frame(kIpv4, 1, 3000, kPartial));
  plane_->Publish(a_, std::make_unique<Veth>(VethState{a_, b_, 9000, true, true}));
  Step();
  ASSERT_TRUE(Receive());
  EXPECT_EQ(frame_.device, b_);
  EXPECT_EQ(frame_.bytes.size(), 60u);
  EXPECT_FALSE(frame_.checksum_pending);
  ASSERT_TRUE(Receive());
  EXPECT_EQ(frame_.bytes.size(), 3000u);
  EXPECT_EQ(frame_.bytes[23], 1);
  EXPECT_TRUE(frame_.checksum_pending);
  EXPECT_FALSE(Receive());
  const DeviceTotals a = plane_->Totals(a_), b = plane_->Totals(b_);
  EXPECT_EQ(a.tx_packets, 3u);
  EXPECT_EQ(a.tx_bytes, 3160u);
  EXPECT_EQ(b.rx_packets, 3u);
  EXPECT_EQ(b.rx_bytes, 3160u);
  EXPECT_EQ(Dropped(b, DropReason::kNoBackend), 1u);
}

TEST_F(HostStackBehindVeth, TakesNothingWhileItIsOff) {
  plane_->SetHostStack(b_, false);
  far_.input.push_back(Frame(kArp));
  Step();
  EXPECT_FALSE(Receive());
  EXPECT_EQ(Dropped(plane_->Totals(b_), DropReason::kNoBackend), 1u);
}

TEST_F(HostStackBehindVeth, ABackendComesFirst) {
  FarEnd far_b;
  plane_->Attach(b_, std::make_unique<FakeBackend>(far_b));
  far_.input.push_back(Frame(kArp));
  Step();
  EXPECT_FALSE(Receive());
  EXPECT_EQ(far_b.sent.size(), 1u);
  plane_->Detach(b_);
  plane_->Commit();
}

TEST_F(HostStackBehindVeth, AFloodIsDroppedAndCountedByName) {
  constexpr uint64_t kFlood = HostQueue::kCapacity + 500;
  for (uint64_t i = 0; i < kFlood; ++i) far_.input.push_back(Frame(kArp));
  for (uint64_t i = 0; i < kFlood; i += Burst::kCapacity) Step();
  uint64_t received = 0;
  while (Receive()) ++received;
  const DeviceTotals a = plane_->Totals(a_), b = plane_->Totals(b_);
  const uint64_t lost = Dropped(b, DropReason::kHostQueueFull);
  EXPECT_GE(lost, 500u);
  EXPECT_EQ(received + lost, kFlood);
  EXPECT_EQ(b.rx_packets, received);
  EXPECT_EQ(b.rx_dropped, lost);
  EXPECT_EQ(a.tx_packets, received);
  EXPECT_EQ(a.tx_dropped, lost);
}

TEST_F(HostStackBehindVeth, SendsToThePeer) {
  const std::vector<uint8_t> bytes(5000, 0x5a);
  plane_->Publish(b_, std::make_unique<Veth>(VethState{b_, a_, 9000, true, true}));
  ASSERT_TRUE(plane_->host().Send(0, b_, bytes, TestPool()));
  Step();
  ASSERT_EQ(far_.sent.size(), 1u);
  EXPECT_EQ(far_.sent[0].bytes, bytes);
  EXPECT_EQ(plane_->Totals(b_).tx_packets, 1u);
  EXPECT_EQ(plane_->Totals(a_).rx_bytes, 5000u);
}

TEST_F(HostStackBehindVeth, WhatItSendsGoesThroughTheDevice) {
  plane_->Publish(b_, std::make_unique<Veth>(VethState{b_, a_, 1500, true, false}));
  ASSERT_TRUE(plane_->host().Send(0, b_, std::vector<uint8_t>(60), TestPool()));
  Step();
  EXPECT_TRUE(far_.sent.empty());
  EXPECT_EQ(Dropped(plane_->Totals(b_), DropReason::kNoCarrier), 1u);
}

TEST_F(HostStackBehindVeth, WhatItSendsOnADeletedDeviceIsFreed) {
  ASSERT_TRUE(plane_->host().Send(0, b_, std::vector<uint8_t>(60), TestPool()));
  plane_->RemoveDevice(b_);
  plane_->Commit();
  Step();
  EXPECT_TRUE(far_.sent.empty());
}

TEST_F(HostStackBehindVeth, AWorkerThatIsBehindRefuses) {
  uint32_t sent = 0;
  while (plane_->host().Send(0, b_, std::vector<uint8_t>(60), TestPool())) ++sent;
  EXPECT_GT(sent, 500u);
  EXPECT_LE(sent, HostQueue::kCapacity);
}

// What stands before a stack: takes all.
class Taker final : public RxHandler {
 public:
  void Receive(Worker& worker, const Route& route, Burst& burst) const override {
    worker.Drop(route.to, DropReason::kIsolated, burst.view());
    burst.count = 0;
  }
  bool Work(Worker&) const override { return false; }
};

TEST_F(HostStackBehindVeth, WhatIsForTheStackItselfPassesWhatStandsBeforeIt) {
  plane_->PublishRxHandler(a_, std::make_unique<Taker>());
  const std::vector<uint8_t> bytes(60, 0x5a);
  ASSERT_TRUE(plane_->host().HandIn(0, a_, bytes, TestPool(), {}));
  Step();
  ASSERT_EQ(far_.sent.size(), 1u);
  EXPECT_EQ(far_.sent[0].bytes, bytes);
  const DeviceTotals totals = plane_->Totals(a_);
  EXPECT_EQ(totals.rx_packets + totals.tx_packets, 0u);  // it came by way of no device
}

TEST_F(HostStackBehindVeth, WhatIsForTheStackOfADeletedDeviceIsFreed) {
  ASSERT_TRUE(plane_->host().HandIn(0, a_, std::vector<uint8_t>(60), TestPool(), {}));
  plane_->RemoveDevice(a_);
  plane_->Commit();
  Step();
  EXPECT_TRUE(far_.sent.empty());
}

TEST(WireTest, ItsStackIsNotBehindIt) {
  const unsigned in_use = BuffersInUse();
  {
    FarEnd far;
    Dataplane plane(1);
    const DeviceId id = plane.CreateDevice();
    plane.Publish(id, std::make_unique<Wire>(id, true));
    plane.Attach(id, std::make_unique<FakeBackend>(far));
    plane.SetHostStack(id, true);
    std::vector<uint8_t> arp(60);
    arp[12] = 8;
    arp[13] = 6;
    ASSERT_TRUE(plane.host().HandIn(0, id, arp, TestPool(), {}));
    plane.workers()[0]->RunOnce();
    HostFrame frame;
    EXPECT_TRUE(plane.host().Receive(frame));
    EXPECT_TRUE(far.sent.empty());
  }
  EXPECT_EQ(BuffersInUse(), in_use);
}

class HostStackOnTheWire : public testing::TestWithParam<bool> {};

TEST_P(HostStackOnTheWire, ReceivesAndTransmits) {
  const bool up = GetParam();
  const unsigned in_use = BuffersInUse();
  {
    FarEnd far;
    Dataplane plane(1);
    const DeviceId id = plane.CreateDevice();
    plane.Publish(id, std::make_unique<Wire>(id, up));
    plane.Attach(id, std::make_unique<FakeBackend>(far));
    plane.SetHostStack(id, true);
    far.input.push_back(Frame(kArp));
    far.input.push_back(Frame(0x88b5));
    ASSERT_TRUE(plane.host().Send(0, id, std::vector<uint8_t>(70), TestPool()));
    plane.workers()[0]->RunOnce();
    HostFrame frame;
    EXPECT_EQ(plane.host().Receive(frame), up);
    EXPECT_EQ(far.sent.size(), up ? 1u : 0u);
    const DeviceTotals totals = plane.Totals(id);
    EXPECT_EQ(totals.rx_packets, up ? 2u : 0u);
    EXPECT_EQ(totals.rx_bytes, up ? 120u : 0u);
    EXPECT_EQ(totals.tx_packets, up ? 1u : 0u);
    EXPECT_EQ(totals.tx_bytes, up ? 70u : 0u);
    EXPECT_EQ(totals.drops[static_cast<size_t>(DropReason::kNoHandler)], up ? 1u : 0u);
    EXPECT_EQ(totals.drops[static_cast<size_t>(DropReason::kDeviceDown)], up ? 0u : 3u);
  }
  EXPECT_EQ(BuffersInUse(), in_use);
}

INSTANTIATE_TEST_SUITE_P(UpAndDown, HostStackOnTheWire, testing::Bool());

}  // namespace
}  // namespace vswitch
