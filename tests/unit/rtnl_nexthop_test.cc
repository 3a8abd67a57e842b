// SPDX-License-Identifier: BSD-3-Clause
// Nexthop objects that change under the routes and groups that use them.
#include <linux/nexthop.h>

#include "tests/support/address_fixture.h"
#include "tests/support/hex.h"

namespace vswitch {

namespace {

class RtnlNexthopTest : public AddressTest {
 protected:
  void SetUp() override {
    AddressTest::SetUp();
    RtnlTest::SetUp("v0");
    RtnlTest::SetUp("v1");
  }

  // `ip nexthop replace id ID` with the attributes that `put` adds.
  template <typename Put>
  Answer Replace(uint32_t id, uint8_t family, Put put) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(RTM_NEWNEXTHOP, NLM_F_REQUEST | NLM_F_ACK | kReplace, 1, 0);
    writer.PutStruct(nhmsg{.nh_family = family});
    writer.PutU32(NHA_ID, id);
    put(writer);
    writer.End();
    return Ask(datagram);
  }
  // ... dev v0
  Answer ThroughV0(uint32_t id, uint8_t family) {
    return Replace(id, family,
                   [&](NlWriter& writer) { writer.PutS32(NHA_OIF, Get("v0").ifindex); });
  }
  // ... via GATEWAY fdb
  Answer Fdb(uint32_t id, const std::string& gateway) {
    const IpAddress address = *IpAddress::Parse(gateway);
    return Replace(id, address.family, [&](NlWriter& writer) {
      writer.PutBytes(NHA_GATEWAY, address.AsBytes());
      writer.PutBytes(NHA_FDB, {});
    });
  }
  // ... group A/B
  Answer Group(uint32_t id, uint32_t a, uint32_t b) {
    const nexthop_grp members[] = {{.id = a}, {.id = b}};
    return Replace(id, AF_UNSPEC, [&](NlWriter& writer) {
      writer.PutBytes(NHA_GROUP, {reinterpret_cast<const uint8_t*>(members), sizeof(members)});
    });
  }
  // ... group MEMBER type resilient buckets 65535
  Answer Resilient(uint32_t id, uint32_t member) {
    const nexthop_grp members[] = {{.id = member}};
    return Replace(id, AF_UNSPEC, [&](NlWriter& writer) {
      writer.PutBytes(NHA_GROUP, {reinterpret_cast<const uint8_t*>(members), sizeof(members)});
      writer.PutU16(NHA_GROUP_TYPE, NEXTHOP_GRP_TYPE_RES);
      const size_t nest = writer.BeginNest(NHA_RES_GROUP, true);
      writer.PutU16(NHA_RES_GROUP_BUCKETS, 65535);
      writer.EndNest(nest);
    });
  }
  // `ip route add DST nhid ID`, or `ip route get DST oif v0`.
  Answer Route(uint16_t type, const std::string& dst, uint16_t attribute, uint32_t value) {
    const IpAddress address = *IpAddress::Parse(dst);
    rtmsg header{.rtm_family = address.family, .rtm_table = RT_TABLE_MAIN};
    header.rtm_dst_len = type == RTM_NEWROUTE ? address.bits() : uint8_t{0};
    header.rtm_type = type == RTM_NEWROUTE ? RTN_UNICAST : RTN_UNSPEC;
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(type, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0);
    writer.PutStruct(header);
    writer.PutBytes(RTA_DST, address.AsBytes());
    writer.PutU32(attribute, value);
    writer.End();
    return Ask(datagram);
  }
  void AddRoute(const std::string& dst, uint32_t nexthop) {
    EXPECT_EQ(Route(RTM_NEWROUTE, dst, RTA_NH_ID, nexthop).error, 0);
  }
  int GetRoute(const std::string& dst) {
    return Route(RTM_GETROUTE, dst, RTA_OIF, static_cast<uint32_t>(Get("v0").ifindex)).error;
  }
};

TEST_F(RtnlNexthopTest, MembersStayWhatRoutesCanUse) {
  const auto check = [&](uint32_t id, uint8_t family, const char* route, const char* gateway) {
    EXPECT_EQ(ThroughV0(id, family).error, 0);
    EXPECT_EQ(ThroughV0(id + 1, family).error, 0);
    EXPECT_EQ(Group(id + 2, id, id + 1).error, 0);
    EXPECT_EQ(Fdb(id + 1, gateway).sentence, "Cannot change nexthop FDB status while in a group");
    AddRoute(route, id + 2);
    EXPECT_EQ(GetRoute(route), 0);
  };
  check(1, AF_INET, "9.9.9.9", "10.0.0.9");
  check(11, AF_INET6, "2001:db8:5::1", "2001:db8::9");
}

TEST_F(RtnlNexthopTest, BucketsOfAllGroupsAreLimited) {
  constexpr uint32_t kGroups = 16;
  ThroughV0(1, AF_INET);
  for (uint32_t id = 10; id < 10 + kGroups; ++id) EXPECT_EQ(Resilient(id, 1).error, 0) << id;
  EXPECT_EQ(Resilient(10 + kGroups, 1).error, ENOMEM);
  EXPECT_EQ(Resilient(10, 1).error, 0) << "a group that is there already";
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(RTM_DELNEXTHOP, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
  writer.PutStruct(nhmsg{});
  writer.PutU32(NHA_ID, 10);
  writer.End();
  EXPECT_EQ(Ask(datagram).error, 0);
  EXPECT_EQ(Resilient(10 + kGroups, 1).error, 0);
}

TEST_F(RtnlNexthopTest, NoRouteIsLeftWithoutALink) {
  ThroughV0(1, AF_INET);
  ThroughV0(2, AF_INET6);
  AddRoute("9.9.9.9", 1);
  AddRoute("2001:db8:5::1", 2);
  EXPECT_EQ(Fdb(1, "10.0.0.9").sentence, "Route cannot point to a fdb nexthop");
  EXPECT_EQ(Fdb(2, "2001:db8::9").sentence, "Route cannot point to a fdb nexthop");
  EXPECT_EQ(GetRoute("9.9.9.9"), 0);
  EXPECT_EQ(GetRoute("2001:db8:5::1"), 0);
}

// A group of others becomes one of forwarding tables: its own routes must stay usable, too.
TEST_F(RtnlNexthopTest, NoRouteIsLeftWithAGroupForForwardingTables) {
  for (const uint32_t id : {1, 2}) ThroughV0(id, AF_INET);
  for (const uint32_t id : {3, 4}) Fdb(id, "10.0.0.9");
  Group(10, 1, 2);
  AddRoute("9.9.9.9", 10);
  const nexthop_grp members[] = {{.id = 3}, {.id = 4}};
  const Answer answer = Replace(10, AF_UNSPEC, [&](NlWriter& writer) {
    writer.PutBytes(NHA_GROUP, {reinterpret_cast<const uint8_t*>(members), sizeof(members)});
    writer.PutBytes(NHA_FDB, {});
  });
  EXPECT_EQ(answer.sentence, "Route cannot point to a fdb nexthop");
  EXPECT_EQ(GetRoute("9.9.9.9"), 0);
}

// As Linux 6.1.192 takes them: the high byte was reserved before.
TEST_F(RtnlNexthopTest, WeightsHaveSixteenBits) {
  ThroughV0(1, AF_INET);
  const auto replace = [&](uint8_t weight, uint8_t weight_high, uint8_t reserved) {
    const uint8_t member[] = {1, 0, 0, 0, weight, weight_high, reserved, 0};
    return Replace(10, AF_UNSPEC, [&](NlWriter& writer) { writer.PutBytes(NHA_GROUP, member); });
  };
  EXPECT_EQ(replace(0xfe, 0xff, 0).error, 0);
  EXPECT_EQ(replace(0xff, 0xff, 0).sentence, "Invalid value for weight");
  EXPECT_EQ(replace(0, 0, 1).sentence, "Reserved field in nexthop_grp must be 0");
  const auto [group, datagram] = multicast_.all.back();
  EXPECT_EQ(group, uint32_t{RTNLGRP_NEXTHOP});
  EXPECT_EQ(ToHex(Bytes(datagram).last(8)), "01000000feff0000");
}

}  // namespace

}  // namespace vswitch
