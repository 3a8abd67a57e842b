// SPDX-License-Identifier: BSD-3-Clause
// IPv4 addresses: the rules of net/ipv4/devinet.c.
#include <gtest/gtest.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

using std::chrono::seconds;

class RtnlAddrTest : public AddressTest {};

TEST_F(RtnlAddrTest, AddAndShow) {
  EXPECT_EQ(Add({.device = "v0",
                 .local = "10.0.0.1/24",
                 .broadcast = "10.0.0.255",
                 .label = "v0:x",
                 .metric = 7}),
            0);
  EXPECT_EQ(
      Add({.device = "v1", .local = "10.0.1.1/32", .address = "10.0.1.2", .scope = RT_SCOPE_LINK}),
      0);
  EXPECT_EQ(Show(), (Lines{"v1 10.0.1.1 peer 10.0.1.2/32 scope=253 label=v1 flags=0x80",
                           "v0 10.0.0.1/24 brd 10.0.0.255 label=v0:x flags=0x80 metric=7"}));
  EXPECT_EQ(Show(AF_INET).size(), 2u);
  EXPECT_TRUE(Show(AF_INET6).empty());
}

TEST_F(RtnlAddrTest, AttributesInTheOrderOfLinux) {
  Add({.device = "v0", .local = "10.0.0.1/24", .broadcast = "10.0.0.255", .metric = 7});
  NlReader reader(multicast_.all.at(0).second);
  const auto message = reader.Next();
  std::vector<uint16_t> types;
  for (const NlAttr& attr : ListAttributes(message->payload().subspan(sizeof(ifaddrmsg)), 0)) {
    types.push_back(attr.type);
  }
  EXPECT_EQ(types, (std::vector<uint16_t>{IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST, IFA_LABEL,
                                          IFA_FLAGS, IFA_RT_PRIORITY, IFA_CACHEINFO}));
}

TEST_F(RtnlAddrTest, Refusals) {
  EXPECT_EQ(Add({"v0", "10.0.0.1/33"}), EINVAL);
  EXPECT_EQ(Add({.local = "10.0.0.1/24", .ifindex = 99}), ENODEV);
  EXPECT_EQ(Add({.local = "10.0.0.1/33", .ifindex = 99}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.1/24", .lifetimes = Lifetimes(0, 0)}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.1/24", .lifetimes = Lifetimes(10, 11)}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.1/24", .label = "a-label-too-long"}), ERANGE);
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.1/24", .flags = IFA_F_MCAUTOJOIN}), EINVAL);
  EXPECT_EQ(Del({"v0", "10.0.0.1/24"}), EADDRNOTAVAIL);
  EXPECT_EQ(Del({.local = "10.0.0.1/24", .ifindex = 99}), ENODEV);
  EXPECT_TRUE(Show().empty());
  Get("v0").mtu = Get("v0").ip_mtu = 67;
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}), ENOBUFS);
  EXPECT_EQ(Del({"v0", "10.0.0.1/24"}), ENODEV);
}

TEST_F(RtnlAddrTest, OtherFamiliesHaveNoHandler) {
  Datagram datagram = Request(RTM_NEWADDR, kCreate, {"v0", "10.0.0.1/24"});
  for (const uint8_t family : {AF_UNSPEC, AF_PACKET, AF_BRIDGE}) {
    datagram[sizeof(nlmsghdr)] = family;
    EXPECT_EQ(Ask(datagram).error, EOPNOTSUPP) << int{family};
  }
  // IPv4 addresses can only be dumped.
  EXPECT_EQ(Change(RTM_GETADDR, 0, {"v0", "10.0.0.1/24"}), EOPNOTSUPP);
}

TEST_F(RtnlAddrTest, NoLocalAddressIsNoAddress) {
  EXPECT_EQ(Add({.device = "v0", .local = "0.0.0.0/24", .address = "10.0.0.1"}), 0);
  EXPECT_TRUE(Show().empty());
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(RTM_NEWADDR, NLM_F_REQUEST, 1, 0);
  writer.PutStruct(ifaddrmsg{.ifa_family = AF_INET, .ifa_prefixlen = 24, .ifa_index = 3});
  writer.PutU32(IFA_ADDRESS, 0x0100000a);
  writer.End();
  EXPECT_EQ(Ask(datagram).error, EINVAL);
}

