// SPDX-License-Identifier: BSD-3-Clause
// Routes of both families: which one a packet takes, what addresses and links do to them, and who
// is told.
#include <gtest/gtest.h>
#include <linux/if.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "control/fib4.h"
#include "control/fib6.h"
#include "control/registry.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Lines = std::vector<std::string>;

IpAddress Addr(const std::string& text) { return *IpAddress::Parse(text); }

IpPrefix Prefix(const std::string& text) {
  const size_t slash = text.find('/');
  return {Addr(text.substr(0, slash)), static_cast<uint8_t>(std::stoi(text.substr(slash + 1)))};
}

std::string Describe(const IpRoute& route) {
  std::string text = route.dst.ToString();
  for (const NextHop& hop : HopsOf(route)) {
    if (hop.gateway.valid()) absl::StrAppend(&text, " via ", hop.gateway.ToString());
    if (hop.device != nullptr) absl::StrAppend(&text, " dev ", hop.device->name);
    if (hop.dead()) absl::StrAppend(&text, " dead");
    if ((hop.flags & RTNH_F_LINKDOWN) != 0) absl::StrAppend(&text, " linkdown");
  }
  return text;
}

class Log : public RouteAnnouncer {
 public:
  void AnnounceRoute(const Namespace&, const std::vector<const IpRoute*>& routes, uint16_t type,
                     uint16_t, const Cause&) override {
    std::string line = type == RTM_NEWROUTE ? "new" : "del";
    for (const IpRoute* route : routes) absl::StrAppend(&line, " ", Describe(*route));
    lines_.push_back(line);
  }
  Lines Take() { return std::exchange(lines_, {}); }

 private:
  Lines lines_;
};

class FibTest : public testing::Test {
 protected:
  FibTest() {
    fib4_.set_fib6(&fib6_);
    v0_ = AddLink("v0");
    v1_ = AddLink("v1");
  }

  Device* AddLink(const std::string& name) {
    auto& link = links_[name];
    link = std::make_unique<Device>();
    link->name = name;
    link->flags = IFF_UP | IFF_BROADCAST;
    link->operstate = OperState::kUp;
    link->inet = std::make_unique<InetDevice>();
    EXPECT_TRUE(ns_.Insert(*link).ok());
    return link.get();
  }

  static InetAddress Make(const std::string& text) {
    const IpPrefix prefix = Prefix(text);
    InetAddress address{
        .local = prefix.address, .peer = prefix.address, .prefix_length = prefix.length};
    address.flags = IFA_F_PERMANENT;
    return address;
  }
  void AddAddress(Device* device, const std::string& text) {
    const InetAddress address = Make(text);
    device->inet->Of(address.family()).push_back(address);
    if (address.family() == AF_INET) return fib4_.AddressAdded(*device, address);
    fib6_.AddressAdded(*device, address);
    fib6_.AddressReady(*device, address);
  }
  void RemoveAddress(Device* device, const std::string& text) {
    const InetAddress address = Make(text);
    std::erase_if(device->inet->Of(address.family()),
                  [&](const InetAddress& other) { return other.local == address.local; });
    if (address.family() == AF_INET) return fib4_.AddressRemoved(*device, address);
    fib6_.AddressRemoved(*device, address);
  }

  static RouteConfig Config(const std::string& dst, const std::string& gateway,
                            const Device* device = nullptr) {
    RouteConfig config{.dst = Prefix(dst),
                       .type = RTN_UNICAST,
                       .scope = gateway.empty() ? uint8_t{RT_SCOPE_LINK} : uint8_t{0},
                       .protocol = RTPROT_BOOT,
                       .table = RT_TABLE_MAIN,
                       .nlflags = NLM_F_CREATE | NLM_F_EXCL};
    if (!gateway.empty()) config.gateway = Addr(gateway);
    if (device != nullptr) config.oif = device->ifindex;
    return config;
  }
  absl::Status Add(const RouteConfig& config) {
    ExtAck ack;
    const nlmsghdr header{};
    const Cause cause{nullptr, &header};
    return config.dst.address.family == AF_INET ? fib4_.Add(config, cause, ack)
                                                : fib6_.Add(config, cause, ack);
  }
  absl::Status Add(const std::string& dst, const std::string& gateway,
                   const Device* device = nullptr) {
    return Add(Config(dst, gateway, device));
  }

