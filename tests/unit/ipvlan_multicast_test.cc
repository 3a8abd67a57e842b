// SPDX-License-Identifier: BSD-3-Clause
// The backlog of frames for groups, what becomes of its copies, and what the port keeps.
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "dataplane/packet_edit.h"
#include "dataplane/sink.h"
#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

const EthernetAddress& P = kPhyMac;
const EthernetAddress& X = kOtherMac;
const EthernetAddress& B = kBroadcastAddress;

class IpvlanMulticast : public testing::Test {
 protected:
  void SetUp() override { in_use_ = BuffersInUse(); }
  void TearDown() override { EXPECT_EQ(BuffersInUse(), in_use_); }

  unsigned in_use_ = 0;
};

TEST_F(IpvlanMulticast, TheBacklogIsBoundedAndItsSenderCounts) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  const FrameContent frame = IpFrame(B, P, "255.255.255.255", "10.0.0.1");
  MulticastBacklog& backlog = world.port->backlog();
  for (uint32_t i = 0; i < MulticastBacklog::kCapacity; ++i) {
    const Packet packet = PacketOf(frame);
    ASSERT_EQ(backlog.Post({world.s1().id, world.m0().id}, {&packet, 1}), 1u);
  }
  world.Offer(world.s1(), frame);
  world.plane.workers()[0]->RunOnce();
  EXPECT_EQ(world.Totals(world.s1()).rx_dropped, 1u);
  EXPECT_EQ(world.Totals(world.s1()).tx_packets, 1u);
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kBacklogFull), 1u);
  world.Offer(world.w0(), IpFrame(B, X, "255.255.255.255", "10.0.0.9"));
  world.plane.workers()[0]->RunOnce();
  EXPECT_EQ(world.Totals(world.m0()).rx_dropped, 1u);
  EXPECT_EQ(world.m0().far->sent.size(), 1u);
}

// A thousand of them would be all buffers there are.
TEST_F(IpvlanMulticast, LargeFramesDoNotWait) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  FrameContent frame = IpFrame(B, P, "255.255.255.255", "10.0.0.1");
  frame.resize(1518);
  EXPECT_EQ(world.Outcome(world.s1(), frame), "s2 w0");
  world.s1().far->input.push_back(PacketOf(frame, {34, 16, 500, GsoType::kTcp4, true}));
  frame.resize(1519);
  world.Offer(world.s1(), frame);
  world.Run();
  EXPECT_EQ(world.Drops(world.s1(), DropReason::kTooBig), 2u);
  EXPECT_EQ(world.w0().far->sent.size(), 1u);
}

TEST_F(IpvlanMulticast, WhatWaitsWhenThePortGoesIsFreed) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  const Packet packet = PacketOf(IpFrame(B, P, "255.255.255.255", "10.0.0.1"));
  world.port->backlog().Post({world.s1().id, world.m0().id}, {&packet, 1});
}

// More frames than one round's budget: all arrive, in order.
TEST_F(IpvlanMulticast, ALongBurstKeepsItsOrder) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  for (uint8_t i = 0; i < 200; ++i) {
    world.Offer(world.s1(), IpFrame(B, P, "255.255.255.255", "10.0.0.1", i));
  }
  world.plane.workers()[0]->RunOnce();
  EXPECT_LE(world.s2().far->sent.size(), 32u);
  world.Run();
  ASSERT_EQ(world.s2().far->sent.size(), 200u);
  ASSERT_EQ(world.w0().far->sent.size(), 200u);
  for (uint8_t i = 0; i < 200; ++i) {
    EXPECT_EQ(world.s2().far->sent[i].bytes[22], i);
    EXPECT_EQ(world.w0().far->sent[i].bytes[22], i);
  }
}

// More slaves than one round's budget.
TEST_F(IpvlanMulticast, ManySlavesAllGetACopy) {
  std::vector<FarEnd> fars(300);
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  for (FarEnd& far : fars) {
    const DeviceId id = world.plane.CreateDevice();
    const IpvlanState state{.self = id, .up = true, .carrier = true};
    world.plane.Publish(id, std::make_unique<Ipvlan>(state, world.port));
    world.plane.Attach(id, std::make_unique<FakeBackend>(far));
    world.port->slaves().Add(id);
  }
  EXPECT_EQ(world.Outcome(world.w0(), IpFrame(B, X, "255.255.255.255", "10.0.0.9")), "m0 s1 s2");
  for (const FarEnd& far : fars) EXPECT_EQ(far.sent.size(), 1u);
}

// What has a checksum left to be filled in may be written to by who sends it: it is not shared.
TEST_F(IpvlanMulticast, ACopyWithAnOffloadIsItsOwn) {
  const FrameContent frame = IpFrame(B, P, "255.255.255.255", "10.0.0.1");
  const Packet plain = PacketOf(frame);
  const Packet pending = PacketOf(frame, {34, 6, 0, GsoType::kNone, true});
  const std::optional<Packet> shared = Duplicate(plain), own = Duplicate(pending);
  ASSERT_TRUE(shared.has_value() && own.has_value());
  EXPECT_EQ(shared->Headers().data(), plain.Headers().data());
  EXPECT_NE(own->Headers().data(), pending.Headers().data());
  EXPECT_TRUE(own->offload().needs_checksum);
  EXPECT_EQ(FrameBytes(*own), frame);
  for (const Packet& packet : {plain, pending, *shared, *own}) Discard({&packet, 1});
}

