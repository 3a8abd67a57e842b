// SPDX-License-Identifier: BSD-3-Clause
// IPv6 addresses: the rules of net/ipv6/addrconf.c.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr char kLinkLocal0[] = "v0 fe80::ff:fe00:1/64 scope=253 flags=0x80 proto=3";
constexpr char kLinkLocal1[] = "v1 fe80::ff:fe00:2/64 scope=253 flags=0x80 proto=3";
constexpr char kTentative0[] = "v0 fe80::ff:fe00:1/64 scope=253 flags=0xc0 proto=3";

class RtnlAddr6Test : public AddressTest {
 protected:
  // Both ends up, and their own addresses ready.
  void Connect() {
    SetUp("v0");
    SetUp("v1");
    Wait(seconds(2));
    Told();
  }
  int SetMode(uint8_t mode) {
    RequestBuilder set(RTM_NEWLINK, NLM_F_ACK, Index(3));
    return Ask(set.Begin(IFLA_AF_SPEC)
                   .Begin(AF_INET6)
                   .U8(IFLA_INET6_ADDR_GEN_MODE, mode)
                   .End()
                   .End())
        .error;
  }
  int SetMtu(const std::string& name, uint32_t mtu) {
    RequestBuilder set(RTM_NEWLINK, NLM_F_ACK, Index(Get(name).ifindex));
    return Ask(set.U32(IFLA_MTU, mtu)).error;
  }
};

TEST_F(RtnlAddr6Test, AddressWaitsForTheLink) {
  EXPECT_EQ(Add({"v0", "fd00::1/64"}), 0);
  EXPECT_EQ(Told(), Lines{"+v0 fd00::1/64 flags=0xc0"});
  Wait(seconds(10));
  EXPECT_EQ(Show(), Lines{"v0 fd00::1/64 flags=0xc0"});
  Connect();
  EXPECT_EQ(Show(AF_INET6), (Lines{kLinkLocal1, "v0 fd00::1/64 flags=0x80", kLinkLocal0}));
}

TEST_F(RtnlAddr6Test, DuplicateAddressDetectionTakesASecond) {
  Connect();
  EXPECT_EQ(Add({"v0", "fd00::1/64"}), 0);
  EXPECT_EQ(Told(), Lines{"+v0 fd00::1/64 flags=0xc0"});
  Wait(milliseconds(999));
  EXPECT_TRUE(Told().empty());
  Wait(milliseconds(1));
  EXPECT_EQ(Told(), Lines{"+v0 fd00::1/64 flags=0x80"});
}

TEST_F(RtnlAddr6Test, NodadIsReadyAtOnce) {
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .flags = IFA_F_NODAD}), 0);
  EXPECT_EQ(Told(), Lines{"+v0 fd00::1/64 flags=0x82"});
}

TEST_F(RtnlAddr6Test, DevicesWithoutNeighboursHaveNoDad) {
  AddDummy("d0");
  Get("d0").address = {2, 0, 0, 0, 0, 3};
  Told();
  SetUp("d0");
  EXPECT_EQ(Told(), (Lines{"link d0 up", "+d0 fe80::ff:fe00:3/64 scope=253 flags=0x80 proto=3"}));
  EXPECT_EQ(Add({"d0", "fd00::1/64"}), 0);
  EXPECT_EQ(Told(), (Lines{"+d0 fd00::1/64 flags=0xc0", "+d0 fd00::1/64 flags=0x80"}));
}

TEST_F(RtnlAddr6Test, LinkLocalAddressComesWithCarrier) {
  SetUp("v0");
  EXPECT_TRUE(Show().empty());
  Told();
  SetUp("v1");
  EXPECT_EQ(Told(), (Lines{"link v1 up", "link v1 up", "link v0 up"}));
  EXPECT_EQ(Show()[1], kTentative0);
  Wait(seconds(1));
  EXPECT_EQ(Told(), (Lines{std::string("+") + kLinkLocal1, std::string("+") + kLinkLocal0}));
}

TEST_F(RtnlAddr6Test, CarrierLossKeepsAddressesAndDownDoesNot) {
  Connect();
  Add({.device = "v0", .local = "fd00::1/64", .flags = IFA_F_NODAD});
  Add({"v0", "10.0.0.1/24"});
  Told();
  SetUp("v1", false);
  EXPECT_EQ(Told(), (Lines{"link v1 down", std::string("-") + kLinkLocal1, "link v0 up"}));
  SetUp("v1");
  Wait(seconds(1));
  EXPECT_EQ(Told(),
            (Lines{"link v1 up", "link v1 up", "link v0 up", std::string("+") + kLinkLocal1}));
  SetUp("v0", false);
  EXPECT_EQ(Told(), (Lines{"link v0 down", "-v0 fd00::1/64 flags=0x82",
                           std::string("-") + kLinkLocal0, "link v1 up"}));
  EXPECT_EQ(Show(), (Lines{"v0 10.0.0.1/24 label=v0 flags=0x80", kLinkLocal1}));
}