TEST_F(RtnlAddrTest, DuplicatesAndReplacement) {
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}, 0), 0);  // NLM_F_CREATE is not needed
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}), EEXIST);
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}, NLM_F_CREATE), EEXIST);
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}, NLM_F_REPLACE | NLM_F_EXCL), EEXIST);
  EXPECT_EQ(Add({"v0", "10.0.0.1/25"}), 0);  // another length is another address
  Told();
  const Ifa changed{.device = "v0",
                    .local = "10.0.0.1/24",
                    .broadcast = "10.0.0.255",
                    .label = "v0:y",
                    .scope = RT_SCOPE_LINK,
                    .lifetimes = Lifetimes(100, 50),
                    .metric = 9};
  EXPECT_EQ(Add(changed, kReplace), 0);
  const std::string after = "v0 10.0.0.1/24 label=v0 flags=0x0 metric=9 valid=100 preferred=50";
  EXPECT_EQ(Show()[0], after);
  EXPECT_EQ(Told(), Lines{"+" + after});
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}, kReplace), 0);
  EXPECT_EQ(Show()[0], "v0 10.0.0.1/24 label=v0 flags=0x80");
}

TEST_F(RtnlAddrTest, ReplacementThatIsNotThereIsCreated) {
  EXPECT_EQ(Add({"v0", "10.0.0.1/24"}, NLM_F_REPLACE), 0);
  EXPECT_EQ(Show().size(), 1u);
}

TEST_F(RtnlAddrTest, SecondAddressOfASubnetIsSecondary) {
  Add({"v0", "10.0.0.1/24"});
  EXPECT_EQ(Add({"v0", "10.0.0.2/24"}), 0);
  EXPECT_EQ(Add({"v0", "10.0.0.3/25"}), 0);  // of another length: primary
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.4/24", .scope = RT_SCOPE_LINK}), EINVAL);
  EXPECT_EQ(Show(),
            (Lines{"v0 10.0.0.1/24 label=v0 flags=0x80", "v0 10.0.0.3/25 label=v0 flags=0x80",
                   "v0 10.0.0.2/24 label=v0 flags=0x81"}));
}

TEST_F(RtnlAddrTest, FlagsThatOnlyIpv6HasAreDropped) {
  const uint32_t flags = IFA_F_NODAD | IFA_F_TENTATIVE | IFA_F_MANAGETEMPADDR | IFA_F_SECONDARY |
                         IFA_F_DEPRECATED | IFA_F_NOPREFIXROUTE;
  EXPECT_EQ(Add({.device = "v0", .local = "10.0.0.1/24", .flags = flags}), 0);
  EXPECT_EQ(Show(), Lines{"v0 10.0.0.1/24 label=v0 flags=0x280"});
}

TEST_F(RtnlAddrTest, PrimariesAreOrderedByScope) {
  Add({.device = "v0", .local = "10.0.1.1/24", .scope = RT_SCOPE_LINK});
  Add({"v0", "10.0.2.1/24"});
  Add({.device = "v0", .local = "10.0.3.1/24", .scope = RT_SCOPE_HOST});
  Add({"v0", "10.0.2.2/24"});
  Add({"v0", "10.0.4.1/24"});
  Lines order;
  for (const std::string& line : Show()) order.push_back(line.substr(3, line.find('/') - 3));
  EXPECT_EQ(order, (Lines{"10.0.3.1", "10.0.1.1", "10.0.2.1", "10.0.4.1", "10.0.2.2"}));
}

TEST_F(RtnlAddrTest, DeletingAPrimaryDeletesItsSecondaries) {
  Add({"v0", "10.0.0.1/24"});
  Add({"v0", "10.0.0.2/24"});
  Add({"v0", "10.0.1.1/24"});
  Add({"v0", "10.0.0.3/24"});
  Told();
  EXPECT_EQ(Del({"v0", "10.0.0.1/24"}), 0);
  EXPECT_EQ(Told(),
            (Lines{"-v0 10.0.0.2/24 label=v0 flags=0x81", "-v0 10.0.0.3/24 label=v0 flags=0x81",
                   "-v0 10.0.0.1/24 label=v0 flags=0x80"}));
  EXPECT_EQ(Show(), Lines{"v0 10.0.1.1/24 label=v0 flags=0x80"});
}

