// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETSTATS and RTM_SETSTATS.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

constexpr uint32_t Bit(int attribute) { return 1u << (attribute - 1); }

constexpr uint32_t kLink = Bit(IFLA_STATS_LINK_64);
constexpr uint32_t kOffload = Bit(IFLA_STATS_LINK_OFFLOAD_XSTATS);

class RtnlStatsTest : public RtnlTest {
 protected:
  void SetUp() override {
    AddVeth("v0", "v1");
    client_.strict_check = true;
  }

  // Appends attributes with `fill`.
  template <typename Fill>
  Datagram Request(uint16_t type, uint16_t flags, const if_stats_msg& header, Fill fill) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
    writer.PutStruct(header);
    fill(writer);
    writer.End();
    return datagram;
  }
  Datagram Request(uint16_t type, uint16_t flags, const if_stats_msg& header) {
    return Request(type, flags, header, [](NlWriter&) {});
  }
  std::string Get(const if_stats_msg& header) {
    return Raw(Request(RTM_GETSTATS, 0, header)).back();
  }
  std::string Dump(const if_stats_msg& header) {
    return Raw(Request(RTM_GETSTATS, NLM_F_DUMP, header)).back();
  }
  int SetLayer3(uint8_t value) {
    return Ask(Request(RTM_SETSTATS, NLM_F_ACK, {.ifindex = 3},
                       [&](NlWriter& writer) {
                         writer.PutU8(IFLA_STATS_SET_OFFLOAD_XSTATS_L3_STATS, value);
                       }))
        .error;
  }
  // The attributes of the last message that was sent.
  std::vector<NlAttr> Attributes() {
    return ListAttributes(
        Bytes(client_.sent.back()).subspan(sizeof(nlmsghdr) + sizeof(if_stats_msg)), 0);
  }
};

void ExpectError(const std::string& answer, const std::string& error) {
  EXPECT_NE(answer.find(error), std::string::npos) << answer;
}

TEST_F(RtnlStatsTest, CountersOfALink) {
  EXPECT_EQ(Get({.ifindex = 3, .filter_mask = kLink}), "type=92 len=232 flags=0x0 seq=1");
  ASSERT_EQ(Attributes().size(), 1u);
  EXPECT_EQ(Attributes()[0].type, IFLA_STATS_LINK_64);
  EXPECT_EQ(Attributes()[0].value.size(), sizeof(rtnl_link_stats64));
}

TEST_F(RtnlStatsTest, GroupsThatAreEmpty) {
  Get({.ifindex = 3, .filter_mask = Bit(IFLA_STATS_LINK_XSTATS) | Bit(IFLA_STATS_AF_SPEC)});
  ASSERT_EQ(Attributes().size(), 1u);
  EXPECT_EQ(Attributes()[0].type, IFLA_STATS_AF_SPEC);
  EXPECT_TRUE(Attributes()[0].value.empty());
}

TEST_F(RtnlStatsTest, HardwareThatIsAskedForAndNotThere) {
  Get({.ifindex = 3, .filter_mask = kOffload});
  const auto info = [&] {
    const NlAttr nest = ListAttributes(Attributes().at(0).value, 0).at(0);
    EXPECT_EQ(nest.type, IFLA_OFFLOAD_XSTATS_HW_S_INFO);
    return ListAttributes(ListAttributes(nest.value, 0).at(0).value, 0).at(0).value[0];
  };
  EXPECT_EQ(info(), 0);
  EXPECT_EQ(SetLayer3(1), 0);
  Get({.ifindex = 3, .filter_mask = kOffload});
  EXPECT_EQ(info(), 1);
  EXPECT_EQ(ListAttributes(Attributes().at(0).value, 0).at(1).value.size(), 72u);
  EXPECT_EQ(SetLayer3(2), ERANGE);
  EXPECT_EQ(SetLayer3(0), 0);
}

TEST_F(RtnlStatsTest, ChangesAreTold) {
  const auto told = [&] {
    size_t count = 0;
    for (const auto& [group, datagram] : multicast_.all) count += group == RTNLGRP_STATS;
    return count;
  };
  SetLayer3(1);
  SetLayer3(1);
  EXPECT_EQ(told(), 1u);
  SetLayer3(0);
  EXPECT_EQ(told(), 2u);
}

TEST_F(RtnlStatsTest, FiltersInsideOfAGroup) {
  const auto get = [&](uint32_t mask, uint16_t type, uint32_t filter, bool nested) {
    return Raw(Request(RTM_GETSTATS, 0, {.ifindex = 3, .filter_mask = mask},
                       [&](NlWriter& writer) {
                         const size_t nest = writer.BeginNest(IFLA_STATS_GET_FILTERS, nested);
                         writer.PutU32(type, filter);
                         writer.EndNest(nest);
                       }))
        .back();
  };
  constexpr uint16_t kGroup = IFLA_STATS_LINK_OFFLOAD_XSTATS;
  get(kOffload, kGroup, Bit(IFLA_OFFLOAD_XSTATS_CPU_HIT), true);
  EXPECT_TRUE(Attributes().empty());
  ExpectError(get(kOffload, kGroup, 0x100, true), "error=-22 msg=\"reserved bit set\"");
  ExpectError(get(kLink, kGroup, 1, true), "Filtered attribute not enabled in filter_mask");
  ExpectError(get(kLink, IFLA_STATS_LINK_64, 1, true), "Unsupported attribute");
  ExpectError(get(kOffload, kGroup, 1, false), "NLA_F_NESTED is missing");
}

TEST_F(RtnlStatsTest, Refusals) {
  ExpectError(Get({.ifindex = 3}), "error=-22 msg=\"Filter mask must be set for stats get\"");
  ExpectError(Get({.ifindex = 99, .filter_mask = kLink}), "error=-19");
  ExpectError(Get({.filter_mask = kLink}), "error=-22");
  ExpectError(Get({.pad1 = 1, .ifindex = 3, .filter_mask = kLink}),
              "Invalid values in header for stats dump request");
  ExpectError(Get({.ifindex = 3, .filter_mask = 0x20}),
              "Invalid stats requested through filter mask");
  ExpectError(Dump({}), "done=-22 msg=\"Filter mask must be set for stats dump\"");
  ExpectError(Dump({.ifindex = 3, .filter_mask = kLink}), "Invalid values in header");
  Datagram tiny = Request(RTM_GETSTATS, 0, {.ifindex = 3});
  tiny.resize(20);
  tiny[0] = 20;
  ExpectError(Raw(tiny).back(), "Invalid header for stats dump");
  const auto set = [&](const if_stats_msg& header) {
    return Ask(Request(RTM_SETSTATS, NLM_F_ACK, header)).sentence;
  };
  EXPECT_EQ(set({.family = AF_INET, .ifindex = 3}), "Address family should be AF_UNSPEC");
  EXPECT_EQ(set({.ifindex = 3, .filter_mask = 1}), "Filter mask must be 0 for stats set");
  EXPECT_EQ(set({.ifindex = 3}), "");
}

TEST_F(RtnlStatsTest, DumpOfEveryLink) {
  EXPECT_EQ(Dump({.filter_mask = kLink}), "DONE len=20 flags=0x2 seq=1 done=0");
  EXPECT_EQ(Raw(Request(RTM_GETSTATS, NLM_F_DUMP, {.filter_mask = kLink})).size(), 4u);
}

}  // namespace

}  // namespace vswitch