  std::string WayTo(const std::string& dst, int32_t oif = 0) {
    Flow flow{.dst = Addr(dst), .oif = oif};
    const RouteResult result =
        flow.dst.family == AF_INET ? fib4_.Resolve(flow) : fib6_.Resolve(flow);
    if (!result.ok()) return strerrorname_np(result.error);
    const std::string gateway =
        result.hop->gateway.valid() ? absl::StrCat(" via ", result.hop->gateway.ToString()) : "";
    const std::string source = flow.src.valid() ? absl::StrCat(" src ", flow.src.ToString()) : "";
    return absl::StrCat(result.hop->device->name, gateway, source);
  }

  Lines Routes(uint8_t family, uint32_t table = RT_TABLE_MAIN) {
    const RouteTables& tables = family == AF_INET ? fib4_.tables() : fib6_.tables();
    Lines lines;
    std::optional<RouteKey> last;
    while (const IpRoute* route = tables.Find(table)->After(last)) {
      lines.push_back(Describe(*route));
      last = RouteTable::KeyOf(*route);
    }
    return lines;
  }

  Namespace ns_{1};
  Log log_;
  RuleSet rules4_{AF_INET}, rules6_{AF_INET6};
  Nexthops nexthops_;
  Fib4 fib4_{ns_, rules4_, nexthops_, log_};
  AddressLabels labels_;
  Fib6 fib6_{ns_, rules6_, nexthops_, labels_, log_};
  std::map<std::string, std::unique_ptr<Device>> links_;
  Device *v0_ = nullptr, *v1_ = nullptr;
};

TEST_F(FibTest, AnAddressBringsItsRoutes) {
  AddAddress(v0_, "10.1.0.1/24");
  EXPECT_EQ(Routes(AF_INET), Lines{"10.1.0.0/24 dev v0"});
  EXPECT_EQ(Routes(AF_INET, RT_TABLE_LOCAL), (Lines{"10.1.0.1/32 dev v0", "10.1.0.255/32 dev v0"}));
  EXPECT_EQ(fib4_.TypeOf(Addr("10.1.0.1")), RTN_LOCAL);
  EXPECT_EQ(fib4_.TypeOf(Addr("10.1.0.255")), RTN_BROADCAST);
  EXPECT_EQ(fib4_.TypeOf(Addr("10.1.0.2")), RTN_UNICAST);
  RemoveAddress(v0_, "10.1.0.1/24");
  EXPECT_EQ(Routes(AF_INET), Lines{});
  EXPECT_EQ(Routes(AF_INET, RT_TABLE_LOCAL), Lines{});
}

TEST_F(FibTest, WhatAnotherAddressNeedsStays) {
  AddAddress(v0_, "10.1.0.1/24");
  InetAddress second = Make("10.1.0.2/24");
  second.flags |= IFA_F_SECONDARY;
  v0_->inet->v4.push_back(second);
  fib4_.AddressAdded(*v0_, second);
  v0_->inet->v4.pop_back();
  fib4_.AddressRemoved(*v0_, second);
  EXPECT_EQ(Routes(AF_INET), Lines{"10.1.0.0/24 dev v0"});
  EXPECT_EQ(Routes(AF_INET, RT_TABLE_LOCAL), (Lines{"10.1.0.1/32 dev v0", "10.1.0.255/32 dev v0"}));
}

