// SPDX-License-Identifier: BSD-3-Clause
// Packets of L3 ipvlans to destinations that no worker knows: the way they take, what waits for
// neighbours, what workers are told and when they are told to forget it.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>

#include "dataplane/ipvlan.h"
#include "tests/support/outbound_fixture.h"

namespace vswitch {
namespace {

TEST_F(OutboundTest, APacketWaitsForItsNeighbour) {
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  const std::vector<SentFrame> asked = Sent();
  ASSERT_EQ(asked.size(), 1u);
  const auto ethernet = ReadEthernet(asked[0].bytes);
  const auto question = ReadArp(ethernet->payload);
  ASSERT_TRUE(question.has_value());
  EXPECT_EQ(question->target, Ip("10.0.0.9"));
  EXPECT_EQ(question->sender, Ip("10.0.0.1"));  // the slave's is not ours
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
  ArpPacket answer{true, kOutside, kPhyMac, Ip("10.0.0.9"), Ip("10.0.0.1")};
  wire_.input.push_back(ToPacket(WriteArp(answer, kPhyMac)));
  dataplane_.workers()[0]->RunOnce();
  Settle();
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(ReadEthernet(sent[0].bytes)->source, kPhyMac);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Sent().size(), 1u);
  EXPECT_EQ(Known("10.0.0.9"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, ASlaveInTheNamespaceOfTheLowerDeviceDoesNotAskForItsNeighbours) {
  ASSERT_EQ(Add({.device = "i0", .local = "10.0.0.6/24"}), 0);
  ASSERT_EQ(Add({.device = "m0", .local = "10.0.0.7/24"}), 0);
  for (const auto& [source, sender] :
       {std::pair("10.0.0.6", "10.0.0.1"), {"10.0.0.7", "10.0.0.7"}}) {
    Neighbour("10.0.0.9", kOutside, NUD_FAILED);
    Post(Packet4(source, "10.0.0.9"));
    const std::vector<SentFrame> asked = Sent();
    ASSERT_EQ(asked.size(), 1u);
    EXPECT_EQ(ReadArp(ReadEthernet(asked[0].bytes)->payload)->sender, Ip(sender));
  }
}

TEST_F(OutboundTest, GoesByTheRoutesOfTheLowerDevice) {
  Neighbour("10.0.0.254", kOutside);
  Route("10.0.0.254");
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(Known("192.0.2.1"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, WhoeverNoRouteLeadsToIsTakenToBeOnTheLink) {
  Neighbour("192.0.2.1", kOutside);
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  EXPECT_EQ(Known("192.0.2.1"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, Ipv6GoesOnlyByRoutes) {
  Neighbour("fd00::9", kOutside);
  Post(Packet6("fd00::5", "fd00::9"));
  ASSERT_EQ(Sent().size(), 1u);
  EXPECT_EQ(Known("fd00::9"), (DstEntry{Verdict::kNeighbour, kOutside}));
  Post(Packet6("fd00::5", "fd01::9"));
  EXPECT_TRUE(Sent().empty());
  EXPECT_EQ(Known("fd01::9").verdict, Verdict::kUnreachable);
}

TEST_F(OutboundTest, AddressesOfTheLowerDeviceAreItsStacks) {
  Post(Packet4("10.0.0.5", "10.0.0.1"));
  Post(Packet6("fd00::5", "fd00::1"));
  EXPECT_TRUE(Sent().empty());
  EXPECT_EQ(Known("10.0.0.1").verdict, Verdict::kLocal);
  EXPECT_EQ(Known("fd00::1").verdict, Verdict::kLocal);
}

TEST_F(OutboundTest, AddressesOfSlavesAreNotItsStacksEvenInItsNamespace) {
  ASSERT_EQ(Add({.device = "i0", .local = "10.0.0.6/24"}), 0);
  ASSERT_EQ(Add({.device = "i0", .local = "fd00::6/64", .flags = IFA_F_NODAD}), 0);
  for (const char* address : {"10.0.0.6", "fd00::6"}) Neighbour(address, kOutside);
  Post(Packet4("10.0.0.5", "10.0.0.6"));
  Post(Packet6("fd00::5", "fd00::6"));
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  for (const SentFrame& frame : sent) EXPECT_EQ(Destination(frame), kOutside);
  EXPECT_EQ(Known("fd00::6"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, CountsWhatTheSenderSentAndFailedToSend) {
  Neighbour("10.0.0.9", kOutside);
  const auto before = dataplane_.Totals(Get("i0").id);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  Post(Packet4("10.0.0.5", "10.0.0.255"));
  Post(Packet4("224.0.0.5", "10.0.0.9"));
  const auto after = dataplane_.Totals(Get("i0").id);
  EXPECT_EQ(after.tx_packets - before.tx_packets, 1u);
  EXPECT_EQ(after.tx_bytes - before.tx_bytes, 42u);
  EXPECT_EQ(after.tx_dropped - before.tx_dropped, 2u);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);  // one bad source changes nothing
  EXPECT_EQ(Known("10.0.0.255").verdict, Verdict::kUnreachable);
}

TEST_F(OutboundTest, RoutesAddressesAndLinksMakeItForget) {
  Neighbour("10.0.0.9", kOutside);
  const auto learn = [&] {
    Post(Packet4("10.0.0.5", "10.0.0.9"));
    ASSERT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  };
  learn();
  Route("10.0.0.254");
  EXPECT_EQ(Port().next_hops().size(), 0u);
  learn();
  Route("10.0.0.254", RTM_DELROUTE);
  EXPECT_EQ(Port().next_hops().size(), 0u);
  learn();
  ASSERT_EQ(Add({.device = "m0", .local = "10.0.1.1/24"}), 0);
  EXPECT_EQ(Port().next_hops().size(), 0u);
  learn();
  SetUp("m0", false);
  EXPECT_EQ(Port().next_hops().size(), 0u);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnreachable);
  SetUp("m0");
  EXPECT_EQ(Port().next_hops().size(), 0u);
}

TEST_F(OutboundTest, ANeighbourMakesItForgetWhatGoesThroughIt) {
  Neighbour("10.0.0.8", kOutside);
  Neighbour("10.0.0.9", kOutside);
  Post(Packet4("10.0.0.5", "10.0.0.8"));
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  Neighbour("10.0.0.9", {2, 0, 0, 0, 0, 0x78});
  EXPECT_EQ(Known("10.0.0.8").verdict, Verdict::kNeighbour);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Known("10.0.0.9").address, (MacAddress{2, 0, 0, 0, 0, 0x78}));
}

TEST_F(OutboundTest, AStaleNeighbourIsAskedForByTheNextPacketOrByUsIfMuchGoesThroughIt) {
  Route("10.0.0.254");
  for (const int destinations : {2, 200}) {
    Neighbour("10.0.0.254", kOutside, NUD_REACHABLE);
    for (int i = 1; i <= destinations; ++i) {
      Post(Packet4("10.0.0.5", ("192.0.2." + std::to_string(i)).c_str()));
    }
    Sent();
    Neighbour("10.0.0.254", kOutside, NUD_STALE);
    rtnl_.RunTimers();
    const bool busy = destinations > 64;
    EXPECT_EQ(Known("192.0.2.1").verdict, busy ? Verdict::kNeighbour : Verdict::kUnknown);
    const NeighTable& table = rtnl_.router().TablesOf(ns()).arp;
    EXPECT_EQ(table.Find(Get("m0"), Ip("10.0.0.254"))->state, busy ? NUD_DELAY : NUD_STALE);
  }
}

TEST_F(OutboundTest, WhatDependsOnMoreThanTheDestinationIsNotRemembered) {
  Neighbour("10.0.0.9", kOutside);
  Rule rule;
  rule.priority = 100;
  rule.table = RT_TABLE_MAIN;
  rule.src = IpPrefix{Ip("10.0.0.5"), 32};
  rtnl_.router().TablesOf(ns()).rules4.Add(rule);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Sent().size(), 1u);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, ALowerDeviceWithoutAddressesHasTheStackForItsNeighbours) {
  EXPECT_TRUE(dataplane_.HasHostStack(Get("m0").id));
  ASSERT_EQ(Del({.device = "m0", .local = "10.0.0.1/24"}), 0);
  SetUp("m0", false);
  SetUp("m0");
  EXPECT_TRUE(dataplane_.HasHostStack(Get("m0").id));
  ASSERT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(Get("i0").ifindex))).error, 0);
  SetUp("m0", false);
  EXPECT_FALSE(dataplane_.HasHostStack(Get("m0").id));
}

TEST_F(OutboundTest, ANeighbourThatIsGoneIsForgotten) {
  Neighbour("10.0.0.9", kOutside, NUD_REACHABLE);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  ASSERT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  NeighTable& table = rtnl_.router().TablesOf(ns()).arp;
  table.Flush(Get("m0"), /*keep_permanent=*/false);
  ASSERT_EQ(table.Find(Get("m0"), Ip("10.0.0.9")), nullptr);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, WhatWasKnownBeforeAnotherModeIsForgotten) {
  const auto set_mode = [&](uint16_t mode) {
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK, Index(Get("i0").ifindex));
    request.Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "ipvlan").Begin(IFLA_INFO_DATA);
    ASSERT_EQ(Ask(std::move(request.U16(IFLA_IPVLAN_MODE, mode).End().End())).error, 0);
  };
  Neighbour("10.0.0.9", kOutside);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  ASSERT_EQ(Known("10.0.0.9").address, kOutside);
  set_mode(IPVLAN_MODE_L3S);
  Neighbour("10.0.0.9", {2, 0, 0, 0, 0, 0x78});
  EXPECT_NE(Known("10.0.0.9").address, kOutside);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  ASSERT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  set_mode(IPVLAN_MODE_L2);
  set_mode(IPVLAN_MODE_L3);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, ASlaveMayAskForItsShareOfATurn) {
  AskShare share;
  EXPECT_EQ(share.Take(7, 100), 100);
  EXPECT_EQ(share.Take(7, 100), AskShare::kATurn - 100);
  EXPECT_EQ(share.Take(7, 1), 0);
  EXPECT_EQ(share.Take(8, 1), 1);
  const uint32_t turn = dataplane_.host().outbound_turn();
  Settle();
  EXPECT_NE(dataplane_.host().outbound_turn(), turn);
}