TEST_F(RtnlAddr6Test, TentativeAddressIsToldWhenItGoes) {
  SetUp("v0");
  SetUp("v1");
  Told();
  SetUp("v1", false);
  EXPECT_EQ(Told()[1], "-v1 fe80::ff:fe00:2/64 scope=253 flags=0xc0 proto=3");
  Wait(seconds(5));
  EXPECT_EQ(Show(), Lines{kLinkLocal0});  // an address that is being probed when the carrier goes
}

TEST_F(RtnlAddr6Test, AddressGenerationModes) {
  EXPECT_EQ(SetMode(IN6_ADDR_GEN_MODE_NONE), 0);
  Connect();
  EXPECT_EQ(Show(), Lines{kLinkLocal1});
  SetUp("v0", false);
  EXPECT_EQ(SetMode(IN6_ADDR_GEN_MODE_STABLE_PRIVACY), EINVAL);  // no secret yet
  EXPECT_EQ(SetMode(IN6_ADDR_GEN_MODE_RANDOM), 0);
  Connect();
  const std::string random = Show().back();
  EXPECT_NE(random.find(" scope=253 flags=0x880 proto=3"), std::string::npos) << random;
  EXPECT_EQ(random.find("fe80::ff:fe00:1"), std::string::npos);
  SetUp("v0", false);
  EXPECT_EQ(SetMode(IN6_ADDR_GEN_MODE_STABLE_PRIVACY), 0);
  Connect();
  EXPECT_EQ(Show().back(), random);
}

TEST_F(RtnlAddr6Test, Refusals) {
  EXPECT_EQ(Add({"v0", "::/64"}), EADDRNOTAVAIL);
  EXPECT_EQ(Add({"v0", "ff02::5/64"}), EADDRNOTAVAIL);
  EXPECT_EQ(Add({"v0", "::1/128"}), EADDRNOTAVAIL);
  EXPECT_EQ(Add({"lo", "::1/128"}), 0);
  EXPECT_EQ(Add({"v0", "fd00::1/129"}), EINVAL);
  EXPECT_EQ(Add({.local = "fd00::1/64", .ifindex = 99}), ENODEV);
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .lifetimes = Lifetimes(0, 0)}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .lifetimes = Lifetimes(10, 20)}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/63", .flags = IFA_F_MANAGETEMPADDR}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .flags = IFA_F_MCAUTOJOIN}), EINVAL);
  EXPECT_EQ(Add({.device = "v0", .local = "ff02::5/64", .flags = IFA_F_MCAUTOJOIN}), 0);
  EXPECT_EQ(Del({"v0", "fd00::1/64"}), EADDRNOTAVAIL);
  EXPECT_EQ(Del({"v0", "fd00::1/129"}), EINVAL);
  ASSERT_EQ(SetMtu("v0", 1279), 0);
  EXPECT_EQ(Add({"v0", "fd00::1/64"}), EINVAL);
  EXPECT_EQ(Del({"v0", "fd00::1/64"}), ENXIO);
}

TEST_F(RtnlAddr6Test, DuplicatesAreByAddressAlone) {
  EXPECT_EQ(Add({"v0", "fd00::1/64"}, 0), 0);
  EXPECT_EQ(Add({"v0", "fd00::1/64"}), EEXIST);
  EXPECT_EQ(Add({"v0", "fd00::1/48"}), EEXIST);
  EXPECT_EQ(Add({"v1", "fd00::1/64"}), 0);
  EXPECT_EQ(Del({"v0", "fd00::1/48"}), EADDRNOTAVAIL);
  EXPECT_EQ(Del({"v0", "fd00::1/64"}), 0);
}

TEST_F(RtnlAddr6Test, ReplacementChangesLifetimesFlagsMetricAndPeer) {
  Add({.device = "v0",
       .local = "fd00::1/64",
       .flags = IFA_F_NODAD | IFA_F_HOMEADDRESS,
       .metric = 5});
  Told();
  EXPECT_EQ(Add({.device = "v0",
                 .local = "fd00::1/128",
                 .address = "fd00::2",
                 .lifetimes = Lifetimes(100, 50)},
                kReplace),
            0);
  const std::string after = "v0 fd00::1 peer fd00::2/64 flags=0x0 metric=5 valid=100 preferred=50";
  EXPECT_EQ(Told(), Lines{"+" + after});
  EXPECT_EQ(Show(), Lines{after});
  EXPECT_EQ(Add({.device = "v0",
                 .local = "fd00::1/64",
                 .address = "::",
                 .lifetimes = Lifetimes(100, 0),
                 .metric = 6},
                kReplace),
            0);
  EXPECT_EQ(Show(), Lines{"v0 fd00::1/64 flags=0x20 metric=6 valid=100 preferred=0"});
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .lifetimes = Lifetimes(0, 0)}, kReplace),
            EINVAL);
}