TEST_F(RtnlAddrTest, DeletingASecondaryLeavesTheOthers) {
  Add({"v0", "10.0.0.1/24"});
  Add({"v0", "10.0.0.2/24"});
  Add({"v0", "10.0.0.3/24"});
  EXPECT_EQ(Del({"v0", "10.0.0.2/24"}), 0);
  EXPECT_EQ(Show().size(), 2u);
}

TEST_F(RtnlAddrTest, SecondariesArePromotedWhereTheDeviceSaysSo) {
  RequestBuilder set(RTM_NEWLINK, NLM_F_ACK, Index(3));
  set.Begin(IFLA_AF_SPEC).Begin(AF_INET).Begin(IFLA_INET_CONF);
  set.U32(IPV4_DEVCONF_PROMOTE_SECONDARIES, 1).End().End().End();
  ASSERT_EQ(Ask(set).error, 0);
  Add({"v0", "10.0.0.1/24"});
  Add({"v0", "10.0.0.2/24"});
  Add({"v0", "10.0.1.1/24"});
  Add({"v0", "10.0.0.3/24"});
  Told();
  EXPECT_EQ(Del({"v0", "10.0.0.1/24"}), 0);
  EXPECT_EQ(Told(),
            (Lines{"-v0 10.0.0.1/24 label=v0 flags=0x80", "+v0 10.0.0.2/24 label=v0 flags=0x80"}));
  EXPECT_EQ(Show(),
            (Lines{"v0 10.0.1.1/24 label=v0 flags=0x80", "v0 10.0.0.2/24 label=v0 flags=0x80",
                   "v0 10.0.0.3/24 label=v0 flags=0x81"}));
}

TEST_F(RtnlAddrTest, DeletionMatchesWhatIsSaid) {
  Add({.device = "v0", .local = "10.0.0.1/24", .label = "v0:a"});
  Add({.device = "v0", .local = "10.0.0.1/32", .address = "10.0.9.9", .label = "v0:b"});
  EXPECT_EQ(Del({"v0", "10.0.0.1/25"}), EADDRNOTAVAIL);
  EXPECT_EQ(Del({.device = "v0", .local = "10.0.0.1/24", .label = "v0:b"}), EADDRNOTAVAIL);
  EXPECT_EQ(Del({.device = "v0", .local = "10.0.0.1/24", .address = "10.0.0.77", .label = "v0:a"}),
            0);
  EXPECT_EQ(Del({.device = "v0", .local = "10.0.0.1/1", .address = "-"}),
            0);  // the length is of IFA_ADDRESS
  EXPECT_TRUE(Show().empty());
}

TEST_F(RtnlAddrTest, NotificationsNameTheRequest) {
  Datagram datagram = Request(RTM_NEWADDR, kCreate, {"v0", "10.0.0.1/24"});
  reinterpret_cast<nlmsghdr*>(datagram.data())->nlmsg_seq = 77;
  EXPECT_EQ(Ask(datagram).error, 0);
  ASSERT_EQ(multicast_.all.size(), 2u);
  EXPECT_EQ(multicast_.all[0].first, uint32_t{RTNLGRP_IPV4_IFADDR});
  EXPECT_EQ(multicast_.all[1].first, uint32_t{RTNLGRP_IPV4_ROUTE});  // of this host
  const auto header = ReadStruct<nlmsghdr>(multicast_.all[0].second);
  EXPECT_EQ(header.nlmsg_seq, 77u);
  EXPECT_EQ(header.nlmsg_pid, client_.port_id);
}

