// SPDX-License-Identifier: BSD-3-Clause
// What a link receives beside its own address: what users and protocols want of it, and who is
// told.
#include <linux/if_ether.h>
#include <linux/neighbour.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

constexpr MacAddress kUnicast{2, 0, 0, 0, 0, 9}, kGroup{1, 0, 0x5e, 1, 2, 3};
constexpr MacAddress kAllNodes{0x33, 0x33, 0, 0, 0, 1}, kAllHosts{1, 0, 0x5e, 0, 0, 1};

std::string Describe(const NlMessage& message) {
  const auto header = ReadStruct<ndmsg>(message.payload());
  std::string text = message.header.nlmsg_type == RTM_NEWNEIGH ? "+" : "-";
  for (const NlAttr& attr : ListAttributes(message.payload().subspan(sizeof(header)), 0)) {
    if (attr.type == NDA_LLADDR) {
      for (const uint8_t byte : attr.value) absl::StrAppendFormat(&text, "%02x", byte);
    }
    if (attr.type == NDA_VLAN) {
      absl::StrAppend(&text, " vlan ", ReadStruct<uint16_t>(attr.value));
    }
  }
  return header.ndm_state == NUD_PERMANENT ? text : absl::StrCat(text, " state ", header.ndm_state);
}

class RtnlFdbTest : public AddressTest {
 protected:
  Answer Change(uint16_t type, uint16_t flags, const MacAddress& mac,
                const ndmsg& wanted = {.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_SELF},
                uint16_t vlan = 0) {
    ndmsg header = wanted;
    header.ndm_family = AF_BRIDGE;
    if (header.ndm_ifindex == 0) header.ndm_ifindex = Get("v0").ifindex;
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0);
    writer.PutStruct(header);
    writer.PutBytes(NDA_LLADDR, mac);
    if (vlan != 0) writer.PutU16(NDA_VLAN, vlan);
    writer.End();
    return Ask(datagram);
  }
  // `bridge fdb add MAC dev v0 self`, and del.
  int Add(const MacAddress& mac) {
    return Change(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, mac).error;
  }
  int Del(const MacAddress& mac) { return Change(RTM_DELNEIGH, 0, mac).error; }
  using AddressTest::Add;
  using AddressTest::Del;

  static Lines Lists(const std::vector<MacAddress>& macs) {
    Lines lines;
    for (const MacAddress& mac : macs) {
      lines.emplace_back("+");
      for (const uint8_t byte : mac) absl::StrAppendFormat(&lines.back(), "%02x", byte);
    }
    return lines;
  }
  // `bridge fdb show dev v0`.
  Lines Table() {
    Datagram request;
    NlWriter writer(request);
    writer.Begin(RTM_GETNEIGH, NLM_F_REQUEST | NLM_F_DUMP, 1, 0);
    writer.PutStruct(ifinfomsg{.ifi_family = AF_BRIDGE, .ifi_index = Get("v0").ifindex});
    writer.End();
    client_.sent.clear();
    rtnl_.Handle(request, client_);
    Lines lines;
    for (const Datagram& datagram : client_.sent) {
      NlReader reader(datagram);
      while (const auto message = reader.Next()) {
        if (message->header.nlmsg_type == RTM_NEWNEIGH) lines.push_back(Describe(*message));
      }
    }
    return lines;
  }
  Lines ToldNeighbours() {
    Lines lines;
    for (const auto& [group, datagram] : multicast_.all) {
      if (group == RTNLGRP_NEIGH) lines.push_back(Describe(*NlReader(datagram).Next()));
    }
    multicast_.all.clear();
    return lines;
  }
};

TEST_F(RtnlFdbTest, UnicastComesBeforeGroups) {
  EXPECT_EQ(Table(), Lists({kAllNodes}));
  EXPECT_EQ(Add(kGroup), 0);
  EXPECT_EQ(Add(kUnicast), 0);
  EXPECT_EQ(Table(), Lists({kUnicast, kAllNodes, kGroup}));
  EXPECT_EQ(Del(kUnicast), 0);
  EXPECT_EQ(Del(kUnicast), ENOENT);
  EXPECT_EQ(Table(), Lists({kAllNodes, kGroup}));
}

