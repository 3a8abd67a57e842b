// SPDX-License-Identifier: BSD-3-Clause
// A guest's questions for neighbours behind an L3 slave, and the answers.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

constexpr EthernetAddress kGuest = {2, 0, 0, 0, 0, 0x11};
const EthernetAddress& B = kBroadcastAddress;
constexpr EthernetAddress kNodes = {0x33, 0x33, 0xff, 0, 0, 9};

class IpvlanAnswer : public testing::Test {
 protected:
  IpvlanAnswer() {
    IpvlanState state = world_.StateOf(world_.s1());
    state.answers_neighbours = true;
    world_.Publish(world_.s1(), state);
  }

  IpvlanWorld world_{IpvlanMode::kL3, IpvlanFlags::kBridge};
};

TEST_F(IpvlanAnswer, ArpSaysTheLowerDevicesMac) {
  ASSERT_EQ(world_.Outcome(world_.s1(), ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.1")), "s1");
  FrameContent expected = ArpRequest(kGuest, kPhyMac, "10.0.0.1", "10.0.0.9");
  expected[21] = 2;  // a reply
  std::copy(kGuest.begin(), kGuest.end(), expected.begin() + 32);
  EXPECT_EQ(world_.s1().far->sent[0].bytes, expected);
  const DeviceTotals totals = world_.Totals(world_.s1());
  EXPECT_EQ(totals.rx_packets + totals.tx_packets + totals.tx_dropped, 0u);
}

TEST_F(IpvlanAnswer, AnAdvertisementSaysTheLowerDevicesMac) {
  const FrameContent question = Solicitation(kNodes, kGuest, "fd00::9", "fd00::1");
  ASSERT_EQ(world_.Outcome(world_.s1(), question), "s1");
  const FrameContent& answer = world_.s1().far->sent[0].bytes;
  ASSERT_EQ(answer.size(), question.size());
  const auto part = [&](const FrameContent& frame, size_t from, size_t size) {
    return FrameContent(frame.begin() + static_cast<long>(from),
                        frame.begin() + static_cast<long>(from + size));
  };
  EXPECT_EQ(part(answer, 0, 6), FrameContent(kGuest.begin(), kGuest.end()));
  EXPECT_EQ(part(answer, 6, 6), FrameContent(kPhyMac.begin(), kPhyMac.end()));
  EXPECT_EQ(part(answer, 22, 16), part(question, 62, 16));  // from the target
  EXPECT_EQ(part(answer, 38, 16), part(question, 22, 16));  // to who asked
  EXPECT_EQ(answer[54], 136);
  EXPECT_EQ(answer[58], 0x60);
  EXPECT_EQ(part(answer, 62, 16), part(question, 62, 16));
  EXPECT_EQ(answer[78], 2);
  EXPECT_EQ(part(answer, 80, 6), FrameContent(kPhyMac.begin(), kPhyMac.end()));
  EXPECT_TRUE(HasValidChecksum(answer));
}

TEST_F(IpvlanAnswer, SiblingsAreBehindTheSameMac) {
  EXPECT_EQ(world_.Outcome(world_.s1(), ArpRequest(B, kGuest, "10.0.0.2", "10.0.0.1")), "s1");
}

struct Row {
  const char* description;
  FrameContent frame;
  const char* outcome;  // that of a slave without answers
};

// What asks whether an address is free would find it taken.
const std::vector<Row> kUnanswered = {
    {"ARP probe", ArpRequest(B, kGuest, "10.0.0.9", "0.0.0.0"), "not_routed"},
    {"ARP announcement", ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.9"), "not_routed"},
    // What comes back to a guest that asks about its own address is a conflict to it.
    {"gratuitous ARP", ArpRequest(B, kGuest, "10.0.0.1", "10.0.0.1"), "not_routed"},
    {"gratuitous ARP reply", With(ArpRequest(B, kGuest, "10.0.0.1", "10.0.0.1"), 21, 2),
     "not_routed"},
    {"ARP probe of its own", ArpRequest(B, kGuest, "10.0.0.1", "0.0.0.0"), "not_routed"},
    {"ARP probe of a sibling's", ArpRequest(B, kGuest, "10.0.0.2", "0.0.0.0"), "s2"},
    {"detection of its own address", Solicitation(kNodes, kGuest, "fd00::1", "::"), "not_routed"},
    {"detection of a sibling's address", Solicitation(kNodes, kGuest, "fd00::2", "::"), "s2"},
    {"ARP for a group", ArpRequest(B, kGuest, "224.0.0.5", "10.0.0.1"), "not_routed"},
    {"ARP reply", With(ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.1"), 21, 2), "not_routed"},
    {"ARP of other hardware", With(ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.1"), 15, 6),
     "not_routed"},
    {"cut ARP", Cut(ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.1"), 41), "not_routed"},
    {"duplicate address detection", Solicitation(kNodes, kGuest, "fd00::9", "::"), "not_routed"},
    {"the slave's own address", Solicitation(kNodes, kGuest, "fd00::1", "fe80::1"), "not_routed"},
    {"advertisement", With(Solicitation(kNodes, kGuest, "fd00::9", "fd00::1"), 54, 136),
     "not_routed"},
    {"from beyond the link", With(Solicitation(kNodes, kGuest, "fd00::9", "fd00::1"), 21, 254),
     "not_routed"},
    {"another option", With(Solicitation(kNodes, kGuest, "fd00::9", "fd00::1"), 78, 14),
     "not_routed"},
    {"a group's address", Solicitation(kNodes, kGuest, "ff02::1", "fd00::1"), "not_routed"},
    {"cut solicitation", Cut(Solicitation(kNodes, kGuest, "fd00::9", "fd00::1"), 85), "not_routed"},
};

TEST_F(IpvlanAnswer, OtherQuestionsAreNotAnswered) {
  for (const Row& row : kUnanswered) {
    EXPECT_EQ(world_.Outcome(world_.s1(), row.frame), row.outcome) << row.description;
    EXPECT_TRUE(world_.s1().far->sent.empty()) << row.description;
    world_.s2().far->sent.clear();
  }
}

TEST_F(IpvlanAnswer, WithoutGuestNobodyAnswers) {
  EXPECT_EQ(world_.Outcome(world_.s2(), ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.2")),
            "not_routed");
}

TEST_F(IpvlanAnswer, InL2ModeTheOwnerAnswers) {
  IpvlanPortState state = world_.port->state();
  state.mode = IpvlanMode::kL2;
  world_.PublishPort(state);
  EXPECT_EQ(world_.Outcome(world_.s1(), ArpRequest(B, kGuest, "10.0.0.9", "10.0.0.1")), "s2 w0");
}

}  // namespace
}  // namespace vswitch
