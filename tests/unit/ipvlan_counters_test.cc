// SPDX-License-Identifier: BSD-3-Clause
// Who counts what, what a frame looks like where it comes out, and what happens when a party is
// down, full or slow.
#include <gtest/gtest.h>

#include <string>

#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

const EthernetAddress& P = kPhyMac;
const EthernetAddress& X = kOtherMac;

class IpvlanCounters : public testing::Test {
 protected:
  void SetUp() override { in_use_ = BuffersInUse(); }
  void TearDown() override { EXPECT_EQ(BuffersInUse(), in_use_); }

  unsigned in_use_ = 0;
};

TEST_F(IpvlanCounters, ASiblingCountsTheHeaderTwice) {
  for (const IpvlanMode mode : {IpvlanMode::kL2, IpvlanMode::kL3}) {
    IpvlanWorld world(mode, IpvlanFlags::kBridge);
    const FrameContent frame = IpFrame(P, P, "10.0.0.2", "10.0.0.1");
    EXPECT_EQ(world.Outcome(world.s1(), frame), "s2");
    EXPECT_EQ(world.s2().far->sent[0].bytes, frame);
    EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
    EXPECT_EQ(world.Totals(world.s1()).tx_bytes, frame.size());
    EXPECT_EQ(world.Totals(world.s2()).rx_packets, 1u);
    EXPECT_EQ(world.Totals(world.s2()).rx_bytes, frame.size() + 14);
    EXPECT_EQ(world.Totals(world.m0()).tx_packets + world.Totals(world.m0()).rx_packets, 0u);
  }
}

TEST_F(IpvlanCounters, TheLowerDeviceCountsWhatCrossesTheWire) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  const FrameContent frame = IpFrame(X, P, "10.0.0.9", "10.0.0.1");
  EXPECT_EQ(world.Outcome(world.s1(), frame), "w0");
  EXPECT_EQ(world.w0().far->sent[0].bytes, frame);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Totals(world.m0()).tx_packets, 1u);
  EXPECT_EQ(world.Totals(world.m0()).tx_bytes, frame.size());
  EXPECT_EQ(world.Totals(world.w0()).rx_packets, 1u);
}

TEST_F(IpvlanCounters, TheLowerDeviceCountsWhatItHandsToSlaves) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const FrameContent frame = IpFrame(P, X, "10.0.0.1", "10.0.0.9");
  world.Offer(world.w0(), IpFrame(P, X, "10.0.0.254", "10.0.0.9"));
  EXPECT_EQ(world.Outcome(world.w0(), frame), "m0 s1");
  EXPECT_EQ(world.Totals(world.w0()).tx_packets, 2u);
  EXPECT_EQ(world.Totals(world.m0()).rx_packets, 2u);
  EXPECT_EQ(world.Totals(world.m0()).rx_bytes, 2 * frame.size());
  EXPECT_EQ(world.Totals(world.s1()).rx_packets, 1u);
  EXPECT_EQ(world.Totals(world.s1()).rx_bytes, frame.size());
  EXPECT_EQ(world.Totals(world.s1()).multicast, 0u);
}

TEST_F(IpvlanCounters, TheLowerDeviceDoesNotCountWhatComesFromAbove) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.254", "10.0.0.1")), "m0");
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Totals(world.m0()).rx_packets, 0u);
}

TEST_F(IpvlanCounters, CopiesForAGroupCount) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  const FrameContent sent = ArpRequest(kBroadcastAddress, P, "10.0.0.2", "10.0.0.1");
  EXPECT_EQ(world.Outcome(world.s1(), sent), "s2 w0");
  EXPECT_EQ(world.s2().far->sent[0].bytes, sent);
  EXPECT_EQ(world.w0().far->sent[0].bytes, sent);
  EXPECT_EQ(world.Totals(world.s2()).multicast, 1u);
  EXPECT_EQ(world.Totals(world.s2()).rx_bytes, sent.size() + 14);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Totals(world.m0()).tx_packets, 1u);

  const FrameContent received = ArpRequest(kBroadcastAddress, X, "10.0.0.2", "10.0.0.9");
  world.Outcome(world.w0(), received);
  EXPECT_EQ(world.Totals(world.s2()).multicast, 2u);
  EXPECT_EQ(world.Totals(world.s2()).rx_bytes, sent.size() + 14 + received.size());
  EXPECT_EQ(world.Totals(world.m0()).rx_packets, 1u);
}