TEST_F(RtnlAddrTest, EchoIsForWhoAskedForIt) {
  EXPECT_EQ(Raw(Request(RTM_NEWADDR, kCreate | NLM_F_ECHO, {"v0", "10.0.0.1/24"})).size(), 2u);
  EXPECT_EQ(Raw(Request(RTM_DELADDR, NLM_F_ECHO, {"v0", "10.0.0.1/24"})).size(), 2u);
  EXPECT_EQ(Raw(Request(RTM_NEWADDR, kCreate, {"v0", "10.0.0.1/24"})).size(), 1u);
}

TEST_F(RtnlAddrTest, LifetimesEnd) {
  Add({.device = "v0", .local = "10.0.0.1/24", .lifetimes = Lifetimes(100, 40)});
  Add({"v0", "10.0.0.2/24"});
  Add({.device = "v0", .local = "10.0.1.1/24", .lifetimes = Lifetimes(UINT32_MAX, 0)});
  Told();
  Wait(seconds(39));
  EXPECT_EQ(Show()[0], "v0 10.0.0.1/24 label=v0 flags=0x0 valid=61 preferred=1");
  EXPECT_EQ(Show()[1], "v0 10.0.1.1/24 label=v0 flags=0xa0");  // permanent, and deprecated
  EXPECT_TRUE(Told().empty());
  Wait(seconds(1));
  EXPECT_EQ(Told(), Lines{"+v0 10.0.0.1/24 label=v0 flags=0x20 valid=60 preferred=0"});
  Wait(seconds(59));
  EXPECT_TRUE(Told().empty());
  Wait(seconds(1));
  EXPECT_EQ(Told(), (Lines{"-v0 10.0.0.2/24 label=v0 flags=0x81",
                           "-v0 10.0.0.1/24 label=v0 flags=0x20 valid=0 preferred=0"}));
  EXPECT_EQ(Show().size(), 1u);
  EXPECT_FALSE(rtnl_.addresses().NextDeadline().has_value());
}

TEST_F(RtnlAddrTest, NewLifetimesBeginAnew) {
  Add({.device = "v0", .local = "10.0.0.1/24", .lifetimes = Lifetimes(100, 40)});
  Wait(seconds(60));
  EXPECT_EQ(
      Add({.device = "v0", .local = "10.0.0.1/24", .lifetimes = Lifetimes(100, 40)}, kReplace), 0);
  EXPECT_EQ(Show(), Lines{"v0 10.0.0.1/24 label=v0 flags=0x0 valid=100 preferred=40"});
  Add({"v0", "10.0.0.1/24"}, kReplace);
  Wait(seconds(1000));
  EXPECT_EQ(Show(), Lines{"v0 10.0.0.1/24 label=v0 flags=0x80"});
}

TEST_F(RtnlAddrTest, RenamingChangesLabels) {
  Add({.device = "v0", .local = "10.0.0.1/24", .label = "v0:a"});
  Add({.device = "v0", .local = "10.0.1.1/24", .label = "v0:b"});
  Add({"v0", "10.0.2.1/24"});
  Told();
  ASSERT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(3)).Str(IFLA_IFNAME, "a-long-name-14"))
                .error,
            0);
  EXPECT_EQ(Told(), (Lines{"link a-long-name-14 down",
                           "+a-long-name-14 10.0.0.1/24 label=a-long-name-14 flags=0x80",
                           "+a-long-name-14 10.0.1.1/24 label=a-long-name-1:b flags=0x80",
                           "+a-long-name-14 10.0.2.1/24 label=a-long-name-1:3 flags=0x80",
                           "-netconf a-long-name-14 inet", "+netconf a-long-name-14 inet",
                           "-netconf a-long-name-14 inet6", "+netconf a-long-name-14 inet6"}));
}

TEST_F(RtnlAddrTest, LoopbackGetsItsAddressesWhenItGoesUp) {
  SetUp("lo");
  const std::string inet = "lo 127.0.0.1/8 scope=254 label=lo flags=0x80";
  const std::string inet6 = "lo ::1/128 scope=254 flags=0x80 proto=1";
  EXPECT_EQ(Told(), (Lines{"link lo up", "+" + inet, "+" + inet6}));
  SetUp("lo", false);
  EXPECT_EQ(Told(), (Lines{"link lo down", "-" + inet6}));
  EXPECT_EQ(Show(), Lines{inet});
  SetUp("lo");
  EXPECT_EQ(Told(), (Lines{"link lo up", "+" + inet6}));
  EXPECT_EQ(Show(), (Lines{inet, inet6}));
}

