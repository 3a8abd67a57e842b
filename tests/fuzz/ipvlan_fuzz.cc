// SPDX-License-Identifier: BSD-3-Clause
// Hostile frames of a slave's guest and from the wire of its lower device, in all combinations of
// mode and flags. Input: 1 byte that says mode, flags, who sends, whether the guest's questions are
// answered and whether others see its buffer, too; then the frame.
#include <rte_eal.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/ipvlan_classify.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ipvlan_world.h"

namespace vswitch {
namespace {

constexpr size_t kMaxFrame = 4096;

struct Setting {
  uint8_t bits;

  IpvlanMode mode() const { return static_cast<IpvlanMode>(bits % 4 % 3); }
  IpvlanFlags flags() const { return static_cast<IpvlanFlags>(bits / 4 % 4 % 3); }
  bool from_slave() const { return (bits & 16) != 0; }
  bool answers() const { return (bits & 32) != 0; }
  bool shared() const { return (bits & 64) != 0; }
  bool l2() const { return mode() == IpvlanMode::kL2; }
};

void StartEal() {
  static const bool started = [] {
    std::array<char*, 6> eal = {const_cast<char*>("ipvlan_fuzz"),    const_cast<char*>("--no-huge"),
                                const_cast<char*>("--no-shconf"),    const_cast<char*>("--no-pci"),
                                const_cast<char*>("--no-telemetry"), const_cast<char*>("-m64")};
    return rte_eal_init(static_cast<int>(eal.size()), eal.data()) >= 0;
  }();
  if (!started) std::abort();
}

// One for each combination, kept: only frames come and go.
IpvlanWorld& WorldFor(const Setting& setting) {
  static std::map<uint8_t, std::unique_ptr<IpvlanWorld>> worlds;
  std::unique_ptr<IpvlanWorld>& world = worlds[setting.bits & 0x2f];
  if (world == nullptr) {
    world = std::make_unique<IpvlanWorld>(setting.mode(), setting.flags());
    IpvlanState state = world->StateOf(world->s1());
    state.answers_neighbours = setting.answers();
    world->Publish(world->s1(), state);
  }
  return *world;
}

bool Contains(const FrameContent& frame, std::span<const uint8_t> part) {
  return std::search(frame.begin(), frame.end(), part.begin(), part.end()) != frame.end();
}

// Nothing gets to a slave that does not name it, unless it is for a group.
void CheckForSlave(const FrameContent& frame, uint8_t number) {
  FUZZ_CHECK(frame.size() >= kEthernetHeaderSize);
  std::array<uint8_t, 16> address = {0xfd};
  address[15] = number;
  const std::array<uint8_t, 4> ipv4 = {10, 0, 0, number};
  FUZZ_CHECK((frame[0] & 1) != 0 || Contains(frame, ipv4) || Contains(frame, address));
}

void CheckFromRouter(const FrameContent& sent, const FrameContent& routed) {
  FUZZ_CHECK(routed.size() == sent.size());
  FUZZ_CHECK(std::equal(kPhyMac.begin(), kPhyMac.end(), routed.begin() + 6));
  const bool ipv4 = routed[12] == 0x08;
  if (ipv4) {
    FUZZ_CHECK(routed[22] == sent[22]);  // TTL
    FUZZ_CHECK(std::equal(sent.begin() + 26, sent.begin() + 34, routed.begin() + 26));
  } else {
    FUZZ_CHECK(routed[21] == sent[21]);
    FUZZ_CHECK(std::equal(sent.begin() + 20, sent.end(), routed.begin() + 20));
  }
}

void CheckOutcome(IpvlanWorld& world, const Setting& setting, const FrameContent& frame) {
  for (const SentFrame& sent : world.s1().far->sent) {
    const bool answer = setting.answers() && setting.from_slave() && sent.bytes != frame;
    if (answer) FUZZ_CHECK(sent.bytes.size() == frame.size() && !setting.l2());
    if (!answer) CheckForSlave(sent.bytes, 1);
  }
  for (const SentFrame& sent : world.s2().far->sent) {
    FUZZ_CHECK(sent.bytes == frame);
    CheckForSlave(sent.bytes, 2);
  }
  for (const SentFrame& sent : world.w0().far->sent) {
    FUZZ_CHECK(setting.from_slave());
    if (setting.l2()) FUZZ_CHECK(sent.bytes == frame);
    if (!setting.l2()) CheckFromRouter(frame, sent.bytes);
  }
}

void CheckClassification(const Packet& packet) {
  const AddressKey routed = RoutedBy(packet);
  const AddressKey sent = SentTo(packet);
  // What has a key by which it is looked up is ARP, or can be routed, or is cut short of options.
  if (sent.valid() && packet.Headers()[12] == 0x86) FUZZ_CHECK(routed.valid());
  (void)ReceivedFor(packet), (void)ReceivedFrom(packet), (void)TakenInFor(packet);
}

void Send(const Setting& setting, const FrameContent& frame) {
  IpvlanWorld& world = WorldFor(setting);
  IpvlanWorld::End& from = setting.from_slave() ? world.s1() : world.w0();
  Packet packet = PacketOf(frame);
  CheckClassification(packet);
  if (setting.shared()) {
    rte_mbuf* clone = rte_pktmbuf_clone(PacketBuffer::Mbuf(packet), TestPool());
    from.far->input.push_back(PacketBuffer::FromMbuf(clone));
  } else {
    from.far->input.push_back(PacketOf(frame));
  }
  world.Run(2);
  CheckOutcome(world, setting, frame);
  FUZZ_CHECK(FrameBytes(packet) == frame);
  PacketBuffer::Free({&packet, 1});
  for (IpvlanWorld::End* end : {&world.m0(), &world.s1(), &world.s2(), &world.w0()}) {
    end->far->sent.clear();
  }
  OutboundFrame outbound;
  while (world.plane.host().ReceiveOutbound(outbound)) CheckFromRouter(frame, outbound.bytes);
}

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vswitch;
  if (size < 2 || size > kMaxFrame) return 0;
  StartEal();
  const unsigned in_use = BuffersInUse();
  Send(Setting{data[0]}, FrameContent(data + 1, data + size));
  FUZZ_CHECK(BuffersInUse() == in_use);
  return 0;
}
