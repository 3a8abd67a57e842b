// SPDX-License-Identifier: BSD-3-Clause
// Forwarding as a table: the state of a veth pair, one packet in, where it comes out and what
// moved.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "dataplane/dataplane.h"
#include "dataplane/sink.h"
#include "dataplane/veth.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

// Two ends a and b, a far end behind each, one worker stepped by hand.
class Pair {
 public:
  explicit Pair(VethState a_state = {}, bool attach_b = true) : plane_(1) {
    a_ = plane_.CreateDevice();
    b_ = plane_.CreateDevice();
    a_state.self = a_;
    a_state.peer = b_;
    plane_.Publish(a_, std::make_unique<Veth>(a_state));
    plane_.Publish(
        b_, std::make_unique<Veth>(VethState{b_, a_, 1500, a_state.carrier, a_state.carrier}));
    plane_.Attach(a_, std::make_unique<FakeBackend>(far_a_));
    if (attach_b) plane_.Attach(b_, std::make_unique<FakeBackend>(far_b_));
    plane_.Commit();
  }

  uint32_t Step() { return plane_.workers()[0]->RunOnce(); }
  DeviceTotals A() const { return plane_.Totals(a_); }
  DeviceTotals B() const { return plane_.Totals(b_); }

  FarEnd far_a_, far_b_;
  Dataplane plane_;
  DeviceId a_, b_;
};

constexpr VethState kRunning{{}, {}, 1500, true, true};

struct Row {
  const char* description;
  VethState state;
  uint32_t length;
  Offload offload;
  bool delivered;
  DropReason reason;  // at a, when not delivered
  uint64_t a_tx_dropped, b_rx_dropped;
};

class VethTable : public testing::TestWithParam<Row> {};

TEST_P(VethTable, PacketInPacketsOut) {
  const Row& row = GetParam();
  const unsigned in_use = BuffersInUse();
  {
    Pair pair(row.state);
    pair.far_a_.input.push_back(MakeFrame(row.length, 7, row.offload));
    EXPECT_EQ(pair.Step(), 1u);

    EXPECT_EQ(pair.A().tx_packets, row.delivered ? 1u : 0u);
    EXPECT_EQ(pair.A().tx_bytes, row.delivered ? row.length : 0u);
    EXPECT_EQ(pair.B().rx_packets, pair.A().tx_packets);
    EXPECT_EQ(pair.B().rx_bytes, pair.A().tx_bytes);
    EXPECT_EQ(pair.A().tx_dropped, row.a_tx_dropped);
    EXPECT_EQ(pair.B().rx_dropped, row.b_rx_dropped);
    EXPECT_EQ(pair.A().drops[static_cast<size_t>(row.reason)], row.delivered ? 0u : 1u);
    ASSERT_EQ(pair.far_b_.sent.size(), row.delivered ? 1u : 0u);
    EXPECT_TRUE(pair.far_a_.sent.empty());
    if (row.delivered) {
      const SentFrame& sent = pair.far_b_.sent[0];
      ASSERT_EQ(sent.bytes.size(), row.length);
      for (uint32_t i = 0; i < row.length; ++i) {
        ASSERT_EQ(sent.bytes[i], static_cast<uint8_t>(7 + i)) << "byte " << i;
      }
      EXPECT_EQ(sent.offload.needs_checksum, row.offload.needs_checksum);
      EXPECT_EQ(sent.offload.csum_start, row.offload.csum_start);
      EXPECT_EQ(sent.offload.csum_offset, row.offload.csum_offset);
      EXPECT_EQ(sent.offload.gso, row.offload.gso);
      EXPECT_EQ(sent.offload.gso_size, row.offload.gso_size);
    }
  }
  EXPECT_EQ(BuffersInUse(), in_use);
}

constexpr Offload kNone{};
constexpr Offload kChecksum{34, 16, 0, GsoType::kNone, true};
constexpr Offload kTso4{34, 16, 1448, GsoType::kTcp4, true};
constexpr Offload kTso6{54, 16, 1428, GsoType::kTcp6, true};
constexpr VethState kDown{{}, {}, 1500, false, false};
constexpr VethState kNoCarrierState{{}, {}, 1500, true, false};
constexpr VethState kJumbo{{}, {}, 9000, true, true};
constexpr VethState kSmall{{}, {}, 68, true, true};

