// SPDX-License-Identifier: BSD-3-Clause
// IPv6 routes that are for packets from some addresses only (IPV6_SUBTREES).
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/fib6.h"
#include "control/fill_route.h"
#include "control/registry.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Lines = std::vector<std::string>;

IpPrefix Prefix(const std::string& text) {
  const size_t slash = text.find('/');
  return {*IpAddress::Parse(text.substr(0, slash)),
          static_cast<uint8_t>(std::stoi(text.substr(slash + 1)))};
}

class Silence : public RouteAnnouncer {
 public:
  void AnnounceRoute(const Namespace&, const std::vector<const IpRoute*>&, uint16_t, uint16_t,
                     const Cause&) override {}
};

// One link; the metric tells routes apart.
class SourceRouteTest : public testing::Test {
 protected:
  SourceRouteTest() {
    link_.name = "v0";
    link_.flags = IFF_UP;
    EXPECT_TRUE(ns_.Insert(link_).ok());
  }

  RouteConfig Config(const std::string& dst, const std::string& src, uint32_t metric) {
    RouteConfig config{.dst = Prefix(dst),
                       .type = RTN_UNICAST,
                       .nlflags = NLM_F_CREATE | NLM_F_EXCL,
                       .oif = link_.ifindex,
                       .priority = metric};
    if (!src.empty()) config.src = Prefix(src);
    return config;
  }
  absl::Status Add(const RouteConfig& config) {
    ExtAck ack;
    const nlmsghdr header{.nlmsg_flags = config.nlflags};
    return fib_.Add(config, {nullptr, &header}, ack);
  }
  absl::Status Add(const std::string& dst, const std::string& src, uint32_t metric) {
    return Add(Config(dst, src, metric));
  }
  int Delete(const std::string& dst, const std::string& src) {
    return ErrnoOf(fib_.Delete(Config(dst, src, 0), {}));
  }
  // The metric of the route that a packet takes; 0: there is none.
  uint32_t Way(const std::string& dst, const std::string& src = "") {
    Flow flow{.dst = *IpAddress::Parse(dst)};
    if (!src.empty()) flow.src = *IpAddress::Parse(src);
    const RouteResult result = fib_.Resolve(flow);
    return result.ok() ? result.route->priority : 0;
  }
  Lines Routes() {
    Lines lines;
    std::optional<RouteKey> last;
    while (const IpRoute* route = fib_.tables().Find(RT_TABLE_MAIN)->After(last)) {
      last = RouteTable::KeyOf(*route);
      const std::string from =
          route->src.length == 0 ? "" : absl::StrCat(" from ", route->src.ToString());
      lines.push_back(route->dst.ToString() + from);
    }
    return lines;
  }

  Namespace ns_{1};
  Silence silence_;
  RuleSet rules_{AF_INET6};
  Nexthops nexthops_;
  AddressLabels labels_;
  Fib6 fib_{ns_, rules_, nexthops_, labels_, silence_};
  Device link_;
};

TEST_F(SourceRouteTest, TheLongestDestinationThenTheLongestSource) {
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8::/64", 1).ok());
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8::/32", 2).ok());
  EXPECT_TRUE(Add("2001:6::/56", "", 3).ok());
  EXPECT_EQ(Way("2001:6:0:100::1", "2001:db8::1"), 1u);
  EXPECT_EQ(Way("2001:6:0:100::1", "2001:db8:1::1"), 2u);
  EXPECT_EQ(Way("2001:6:0:100::1", "2001:dead::1"), 0u);
  EXPECT_EQ(Way("2001:6:0:100::1"), 0u);
  EXPECT_EQ(Way("2001:6::1", "2001:db8::1"), 3u);
}

// As odd as it is: what is for all is not looked at where sources are, until one matched.
TEST_F(SourceRouteTest, APrefixWithOtherSourcesIsPassedOver) {
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8::/64", 1).ok());
  EXPECT_TRUE(Add("2001:6::/48", "", 2).ok());
  EXPECT_TRUE(Add("2001::/16", "", 3).ok());
  EXPECT_EQ(Way("2001:6::1", "2001:db8:1::1"), 3u);
  EXPECT_EQ(Way("2001:6::1", "2001:db8::1"), 1u);
  RouteConfig dead = Config("2001:6::/48", "2001:db8:2::/64", 4);
  dead.expires = 0;
  EXPECT_TRUE(Add(dead).ok());
  EXPECT_EQ(Way("2001:6::1", "2001:db8:2::1"), 2u);
  EXPECT_TRUE(Add("::/0", "2001:db8::/64", 5).ok());
  EXPECT_TRUE(Add("::/0", "", 6).ok());
  EXPECT_EQ(Way("3001::1", "2001:db8::1"), 5u);
  EXPECT_EQ(Way("3001::1", "2001:db8:1::1"), 6u);
}