TEST_F(RtnlFdbTest, WhatIsThereIsAnErrorOnlyForThoseWhoMindAndToldAnyhow) {
  EXPECT_EQ(Add(kUnicast), 0);
  EXPECT_EQ(Add(kUnicast), EEXIST);
  EXPECT_EQ(Add(kAllNodes), EEXIST);
  EXPECT_EQ(Change(RTM_NEWNEIGH, NLM_F_CREATE, kUnicast).error, 0);
  EXPECT_EQ(Change(RTM_NEWNEIGH, NLM_F_CREATE, kGroup, {.ndm_flags = NTF_SELF}).error, 0);
  // Deleting does not look at the VLAN.
  const ndmsg self{.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_SELF};
  EXPECT_EQ(Change(RTM_DELNEIGH, 0, kUnicast, self, 5).error, 0);
  EXPECT_EQ(ToldNeighbours(), (Lines{"+020000000009", "+020000000009", "+01005e010203 state 0",
                                     "-020000000009 vlan 5"}));
}

TEST_F(RtnlFdbTest, RefusesWhatTakesABridge) {
  const ndmsg master{.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_MASTER};
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, master).error, EOPNOTSUPP);
  const ndmsg aging{.ndm_state = NUD_REACHABLE, .ndm_flags = NTF_SELF};
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, aging).error, EINVAL);
  const ndmsg self{.ndm_state = NUD_PERMANENT, .ndm_flags = NTF_SELF};
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, self, 5).error, EINVAL);
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, self, 4095).sentence, "invalid vlan id");
  const ndmsg lo{.ndm_ifindex = 1, .ndm_state = NUD_PERMANENT, .ndm_flags = NTF_SELF};
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, lo).sentence,
            "FDB add only supported for Ethernet devices");
  const ndmsg nowhere{.ndm_ifindex = 99};
  EXPECT_EQ(Change(RTM_NEWNEIGH, 0, kUnicast, nowhere).sentence, "unknown ifindex");
  EXPECT_EQ(Change(RTM_GETNEIGH, 0, kUnicast, {.ndm_flags = NTF_SELF}).sentence,
            "Fdb get operation not supported by device");
  EXPECT_EQ(Change(RTM_GETNEIGH, 0, kUnicast, {}).sentence, "Device is not a bridge port");
  EXPECT_EQ(Table(), Lists({kAllNodes}));
  EXPECT_EQ(ToldNeighbours(), Lines{});
}

TEST_F(RtnlFdbTest, GroupsOfProtocolsComeAndGoAmongThoseOfUsers) {
  EXPECT_EQ(Add(kGroup), 0);
  RtnlTest::SetUp("v0");
  EXPECT_EQ(Table(), Lists({kAllNodes, kGroup, kAllHosts}));
  EXPECT_EQ(Del(kAllHosts), 0);
  RtnlTest::SetUp("v0", false);
  EXPECT_EQ(Table(), Lists({kGroup}));
  RtnlTest::SetUp("v0");
  EXPECT_EQ(Table(), Lists({kGroup, kAllHosts, kAllNodes}));
}

TEST_F(RtnlFdbTest, AGroupThatUsersAndProtocolsWantTakesBothToLeave) {
  EXPECT_EQ(Add(kAllHosts), 0);
  RtnlTest::SetUp("v0");
  EXPECT_EQ(Del(kAllHosts), 0);
  EXPECT_EQ(Table(), Lists({kAllNodes, kAllHosts}));
  EXPECT_EQ(Del(kAllHosts), 0);
  EXPECT_EQ(Table(), Lists({kAllNodes}));
}

TEST_F(RtnlFdbTest, ALinkThatIsUpNeedsAllFramesForMoreUnicast) {
  EXPECT_EQ(Add(kUnicast), 0);
  EXPECT_EQ(Get("v0").promiscuity, 0U);
  RtnlTest::SetUp("v0");
  EXPECT_EQ(Get("v0").promiscuity, 1U);
  RtnlTest::SetUp("v0", false);
  EXPECT_EQ(Del(kUnicast), 0);
  EXPECT_EQ(Get("v0").promiscuity, 1U);
  RtnlTest::SetUp("v0");
  EXPECT_EQ(Get("v0").promiscuity, 0U);
}

TEST_F(RtnlFdbTest, MovingForgetsWhatUsersWanted) {
  EXPECT_EQ(Add(kUnicast), 0);
  Namespace& other = registry_.NamespaceFor(2);
  ASSERT_TRUE(rtnl_.MoveLink(Get("v0"), other, "", 0).ok());
  EXPECT_EQ(ReceivedMacs(*other.FindByName("v0")), std::vector<MacAddress>{kAllNodes});
}

}  // namespace

}  // namespace vswitch
