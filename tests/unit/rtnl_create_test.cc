// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWLINK that creates, and RTM_DELLINK.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/veth.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

constexpr uint16_t kAdd = NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr MacAddress kMac = {2, 0, 0, 0, 0, 1};
constexpr MacAddress kMulticastMac = {3, 0, 0, 0, 0, 1};

class RtnlCreateTest : public RtnlTest {
 protected:
  static RequestBuilder Add(const std::string& name, const ifinfomsg& header = {}) {
    RequestBuilder request(RTM_NEWLINK, kAdd, header);
    request.Str(IFLA_IFNAME, name);
    return request;
  }
  Answer Delete(const std::string& name) {
    return Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK).Str(IFLA_IFNAME, name));
  }
  // No link but lo is left, here and in the dataplane's eyes.
  void ExpectNothingLeft() { EXPECT_EQ(ns().DumpOrder().size(), 1u); }
};

TEST_F(RtnlCreateTest, VethPeerComesFirst) {
  AddVeth("v0", "v1");
  EXPECT_EQ(Get("v1").ifindex, 2);
  EXPECT_EQ(Get("v0").ifindex, 3);
  EXPECT_EQ(Get("v0").link, &Get("v1"));
  EXPECT_EQ(Get("v1").link, &Get("v0"));
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>{"NEWLINK v1 down change=0xffffffff operstate=2 link=0",
                                      "NEWLINK v0 down change=0xffffffff operstate=2 link=2"}));
}

TEST_F(RtnlCreateTest, VethDefaults) {
  AddVeth("v0", "v1");
  const Device& v0 = Get("v0");
  EXPECT_EQ(v0.flags, uint32_t{IFF_BROADCAST | IFF_MULTICAST});
  EXPECT_EQ(v0.mtu, 1500u);
  EXPECT_EQ(v0.min_mtu, 68u);
  EXPECT_EQ(v0.max_mtu, 65535u);
  EXPECT_EQ(v0.tso_max_size, 524280u);
  EXPECT_EQ(v0.address[0] & 3, 2);
  EXPECT_NE(v0.address, Get("v1").address);
  EXPECT_FALSE(v0.carrier);
  EXPECT_EQ(v0.carrier_down_count, 1u);
  EXPECT_EQ(v0.operstate, OperState::kLowerLayerDown);
}

TEST_F(RtnlCreateTest, NamesWithoutAnyNameComeFromTheKind) {
  RequestBuilder request(RTM_NEWLINK, kAdd);
  ASSERT_EQ(Ask(request.Kind("veth")).error, 0);
  EXPECT_EQ(Get("veth0").ifindex, 2);  // the peer
  EXPECT_EQ(Get("veth1").ifindex, 3);
  RequestBuilder dummy(RTM_NEWLINK, kAdd);
  ASSERT_EQ(Ask(dummy.Kind("dummy")).error, 0);
  EXPECT_TRUE(Exists("dummy0"));
}

TEST_F(RtnlCreateTest, WithoutPeerNestBothEndsGetTheAttributes) {
  RequestBuilder request = Add("v0");
  request.U32(IFLA_MTU, 1400).U32(IFLA_GROUP, 5).U32(IFLA_TXQLEN, 7).Mac(IFLA_ADDRESS, kMac);
  ASSERT_EQ(Ask(request.Kind("veth")).error, 0);
  const Device& peer = Get("veth0");
  EXPECT_EQ(peer.mtu, 1400u);
  EXPECT_EQ(peer.group, 5u);
  EXPECT_EQ(peer.txqlen, 7u);
  EXPECT_EQ(Get("v0").address, kMac);
  EXPECT_NE(peer.address, kMac);
}

TEST_F(RtnlCreateTest, WithPeerNestEachEndGetsItsOwn) {
  RequestBuilder request = Add("v0");
  request.U32(IFLA_MTU, 1400).BeginVethPeer().Str(IFLA_IFNAME, "v1").Mac(IFLA_ADDRESS, kMac);
  ASSERT_EQ(Ask(request.End().End().End()).error, 0);
  EXPECT_EQ(Get("v0").mtu, 1400u);
  EXPECT_EQ(Get("v1").mtu, 1500u);
  EXPECT_EQ(Get("v1").address, kMac);
}