INSTANTIATE_TEST_SUITE_P(
    Veth, VethTable,
    testing::Values(
        Row{"a small frame", kRunning, 60, kNone, true, {}, 0, 0},
        Row{"an Ethernet header and nothing else", kRunning, 14, kNone, true, {}, 0, 0},
        Row{"less than a header", kRunning, 13, kNone, false, DropReason::kTooShort, 1, 0},
        Row{"the largest: mtu + 18", kRunning, 1518, kNone, true, {}, 0, 0},
        Row{"one byte more", kRunning, 1519, kNone, false, DropReason::kTooBig, 1, 1},
        Row{"a small peer mtu", kSmall, 86, kNone, true, {}, 0, 0},
        Row{"above a small peer mtu", kSmall, 87, kNone, false, DropReason::kTooBig, 1, 1},
        Row{"a jumbo frame in segments", kJumbo, 9018, kNone, true, {}, 0, 0},
        Row{"a partial checksum is carried", kRunning, 1514, kChecksum, true, {}, 0, 0},
        Row{"TSO4 passes whole", kRunning, 60000, kTso4, true, {}, 0, 0},
        Row{"TSO6 passes whole", kRunning, 65000, kTso6, true, {}, 0, 0},
        Row{"no TSO, no pass", kRunning, 60000, kChecksum, false, DropReason::kTooBig, 1, 1},
        Row{"the sender is down", kDown, 60, kNone, false, DropReason::kDeviceDown, 0, 0},
        Row{"the peer is down", kNoCarrierState, 60, kNone, false, DropReason::kNoCarrier, 0, 0}),
    [](const testing::TestParamInfo<Row>& info) {
      std::string name = info.param.description;
      for (char& c : name) c = isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
      return name;
    });

TEST(VethTest, KeepsTheOrderOfTheRestWhenOneIsDropped) {
  Pair pair(kRunning);
  for (uint8_t i = 0; i < 5; ++i) {
    pair.far_a_.input.push_back(MakeFrame(i == 2 ? 2000 : 60, static_cast<uint8_t>(i * 10)));
  }
  pair.Step();
  ASSERT_EQ(pair.far_b_.sent.size(), 4u);
  EXPECT_EQ(pair.far_b_.sent[0].bytes[0], 0);
  EXPECT_EQ(pair.far_b_.sent[1].bytes[0], 10);
  EXPECT_EQ(pair.far_b_.sent[2].bytes[0], 30);
  EXPECT_EQ(pair.far_b_.sent[3].bytes[0], 40);
}

TEST(VethTest, NothingBehindThePeerEatsLikeItsStack) {
  Pair pair(kRunning, /*attach_b=*/false);
  pair.far_a_.input.push_back(MakeFrame(100));
  pair.Step();
  EXPECT_EQ(pair.A().tx_packets, 1u);
  EXPECT_EQ(pair.B().rx_packets, 1u);
  EXPECT_EQ(pair.B().rx_bytes, 100u);
  EXPECT_EQ(pair.B().rx_dropped, 0u);
  EXPECT_EQ(pair.B().drops[static_cast<size_t>(DropReason::kNoBackend)], 1u);
}

TEST(VethTest, LeftoversOfAFullBackendAreDroppedAndCountedOnBothSides) {
  const unsigned in_use = BuffersInUse();
  {
    Pair pair(kRunning);
    pair.far_b_.room = 3;
    for (uint8_t i = 0; i < 10; ++i) pair.far_a_.input.push_back(MakeFrame(60, i));
    pair.Step();
    ASSERT_EQ(pair.far_b_.sent.size(), 3u);
    EXPECT_EQ(pair.far_b_.sent[2].bytes[0], 2);
    EXPECT_EQ(pair.A().tx_packets, 3u);
    EXPECT_EQ(pair.A().tx_bytes, 180u);
    EXPECT_EQ(pair.A().tx_dropped, 7u);
    EXPECT_EQ(pair.B().rx_dropped, 7u);
    EXPECT_EQ(pair.B().drops[static_cast<size_t>(DropReason::kBackendFull)], 7u);
  }
  EXPECT_EQ(BuffersInUse(), in_use);
}