TEST_F(IpvlanCounters, ASmallSiblingRefusesAndTheSenderDoesNotKnow) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  IpvlanState small = world.StateOf(world.s2());
  small.mtu = 100;
  world.Publish(world.s2(), small);
  FrameContent frame = IpFrame(P, P, "10.0.0.2", "10.0.0.1");
  frame.resize(118);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "s2");
  frame.resize(119);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "s2");  // the first one
  const DeviceTotals totals = world.Totals(world.s2());
  EXPECT_EQ(totals.rx_packets, 1u);
  EXPECT_EQ(totals.rx_errors, 1u);
  EXPECT_EQ(totals.rx_dropped, 2u);
  EXPECT_EQ(world.Drops(world.s2(), DropReason::kTooBig), 1u);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 2u);
  EXPECT_EQ(world.Totals(world.s1()).tx_dropped, 0u);
}

TEST_F(IpvlanCounters, GsoIsExemptFromTheMtu) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  FrameContent frame = IpFrame(P, P, "10.0.0.2", "10.0.0.1");
  frame.resize(20000);
  const Offload tso{34, 16, 1448, GsoType::kTcp4, true};
  world.s1().far->input.push_back(MakeFrame(20000, 0, tso));
  std::copy(frame.begin(), frame.begin() + 100,
            rte_pktmbuf_mtod(PacketBuffer::Mbuf(world.s1().far->input[0]), uint8_t*));
  world.Run();
  ASSERT_EQ(world.s2().far->sent.size(), 1u);
  EXPECT_EQ(world.s2().far->sent[0].offload.gso_size, 1448);
}

TEST_F(IpvlanCounters, ASiblingThatIsFullDropsAlone) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  world.s2().far->room = 0;
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.2", "10.0.0.1")), "");
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Totals(world.s2()).rx_packets, 0u);
  EXPECT_EQ(world.Totals(world.s2()).rx_dropped, 1u);
  EXPECT_EQ(world.Drops(world.s2(), DropReason::kBackendFull), 1u);
}

TEST_F(IpvlanCounters, ASlaveThatIsDownGetsNothing) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  IpvlanState down = world.StateOf(world.s2());
  down.up = down.carrier = false;
  world.Publish(world.s2(), down);
  // Before its address has left the table, and after that.
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.2", "10.0.0.1")), "");
  EXPECT_EQ(world.Totals(world.s2()).rx_errors, 1u);
  world.port->RemoveAddress(KeyOf("10.0.0.2"));
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.2", "10.0.0.1")), "m0");
  world.m0().far->sent.clear();
  EXPECT_EQ(world.Outcome(world.w0(), ArpRequest(kBroadcastAddress, X, "10.0.0.2", "10.0.0.9")),
            "m0 s1");
}

TEST_F(IpvlanCounters, ASlaveThatIsDownSendsNothing) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  IpvlanState state = world.StateOf(world.s1());
  state.carrier = false;
  world.Publish(world.s1(), state);
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(X, P, "10.0.0.9", "10.0.0.1")), "");
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kNoCarrier), 1u);
  // As in the kernel, it keeps the lower device's carrier.
  for (const bool carrier : {false, true}) {
    state.up = false;
    state.carrier = carrier;
    world.Publish(world.s1(), state);
    EXPECT_EQ(world.Outcome(world.s1(), IpFrame(X, P, "10.0.0.9", "10.0.0.1")), "");
  }
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kDeviceDown), 2u);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets + world.Totals(world.s1()).tx_dropped, 0u);
}

TEST_F(IpvlanCounters, ALowerDeviceThatIsDownHasNoStack) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  IpvlanPortState state = world.port->state();
  state.phy_up = false;
  world.PublishPort(state);
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.254", "10.0.0.1")), "");
  EXPECT_EQ(world.Drops(world.m0(), DropReason::kDeviceDown), 1u);
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(P, P, "10.0.0.2", "10.0.0.1")), "s2");
}

TEST_F(IpvlanCounters, AChangeOfModeIsSeenByAllSlavesAtOnce) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  const FrameContent frame = IpFrame(X, P, "10.9.9.9", "10.0.0.1");
  EXPECT_EQ(world.Outcome(world.s1(), frame), "w0");
  IpvlanPortState state = world.port->state();
  state.mode = IpvlanMode::kL3;
  world.PublishPort(state);
  world.w0().far->sent.clear();
  EXPECT_EQ(world.Outcome(world.s1(), frame), "no_route");
}

TEST_F(IpvlanCounters, WhatIsRoutedGetsNewMacsAndKeepsItsTtl) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const FrameContent sent =
      IpFrame({2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, "10.0.0.9", "10.0.0.1", 1);
  EXPECT_EQ(world.Outcome(world.s1(), sent), "w0");
  EXPECT_EQ(world.w0().far->sent[0].bytes, IpFrame(X, P, "10.0.0.9", "10.0.0.1", 1));
}

