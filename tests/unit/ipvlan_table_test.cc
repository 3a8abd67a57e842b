// SPDX-License-Identifier: BSD-3-Clause
// ipvlan as tables: a frame in, where it comes out, in all combinations of mode and flags. What the
// columns say is what Linux 6.1 does.
#include <gtest/gtest.h>

#include <array>
#include <string>

#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

constexpr std::array<IpvlanMode, 3> kModes = {IpvlanMode::kL2, IpvlanMode::kL3, IpvlanMode::kL3s};
constexpr std::array<IpvlanFlags, 3> kFlags = {IpvlanFlags::kBridge, IpvlanFlags::kPrivate,
                                               IpvlanFlags::kVepa};

constexpr EthernetAddress kGroup = {1, 0, 0x5e, 0, 0, 5};  // s2 listens
// Nobody does, nor to another group in its bucket.
const EthernetAddress kOtherGroup = [] {
  MacFilter heard;
  heard.Add(kGroup);
  EthernetAddress group = {1, 0, 0x5e, 0, 0, 77};
  while (heard.Passes(MacFilter::BucketOf(group))) ++group[5];
  return group;
}();
constexpr EthernetAddress kPauseMac = {1, 0x80, 0xc2, 0, 0, 1};

const EthernetAddress& P = kPhyMac;
const EthernetAddress& X = kOtherMac;
const EthernetAddress& B = kBroadcastAddress;

// A probe for `target` that is not sent to its group, where it belongs.
FrameContent MisledProbe(const EthernetAddress& source, const std::string& target,
                         const std::string& destination) {
  FrameContent frame = Solicitation(P, source, target, "::");
  const FrameContent right = IpFrame(P, source, destination, "::");
  std::copy_n(right.begin() + 38, 16, frame.begin() + 38);
  return frame;
}

// What a slave sends comes out of the same place in L3 and in L3S mode.
using ByFlags = std::array<const char*, 3>;  // bridge, private, vepa
ByFlags Always(const char* outcome) { return {outcome, outcome, outcome}; }

struct Sent {
  const char* description;
  FrameContent frame;  // s1 sends it
  ByFlags l2, l3;
};

const ByFlags kToSibling = {"s2", "isolated", "w0"};
const ByFlags kToSiblingL3 = {"s2", "isolated", "control"};  // vepa: routed, way unknown
const ByFlags kToSiblingNotIp = {"s2", "isolated", "not_routed"};
const ByFlags kInjected = {"m0", "m0", "w0"};