TEST_F(RtnlCreateTest, PeerIndexCountsOnlyWithAMainIndex) {
  RequestBuilder without = Add("a");
  without.BeginVethPeer(Index(77)).Str(IFLA_IFNAME, "b");
  ASSERT_EQ(Ask(without.End().End().End()).error, 0);
  EXPECT_EQ(Get("b").ifindex, 2);
  RequestBuilder with = Add("c", Index(50));
  with.BeginVethPeer(Index(77)).Str(IFLA_IFNAME, "d");
  ASSERT_EQ(Ask(with.End().End().End()).error, 0);
  EXPECT_EQ(Get("c").ifindex, 50);
  EXPECT_EQ(Get("d").ifindex, 77);
}

TEST_F(RtnlCreateTest, TakenIndexesAreBusy) {
  AddVeth("v0", "v1");
  RequestBuilder peer = Add("a", Index(50));
  peer.BeginVethPeer(Index(3)).Str(IFLA_IFNAME, "b");
  EXPECT_EQ(Ask(peer.End().End().End()).error, EBUSY);
  EXPECT_EQ(ns().DumpOrder().size(), 3u);
}

TEST_F(RtnlCreateTest, NegativeIndexes) {
  EXPECT_EQ(Ask(Add("a", Index(-5)).Kind("dummy")).sentence, "ifindex can't be negative");
  RequestBuilder peer = Add("a");
  peer.BeginVethPeer(Index(-5));
  const Answer answer = Ask(peer.End().End().End());
  EXPECT_EQ(answer.error, EINVAL);
  EXPECT_EQ(answer.sentence, "ifindex can't be negative");
  ExpectNothingLeft();
}

TEST_F(RtnlCreateTest, PeerCannotBeCreatedUp) {
  RequestBuilder request = Add("v0");
  request.BeginVethPeer({.ifi_flags = IFF_UP, .ifi_change = IFF_UP}).Str(IFLA_IFNAME, "v1");
  EXPECT_EQ(Ask(request.End().End().End()).error, ENOTCONN);
  ExpectNothingLeft();
  EXPECT_TRUE(Notifications().empty());
  AddVeth("v0", "v1");
  EXPECT_EQ(Get("v1").ifindex, 3);  // the failure used up index 2
}

TEST_F(RtnlCreateTest, MainCanBeCreatedUp) {
  RequestBuilder request = Add("v0", {.ifi_flags = IFF_UP, .ifi_change = IFF_UP});
  ASSERT_EQ(Ask(request.Kind("veth")).error, 0);
  EXPECT_TRUE(Get("v0").up());
  EXPECT_FALSE(Get("v0").carrier);
}

TEST_F(RtnlCreateTest, SameNameForBothEndsLeavesNothing) {
  RequestBuilder request = Add("v0");
  request.BeginVethPeer().Str(IFLA_IFNAME, "v0");
  EXPECT_EQ(Ask(request.End().End().End()).error, EEXIST);
  ExpectNothingLeft();
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>{"NEWLINK v0 down change=0xffffffff operstate=2 link=0",
                                      "DELLINK v0 down change=0xffffffff operstate=2 link=0"}));
}

TEST_F(RtnlCreateTest, VethAttributesAreCheckedWithoutSentence) {
  for (const uint32_t mtu : {67u, 65536u, 0xffffffffu}) {
    const Answer answer = Ask(Add("v0").U32(IFLA_MTU, mtu).Kind("veth"));
    EXPECT_EQ(answer.error, EINVAL) << mtu;
    EXPECT_EQ(answer.sentence, "");
  }
  EXPECT_EQ(Ask(Add("v0").Mac(IFLA_ADDRESS, kMulticastMac).Kind("veth")).error, EADDRNOTAVAIL);
  EXPECT_EQ(Ask(Add("v0").Mac(IFLA_ADDRESS, {}).Kind("veth")).error, EADDRNOTAVAIL);
  EXPECT_EQ(Ask(Add("v0").U32(IFLA_ADDRESS, 2).Kind("veth")).error, EINVAL);
  RequestBuilder peer = Add("v0");
  peer.BeginVethPeer().U32(IFLA_MTU, 10);
  EXPECT_EQ(Ask(peer.End().End().End()).error, EINVAL);
  ExpectNothingLeft();
}

TEST_F(RtnlCreateTest, DummyHasNoMtuLimits) {
  ASSERT_EQ(Ask(Add("d0").U32(IFLA_MTU, 1000000).Kind("dummy")).error, 0);
  const Device& d0 = Get("d0");
  EXPECT_EQ(d0.mtu, 1000000u);
  EXPECT_EQ(d0.flags, uint32_t{IFF_BROADCAST | IFF_NOARP});
  EXPECT_EQ(d0.tso_max_size, 65536u);
  const Answer negative = Ask(Add("d1").U32(IFLA_MTU, 0x80000000).Kind("dummy"));
  EXPECT_EQ(negative.sentence, "mtu less than device minimum");
}

