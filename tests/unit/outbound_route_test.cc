// SPDX-License-Identifier: BSD-3-Clause
// Which way packets of L3 ipvlans take: kinds of routes, what waits and for how long, and that the
// stack of the lower device may be another than ours.
#include <gtest/gtest.h>
#include <linux/fib_rules.h>

#include <array>

#include "tests/support/outbound_fixture.h"

namespace vswitch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr MacAddress kThere{2, 0, 0, 0, 0, 0x78};

TEST_F(OutboundTest, RoutesThatLeadNowhereStopIpv6Only) {
  const std::array<uint8_t, 3> types = {RTN_BLACKHOLE, RTN_UNREACHABLE, RTN_PROHIBIT};
  Neighbour("192.0.2.1", kOutside);
  for (const uint8_t type : types) {
    ChangeRoute({.to = "192.0.2.0/24", .type = type});
    ChangeRoute({.to = "fd02::/64", .type = type});
    Post(Packet4("10.0.0.5", "192.0.2.1"));
    Post(Packet6("fd00::5", "fd02::1"));
    EXPECT_EQ(Known("192.0.2.1"), (DstEntry{Verdict::kNeighbour, kOutside}));
    EXPECT_EQ(Known("fd02::1").verdict, Verdict::kUnreachable);
    EXPECT_EQ(Sent().size(), 1u);
    ChangeRoute({.to = "192.0.2.0/24", .request = RTM_DELROUTE, .type = type});
    ChangeRoute({.to = "fd02::/64", .request = RTM_DELROUTE, .type = type});
  }
}