const std::vector<Sent> kSent = {
    {"to a sibling", IpFrame(P, P, "10.0.0.2", "10.0.0.1"), kToSibling, kToSiblingL3},
    {"to a sibling, IPv6", IpFrame(P, P, "fd00::2", "fd00::1"), kToSibling, kToSiblingL3},
    {"to itself",
     IpFrame(P, P, "10.0.0.1", "10.0.0.1"),
     {"s1", "isolated", "w0"},
     {"s1", "isolated", "control"}},
    {"ARP to a sibling", ArpRequest(P, P, "10.0.0.2", "10.0.0.1"), kToSibling, kToSiblingNotIp},
    {"broadcast ARP for a sibling", ArpRequest(B, P, "10.0.0.2", "10.0.0.1"), Always("s2 w0"),
     kToSiblingNotIp},
    {"broadcast ARP for m0", ArpRequest(B, P, "10.0.0.254", "10.0.0.1"), Always("s2 w0"),
     Always("not_routed")},
    {"sibling's address behind another MAC", IpFrame(X, P, "10.0.0.2", "10.0.0.1"), Always("w0"),
     kToSiblingL3},
    {"to m0", IpFrame(P, P, "10.0.0.254", "10.0.0.1"), kInjected, Always("m0")},
    {"to m0, IPv6", IpFrame(P, P, "fd00::fe", "fd00::1"), kInjected, Always("m0")},
    {"to the wire", IpFrame(X, P, "10.0.0.9", "10.0.0.1"), Always("w0"), Always("w0")},
    {"to the wire, IPv6", IpFrame(X, P, "fd00::9", "fd00::1"), Always("w0"), Always("w0")},
    {"spoofed source", IpFrame(X, X, "10.0.0.9", "192.0.2.1"), {"m0", "m0", "w0"}, Always("w0")},
    {"spoofed MAC", IpFrame(X, {2, 0, 0, 0, 0, 9}, "10.0.0.9", "192.0.2.1"), Always("w0"),
     Always("w0")},
    {"last TTL", IpFrame(X, P, "10.0.0.9", "10.0.0.1", 1), Always("w0"), Always("w0")},
    {"way unknown", IpFrame(X, P, "10.0.0.77", "10.0.0.1"), Always("w0"), Always("control")},
    {"way unknown, IPv6", IpFrame(X, P, "fd00::77", "fd00::1"), Always("w0"), Always("control")},
    {"no way", IpFrame(X, P, "10.9.9.9", "10.0.0.1"), Always("w0"), Always("no_route")},
    {"broadcast IP", IpFrame(B, P, "255.255.255.255", "10.0.0.1"), Always("s2 w0"),
     Always("not_routed")},
    {"group with a listener", IpFrame(kGroup, P, "224.0.0.5", "10.0.0.1"), Always("s2 w0"),
     Always("not_routed")},
    {"group without", IpFrame(kOtherGroup, P, "224.0.0.77", "10.0.0.1"), Always("w0"),
     Always("not_routed")},
    {"a group to itself",
     IpFrame(kGroup, kGroup, "224.0.0.5", "10.0.0.1"),
     {"m0 s2", "m0 s2", "s2 w0"},
     Always("not_routed")},
    {"probe for a sibling's address", Solicitation(kGroup, P, "fd00::2", "::"), Always("s2 w0"),
     kToSiblingNotIp},
    // What is routed to m0 does not pass what takes its frames for s2, nor would m0's stack know
    // that it is not from its own link.
    {"probe for a sibling's address, to m0",
     MisledProbe(P, "fd00::2", "fd00::fe"),
     kToSibling,
     {"s2", "isolated", "not_routed"}},
    {"solicitation", Solicitation(kGroup, P, "fd00::2", "fd00::1"), Always("s2 w0"),
     Always("not_routed")},
    {"PAUSE", OtherFrame(kPauseMac, P, 0x8808), Always(""), Always("not_routed")},
    {"neither IP nor ARP", OtherFrame(X, P, 0x88b5), Always("w0"), Always("not_routed")},
    {"neither IP nor ARP, to itself", OtherFrame(P, P, 0x88b5), kInjected, Always("not_routed")},
    // ipvlan does not know tags, but the receive path of the lower device takes one off first.
    {"tagged",
     Tagged(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 7),
     {"s2", "s2", "w0"},
     Always("not_routed")},
    {"IPv4 longer than its frame", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 17, 200), kInjected,
     Always("control")},
    {"IPv4 shorter than its header", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 17, 19), kInjected,
     Always("control")},
    // Linux compares the length with that of the frame, MACs and all.
    {"IPv4 14 bytes too long", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 17, 54), kToSibling,
     kToSiblingL3},
    {"IPv4 15 bytes too long", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 17, 55), kInjected,
     Always("control")},
    {"IPv4 of version 5", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 14, 0x55), kInjected,
     Always("control")},
    {"IPv4 with a header of 16 bytes", With(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 14, 0x44),
     kInjected, Always("control")},
    {"IPv6 of version 4", With(IpFrame(P, P, "fd00::2", "fd00::1"), 14, 0x40), kInjected,
     Always("control")},
    {"cut IPv4", Cut(IpFrame(P, P, "10.0.0.2", "10.0.0.1"), 33), kInjected, Always("not_routed")},
    {"cut IPv6", Cut(IpFrame(P, P, "fd00::2", "fd00::1"), 53), kInjected, Always("not_routed")},
    {"cut ARP", Cut(ArpRequest(P, P, "10.0.0.2", "10.0.0.1"), 41), kInjected, Always("not_routed")},
    {"a header alone", Cut(OtherFrame(X, P, 0x88b5), 14), Always("w0"), Always("not_routed")},
    {"less than a header", Cut(OtherFrame(X, P, 0x88b5), 13), Always("too_short"),
     Always("too_short")},
};