TEST(VethTest, TheBackendNamesTheReason) {
  Pair pair(kRunning);
  pair.far_b_.room = 0;
  pair.far_b_.refusal = DropReason::kBackendDown;
  pair.far_a_.input.push_back(MakeFrame(60));
  pair.Step();
  EXPECT_EQ(pair.B().drops[static_cast<size_t>(DropReason::kBackendDown)], 1u);
}

struct SinkRow {
  bool wire, up;
  uint64_t tx, rx;
  DropReason reason;
};

class SinkTable : public testing::TestWithParam<SinkRow> {};

TEST_P(SinkTable, CountsAndFrees) {
  const SinkRow& row = GetParam();
  const unsigned in_use = BuffersInUse();
  {
    FarEnd far;
    Dataplane plane(1);
    const DeviceId id = plane.CreateDevice();
    if (row.wire) {
      plane.Publish(id, std::make_unique<Wire>(id, row.up));
    } else {
      plane.Publish(id, std::make_unique<Dummy>(id, row.up));
    }
    plane.Attach(id, std::make_unique<FakeBackend>(far));
    far.input.push_back(MakeFrame(60));
    far.input.push_back(MakeFrame(100));
    plane.workers()[0]->RunOnce();
    const DeviceTotals totals = plane.Totals(id);
    EXPECT_EQ(totals.tx_packets, row.tx);
    EXPECT_EQ(totals.tx_bytes, row.tx * 80);
    EXPECT_EQ(totals.rx_packets, row.rx);
    EXPECT_EQ(totals.rx_bytes, row.rx * 80);
    EXPECT_EQ(totals.drops[static_cast<size_t>(row.reason)], 2u);
  }
  EXPECT_EQ(BuffersInUse(), in_use);
}

INSTANTIATE_TEST_SUITE_P(Sink, SinkTable,
                         testing::Values(SinkRow{false, true, 2, 0, DropReason::kNoHandler},
                                         SinkRow{false, false, 0, 0, DropReason::kDeviceDown},
                                         SinkRow{true, true, 0, 2, DropReason::kNoHandler},
                                         SinkRow{true, false, 0, 0, DropReason::kDeviceDown}));

// One device with a fake backend, and what it counts of what comes out of that.
DeviceTotals CountsOf(FarEnd& far, bool wire) {
  Dataplane plane(1);
  const DeviceId id = plane.CreateDevice();
  if (wire) {
    plane.Publish(id, std::make_unique<Wire>(id, true));
  } else {
    plane.Publish(id, std::make_unique<Dummy>(id, true));
  }
  plane.Attach(id, std::make_unique<FakeBackend>(far));
  plane.workers()[0]->RunOnce();
  return plane.Totals(id);
}

TEST(SinkTest, WhatIsMalformedWasReceivedFromAWireAndSentByAStack) {
  FarEnd stack{.malformed = 3}, wire{.malformed = 4};
  const DeviceTotals sent = CountsOf(stack, false), received = CountsOf(wire, true);
  EXPECT_EQ(sent.drops[static_cast<size_t>(DropReason::kMalformed)], 3u);
  EXPECT_EQ(sent.tx_dropped, 3u);
  EXPECT_EQ(sent.rx_errors, 0u);
  EXPECT_EQ(received.drops[static_cast<size_t>(DropReason::kMalformed)], 4u);
  EXPECT_EQ(received.tx_dropped, 0u);
  EXPECT_EQ(received.rx_errors, 4u);
}

TEST(SinkTest, OnlyAWireCountsMulticast) {
  for (const bool wire : {false, true}) {
    FarEnd far;
    for (const uint8_t first : {0x02, 0x01, 0x33, 0xff}) {
      Packet packet = MakeFrame(60);
      std::fill_n(rte_pktmbuf_mtod(PacketBuffer::Mbuf(packet), uint8_t*), 6, first);
      far.input.push_back(packet);
    }
    far.input.push_back(MakeFrame(5, 1));  // too short to have an address
    EXPECT_EQ(CountsOf(far, wire).multicast, wire ? 2u : 0u);
  }
}

}  // namespace
}  // namespace vswitch