TEST_F(RtnlCreateTest, DummyChecksItsAddress) {
  EXPECT_EQ(Ask(Add("d0").Mac(IFLA_ADDRESS, kMulticastMac).Kind("dummy")).error, EADDRNOTAVAIL);
  EXPECT_EQ(Ask(Add("d0").U32(IFLA_ADDRESS, 2).Kind("dummy")).error, EINVAL);
}

TEST_F(RtnlCreateTest, QueueCounts) {
  EXPECT_EQ(Ask(Add("a").U32(IFLA_NUM_TX_QUEUES, 0).Kind("veth")).sentence,
            "Invalid number of transmit queues");
  EXPECT_EQ(Ask(Add("a").U32(IFLA_NUM_RX_QUEUES, 4097).Kind("veth")).sentence,
            "Invalid number of receive queues");
  ASSERT_EQ(Ask(Add("a").U32(IFLA_NUM_TX_QUEUES, 4096).Kind("dummy")).error, 0);
  EXPECT_EQ(Get("a").num_tx_queues, 4096u);
}

TEST_F(RtnlCreateTest, SomeAttributesAreNotAppliedAtCreation) {
  ASSERT_EQ(Ask(Add("a").Str(IFLA_IFALIAS, "hello").U8(IFLA_CARRIER, 0).Kind("dummy")).error, 0);
  EXPECT_EQ(Get("a").alias, "");
  EXPECT_TRUE(Get("a").carrier);
}

TEST_F(RtnlCreateTest, TxQueueLengthIsNotCheckedAtCreation) {
  ASSERT_EQ(Ask(Add("a").U32(IFLA_TXQLEN, 100000).Kind("dummy")).error, 0);
  EXPECT_EQ(Get("a").txqlen, 100000u);
}

TEST_F(RtnlCreateTest, AddrgenmodeIsRefusedAtCreation) {
  RequestBuilder request = Add("a");
  request.Begin(IFLA_AF_SPEC).Begin(AF_INET6).U8(IFLA_INET6_ADDR_GEN_MODE, 1).End().End();
  EXPECT_EQ(Ask(request.Kind("veth")).error, EAFNOSUPPORT);
  ExpectNothingLeft();
}

TEST_F(RtnlCreateTest, BadMastersRollBack) {
  AddDummy("dum0");
  Notifications();
  EXPECT_EQ(Ask(Add("v0").U32(IFLA_MASTER, 2).Kind("veth")).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(Add("v0").U32(IFLA_MASTER, 99).Kind("veth")).error, EINVAL);
  EXPECT_EQ(ns().DumpOrder().size(), 2u);
  EXPECT_EQ(Notifications().size(), 8u);
}

TEST_F(RtnlCreateTest, UnknownKinds) {
  EXPECT_EQ(Ask(Add("a").Kind("frob")).sentence, "Unknown device type");
  EXPECT_EQ(Ask(Add("a")).sentence, "Unknown device type");
  EXPECT_EQ(Ask(Add("a")).error, EOPNOTSUPP);
  RequestBuilder map = Add("a");
  map.writer().PutZeros(IFLA_MAP, 32);
  const Answer answer = Ask(map.Kind("frob"));
  EXPECT_EQ(answer.error, EOPNOTSUPP);
  EXPECT_EQ(answer.sentence, "");
}

TEST_F(RtnlCreateTest, WithoutCreateFlagThereMustBeADevice) {
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK)).error, ENODEV);  // the probe of ip
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(9))).error, ENODEV);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK).Str(IFLA_IFNAME, "x").Kind("veth")).error,
            ENODEV);
}

TEST_F(RtnlCreateTest, OtherNamespaces) {
  EXPECT_EQ(Ask(Add("a").U32(IFLA_NET_NS_PID, 0x3fffff).Kind("dummy")).error, ESRCH);
  EXPECT_EQ(Ask(Add("a").U32(IFLA_NET_NS_FD, UINT32_MAX).Kind("dummy")).error, EBADF);
  EXPECT_EQ(Ask(Add("a").U32(IFLA_NET_NS_FD, 5).Kind("dummy")).error, EBADF);
  EXPECT_EQ(Ask(Add("a").U32(IFLA_TARGET_NETNSID, 5).Kind("dummy")).error, EINVAL);
  RequestBuilder peer = Add("a");
  peer.BeginVethPeer().U32(IFLA_NET_NS_PID, 0x3fffff);
  EXPECT_EQ(Ask(peer.End().End().End()).error, ESRCH);
  ExpectNothingLeft();
}