TEST_F(FibTest, LongestPrefixWins) {
  AddAddress(v0_, "10.1.0.1/24");
  AddAddress(v1_, "10.2.0.1/24");
  EXPECT_EQ(WayTo("9.9.9.9"), "ENETUNREACH");
  EXPECT_TRUE(Add("0.0.0.0/0", "10.1.0.254").ok());
  EXPECT_TRUE(Add("9.0.0.0/8", "10.2.0.254").ok());
  EXPECT_TRUE(Add("9.9.9.9/32", "10.1.0.9").ok());
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.1.0.9 src 10.1.0.1");
  EXPECT_EQ(WayTo("9.9.9.8"), "v1 via 10.2.0.254 src 10.2.0.1");
  EXPECT_EQ(WayTo("8.8.8.8"), "v0 via 10.1.0.254 src 10.1.0.1");
  EXPECT_EQ(WayTo("10.1.0.7"), "v0 src 10.1.0.1");
  EXPECT_EQ(WayTo("9.9.9.8", v0_->ifindex), "v0 via 10.1.0.254 src 10.1.0.1");
}

TEST_F(FibTest, AGatewayMustBeOnALink) {
  AddAddress(v0_, "10.1.0.1/24");
  const absl::Status status = Add("9.0.0.0/8", "10.9.0.1");
  EXPECT_EQ(ErrnoOf(status), ENETUNREACH);
  EXPECT_EQ(status.message(), "Nexthop has invalid gateway");
  RouteConfig onlink = Config("9.0.0.0/8", "10.9.0.1", v0_);
  onlink.flags = RTNH_F_ONLINK;
  EXPECT_TRUE(Add(onlink).ok());
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.9.0.1 src 10.1.0.1");
  v1_->flags &= ~uint32_t{IFF_UP};
  EXPECT_EQ(ErrnoOf(Add("7.0.0.0/8", "", v1_)), ENETDOWN);
}

TEST_F(FibTest, RoutesThatLeadNowhere) {
  const std::pair<uint8_t, std::string> kTypes[] = {{RTN_BLACKHOLE, "EINVAL"},
                                                    {RTN_UNREACHABLE, "EHOSTUNREACH"},
                                                    {RTN_PROHIBIT, "EACCES"},
                                                    {RTN_THROW, "ENETUNREACH"}};
  for (const auto& [type, error] : kTypes) {
    RouteConfig config = Config("9.0.0.0/8", "");
    config.type = type;
    config.nlflags = NLM_F_CREATE | NLM_F_REPLACE;
    EXPECT_TRUE(Add(config).ok());
    EXPECT_EQ(WayTo("9.9.9.9"), error);
  }
}

TEST_F(FibTest, OrderOfEquals) {
  AddAddress(v0_, "10.1.0.1/24");
  EXPECT_TRUE(Add("9.0.0.0/8", "10.1.0.2").ok());
  EXPECT_EQ(ErrnoOf(Add("9.0.0.0/8", "10.1.0.3")), EEXIST);
  RouteConfig config = Config("9.0.0.0/8", "10.1.0.3");
  config.nlflags = NLM_F_CREATE | NLM_F_APPEND;
  EXPECT_TRUE(Add(config).ok());
  config.gateway = Addr("10.1.0.4");
  config.nlflags = NLM_F_CREATE;
  EXPECT_TRUE(Add(config).ok());
  EXPECT_EQ(ErrnoOf(Add(config)), EEXIST);
  EXPECT_EQ(Routes(AF_INET),
            (Lines{"9.0.0.0/8 via 10.1.0.4 dev v0", "9.0.0.0/8 via 10.1.0.2 dev v0",
                   "9.0.0.0/8 via 10.1.0.3 dev v0", "10.1.0.0/24 dev v0"}));
  config.gateway = Addr("10.1.0.5");
  config.nlflags = NLM_F_REPLACE;
  log_.Take();
  EXPECT_TRUE(Add(config).ok());
  EXPECT_EQ(log_.Take(), Lines{"new 9.0.0.0/8 via 10.1.0.5 dev v0"});
  EXPECT_EQ(Routes(AF_INET).front(), "9.0.0.0/8 via 10.1.0.5 dev v0");
}