TEST_F(SourceRouteTest, OrderOfADump) {
  for (const char* dst : {"2001:6::/48", "2001:6:0:100::/56", "::/0"}) {
    EXPECT_TRUE(Add(dst, "", 1).ok());
    EXPECT_TRUE(Add(dst, "2001:db8::/64", 1).ok());
  }
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8:0:0:1::/80", 1).ok());
  EXPECT_EQ(Routes(),
            (Lines{"::/0 from 2001:db8::/64", "2001:6::/48 from 2001:db8:0:0:1::/80",
                   "2001:6::/48 from 2001:db8::/64", "2001:6:0:100::/56 from 2001:db8::/64",
                   "2001:6:0:100::/56", "2001:6::/48", "::/0"}));
}

TEST_F(SourceRouteTest, EachSourceIsAPlaceOfItsOwn) {
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8::5/64", 1).ok());
  EXPECT_EQ(ErrnoOf(Add("2001:6::/48", "2001:db8::6/64", 1)), EEXIST);
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8:1::/64", 1).ok());
  EXPECT_TRUE(Add("2001:6::/48", "", 1).ok());
  RouteConfig change = Config("2001:6::/48", "2001:db8:2::/64", 1);
  change.nlflags = NLM_F_REPLACE;
  EXPECT_EQ(ErrnoOf(Add(change)), ENOENT);
  EXPECT_EQ(Delete("2001:6::/48", "2001:db8:2::/64"), ESRCH);
  EXPECT_EQ(Delete("2001:6::/48", ""), 0);
  EXPECT_EQ(Delete("2001:6::/48", ""), ESRCH);
  EXPECT_EQ(Delete("2001:6::/48", "2001:db8::/64"), 0);
  EXPECT_EQ(Routes(), Lines{"2001:6::/48 from 2001:db8:1::/64"});
}

// Where no route has a source, none is asked for.
TEST_F(SourceRouteTest, ASourceThatNobodyHasIsIgnoredByDelete) {
  EXPECT_TRUE(Add("2001:6::/48", "", 1).ok());
  EXPECT_EQ(Delete("2001:6::/48", "2001:db8::/64"), 0);
  EXPECT_EQ(Routes(), Lines{});
}

TEST_F(SourceRouteTest, Refusals) {
  EXPECT_EQ(Add("2001:6::/48", "2001:db8::/129", 1).message(), "Invalid source address length");
  EXPECT_EQ(Delete("2001:6::/48", "2001:db8::/129"), ESRCH);
  auto nexthop = std::make_shared<NexthopObject>();
  nexthop->id = 7;
  nexthop->family = AF_INET6;
  nexthop->hop.device = &link_;
  nexthops_.Insert(nexthop);
  RouteConfig config = Config("2001:6::/48", "2001:db8::/64", 1);
  config.nexthop_id = 7;
  EXPECT_EQ(Add(config).message(), "IPv6 routes using source address can not use nexthop objects");
}

TEST_F(SourceRouteTest, ClientsSeeTheSource) {
  EXPECT_TRUE(Add("2001:6::/48", "2001:db8::/64", 1).ok());
  const IpRoute* route = fib_.tables().Find(RT_TABLE_MAIN)->After(std::nullopt);
  Datagram datagram;
  FillRoute6({route}, MessageHead{.type = RTM_NEWROUTE}, MonotonicTime{}, datagram);
  const auto header = ReadStruct<rtmsg>(Bytes(datagram).subspan(NLMSG_HDRLEN));
  EXPECT_EQ(header.rtm_src_len, 64);
  const auto attrs = ListAttributes(Bytes(datagram).subspan(NLMSG_LENGTH(sizeof(rtmsg))), 0);
  const auto src = std::find_if(attrs.begin(), attrs.end(),
                                [](const NlAttr& attr) { return attr.type == RTA_SRC; });
  ASSERT_NE(src, attrs.end());
  EXPECT_EQ(IpAddress::Read(AF_INET6, src->value), *IpAddress::Parse("2001:db8::"));
}

}  // namespace

}  // namespace vswitch