TEST_F(RtnlAddrTest, LoopbackWithASmallMtuKeepsNoAddressOfIpv6) {
  SetUp("lo");
  RequestBuilder shrink(RTM_NEWLINK, NLM_F_ACK, Index(1));
  ASSERT_EQ(Ask(shrink.U32(IFLA_MTU, 1279)).error, 0);
  RequestBuilder change(RTM_NEWLINK, NLM_F_ACK, Index(1));
  ASSERT_EQ(Ask(change.U32(IFLA_GROUP, 5)).error, 0);
  EXPECT_EQ(Show(), Lines{"lo 127.0.0.1/8 scope=254 label=lo flags=0x80"});
}

TEST_F(RtnlAddrTest, SmallMtuTakesAddressesAway) {
  AddDummy("d0");
  Add({"d0", "10.0.0.1/24"});
  Add({"d0", "10.0.0.2/24"});
  Told();
  RequestBuilder shrink(RTM_NEWLINK, NLM_F_ACK, Index(4));
  ASSERT_EQ(Ask(shrink.U32(IFLA_MTU, 67)).error, 0);
  EXPECT_EQ(Told(), (Lines{"link d0 down", "-d0 10.0.0.1/24 label=d0 flags=0x80",
                           "-d0 10.0.0.2/24 label=d0 flags=0x81", "-netconf d0 inet",
                           "-netconf d0 inet6"}));
  RequestBuilder grow(RTM_NEWLINK, NLM_F_ACK, Index(4));
  ASSERT_EQ(Ask(grow.U32(IFLA_MTU, 68)).error, 0);
  EXPECT_EQ(Told(), (Lines{"link d0 down", "+netconf d0 inet"}));
}

TEST_F(RtnlAddrTest, LinksTellAddressesBeforeTheyGo) {
  SetUp("v0");
  SetUp("v1");
  Wait(seconds(2));
  Add({"v0", "10.0.0.1/24"});
  Told();
  RequestBuilder del(RTM_DELLINK, NLM_F_ACK, Index(3));
  ASSERT_EQ(Ask(del).error, 0);
  EXPECT_EQ(Told(), (Lines{"link v0 down", "-if3 fe80::ff:fe00:1/64 scope=253 flags=0x80 proto=3",
                           "link v1 down", "-if2 fe80::ff:fe00:2/64 scope=253 flags=0x80 proto=3",
                           "-if3 10.0.0.1/24 label=v0 flags=0x80", "-netconf if3 inet",
                           "-netconf if3 inet6", "-link v0 down", "-netconf if2 inet",
                           "-netconf if2 inet6", "-link v1 down"}));
}

TEST_F(RtnlAddrTest, NamespaceThatEndsTakesTheAddressesOfItsLoopbackAlong) {
  Namespace& other = registry_.NamespaceFor(2);
  client_.ns = &other;
  Told();
  const Ifa ifa{.local = "10.0.0.1/24", .lifetimes = Lifetimes(100, 50), .ifindex = 1};
  EXPECT_EQ(Add(ifa), 0);
  client_.ns = &ns();
  rtnl_.EndNamespace(other);
  EXPECT_FALSE(rtnl_.NextTimer().has_value());
}

TEST_F(RtnlAddrTest, NoBulkDeletion) {
  const Datagram request = Request(RTM_DELADDR, NLM_F_BULK, {"v0", "10.0.0.1/24"});
  EXPECT_EQ(Ask(request).sentence, "Bulk delete is not supported");
}

TEST_F(RtnlAddrTest, NewLinksTellTheirSettings) {
  AddVeth("a", "b");
  EXPECT_EQ(Told(), (Lines{"+netconf b inet", "+netconf b inet6", "link b down", "+netconf a inet",
                           "+netconf a inet6", "link a down"}));
}

}  // namespace

}  // namespace vswitch