// A worker remembers where they are.
void SendToAllSlaves(IpvlanWorld& world) {
  for (const char* address : {"10.0.0.1", "10.0.0.2"}) {
    world.Offer(world.s1(), IpFrame(P, P, address, "10.0.0.1"));
  }
  world.Run();
  world.Clear();
}

TEST(IpvlanTable, WhatASlaveSends) {
  for (const Sent& row : kSent) {
    for (const IpvlanMode mode : kModes) {
      for (size_t i = 0; i < kFlags.size(); ++i) {
        IpvlanWorld world(mode, kFlags[i]);
        const ByFlags& expected = mode == IpvlanMode::kL2 ? row.l2 : row.l3;
        EXPECT_EQ(world.Outcome(world.s1(), row.frame), expected[i])
            << row.description << ", mode " << static_cast<int>(mode) << ", flags " << i;
        world.Clear();
        SendToAllSlaves(world);
        EXPECT_EQ(world.Outcome(world.s1(), row.frame), expected[i])
            << row.description << " once they are known, mode " << static_cast<int>(mode)
            << ", flags " << i;
      }
    }
  }
}

TEST(IpvlanTable, AnAddressThatMovesTakesItsPacketsAlong) {
  const FrameContent frame = IpFrame(P, P, "10.0.0.2", "10.0.0.1");
  for (const IpvlanMode mode : kModes) {
    IpvlanWorld world(mode, IpvlanFlags::kBridge);
    const auto outcome = [&] {
      world.Clear();
      return world.Outcome(world.s1(), frame);
    };
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(), "s2");
    world.port->RemoveAddress(KeyOf("10.0.0.2"));
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(), mode == IpvlanMode::kL2 ? "m0" : "control");
    world.port->AddAddress(KeyOf("10.0.0.2"), world.s1().id);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(outcome(), "s1");
  }
}

struct Received {
  const char* description;
  FrameContent frame;              // w0 sends it
  std::array<const char*, 3> out;  // L2, L3, L3S
};

std::array<const char*, 3> InAll(const char* outcome) { return {outcome, outcome, outcome}; }

