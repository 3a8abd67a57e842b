// SPDX-License-Identifier: BSD-3-Clause
// The routes that IPv6 addresses bring along, what requests about the addresses make of them, and
// in which order clients hear that routes went.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

class PrefixRouteTest : public AddressTest {
 protected:
  void SetUp() override {
    AddressTest::SetUp();
    for (const char* name : {"v0", "v1"}) {
      Get(name).addrgenmode = IN6_ADDR_GEN_MODE_NONE;
      RtnlTest::SetUp(name);
    }
    Wait(std::chrono::seconds(2));
  }
  Fib6& fib() { return rtnl_.router().TablesOf(ns()).fib6; }

  // The main table: "2001:db8::/64 v0 256", with "expires" behind if it does.
  Lines Routes() {
    Lines lines;
    std::optional<RouteKey> last;
    while (const IpRoute* route = fib().tables().Find(RT_TABLE_MAIN)->After(last)) {
      last = RouteTable::KeyOf(*route);
      lines.push_back(absl::StrCat(route->dst.ToString(), " ", route->hops[0].device->name, " ",
                                   route->priority, route->expires.has_value() ? " expires" : ""));
    }
    return lines;
  }
  void AddRoute(const char* device, const char* dst, uint32_t metric,
                const char* gateway = nullptr) {
    RouteConfig config{.dst = {*IpAddress::Parse(dst), 64},
                       .type = RTN_UNICAST,
                       .protocol = RTPROT_BOOT,
                       .nlflags = NLM_F_CREATE | NLM_F_APPEND,
                       .oif = Get(device).ifindex,
                       .priority = metric};
    if (gateway != nullptr) config.gateway = *IpAddress::Parse(gateway);
    ExtAck ack;
    const nlmsghdr header{};
    EXPECT_TRUE(fib().Add(config, {nullptr, &header}, ack).ok());
  }
  // `ip -6 addr add`, `change` and `del`; with `valid` for that time only.
  void AddV6(const Ifa& ifa, uint32_t valid = 0) { EXPECT_EQ(Add(WithTime(ifa, valid)), 0); }
  void ChangeV6(const Ifa& ifa, uint32_t valid = 0) {
    EXPECT_EQ(Add(WithTime(ifa, valid), NLM_F_REPLACE), 0);
  }
  static Ifa WithTime(Ifa ifa, uint32_t valid) {
    ifa.flags |= IFA_F_NODAD;
    if (valid != 0) ifa.lifetimes = Lifetimes(valid, valid / 2);
    return ifa;
  }
  // Groups to which something was said since the last call.
  std::vector<uint32_t> Groups() {
    std::vector<uint32_t> groups;
    for (const auto& [group, datagram] : std::exchange(multicast_.all, {})) groups.push_back(group);
    return groups;
  }
};

TEST_F(PrefixRouteTest, LastsAsLongAsTheAddressesThatCame) {
  AddV6({"v0", "2001:db8::1/64"});
  AddV6({"v0", "2001:db8::8/64"}, 100);
  EXPECT_EQ(Routes(), Lines{"2001:db8::/64 v0 256"});
  AddV6({"v0", "2001:db8:1::1/64"}, 100);
  EXPECT_EQ(Routes().back(), "2001:db8:1::/64 v0 256 expires");
  AddV6({"v0", "2001:db8:1::2/64"});
  EXPECT_EQ(Routes().back(), "2001:db8:1::/64 v0 256");
  EXPECT_EQ(Del({"v0", "2001:db8:1::2/64"}), 0);
  EXPECT_EQ(Routes().back(), "2001:db8:1::/64 v0 256 expires");
  EXPECT_EQ(Del({"v0", "2001:db8:1::1/64"}), 0);
  EXPECT_EQ(Routes().back(), "2001:db8:1::/64 v0 256 expires");
}

TEST_F(PrefixRouteTest, OfAPeerLastsForEver) {
  AddV6({"v0", "2001:db8:2::1/128", "2001:db8:2::2"}, 100);
  EXPECT_EQ(Routes(), (Lines{"2001:db8:2::1/128 v0 256 expires", "2001:db8:2::2/128 v0 256"}));
  EXPECT_EQ(Del({"v0", "2001:db8:2::1/128"}), 0);
  EXPECT_EQ(Routes(), Lines{"2001:db8:2::1/128 v0 256 expires"});
}

TEST_F(PrefixRouteTest, AnotherPeerTakesTheOldOnesPlace) {
  AddV6({"v0", "2001:db8:2::1/128", "2001:db8:2::2"});
  ChangeV6({"v0", "2001:db8:2::1/128", "2001:db8:2::3"});
  EXPECT_EQ(Routes(), (Lines{"2001:db8:2::1/128 v0 256", "2001:db8:2::3/128 v0 256"}));
  Ifa other{"v0", "2001:db8:2::1/128", "2001:db8:2::4"};
  other.metric = 7;
  ChangeV6(other);
  EXPECT_EQ(Routes(), (Lines{"2001:db8:2::1/128 v0 7", "2001:db8:2::4/128 v0 7"}));
  ChangeV6({"v0", "2001:db8:2::1/128", "::"});
  EXPECT_EQ(Routes(), Lines{"2001:db8:2::1/128 v0 7"});
}

TEST_F(PrefixRouteTest, OldPeersRouteGoesBeforeTheAddressIsTold) {
  AddV6({"v0", "2001:db8:2::1/128", "2001:db8:2::2"});
  Groups();
  ChangeV6({"v0", "2001:db8:2::1/128", "2001:db8:2::3"});
  EXPECT_EQ(Groups(),
            (std::vector<uint32_t>{RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE}));
}