// The lower device may be a NIC: its own frames are not received, what the wire brings is.
TEST_F(IpvlanMulticast, TheLowerDeviceMayBeAWire) {
  IpvlanWorld world(IpvlanMode::kL2, IpvlanFlags::kBridge);
  world.plane.Publish(world.m0().id, std::make_unique<Wire>(world.m0().id, true));
  EXPECT_EQ(world.Outcome(world.m0(), IpFrame(P, X, "10.0.0.1", "10.0.0.9")), "s1");
  EXPECT_EQ(world.Totals(world.m0()).rx_packets, 1u);
  world.s1().far->sent.clear();
  EXPECT_EQ(world.Outcome(world.s1(), IpFrame(X, P, "10.0.0.2", "10.0.0.1")), "m0");
  EXPECT_EQ(world.Totals(world.m0()).tx_packets, 1u);
  world.m0().far->sent.clear();
  EXPECT_EQ(world.Outcome(world.m0(), IpFrame(B, X, "255.255.255.255", "10.0.0.9")), "s1 s2");
  EXPECT_EQ(world.Drops(world.m0(), DropReason::kNoHandler), 1u);  // the original
}

TEST_F(IpvlanMulticast, AFilterPassesItsGroupsAndBroadcast) {
  MacFilter filter;
  EXPECT_TRUE(filter.Passes(MacFilter::BucketOf(kBroadcastAddress)));
  const EthernetAddress group = {0x33, 0x33, 0xff, 0, 0, 1};
  filter.Add(group);
  EXPECT_TRUE(filter.Passes(MacFilter::BucketOf(group)));
  int passed = 0;
  for (uint8_t i = 2; i < 102; ++i) {
    passed += filter.Passes(MacFilter::BucketOf({0x33, 0x33, 0xff, 0, 0, i})) ? 1 : 0;
  }
  EXPECT_LT(passed, 20);
  filter.AddAll();
  for (int i = 0; i < 256; ++i) EXPECT_TRUE(filter.Passes(static_cast<uint8_t>(i)));
}

TEST_F(IpvlanMulticast, PlacesInTheListAreUsedAgain) {
  SlaveList list;
  for (uint32_t i = 0; i < 1000; ++i) ASSERT_TRUE(list.Add({i, 1}));
  for (uint32_t i = 0; i < 1000; i += 2) list.Remove({i, 1});
  list.Remove({5000, 1});
  for (uint32_t i = 0; i < 500; ++i) ASSERT_TRUE(list.Add({i, 2}));
  EXPECT_EQ(list.places(), 1000u);
  int present = 0;
  for (uint32_t place = 0; place < list.places(); ++place) {
    const DeviceId id = list.At(place);
    EXPECT_EQ(id.generation, id.slot % 2 == 1 && id.generation == 1 ? 1u : 2u);
    present += id.valid() ? 1 : 0;
  }
  EXPECT_EQ(present, 1000);
}

TEST_F(IpvlanMulticast, TheListEnds) {
  SlaveList list;
  for (uint32_t i = 0; i < SlaveList::kCapacity; ++i) ASSERT_TRUE(list.Add({i, 1}));
  EXPECT_FALSE(list.Add({SlaveList::kCapacity, 1}));
}

DstEntry Look(const NextHops& hops, const std::string& address) {
  const AddressKey key = KeyOf(address);
  DstEntry entry;
  hops.Find({&key, 1}, {&entry, 1});
  return entry;
}

TEST_F(IpvlanMulticast, DestinationsAreRememberedReplacedAndForgotten) {
  NextHops hops;
  const DstEntry first{DstEntry::Verdict::kNeighbour, X}, second{DstEntry::Verdict::kLocal, {}};
  EXPECT_EQ(Look(hops, "10.0.0.9").verdict, DstEntry::Verdict::kUnknown);
  EXPECT_EQ(hops.Forget(), nullptr);
  hops.Remember(KeyOf("10.0.0.9"), first);
  hops.Remember(KeyOf("fd00::9"), first);
  EXPECT_EQ(Look(hops, "10.0.0.9"), first);
  hops.Remember(KeyOf("10.0.0.9"), second);
  EXPECT_EQ(Look(hops, "10.0.0.9"), second);
  hops.Forget(KeyOf("10.0.0.9"));
  EXPECT_EQ(Look(hops, "10.0.0.9").verdict, DstEntry::Verdict::kUnknown);
  EXPECT_NE(hops.Forget(), nullptr);
  EXPECT_EQ(Look(hops, "fd00::9").verdict, DstEntry::Verdict::kUnknown);
}

TEST_F(IpvlanMulticast, DestinationsAreBounded) {
  NextHops hops;
  for (uint32_t i = 0; i <= NextHops::kCapacity; ++i) {
    hops.Remember({0, i, AddressKey::Family::kIpv4}, {DstEntry::Verdict::kLocal, {}});
  }
  EXPECT_TRUE(hops.full());
  EXPECT_EQ(hops.size(), NextHops::kCapacity);
}

}  // namespace
}  // namespace vswitch