TEST_F(FibTest, LinksThatGoDownTakeTheirRoutesAlong) {
  AddAddress(v0_, "10.1.0.1/24");
  EXPECT_TRUE(Add("9.0.0.0/8", "10.1.0.2").ok());
  v0_->carrier = false;
  v0_->operstate = OperState::kDown;
  fib4_.LinkChanged(*v0_);
  EXPECT_EQ(Routes(AF_INET),
            (Lines{"9.0.0.0/8 via 10.1.0.2 dev v0 linkdown", "10.1.0.0/24 dev v0 linkdown"}));
  v0_->flags &= ~uint32_t{IFF_UP};
  log_.Take();
  fib4_.LinkDown(*v0_);
  EXPECT_EQ(log_.Take(), Lines{});
  EXPECT_EQ(Routes(AF_INET), Lines{});
  EXPECT_EQ(Routes(AF_INET, RT_TABLE_LOCAL), Lines{"10.1.0.1/32 dev v0"});
  v0_->flags |= IFF_UP;
  fib4_.LinkUp(*v0_);
  EXPECT_EQ(Routes(AF_INET), Lines{"10.1.0.0/24 dev v0 linkdown"});
}

TEST_F(FibTest, HopsComeBackWithTheirLink) {
  AddAddress(v0_, "10.1.0.1/24");
  AddAddress(v1_, "10.2.0.1/24");
  v1_->carrier = false;
  v1_->operstate = OperState::kDown;
  fib4_.LinkChanged(*v1_);
  std::vector<uint8_t> hops;
  for (const auto& [device, gateway] : {std::pair(v0_, "10.1.0.2"), {v1_, "10.2.0.2"}}) {
    const rtnexthop hop{.rtnh_len = 16, .rtnh_ifindex = device->ifindex};
    const rtattr attr{.rta_len = 8, .rta_type = RTA_GATEWAY};
    const IpAddress address = Addr(gateway);
    for (const Bytes part :
         {Bytes(reinterpret_cast<const uint8_t*>(&hop), sizeof(hop)),
          Bytes(reinterpret_cast<const uint8_t*>(&attr), sizeof(attr)), address.AsBytes()}) {
      hops.insert(hops.end(), part.begin(), part.end());
    }
  }
  RouteConfig config = Config("9.0.0.0/8", "");
  config.scope = 0;
  config.multipath = NlAttr{.type = RTA_MULTIPATH, .value = hops};
  EXPECT_TRUE(Add(config).ok());
  const auto route = [&] { return Routes(AF_INET).front(); };
  EXPECT_EQ(route(), "9.0.0.0/8 via 10.1.0.2 dev v0 via 10.2.0.2 dev v1 linkdown");
  v1_->carrier = true;
  v1_->operstate = OperState::kUp;
  fib4_.LinkChanged(*v1_);
  EXPECT_EQ(route(), "9.0.0.0/8 via 10.1.0.2 dev v0 via 10.2.0.2 dev v1");
  v0_->flags &= ~uint32_t{IFF_UP};
  fib4_.LinkDown(*v0_);
  EXPECT_EQ(route(), "9.0.0.0/8 via 10.1.0.2 dev v0 dead linkdown via 10.2.0.2 dev v1");
  v0_->flags |= IFF_UP;
  AddAddress(v0_, "10.3.0.1/24");
  EXPECT_EQ(route(), "9.0.0.0/8 via 10.1.0.2 dev v0 via 10.2.0.2 dev v1");
}

TEST_F(FibTest, RoutesOfASourceThatGoesAreTakenBack) {
  AddAddress(v0_, "10.1.0.1/24");
  AddAddress(v1_, "10.2.0.1/24");
  RouteConfig config = Config("9.0.0.0/8", "10.2.0.2");
  config.prefsrc = Addr("10.1.0.1");
  EXPECT_TRUE(Add(config).ok());
  config.dst = Prefix("8.0.0.0/8");
  config.prefsrc = Addr("10.1.0.9");
  EXPECT_EQ(Add(config).message(), "Invalid prefsrc address");
  log_.Take();
  RemoveAddress(v0_, "10.1.0.1/24");
  EXPECT_EQ(log_.Take().back(), "del 9.0.0.0/8 via 10.2.0.2 dev v1");
}