TEST_F(RtnlCreateTest, OnlyAdministratorsChangeThings) {
  client_.admin = false;
  EXPECT_EQ(Ask(Add("a").Kind("dummy")).error, EPERM);
  EXPECT_EQ(Delete("lo").error, EPERM);
  EXPECT_EQ(Ask(RequestBuilder(RTM_SETLINK, NLM_F_ACK, Index(1))).error, EPERM);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWADDR, NLM_F_ACK)).error, EPERM);
  EXPECT_EQ(Raw(RequestBuilder(RTM_GETLINK, 0, Index(1)).Build()).at(0).substr(0, 7), "NEWLINK");
}

TEST_F(RtnlCreateTest, DeletingOneEndDeletesBoth) {
  AddVeth("v0", "v1");
  SetUp("v0");
  SetUp("v1");
  Notifications();
  EXPECT_EQ(Delete("v1").error, 0);
  ExpectNothingLeft();
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>{"NEWLINK v1 down change=0x41 operstate=2 link=0",
                                      "NEWLINK v0 down change=0x41 operstate=2 link=0",
                                      "DELLINK v1 down change=0xffffffff operstate=2 link=0",
                                      "DELLINK v0 down change=0xffffffff operstate=2 link=0"}));
}

TEST_F(RtnlCreateTest, DeleteSelectors) {
  AddVeth("v0", "v1");
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK)).error, EINVAL);
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(99))).error, ENODEV);
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(1))).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(2)).U32(IFLA_NET_NS_PID, 1)).sentence,
            "specified netns attribute not supported");
  RequestBuilder id(RTM_DELLINK, NLM_F_ACK, Index(2));
  EXPECT_EQ(Ask(id.U32(IFLA_TARGET_NETNSID, 1)).error, EINVAL);
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(2)).Kind("dummy")).error, 0);
  ExpectNothingLeft();
}

TEST_F(RtnlCreateTest, DeleteAndCreateAgainInOneDatagram) {
  AddVeth("v0", "v1");
  Datagram both = RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(2)).Build();
  const Datagram add = Add("v0").Kind("veth").Build();
  both.insert(both.end(), add.begin(), add.end());
  EXPECT_EQ(Ask(both).error, 0);
  EXPECT_EQ(client_.sent.size(), 2u);
  EXPECT_EQ(Get("v0").ifindex, 5);
}

TEST_F(RtnlCreateTest, GroupDeleteIsAllOrNothing) {
  AddVeth("v0", "v1");
  AddDummy("d0");
  const auto group = [](uint32_t number) {
    return RequestBuilder(RTM_DELLINK, NLM_F_ACK).U32(IFLA_GROUP, number).Build();
  };
  EXPECT_EQ(Ask(group(0)).error, EPERM);
  EXPECT_EQ(Ask(group(9)).error, ENODEV);
  for (const char* name : {"v0", "v1", "d0", "lo"}) Get(name).group = 9;
  EXPECT_EQ(Ask(group(9)).error, EOPNOTSUPP);
  EXPECT_EQ(ns().DumpOrder().size(), 4u);
  ns().lo().group = 0;
  Notifications();
  EXPECT_EQ(Ask(group(9)).error, 0);
  ExpectNothingLeft();
  EXPECT_EQ(Notifications().size(), 3u);  // each once, though both ends of the veth were members
}

TEST_F(RtnlCreateTest, EchoOfADeleteIsNotDoubledForMembers) {
  AddVeth("v0", "v1");
  client_.ns = &ns();
  client_.groups.insert(RTNLGRP_LINK);
  Raw(RequestBuilder(RTM_DELLINK, NLM_F_ACK | NLM_F_ECHO, Index(2)).Build());
  EXPECT_EQ(client_.sent.size(), 1u);  // the ACK: the messages come through the group
}

TEST_F(RtnlCreateTest, DeviceNumbersAreGivenBack) {
  AddVeth("v0", "v1");
  const DeviceId id = Get("v0").id;
  ASSERT_TRUE(id.valid());
  Delete("v0");
  rtnl_.Commit();
  AddVeth("v0", "v1");
  EXPECT_NE(Get("v0").id, id);
  EXPECT_NE(Get("v1").id, id);
}

}  // namespace

}  // namespace vswitch
