// SPDX-License-Identifier: BSD-3-Clause
// Of what a lower device receives with a stack attached, the host stack gets a copy of what
// neighbours say: it asked for them, to route the packets of L3 slaves.
#include <gtest/gtest.h>

#include <vector>

#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

const EthernetAddress& P = kPhyMac;
const EthernetAddress& X = kOtherMac;
const EthernetAddress& B = kBroadcastAddress;
constexpr EthernetAddress kNodes = {0x33, 0x33, 0xff, 0, 0, 9};

class IpvlanNeighbours : public testing::Test {
 protected:
  IpvlanNeighbours() { Share(true); }

  void Share(bool shared) {
    IpvlanPortState state = world_.port->state();
    state.shares_neighbours = shared;
    world_.PublishPort(state);
  }
  bool Copied(const FrameContent& frame) {
    HostFrame copy;
    if (!world_.plane.host().Receive(copy)) return false;
    EXPECT_EQ(copy.bytes, frame);
    EXPECT_EQ(copy.device, world_.m0().id);
    return true;
  }

  IpvlanWorld world_{IpvlanMode::kL3, IpvlanFlags::kBridge};
};

struct Row {
  const char* description;
  FrameContent frame;  // w0 sends it
  const char* outcome;
  bool copied;
};

const FrameContent kSolicitation = Solicitation(kNodes, X, "fd00::fe", "fd00::9");

const std::vector<Row> kRows = {
    {"ARP request", ArpRequest(B, X, "10.0.0.254", "10.0.0.9"), "m0", true},
    {"ARP reply", With(ArpRequest(P, X, "10.0.0.254", "10.0.0.9"), 21, 2), "m0", true},
    {"ARP for a slave", ArpRequest(B, X, "10.0.0.1", "10.0.0.9"), "s1", false},
    {"solicitation", kSolicitation, "m0", true},
    {"advertisement", With(kSolicitation, 54, 136), "m0", true},
    {"router advertisement", With(kSolicitation, 54, 134), "m0", false},
    {"another protocol", With(kSolicitation, 20, 17), "m0", false},
    {"cut before the type", Cut(kSolicitation, 54), "m0", false},
    {"IPv4", IpFrame(P, X, "10.0.0.254", "10.0.0.9"), "m0", false},
    {"IPv6", IpFrame(P, X, "fd00::fe", "fd00::9"), "m0", false},
    {"a header alone", Cut(OtherFrame(P, X, 0x86dd), 14), "m0", false},
};

TEST_F(IpvlanNeighbours, WhatTheySayIsCopied) {
  for (const Row& row : kRows) {
    EXPECT_EQ(world_.Outcome(world_.w0(), row.frame), row.outcome) << row.description;
    EXPECT_EQ(Copied(row.frame), row.copied) << row.description;
    world_.m0().far->sent.clear();
    world_.s1().far->sent.clear();
  }
}

TEST_F(IpvlanNeighbours, NothingIsCopiedForWhoeverDoesNotAsk) {
  Share(false);
  EXPECT_EQ(world_.Outcome(world_.w0(), kRows[0].frame), "m0");
  EXPECT_FALSE(Copied(kRows[0].frame));
}

TEST_F(IpvlanNeighbours, TheOriginalsArriveWhenThereIsNoRoomForCopies) {
  constexpr size_t kFlood = HostQueue::kCapacity + 100;
  for (size_t i = 0; i < kFlood; ++i) world_.Offer(world_.w0(), kRows[0].frame);
  world_.Run();
  EXPECT_EQ(world_.m0().far->sent.size(), kFlood);
  size_t copies = 0;
  while (Copied(kRows[0].frame)) ++copies;
  EXPECT_GT(copies, 500u);
  EXPECT_EQ(world_.Drops(world_.m0(), DropReason::kHostQueueFull), kFlood - copies);
  EXPECT_EQ(world_.Totals(world_.m0()).rx_dropped, 0u);
}

}  // namespace
}  // namespace vswitch