TEST_F(FibTest, DumpOrderOfIpv4) {
  AddAddress(v0_, "10.1.0.1/24");
  for (const char* dst : {"9.1.0.0/16", "0.0.0.0/0", "9.0.0.0/8", "9.0.0.0/24"}) {
    EXPECT_TRUE(Add(dst, "10.1.0.2").ok());
  }
  Lines order;
  for (const std::string& line : Routes(AF_INET)) order.push_back(line.substr(0, line.find(' ')));
  EXPECT_EQ(order, (Lines{"0.0.0.0/0", "9.0.0.0/24", "9.0.0.0/8", "9.1.0.0/16", "10.1.0.0/24"}));
}

TEST_F(FibTest, DumpOrderOfIpv6) {
  AddAddress(v0_, "2001:db8::1/64");
  for (const char* dst : {"2001::/16", "::/0", "2001:db8:1::/48", "2001:db8::/32"}) {
    EXPECT_TRUE(Add(dst, "2001:db8::2").ok());
  }
  Lines order;
  for (const std::string& line : Routes(AF_INET6)) order.push_back(line.substr(0, line.find(' ')));
  EXPECT_EQ(order,
            (Lines{"2001:db8::/64", "2001:db8:1::/48", "2001:db8::/32", "2001::/16", "::/0"}));
}

TEST_F(FibTest, Ipv6PrefixRouteStaysAsLongAsSomeAddressNeedsIt) {
  AddAddress(v0_, "2001:db8::1/64");
  AddAddress(v0_, "2001:db8::2/64");
  EXPECT_EQ(Routes(AF_INET6), Lines{"2001:db8::/64 dev v0"});
  RemoveAddress(v0_, "2001:db8::1/64");
  EXPECT_EQ(Routes(AF_INET6), Lines{"2001:db8::/64 dev v0"});
  log_.Take();
  RemoveAddress(v0_, "2001:db8::2/64");
  EXPECT_EQ(log_.Take(), (Lines{"del 2001:db8::2/128 dev v0", "del 2001:db8::/64 dev v0"}));
}

TEST_F(FibTest, Ipv6RoutesWithGatewaysAreSiblings) {
  AddAddress(v0_, "2001:db8::1/64");
  AddAddress(v1_, "2001:db8:1::1/64");
  EXPECT_TRUE(Add("2001:db8:8::/48", "2001:db8::2").ok());
  EXPECT_EQ(ErrnoOf(Add("2001:db8:8::/48", "2001:db8:1::2")), EEXIST);
  RouteConfig config = Config("2001:db8:8::/48", "2001:db8:1::2");
  config.nlflags = NLM_F_CREATE | NLM_F_APPEND;
  log_.Take();
  EXPECT_TRUE(Add(config).ok());
  EXPECT_EQ(log_.Take(), Lines{"new 2001:db8:8::/48 via 2001:db8:1::2 dev v1 "
                               "2001:db8:8::/48 via 2001:db8::2 dev v0"});
  EXPECT_EQ(ErrnoOf(Add(config)), EEXIST);
  // A link that goes down is only marked, as long as the other lives.
  v0_->flags &= ~uint32_t{IFF_UP};
  fib6_.LinkDown(*v0_);
  EXPECT_EQ(WayTo("2001:db8:8::1"), "v1 via 2001:db8:1::2");
  EXPECT_EQ(Routes(AF_INET6).size(), 3u);
  v1_->flags &= ~uint32_t{IFF_UP};
  fib6_.LinkDown(*v1_);
  EXPECT_EQ(Routes(AF_INET6), Lines{});
  EXPECT_EQ(Routes(AF_INET6, RT_TABLE_LOCAL), Lines{});
}