TEST_F(IpvlanCounters, WhatIsRoutedHasAnHonestHeader) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kVepa);
  const FrameContent good = IpFrame(X, P, "10.0.0.9", "10.0.0.1");
  EXPECT_EQ(world.Outcome(world.s1(), With(good, 24, 0x77)), "w0");
  EXPECT_EQ(world.Outcome(world.s1(), With(good, 17, 200)), "w0 w0");
  EXPECT_EQ(world.w0().far->sent[0].bytes, good);
  EXPECT_EQ(world.w0().far->sent[1].bytes, good);
  // Padding becomes part of the packet.
  FrameContent padded = good;
  padded.resize(good.size() + 4);
  world.Outcome(world.s1(), padded);
  EXPECT_EQ(world.w0().far->sent[2].bytes[17], 44);
  EXPECT_TRUE(HasValidChecksum(world.w0().far->sent[2].bytes));
  world.Outcome(world.s1(), With(good, 14, 0x44));
  EXPECT_EQ(world.w0().far->sent[3].bytes[24], 0x44);
  const FrameContent ipv6 = IpFrame(X, P, "fd00::9", "fd00::1");
  world.Outcome(world.s1(), With(ipv6, 19, 200));
  EXPECT_EQ(world.w0().far->sent[4].bytes, ipv6);
}

TEST_F(IpvlanCounters, WhatIsRoutedFitsTheLowerDevice) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  FrameContent frame = IpFrame(X, P, "10.0.0.9", "10.0.0.1");
  frame.resize(1515);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "too_big");
  frame.resize(1514);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "w0");
}

TEST_F(IpvlanCounters, SegmentsFitTheLowerDeviceToo) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  FrameContent frame = With(IpFrame(X, P, "10.0.0.9", "10.0.0.1"), 34 + 12, 0x50);
  frame.resize(4000);
  const auto send = [&](uint16_t size) {
    world.s1().far->input.push_back(PacketOf(frame, {34, 16, size, GsoType::kTcp4, true}));
    world.Run();
    return world.w0().far->sent.size();
  };
  EXPECT_EQ(send(1461), 0u);
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kTooBig), 1u);
  EXPECT_EQ(send(1460), 1u);
}

TEST_F(IpvlanCounters, PaddingDoesNotBecomePartOfAPacket) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  FrameContent frame = IpFrame(X, P, "10.0.0.9", "10.0.0.1");
  ASSERT_LT(frame.size(), 60u);
  const FrameContent bare = frame;
  frame.resize(60);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "w0");
  EXPECT_EQ(world.w0().far->sent[0].bytes, bare);
}

// Which would believe that it comes from its own link.
TEST_F(IpvlanCounters, TheLowerStackHearsNoNeighbourDiscoveryFromL3) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const FrameContent ping = With(With(IpFrame(P, P, "fd00::fe", "fd00::1"), 20, 58), 54, 128);
  const auto outcome = [&](const FrameContent& frame) {
    world.m0().far->sent.clear();
    return world.Outcome(world.s1(), frame);
  };
  EXPECT_EQ(outcome(ping), "m0");
  for (uint8_t type = 133; type <= 137; ++type) {
    EXPECT_EQ(outcome(With(With(ping, 54, type), 21, 255)), "not_routed");
    EXPECT_EQ(outcome(With(With(ping, 54, type), 21, 254)), "m0");
  }
  EXPECT_EQ(outcome(With(With(ping, 20, 60), 21, 255)), "not_routed");
}

TEST_F(IpvlanCounters, AFrameThatOthersSeeIsCopiedBeforeItIsChanged) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const FrameContent frame = IpFrame({2, 0, 0, 0, 0, 1}, P, "10.0.0.9", "10.0.0.1");
  Packet packet = PacketOf(frame);
  rte_mbuf* clone = rte_pktmbuf_clone(PacketBuffer::Mbuf(packet), TestPool());
  world.s1().far->input.push_back(PacketBuffer::FromMbuf(clone));
  world.Run();
  ASSERT_EQ(world.w0().far->sent.size(), 1u);
  EXPECT_EQ(world.w0().far->sent[0].bytes[5], X[5]);
  EXPECT_EQ(FrameBytes(packet), frame);
  PacketBuffer::Free({&packet, 1});
}

TEST_F(IpvlanCounters, WhatNeedsAWayGoesToTheControlThreadWithItsOffload) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const Offload checksum{34, 6, 0, GsoType::kNone, true};
  const FrameContent frame = IpFrame({2, 0, 0, 0, 0, 1}, P, "10.0.0.77", "10.0.0.1");
  world.s1().far->input.push_back(PacketOf(frame, checksum));
  world.Run();
  OutboundFrame outbound;
  ASSERT_TRUE(world.plane.host().ReceiveOutbound(outbound));
  EXPECT_EQ(outbound.sender, world.s1().id);
  EXPECT_EQ(outbound.lower, world.m0().id);
  EXPECT_EQ(outbound.bytes, IpFrame(P, P, "10.0.0.77", "10.0.0.1"));
  EXPECT_TRUE(outbound.offload.needs_checksum);
  EXPECT_EQ(outbound.offload.csum_start, 34);
  // Its fate is not known yet.
  EXPECT_EQ(world.Totals(world.s1()).tx_packets + world.Totals(world.s1()).tx_dropped, 0u);
}