const std::vector<Received> kReceived = {
    {"for a slave", IpFrame(P, X, "10.0.0.1", "10.0.0.9"), InAll("s1")},
    {"for a slave, IPv6", IpFrame(P, X, "fd00::1", "fd00::9"), InAll("s1")},
    {"for m0", IpFrame(P, X, "10.0.0.254", "10.0.0.9"), InAll("m0")},
    {"for nobody", IpFrame(P, X, "10.0.0.77", "10.0.0.9"), InAll("m0")},
    {"wrong MAC", IpFrame({2, 0, 0, 0, 0, 9}, X, "10.0.0.1", "10.0.0.9"), {"s1", "s1", "m0"}},
    {"hairpin", IpFrame(P, P, "10.0.0.2", "10.0.0.1"), InAll("s2")},
    {"ARP to a slave", ArpRequest(P, X, "10.0.0.1", "10.0.0.9"), {"s1", "s1", "m0"}},
    {"broadcast ARP for a slave",
     ArpRequest(B, X, "10.0.0.1", "10.0.0.9"),
     {"m0 s1 s2", "s1", "m0"}},
    {"broadcast IP", IpFrame(B, X, "255.255.255.255", "10.0.0.9"), {"m0 s1 s2", "m0", "m0"}},
    {"slave's address to all", IpFrame(B, X, "10.0.0.1", "10.0.0.9"), {"m0 s1 s2", "s1", "s1"}},
    {"group with a listener", IpFrame(kGroup, X, "224.0.0.5", "10.0.0.9"), {"m0 s2", "m0", "m0"}},
    {"group without", IpFrame(kOtherGroup, X, "224.0.0.77", "10.0.0.9"), InAll("m0")},
    {"a slave's broadcast, reflected", IpFrame(B, P, "255.255.255.255", "10.0.0.1"), InAll("m0")},
    {"a slave's ARP, reflected", ArpRequest(B, P, "10.0.0.9", "10.0.0.1"), InAll("m0")},
    {"a slave's probe, reflected", Solicitation(kGroup, P, "fd00::1", "::"), {"m0", "s1", "m0"}},
    {"m0's broadcast, reflected",
     IpFrame(B, P, "255.255.255.255", "10.0.0.254"),
     {"m0 s1 s2", "m0", "m0"}},
    {"a stranger's broadcast in a slave's name",
     IpFrame(B, X, "255.255.255.255", "10.0.0.1"),
     {"m0 s1 s2", "m0", "m0"}},
    {"probe for a slave's address",
     Solicitation(kGroup, X, "fd00::1", "::"),
     {"m0 s2", "s1", "m0"}},
    {"probe for a slave's address, to it", MisledProbe(X, "fd00::1", "fd00::1"), InAll("s1")},
    {"probe for a slave's address, to m0",
     MisledProbe(X, "fd00::1", "fd00::fe"),
     {"s1", "s1", "m0"}},
    {"probe for m0's address, to a slave", MisledProbe(X, "fd00::fe", "fd00::1"), InAll("m0")},
    {"solicitation", Solicitation(kGroup, X, "fd00::1", "fd00::9"), {"m0 s2", "m0", "m0"}},
    {"PAUSE", OtherFrame(kPauseMac, X, 0x8808), InAll("m0")},
    {"neither IP nor ARP", OtherFrame(P, X, 0x88b5), InAll("m0")},
    // Linux takes the tag off before ipvlan looks; the IP input of m0 does not take what is not of
    // its VLAN.
    {"tagged", Tagged(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 7), {"s1", "s1", "m0"}},
    {"tagged for no VLAN", Tagged(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 0x6000), InAll("s1")},
    {"tagged twice", Tagged(Tagged(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 7), 8), InAll("m0")},
    {"cut in the tag", Cut(Tagged(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 7), 16), InAll("m0")},
    {"IPv4 longer than its frame", With(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 17, 41),
     InAll("m0")},
    {"IPv4 shorter than its header", With(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 17, 19),
     InAll("m0")},
    {"wrong IPv4 checksum", With(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 24, 1), {"s1", "s1", "m0"}},
    {"IPv6 longer than its frame",
     With(IpFrame(P, X, "fd00::1", "fd00::9"), 19, 21),
     {"s1", "s1", "m0"}},
    {"IPv6 without payload", With(IpFrame(P, X, "fd00::1", "fd00::9"), 19, 0), {"s1", "s1", "m0"}},
    {"cut IPv4", Cut(IpFrame(P, X, "10.0.0.1", "10.0.0.9"), 33), InAll("m0")},
    {"cut IPv6", Cut(IpFrame(P, X, "fd00::1", "fd00::9"), 53), InAll("m0")},
    {"cut ARP", Cut(ArpRequest(P, X, "10.0.0.1", "10.0.0.9"), 41), InAll("m0")},
    {"cut solicitation", Cut(Solicitation(P, X, "fd00::1", "::"), 77), InAll("m0")},
    {"a header alone", Cut(OtherFrame(P, X, 0x88b5), 14), InAll("m0")},
};

// The flags are for what slaves send.
TEST(IpvlanTable, WhatTheLowerDeviceReceives) {
  for (const Received& row : kReceived) {
    for (size_t i = 0; i < kModes.size(); ++i) {
      for (const IpvlanFlags flags : kFlags) {
        IpvlanWorld world(kModes[i], flags);
        EXPECT_EQ(world.Outcome(world.w0(), row.frame), row.out[i])
            << row.description << ", mode " << i << ", flags " << static_cast<int>(flags);
      }
    }
  }
}

}  // namespace
}  // namespace vswitch