TEST_F(FibTest, Ipv6GatewaysThatCannotBe) {
  AddAddress(v0_, "2001:db8::1/64");
  EXPECT_EQ(Add("::/0", "2001:db8::1").message(), "Gateway can not be a local address");
  EXPECT_EQ(ErrnoOf(Add("::/0", "2001:dead::1")), EHOSTUNREACH);
  EXPECT_EQ(Add("::/0", "ff02::1").message(), "Invalid gateway address");
  EXPECT_EQ(Add("::/0", "fe80::1").message(), "Egress device not specified");
  EXPECT_TRUE(Add("::/0", "fe80::1", v1_).ok());
}

TEST_F(FibTest, Ipv6RouteOfLimitedTime) {
  AddAddress(v0_, "2001:db8::1/64");
  RouteConfig config = Config("2001:db8:8::/48", "2001:db8::2");
  config.expires = 100;
  const MonotonicTime before = MonotonicTime::clock::now();
  EXPECT_TRUE(Add(config).ok());
  ASSERT_TRUE(fib6_.NextDeadline().has_value());
  EXPECT_GE(*fib6_.NextDeadline(), before + std::chrono::seconds(100));
  fib6_.Run(before + std::chrono::seconds(99));
  EXPECT_EQ(Routes(AF_INET6).size(), 2u);
  fib6_.Run(*fib6_.NextDeadline());
  EXPECT_EQ(Routes(AF_INET6).size(), 1u);
  EXPECT_FALSE(fib6_.NextDeadline().has_value());
}

TEST_F(FibTest, SameSubnetOnManyLinks) {
  std::vector<Device*> links;
  for (int i = 0; i < 500; ++i) links.push_back(AddLink(absl::StrCat("w", i)));
  for (Device* link : links) {
    fib6_.Inet6Started(*link);
    fib6_.Inet6Started(*link);
    AddAddress(link, "fe80::1/64");
  }
  EXPECT_EQ(Routes(AF_INET6).size(), 500u);
  EXPECT_EQ(Routes(AF_INET6, RT_TABLE_LOCAL).size(), 1000u);
  for (Device* link : links) fib6_.LinkGone(*link);
  EXPECT_EQ(Routes(AF_INET6), Lines{});
}

TEST_F(FibTest, OfASubnetOnManyLinksThePacketTakesItsOwn) {
  std::vector<Device*> links;
  for (int i = 0; i < 50; ++i) {
    links.push_back(AddLink(absl::StrCat("w", i)));
    AddAddress(links.back(), "fe80::1/64");
  }
  for (Device* link : links) EXPECT_EQ(WayTo("fe80::9", link->ifindex), link->name);
  EXPECT_EQ(WayTo("fe80::9", v0_->ifindex), "ENETUNREACH");
  EXPECT_EQ(WayTo("fe80::9", 4711), "ENETUNREACH");
  // Whose link is not the packet's does not count, but nexthop objects are looked at.
  auto nexthop = std::make_shared<NexthopObject>();
  nexthop->id = 7;
  nexthop->family = AF_INET6;
  nexthop->hop = {.gateway = Addr("fe80::2"), .device = v0_};
  nexthops_.Insert(nexthop);
  RouteConfig config = Config("fe80::/64", "");
  config.nexthop_id = 7;
  config.priority = 2000;
  EXPECT_TRUE(Add(config).ok());
  EXPECT_EQ(WayTo("fe80::9", v0_->ifindex), "v0 via fe80::2");
  EXPECT_EQ(WayTo("fe80::9", links[7]->ifindex), "w7");
}

// As long as none of the lowest metric will do, preference counts before metric (find_rr_leaf).
TEST_F(FibTest, MetricsOfOtherLinksCount) {
  AddAddress(v0_, "fe80::1/64");
  RouteConfig better = Config("fe80::/64", "", v0_);
  better.nlflags = NLM_F_CREATE;
  better.priority = 2000;
  better.preference = 1;  // high
  EXPECT_TRUE(Add(better).ok());
  const auto metric = [&] {
    const RouteResult result = fib6_.Resolve({.dst = Addr("fe80::9"), .oif = v0_->ifindex});
    return result.ok() ? result.route->priority : 0;
  };
  EXPECT_EQ(metric(), 256u);
  RouteConfig lowest = Config("fe80::/64", "", v1_);
  lowest.nlflags = NLM_F_CREATE;
  lowest.priority = 1;
  EXPECT_TRUE(Add(lowest).ok());
  EXPECT_EQ(metric(), 2000u);
}