TEST_F(IpvlanCounters, AFloodForTheControlThreadEndsOnTheWorker) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  for (uint32_t i = 0; i < AskShare::kATurn + 10; ++i) {
    world.Offer(world.s1(), IpFrame(X, P, "10.0.0.77", "10.0.0.1"));
  }
  world.Run();
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kHostQueueFull), 10u);
  EXPECT_EQ(world.Totals(world.s1()).tx_dropped, 10u);
  // The others' shares are their own.
  world.Offer(world.s2(), IpFrame(X, P, "10.0.0.77", "10.0.0.2"));
  world.Run();
  EXPECT_EQ(world.Totals(world.s2()).tx_dropped, 0u);
}

TEST_F(IpvlanCounters, TheControlThreadCountsToo) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  world.plane.ControlCounters(world.s1().id)->tx_packets.Add(3);
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(X, P, "10.0.0.9", "10.0.0.1")), "w0");
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 4u);
  world.plane.RemoveDevice(world.s1().id);
  EXPECT_EQ(world.plane.ControlCounters(world.s1().id), nullptr);
}

// Bursts that alternate are sent whole, in order.
TEST_F(IpvlanCounters, ABurstIsStagedByDestination) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  for (uint8_t i = 0; i < 32; ++i) {
    const FrameContent frame = i % 2 == 0 ? IpFrame(P, P, "10.0.0.2", "10.0.0.1", i)
                                          : IpFrame(X, P, "10.0.0.9", "10.0.0.1", i);
    world.Offer(world.s1(), frame);
  }
  world.Run();
  EXPECT_EQ(world.s2().far->bursts, 1u);
  EXPECT_EQ(world.w0().far->bursts, 1u);
  ASSERT_EQ(world.s2().far->sent.size(), 16u);
  for (uint8_t i = 0; i < 16; ++i) EXPECT_EQ(world.s2().far->sent[i].bytes[22], 2 * i);
}

TEST_F(IpvlanCounters, AReceivedBurstIsStagedByDestination) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  const char* const kTargets[] = {"10.0.0.1", "10.0.0.2", "10.0.0.254"};
  for (uint8_t i = 0; i < 30; ++i) {
    world.Offer(world.w0(), IpFrame(P, X, kTargets[i % 3], "10.0.0.9", i));
  }
  world.Run();
  for (IpvlanWorld::End* end : {&world.s1(), &world.s2(), &world.m0()}) {
    EXPECT_EQ(end->far->bursts, 1u);
    ASSERT_EQ(end->far->sent.size(), 10u);
    for (size_t i = 1; i < 10; ++i) {
      EXPECT_EQ(end->far->sent[i].bytes[22], end->far->sent[i - 1].bytes[22] + 3);
    }
  }
}

// Devices on different workers: still one hop.
TEST_F(IpvlanCounters, AnotherWorkersSlaveGetsItsFramesAndCountsThem) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge, 3);
  const FrameContent frame = IpFrame(P, P, "10.0.0.2", "10.0.0.1");
  EXPECT_EQ(world.Outcome(world.s1(), frame), "s2");
  EXPECT_EQ(world.Totals(world.s2()).rx_bytes, frame.size() + 14);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Outcome(world.w0(), IpFrame(P, X, "10.0.0.1", "10.0.0.9")), "s1 s2");
  EXPECT_EQ(world.Totals(world.m0()).rx_packets, 1u);
}

TEST_F(IpvlanCounters, ADeletedSlaveIsNowhere) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  world.Offer(world.w0(), IpFrame(P, X, "10.0.0.1", "10.0.0.9"));
  world.plane.RemoveDevice(world.s1().id);
  world.plane.Commit();
  world.Run();
  EXPECT_TRUE(world.s1().far->sent.empty());
  EXPECT_EQ(
      world.plane.workers()[0]->counters().drops[static_cast<size_t>(DropReason::kStale)].Read(),
      1u);
}

TEST_F(IpvlanCounters, WithoutHandlerTheLowerDeviceKeepsAll) {
  IpvlanWorld world(IpvlanMode::kL3, IpvlanFlags::kBridge);
  world.plane.PublishRxHandler(world.m0().id, nullptr);
  world.plane.Commit();
  EXPECT_EQ(world.Outcome(world.w0(), IpFrame(P, X, "10.0.0.1", "10.0.0.9")), "m0");
}

}  // namespace
}  // namespace vswitch