TEST_F(RtnlAddr6Test, ReplacementOfATentativeAddressSaysNothing) {
  Add({"v0", "fd00::1/64"});
  Told();
  EXPECT_EQ(Add({.device = "v0", .local = "fd00::1/64", .lifetimes = Lifetimes(100, 50)}, kReplace),
            0);
  EXPECT_TRUE(Told().empty());
  EXPECT_EQ(Show(), Lines{"v0 fd00::1/64 flags=0x40 valid=100 preferred=50"});
}

TEST_F(RtnlAddr6Test, OnlySomeFlagsCanBeSet) {
  Add({.device = "v0",
       .local = "fd00::1/64",
       .flags = 0xffff & ~uint32_t{IFA_F_MCAUTOJOIN | IFA_F_NODAD}});
  EXPECT_EQ(Show(), Lines{"v0 fd00::1/64 flags=0x3d0"});
}

TEST_F(RtnlAddr6Test, NewestFirstAndLargestScopeFirst) {
  Connect();
  for (const char* address :
       {"fd00::1/64", "fec0::1/64", "fe80::5/64", "fd00::2/64", "fec0::2/64"}) {
    EXPECT_EQ(Add({.device = "v0", .local = address, .flags = IFA_F_NODAD}), 0);
  }
  Lines order;
  for (const std::string& line : Show()) order.push_back(line.substr(3, line.find('/') - 3));
  EXPECT_EQ(order, (Lines{"fe80::ff:fe00:2", "fd00::2", "fd00::1", "fec0::2", "fec0::1", "fe80::5",
                          "fe80::ff:fe00:1"}));
}

TEST_F(RtnlAddr6Test, ScopesAreOfTheAddress) {
  for (const char* address : {"fec0::1/64", "fe80::5/64", "fd00::1/64"}) {
    Add({.device = "v0", .local = address, .flags = IFA_F_NODAD, .scope = RT_SCOPE_HOST});
  }
  EXPECT_EQ(Show(), (Lines{"v0 fd00::1/64 flags=0x82", "v0 fec0::1/64 scope=200 flags=0x82",
                           "v0 fe80::5/64 scope=253 flags=0x82"}));
}

TEST_F(RtnlAddr6Test, LifetimesEnd) {
  Connect();
  Add({.device = "v0",
       .local = "fd00::1/64",
       .flags = IFA_F_NODAD,
       .lifetimes = Lifetimes(100, 40)});
  Add({.device = "v0",
       .local = "fd00::2/64",
       .flags = IFA_F_NODAD,
       .lifetimes = Lifetimes(UINT32_MAX, 40)});
  Told();
  Wait(seconds(40));
  EXPECT_EQ(Told(), (Lines{"+v0 fd00::2/64 flags=0xa2 valid=4294967295 preferred=0",
                           "+v0 fd00::1/64 flags=0x22 valid=60 preferred=0"}));
  Wait(seconds(60));
  EXPECT_EQ(Told(), Lines{"-v0 fd00::1/64 flags=0x22 valid=0 preferred=0"});
}

TEST_F(RtnlAddr6Test, SmallMtuTakesIpv6Away) {
  Connect();
  EXPECT_EQ(SetMtu("v1", 1279), 0);
  EXPECT_EQ(Told(), (Lines{"link v1 up", std::string("-") + kLinkLocal1, "-netconf v1 inet6"}));
  EXPECT_EQ(SetMtu("v1", 1280), 0);
  Wait(seconds(1));
  EXPECT_EQ(Told(), (Lines{"link v1 up", "+netconf v1 inet6", std::string("+") + kLinkLocal1}));
  EXPECT_EQ(SetMtu("v1", 1500), 0);
  EXPECT_EQ(Told(), Lines{"link v1 up"});
}

TEST_F(RtnlAddr6Test, SmallMtuOfLoopbackTakesAddressesOnly) {
  SetUp("lo");
  Told();
  EXPECT_EQ(SetMtu("lo", 1000), 0);
  EXPECT_EQ(Told(), (Lines{"link lo up", "-lo ::1/128 scope=254 flags=0x80 proto=1"}));
}

TEST_F(RtnlAddr6Test, ArpSwitchRunsDetectionAgain) {
  Connect();
  ifinfomsg header = Index(3);
  header.ifi_flags = header.ifi_change = IFF_NOARP;
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, header)).error, 0);
  EXPECT_EQ(Told(), (Lines{"link v0 up", std::string("+") + kLinkLocal0}));
}