TEST_F(FibTest, SourceOfAnotherLink) {
  Device* const v2 = AddLink("v2");
  const auto source = [&](const std::string& dst) {
    const auto found = fib6_.SelectSource(v2, Addr(dst));
    return found.has_value() ? found->ToString() : "none";
  };
  EXPECT_EQ(source("2001:db8:2::9"), "none");
  AddAddress(v0_, "fe80::1/64");
  EXPECT_EQ(source("2001:db8:2::9"), "fe80::1");
  EXPECT_EQ(source("fe80::9"), "none");
  AddAddress(v0_, "2001:db8:1::1/64");
  AddAddress(v1_, "2001:db8:2::1/64");
  AddAddress(v1_, "2001:db8:3::1/64");
  EXPECT_EQ(source("2001:db8:1::9"), "2001:db8:1::1");
  EXPECT_EQ(source("2001:db8:2::9"), "2001:db8:2::1");
  EXPECT_EQ(source("2001:db8:2::1"), "2001:db8:2::1");
  RemoveAddress(v1_, "2001:db8:2::1/64");
  EXPECT_EQ(source("2001:db8:2::9"), "2001:db8:3::1");
  RemoveAddress(v1_, "2001:db8:3::1/64");
  RemoveAddress(v0_, "2001:db8:1::1/64");
  EXPECT_EQ(source("2001:db8:2::9"), "fe80::1");
}

// The host stack does not look at other links as long as there is a choice.
TEST_F(FibTest, OwnSources) {
  AddAddress(v0_, "fe80::1/64");
  AddAddress(v1_, "2001:db8:2::1/64");
  EXPECT_EQ(fib6_.SelectSource(v0_, Addr("2001:db8:2::9"))->ToString(), "2001:db8:2::1");
  EXPECT_EQ(fib6_.SelectOwnSource(*v0_, Addr("2001:db8:2::9"))->ToString(), "fe80::1");
}

TEST(IpAddressTest, CommonBits) {
  const auto common = [](const char* a, const char* b) { return Addr(a).CommonBits(Addr(b)); };
  EXPECT_EQ(common("10.0.0.0", "10.0.0.1"), 31);
  EXPECT_EQ(common("128.0.0.0", "0.0.0.0"), 0);
  EXPECT_GE(common("10.0.0.1", "10.0.0.1"), 32);
  EXPECT_EQ(common("2001:db8::", "2001:db8::1"), 127);
  EXPECT_EQ(common("2001:db8:0:1::", "2001:db8::"), 63);
  EXPECT_EQ(common("2001:db8::8000:0:0:0", "2001:db8::"), 64);
  EXPECT_EQ(common("::1", "::1"), 128);
  EXPECT_TRUE(Prefix("10.0.0.0/0").Contains(Addr("192.0.2.1")));
  EXPECT_FALSE(Prefix("::/0").Contains(Addr("192.0.2.1")));
}

TEST_F(FibTest, RulesChooseTheTable) {
  AddAddress(v0_, "10.1.0.1/24");
  AddAddress(v1_, "10.2.0.1/24");
  RouteConfig config = Config("9.0.0.0/8", "10.2.0.2");
  config.table = 100;
  EXPECT_TRUE(Add(config).ok());
  EXPECT_TRUE(Add("9.0.0.0/8", "10.1.0.2").ok());
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.1.0.2 src 10.1.0.1");
  rules4_.Add({.priority = 100, .table = 100, .dst = Prefix("9.9.0.0/16")});
  EXPECT_EQ(WayTo("9.9.9.9"), "v1 via 10.2.0.2 src 10.2.0.1");
  EXPECT_EQ(WayTo("9.8.9.9"), "v0 via 10.1.0.2 src 10.1.0.1");
  rules4_.Add({.priority = 50, .action = FR_ACT_GOTO, .target = 32766});
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.1.0.2 src 10.1.0.1");
  rules4_.Add({.priority = 10, .action = FR_ACT_PROHIBIT, .oif = "v1"});
  EXPECT_EQ(WayTo("9.9.9.9", v1_->ifindex), "EACCES");
  rules4_.Add({.priority = 5, .table = RT_TABLE_MAIN, .suppress_prefix_length = 8});
  EXPECT_EQ(WayTo("10.2.0.7"), "v1 src 10.2.0.1");
}