TEST_F(OutboundTest, AFullCacheKeepsWhatItKnows) {
  Neighbour("10.0.0.9", kOutside);
  now_ += std::chrono::seconds(60);
  Settle();  // what forgets for other reasons has done so
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  NextHops& next_hops = Port().next_hops();
  for (uint32_t i = 0; !next_hops.full(); ++i) {
    next_hops.Remember({0, i, AddressKey::Family::kIpv4}, {Verdict::kLocal, {}});
  }
  Post(Packet4("10.0.0.5", "10.0.0.1"));  // room is made once
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  for (uint32_t i = 0; !next_hops.full(); ++i) {
    next_hops.Remember({0, i, AddressKey::Family::kIpv4}, {Verdict::kLocal, {}});
  }
  Post(Packet4("10.0.0.5", "10.0.0.1"));
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  EXPECT_EQ(Known("10.0.0.1").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, WhatIsTooBigWasNotSent) {
  Neighbour("10.0.0.9", kOutside);
  std::vector<uint8_t> frame = Packet4("10.0.0.5", "10.0.0.9");
  frame.resize(1515);
  Post(frame);
  EXPECT_TRUE(Sent().empty());
  const DeviceTotals totals = dataplane_.Totals(Get("i0").id);
  EXPECT_EQ(totals.tx_packets, 0u);
  EXPECT_EQ(totals.tx_dropped, 1u);
  EXPECT_EQ(totals.drops[static_cast<size_t>(DropReason::kTooBig)], 1u);
}

TEST_F(OutboundTest, HostileFrames) {
  const std::vector<uint8_t> whole = Packet6("fd00::5", "fd00::9");
  for (size_t size = 1; size < whole.size(); ++size) {
    Post(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
  }
  std::vector<uint8_t> arp = whole;
  arp[12] = 8;
  arp[13] = 6;
  Post(arp);
}

}  // namespace
}  // namespace vswitch