TEST_F(PrefixRouteTest, WhatWasForSomeTimeStaysBesideTheNewOne) {
  Ifa ifa{"v0", "2001:db8::1/64"};
  AddV6(ifa, 100);
  ifa.flags = IFA_F_NOPREFIXROUTE;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), Lines{"2001:db8::/64 v0 256 expires"});
  ifa.flags = 0;
  ifa.metric = 9;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), (Lines{"2001:db8::/64 v0 9", "2001:db8::/64 v0 256 expires"}));
  ifa.metric = 10;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), (Lines{"2001:db8::/64 v0 10", "2001:db8::/64 v0 256 expires"}));
  ChangeV6(ifa, 100);
  EXPECT_EQ(Routes()[0], "2001:db8::/64 v0 10 expires");
  ifa.metric = 11;
  ChangeV6(ifa, 100);
  EXPECT_EQ(Routes().size(), 3u);
}

TEST_F(PrefixRouteTest, NoneIsWantedAnyMore) {
  Ifa ifa{"v0", "2001:db8::1/64"};
  AddV6(ifa);
  AddV6({"v0", "2001:db8::2/64"}, 100);
  ifa.flags = IFA_F_NOPREFIXROUTE;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), Lines{"2001:db8::/64 v0 256 expires"});
  EXPECT_EQ(Del({"v0", "2001:db8::2/64"}), 0);
  ifa.flags = 0;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), Lines{"2001:db8::/64 v0 256"});
  ifa.flags = IFA_F_NOPREFIXROUTE;
  ChangeV6(ifa);
  EXPECT_EQ(Routes(), Lines{});
}

TEST_F(PrefixRouteTest, TheFirstOfThePrefixGoesFirst) {
  Ifa low{"v0", "2001:db8::1/64"};
  low.metric = 5;
  AddV6(low);
  AddRoute("v0", "2001:db8::", 6);
  AddV6({"v0", "2001:db8::2/64"});
  EXPECT_EQ(Routes(), (Lines{"2001:db8::/64 v0 5", "2001:db8::/64 v0 6", "2001:db8::/64 v0 256"}));
  EXPECT_EQ(Del(low), 0);
  EXPECT_EQ(Del({"v0", "2001:db8::2/64"}), 0);
  EXPECT_EQ(Routes(), (Lines{"2001:db8::/64 v0 6", "2001:db8::/64 v0 256"}));
}

TEST_F(PrefixRouteTest, TimeLeavesItAlone) {
  EXPECT_EQ(Add({"v0", "2001:db8::1/64"}), 0);
  AddRoute("v0", "2001:db8::", 6);
  Wait(std::chrono::seconds(2));
  EXPECT_EQ(Routes(), (Lines{"2001:db8::/64 v0 6", "2001:db8::/64 v0 256"}));
}

TEST_F(PrefixRouteTest, LoopbackHasThemWhileItIsUp) {
  AddV6({"lo", "2001:db8::1/64"});
  EXPECT_EQ(Routes(), Lines{});
  RtnlTest::SetUp("lo");
  EXPECT_EQ(Routes(), Lines{"2001:db8::/64 lo 256"});
  AddV6({"lo", "2001:db8:1::1/64"}, 100);
  EXPECT_EQ(Routes().back(), "2001:db8:1::/64 lo 256");
  const RouteResult result = fib().Resolve({.dst = *IpAddress::Parse("2001:db8::9")});
  EXPECT_EQ(result.error, 0);
}

TEST_F(PrefixRouteTest, OfALinkThatGoesRoutesAreToldBeforeSettings) {
  for (const char* name : {"d0", "d1"}) {
    AddDummy(name);
    RtnlTest::SetUp(name);
  }
  AddV6({"d0", "2001:db8::1/64"});
  AddV6({"d1", "2001:db8:1::1/64"});
  AddRoute("d0", "2001:db8:9::", 1024, "2001:db8::8");
  AddRoute("d1", "2001:db8:9::", 1024, "2001:db8:1::8");
  RtnlTest::SetUp("d0", false);
  Groups();
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(Get("d0").ifindex))).error, 0);
  const std::vector<uint32_t> groups = Groups();
  const auto route = std::find(groups.begin(), groups.end(), uint32_t{RTNLGRP_IPV6_ROUTE});
  const auto netconf = std::find(groups.begin(), groups.end(), uint32_t{RTNLGRP_IPV6_NETCONF});
  ASSERT_NE(netconf, groups.end());
  EXPECT_LT(route, netconf);
}

// What one address keeps of another matters only while both stay.
TEST_F(PrefixRouteTest, Ipv4AddressesOfALinkThatGoesAreAloneEach) {
  AddDummy("d0");
  RtnlTest::SetUp("d0");
  EXPECT_EQ(Add({"d0", "10.0.0.1/24"}), 0);
  EXPECT_EQ(Add({"d0", "10.0.0.1/16"}), 0);
  Groups();
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(Get("d0").ifindex))).error, 0);
  std::vector<uint32_t> groups = Groups();
  std::erase_if(groups, [](uint32_t group) {
    return group != RTNLGRP_IPV4_IFADDR && group != RTNLGRP_IPV4_ROUTE;
  });
  EXPECT_EQ(groups,
            (std::vector<uint32_t>{RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV4_IFADDR}));
}

}  // namespace

}  // namespace vswitch