TEST_F(FibTest, SharedNexthopsTakeRoutesAlong) {
  AddAddress(v0_, "10.1.0.1/24");
  auto nexthop = std::make_shared<NexthopObject>();
  nexthop->id = 7;
  nexthop->family = AF_INET;
  nexthop->hop = {.gateway = Addr("10.1.0.2"), .device = v0_, .scope = RT_SCOPE_LINK};
  nexthops_.Insert(nexthop);
  RouteConfig config = Config("9.0.0.0/8", "");
  config.scope = 0;
  config.nexthop_id = 7;
  EXPECT_TRUE(Add(config).ok());
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.1.0.2 src 10.1.0.1");
  NexthopObject other;
  other.family = AF_INET;
  other.hop = nexthop->hop;
  other.hop.gateway = Addr("10.1.0.3");
  nexthops_.Redefine(*nexthop, other);
  EXPECT_EQ(WayTo("9.9.9.9"), "v0 via 10.1.0.3 src 10.1.0.1");
  fib4_.RemoveRoutesOf(*nexthop);
  EXPECT_EQ(WayTo("9.9.9.9"), "ENETUNREACH");
  EXPECT_TRUE(nexthop->routes.empty());
}

TEST_F(FibTest, NexthopsThroughALinkAreKnown) {
  const auto make = [&](uint32_t id, Device* device) {
    auto nexthop = std::make_shared<NexthopObject>();
    nexthop->id = id;
    nexthop->family = AF_INET;
    nexthop->hop.device = device;
    return nexthop;
  };
  const auto through = [&](const Device* device) {
    std::vector<uint32_t> ids;
    for (const auto& nexthop : nexthops_.Through(*device)) ids.push_back(nexthop->id);
    return ids;
  };
  for (const uint32_t id : {9, 3, 5}) nexthops_.Insert(make(id, v0_));
  auto group = make(1, nullptr);
  group->members = {{nexthops_.Find(3), 1}, {nexthops_.Find(5), 1}};
  nexthops_.Insert(group);
  EXPECT_EQ(through(v0_), (std::vector<uint32_t>{3, 5, 9}));
  nexthops_.Redefine(*nexthops_.Find(5), *make(5, v1_));
  EXPECT_EQ(through(v0_), (std::vector<uint32_t>{3, 9}));
  EXPECT_EQ(through(v1_), std::vector<uint32_t>{5});
  nexthops_.Erase(*nexthops_.Find(9));
  EXPECT_EQ(through(v0_), std::vector<uint32_t>{3});
}

TEST(SelectHop, GoesByWeight) {
  const NextHop hops[] = {{.weight = 1}, {.weight = 3}};
  const std::vector<const NextHop*> usable{&hops[0], &hops[1]};
  int first = 0;
  for (uint32_t i = 0; i < 4000; ++i) {
    const Flow flow{.dst = IpAddress::V4(0x09000000 + i), .src = IpAddress::V4(0x0a010001)};
    const NextHop* chosen = SelectHop(usable, flow);
    EXPECT_EQ(chosen, SelectHop(usable, flow));
    first += chosen == &hops[0] ? 1 : 0;
  }
  EXPECT_GT(first, 800);
  EXPECT_LT(first, 1200);
  EXPECT_EQ(SelectHop({}, Flow{}), nullptr);
}

}  // namespace

}  // namespace vswitch