TEST_F(RtnlAddr6Test, FailedDetection) {
  Connect();
  Add({"v0", "fd00::1/64"});
  Add({.device = "v0", .local = "fd00::2/64", .lifetimes = Lifetimes(100, 100)});
  Add({.device = "v0", .local = "fd00::3/64", .flags = IFA_F_NODAD});
  Told();
  for (const char* address : {"fd00::1", "fd00::2", "fd00::3"}) {
    rtnl_.addresses().DadFailed(Get("v0"), *IpAddress::Parse(address));
    rtnl_.addresses().DadFailed(Get("v0"), *IpAddress::Parse(address));
  }
  EXPECT_EQ(Told(), (Lines{"+v0 fd00::1/64 flags=0xc8",
                           "-v0 fd00::2/64 flags=0x40 valid=100 preferred=100"}));
  Wait(seconds(2));
  EXPECT_TRUE(Told().empty());
}

TEST_F(RtnlAddr6Test, AnswersToAQuestionThatWasNotAsked) {
  Add({"v0", "fd00::1/64"});
  Told();
  rtnl_.addresses().DadFailed(Get("v0"), *IpAddress::Parse("fd00::1"));
  EXPECT_EQ(Told(), Lines{});
  Connect();
  EXPECT_EQ(Show(AF_INET6)[1], "v0 fd00::1/64 flags=0x80");
}

TEST_F(RtnlAddr6Test, PeersAddress) {
  EXPECT_EQ(
      Add({.device = "v0", .local = "fd00::1/128", .address = "fd00::2", .flags = IFA_F_NODAD}), 0);
  EXPECT_EQ(Show(), Lines{"v0 fd00::1 peer fd00::2/128 flags=0x82"});
  EXPECT_EQ(Del({"v0", "fd00::1/128"}), 0);
}

TEST_F(RtnlAddr6Test, NotificationsNameNoRequest) {
  Raw(Request(RTM_NEWADDR, kCreate | NLM_F_ECHO, {"v0", "fd00::1/64"}));
  EXPECT_EQ(client_.sent.size(), 1u);  // the acknowledgement alone
  ASSERT_EQ(multicast_.all.size(), 1u);
  EXPECT_EQ(multicast_.all[0].first, uint32_t{RTNLGRP_IPV6_IFADDR});
  const auto header = ReadStruct<nlmsghdr>(multicast_.all[0].second);
  EXPECT_EQ(header.nlmsg_seq, 0u);
  EXPECT_EQ(header.nlmsg_pid, 0u);
}

TEST_F(RtnlAddr6Test, LinkSettingsFollow) {
  const auto flags_of = [&](const Device& device) {
    Datagram datagram;
    FillLink(device, {.type = RTM_NEWLINK}, datagram);
    const Bytes payload = Bytes(datagram).subspan(sizeof(nlmsghdr) + sizeof(ifinfomsg));
    for (const NlAttr& attr : ListAttributes(payload, 0)) {
      if (attr.type != IFLA_AF_SPEC) continue;
      for (const NlAttr& family : ListAttributes(attr.value, 0)) {
        if (family.type != AF_INET6) continue;
        return ReadStruct<uint32_t>(ListAttributes(family.value, 0)[0].value);
      }
    }
    return 0u;
  };
  constexpr uint32_t kReady = 0x80000000;
  SetUp("v0");
  EXPECT_EQ(flags_of(Get("v0")), 0u);
  Connect();
  EXPECT_EQ(flags_of(Get("v0")), kReady);
  SetUp("v1", false);
  EXPECT_EQ(flags_of(Get("v0")), kReady);  // as long as it is up
  SetUp("v0", false);
  EXPECT_EQ(flags_of(Get("v0")), 0u);
}

TEST_F(RtnlAddr6Test, TokenIsKeptWhereNeighboursAreDiscovered) {
  std::array<uint8_t, 16> token{};
  token[15] = 7;
  const auto set_token = [&](const std::string& name) {
    RequestBuilder set(RTM_NEWLINK, NLM_F_ACK, Index(Get(name).ifindex));
    set.Begin(IFLA_AF_SPEC).Begin(AF_INET6);
    set.writer().PutBytes(IFLA_INET6_TOKEN, token);
    return Ask(set.End().End());
  };
  EXPECT_EQ(set_token("v0").error, 0);
  EXPECT_EQ(Get("v0").inet6_token[7], 7);
  AddDummy("d0");
  EXPECT_EQ(set_token("d0").sentence, "ipv6: Device does not do neighbour discovery");
  EXPECT_EQ(set_token("lo").sentence, "ipv6: Device is loopback");
  EXPECT_EQ(set_token("lo").error, EINVAL);
}

}  // namespace

}  // namespace vswitch
