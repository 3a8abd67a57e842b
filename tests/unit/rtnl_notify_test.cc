// SPDX-License-Identifier: BSD-3-Clause
// Carrier, operational state, and who is told what in which order.
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

using Lines = std::vector<std::string>;

class RtnlNotifyTest : public RtnlTest {
 protected:
  void SetUp() override {
    AddVeth("v0", "v1");
    Notifications();
  }
  using RtnlTest::SetUp;

  RequestBuilder Set(const std::string& name) {
    return RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(Get(name).ifindex));
  }
};

TEST_F(RtnlNotifyTest, CarrierNeedsBothEndsUp) {
  SetUp("v0");
  EXPECT_FALSE(Get("v0").carrier);
  SetUp("v1");
  EXPECT_TRUE(Get("v0").carrier);
  EXPECT_TRUE(Get("v1").carrier);
  SetUp("v0", false);
  EXPECT_FALSE(Get("v0").carrier);
  EXPECT_FALSE(Get("v1").carrier);
  EXPECT_EQ(Get("v1").carrier_up_count, 1u);
  EXPECT_EQ(Get("v1").carrier_down_count, 2u);
}

TEST_F(RtnlNotifyTest, FirstEndUp) {
  SetUp("v0");
  EXPECT_EQ(Notifications(), Lines{"NEWLINK v0 up change=0x1 operstate=3 link=2"});
  EXPECT_EQ(ReportedFlags(Get("v0")), uint32_t{IFF_UP | IFF_BROADCAST | IFF_MULTICAST});
}

TEST_F(RtnlNotifyTest, SecondEndUp) {
  SetUp("v0");
  Notifications();
  SetUp("v1");
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK v1 up change=0x1 operstate=3 link=3",
                                    "NEWLINK v1 up change=0x0 operstate=6 link=3",
                                    "NEWLINK v0 up change=0x0 operstate=6 link=2"}));
}

TEST_F(RtnlNotifyTest, OneEndDown) {
  SetUp("v0");
  SetUp("v1");
  Notifications();
  SetUp("v1", false);
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK v1 down change=0x1 operstate=2 link=3",
                                    "NEWLINK v0 up change=0x0 operstate=3 link=2"}));
}

TEST_F(RtnlNotifyTest, RepeatedFlagsSayNothing) {
  SetUp("v0");
  Notifications();
  SetUp("v0");
  EXPECT_TRUE(Notifications().empty());
}

TEST_F(RtnlNotifyTest, MembersHearOfAnUpLinkBeforeTheAnswer) {
  // The answer is queued last: at that time the notification has been handed out.
  client_.sent.clear();
  SetUp("v0");
  EXPECT_EQ(client_.sent.size(), 1u);
  EXPECT_EQ(multicast_.sent.size(), 1u);
}

TEST_F(RtnlNotifyTest, EventsAreToldOfDownLinks) {
  Ask(Set("v0").U32(IFLA_MTU, 1400));
  Ask(Set("v0").Mac(IFLA_ADDRESS, {2, 0, 0, 0, 0, 9}));
  Ask(Set("v0").Mac(IFLA_BROADCAST, {255, 255, 255, 255, 255, 254}));
  Ask(Set("v0").U32(IFLA_TXQLEN, 7));
  Ask(Set("v0").Str(IFLA_IFNAME, "vx"));
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK v0 down change=0x0 operstate=2 link=2",
                                    "NEWLINK v0 down change=0x0 operstate=2 link=2",
                                    "NEWLINK v0 down change=0x0 operstate=2 link=2",
                                    "NEWLINK v0 down change=0x0 operstate=2 link=2",
                                    "NEWLINK vx down change=0x0 operstate=2 link=2"}));
}

TEST_F(RtnlNotifyTest, OtherChangesAreToldOfUpLinksOnly) {
  const auto change = [&] {
    Ask(Set("v0").Str(IFLA_IFALIAS, "x"));
    Ask(Set("v0").U32(IFLA_GROUP, 5));
    Ask(Set("v0").U8(IFLA_LINKMODE, Get("v0").link_mode ^ 1));
    RequestBuilder altname(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
    const std::string name = Get("v0").up() ? "up" : "down";
    Ask(altname.BeginNested(IFLA_PROP_LIST).Str(IFLA_ALT_IFNAME, name).End());
  };
  change();
  EXPECT_TRUE(Notifications().empty());
  SetUp("v0");
  Notifications();
  change();
  EXPECT_EQ(Notifications().size(), 4u);
}

TEST_F(RtnlNotifyTest, CombinedChangeOnAnUpLinkIsToldOnceMore) {
  SetUp("v0");
  Notifications();
  Ask(Set("v0").U32(IFLA_MTU, 1400).U32(IFLA_GROUP, 5).Str(IFLA_IFALIAS, "x"));
  EXPECT_EQ(Notifications().size(), 2u);
}

TEST_F(RtnlNotifyTest, AChangeThatFailsLateIsStillTold) {
  SetUp("v0");
  Notifications();
  Ask(Set("v0").U32(IFLA_GROUP, 5).U32(IFLA_TXQLEN, 40000));
  EXPECT_EQ(Notifications().size(), 1u);
}

TEST_F(RtnlNotifyTest, NoarpIsAFlagLikeUp) {
  Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK,
                     {.ifi_index = 3, .ifi_flags = IFF_NOARP, .ifi_change = IFF_NOARP}));
  EXPECT_EQ(Notifications(), Lines{"NEWLINK v0 down change=0x80 operstate=2 link=2"});
}

TEST_F(RtnlNotifyTest, DummyStaysUnknown) {
  AddDummy("d0");
  Notifications();
  SetUp("d0");
  EXPECT_EQ(Notifications(), Lines{"NEWLINK d0 up change=0x1 operstate=0"});
  EXPECT_EQ(ReportedFlags(Get("d0")),
            uint32_t{IFF_UP | IFF_BROADCAST | IFF_NOARP | IFF_RUNNING | IFF_LOWER_UP});
}

TEST_F(RtnlNotifyTest, SettingUpAPairDeletedInTheSameDatagramIsHarmless) {
  Datagram both = RequestBuilder(RTM_NEWLINK, NLM_F_ACK,
                                 {.ifi_index = 3, .ifi_flags = IFF_UP, .ifi_change = IFF_UP})
                      .Build();
  const Datagram remove = RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(2)).Build();
  both.insert(both.end(), remove.begin(), remove.end());
  EXPECT_EQ(Ask(both).error, 0);
  EXPECT_FALSE(Exists("v0"));
}

// Nobody listens: nothing is composed.
class DeafMulticast : public FakeMulticast {
 public:
  bool HasMembers(const Namespace&, uint32_t) const override { return false; }
};

TEST(RtnlDeafTest, NothingIsComposedForNobody) {
  Registry registry(1);
  Dataplane dataplane(1);
  DeafMulticast multicast;
  FakeClient client;
  Rtnl rtnl(registry, dataplane, multicast, BackendEnv{});
  RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE);
  rtnl.Handle(request.Kind("veth").Build(), client);
  EXPECT_TRUE(multicast.sent.empty());
  EXPECT_NE(registry.initial().FindByName("veth1"), nullptr);
}

}  // namespace

}  // namespace vswitch