TEST_F(OutboundTest, AGatewayMayBeAnywhereOnTheLink) {
  Neighbour("198.51.100.1", kOutside);
  ChangeRoute({.gateway = "198.51.100.1", .flags = RTNH_F_ONLINK});
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  EXPECT_EQ(Known("192.0.2.1"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, AnotherGatewayIsUsedAtOnce) {
  Neighbour("fd00::fe", kOutside);
  Neighbour("fd00::ff", kThere);
  ChangeRoute({.gateway = "fd00::fe", .to = "fd02::/64"});
  Post(Packet6("fd00::5", "fd02::1"));
  EXPECT_EQ(Known("fd02::1"), (DstEntry{Verdict::kNeighbour, kOutside}));
  ChangeRoute({.gateway = "fd00::ff", .to = "fd02::/80"});
  EXPECT_EQ(Known("fd02::1").verdict, Verdict::kUnknown);
  Post(Packet6("fd00::5", "fd02::1"));
  EXPECT_EQ(Known("fd02::1"), (DstEntry{Verdict::kNeighbour, kThere}));
}

TEST_F(OutboundTest, Ipv4MayGoByAnIpv6Gateway) {
  ChangeRoute({.gateway = "fd00::fe", .to = "192.0.2.0/24"});
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  ASSERT_EQ(Sent().size(), 0u);  // nobody to ask as: m0 has no link-local address
  Neighbour("fd00::fe", kOutside);
  const std::vector<SentFrame> sent = [&] { return Settle(), Sent(); }();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(ReadEthernet(sent[0].bytes)->ethertype, 0x0800);
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  EXPECT_EQ(Known("192.0.2.1"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, RoutesOfATypeOfServiceAreNotRemembered) {
  Neighbour("10.0.0.254", kOutside);
  Neighbour("10.0.0.253", kThere);
  ChangeRoute({.gateway = "10.0.0.254", .to = "192.0.2.0/24"});
  ChangeRoute({.gateway = "10.0.0.253", .to = "192.0.2.0/24", .tos = 0x10});
  Post(Packet4("10.0.0.5", "192.0.2.1"));
  Post(Packet4("10.0.0.5", "192.0.2.1", 0x10));
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(Destination(sent[1]), kThere);
  EXPECT_EQ(Known("192.0.2.1").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, RoutesForSomeSourcesAreNotRemembered) {
  Neighbour("fd00::fe", kOutside);
  Neighbour("fd00::ff", kThere);
  ChangeRoute({.gateway = "fd00::fe", .to = "fd02::/48"});
  ChangeRoute({.gateway = "fd00::ff", .to = "fd02::/64", .from = "fd00::6/128"});
  for (const char* source : {"fd00::5", "fd00::6"}) Post(Packet6(source, "fd02::1"));
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(Destination(sent[1]), kThere);
  EXPECT_EQ(Known("fd02::1").verdict, Verdict::kUnknown);
  // Others do not suffer.
  ChangeRoute({.gateway = "fd00::fe", .to = "fd03::/64"});
  Post(Packet6("fd00::5", "fd03::1"));
  EXPECT_EQ(Known("fd03::1"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, AChangeOfRulesMakesItForget) {
  Neighbour("10.0.0.9", kOutside);
  for (const uint16_t type : {uint16_t{RTM_NEWRULE}, uint16_t{RTM_DELRULE}}) {
    Post(Packet4("10.0.0.5", "10.0.0.9"));
    ASSERT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(type, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0);
    writer.PutStruct(fib_rule_hdr{.family = AF_INET, .action = FR_ACT_PROHIBIT});
    writer.PutU32(FRA_PRIORITY, 100);
    writer.End();
    ASSERT_EQ(Ask(datagram).error, 0);
    EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
  }
}

TEST_F(OutboundTest, TheOldestPacketsMakeRoomAndTheOthersGoInOrder) {
  for (size_t i = 0; i < HostStack::kHeldPackets + 3; ++i) {
    std::vector<uint8_t> packet = Packet4("10.0.0.5", "10.0.0.9");
    packet[40] = static_cast<uint8_t>(i);
    Post(packet);
  }
  EXPECT_EQ(Sent().size(), 1u);  // the question
  Neighbour("10.0.0.9", kOutside);
  for (int round = 0; round < 10; ++round) Settle();
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), HostStack::kHeldPackets);
  for (size_t i = 0; i < sent.size(); ++i) EXPECT_EQ(sent[i].bytes[40], i + 3);
}

TEST_F(OutboundTest, WhoeverDoesNotAnswerIsAskedForAgainWhenTheNextPacketComes) {
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  for (int i = 0; i < 5; ++i) {
    now_ += milliseconds(1100);
    Settle();
  }
  EXPECT_EQ(Sent().size(), 3u);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Sent().size(), 1u);
}

TEST_F(OutboundTest, ANeighbourThatIsDeletedIsForgotten) {
  Neighbour("10.0.0.9", kOutside);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  ASSERT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  NeighTable& table = rtnl_.router().TablesOf(ns()).arp;
  table.Delete(*table.Find(Get("m0"), Ip("10.0.0.9")), 0, now_);
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
}

TEST_F(OutboundTest, ANeighbourThatStopsAnsweringIsForgotten) {
  Neighbour("10.0.0.9", kOutside, NUD_STALE);
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kNeighbour);
  for (int i = 0; i < 12; ++i) {
    now_ += seconds(1);
    Settle();
  }
  EXPECT_EQ(Known("10.0.0.9").verdict, Verdict::kUnknown);
}

// m0's stack is what is attached to it.
class OutboundBesideAStack : public OutboundTest {
 protected:
  void SetUp() override {
    OutboundTest::SetUp();
    Attach();
  }
  using OutboundTest::SetUp;
  void Attach() {
    dataplane_.Publish(Get("m0").id, Get("m0").kind->make_netdev(Get("m0")));
    dataplane_.Attach(Get("m0").id, std::make_unique<FakeBackend>(stack_));
    rtnl_.Republish(Get("m0"));
  }
  void FromWire(const std::vector<uint8_t>& frame) {
    wire_.input.push_back(ToPacket(frame));
    dataplane_.workers()[0]->RunOnce();
    Settle();
  }

  FarEnd stack_;
};

TEST_F(OutboundBesideAStack, ItGetsWhatIsForTheLowerDevice) {
  for (const std::vector<uint8_t>& packet :
       {Packet4("10.0.0.5", "10.0.0.1"), Packet6("fd00::5", "fd00::1")}) {
    Post(packet);
    ASSERT_EQ(stack_.sent.size(), 1u);
    std::vector<uint8_t> expected = packet;
    std::copy(kPhyMac.begin(), kPhyMac.end(), expected.begin());
    std::copy(kPhyMac.begin(), kPhyMac.end(), expected.begin() + 6);
    EXPECT_EQ(stack_.sent[0].bytes, expected);
    stack_.sent.clear();
  }
  EXPECT_TRUE(Sent().empty());
}

TEST_F(OutboundBesideAStack, NeighboursAreFoundAllTheSame) {
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Sent().size(), 1u);
  const Frame answer = WriteArp({true, kOutside, kPhyMac, Ip("10.0.0.9"), Ip("10.0.0.1")}, kPhyMac);
  FromWire(answer);
  ASSERT_EQ(stack_.sent.size(), 1u);  // it is that stack's, too
  EXPECT_EQ(stack_.sent[0].bytes, answer);
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
}

TEST_F(OutboundBesideAStack, QuestionsAreThatStacks) {
  FromWire(WriteArp({false, kOutside, {}, Ip("10.0.0.9"), Ip("10.0.0.1")}, kBroadcastMac));
  EXPECT_EQ(stack_.sent.size(), 1u);
  EXPECT_TRUE(Sent().empty());
  // But who asks is known now.
  Post(Packet4("10.0.0.5", "10.0.0.9"));
  EXPECT_EQ(Known("10.0.0.9"), (DstEntry{Verdict::kNeighbour, kOutside}));
}

TEST_F(OutboundTest, OursAnswersWhenNothingElseIsTheStack) {
  Neighbour("10.0.0.9", kOutside);
  const std::vector<uint8_t> echo = {8, 0, 0, 0, 0, 1, 0, 1};
  Frame ping = WriteIcmp({.source = Ip("10.0.0.9"),
                          .destination = Ip("10.0.0.1"),
                          .protocol = IPPROTO_ICMP,
                          .payload = echo});
  Post(ping);
  Settle();
  const std::vector<SentFrame> sent = Sent();
  ASSERT_EQ(sent.size(), 1u);
  EXPECT_EQ(Destination(sent[0]), kOutside);
  EXPECT_EQ(sent[0].bytes[34], 0);  // a reply
}

}  // namespace
}  // namespace vswitch
