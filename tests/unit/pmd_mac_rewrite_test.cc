// SPDX-License-Identifier: BSD-3-Clause
// A guest that keeps its own MAC address: what is translated on its way out and in, and what not.
#include <gtest/gtest.h>

#include <numeric>

#include "pmd/mac_rewrite.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

using Bytes = std::vector<uint8_t>;

constexpr MacBytes kGuest{2, 0, 0, 0, 0, 0x11}, kDevice{2, 0, 0, 0, 0, 0xaa};
constexpr MacBytes kOther{2, 0, 0, 0, 0, 0x22};
constexpr MacBytes kBroadcast{0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
constexpr size_t kSenderMac = 22, kTargetMac = 32, kOption = 78;

void Append(Bytes& bytes, std::span<const uint8_t> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

Bytes Ethernet(const MacBytes& destination, const MacBytes& source, uint16_t type) {
  Bytes frame;
  Append(frame, destination);
  Append(frame, source);
  Append(frame, Bytes{static_cast<uint8_t>(type >> 8), static_cast<uint8_t>(type)});
  return frame;
}

Bytes Arp(const MacBytes& destination, const MacBytes& sender, const MacBytes& target) {
  Bytes frame = Ethernet(destination, sender, 0x0806);
  Append(frame, Bytes{0, 1, 8, 0, 6, 4, 0, 1});
  Append(frame, sender);
  Append(frame, Bytes{10, 0, 0, 1});
  Append(frame, target);
  Append(frame, Bytes{10, 0, 0, 2});
  return frame;
}

// A header, to 10.0.0.2.
Bytes Ipv4(const MacBytes& destination) {
  Bytes frame = Ethernet(destination, kOther, 0x0800);
  Append(frame, Bytes{0x45, 0, 0, 20, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2});
  return frame;
}

uint16_t Icmp6Sum(const Bytes& frame) {
  Bytes pseudo(frame.begin() + 22, frame.begin() + 54);
  Append(pseudo, Bytes{0, 0, 0, static_cast<uint8_t>(frame.size() - 54), 0, 0, 0, 58});
  Append(pseudo, std::span(frame).subspan(54));
  return ReferenceSum(pseudo);
}

// A neighbour solicitation (135) or advertisement (136) with one link-layer address option.
Bytes Nd(const MacBytes& destination, const MacBytes& source, uint8_t type,
         const MacBytes& option) {
  Bytes frame = Ethernet(destination, source, 0x86dd);
  Append(frame, Bytes{0x60, 0, 0, 0, 0, 32, 58, 255});
  Bytes addresses(32);
  std::iota(addresses.begin(), addresses.end(), uint8_t{1});
  Append(frame, addresses);
  Append(frame, Bytes{type, 0, 0, 0, 0, 0, 0, 0});
  Append(frame, Bytes(16, 7));
  Append(frame, Bytes{static_cast<uint8_t>(type - 134), 1});
  Append(frame, option);
  const auto checksum = static_cast<uint16_t>(~Icmp6Sum(frame));
  frame[56] = static_cast<uint8_t>(checksum >> 8);
  frame[57] = static_cast<uint8_t>(checksum);
  return frame;
}

MacBytes At(const Bytes& frame, size_t at) {
  MacBytes mac;
  std::copy_n(frame.begin() + static_cast<ptrdiff_t>(at), mac.size(), mac.begin());
  return mac;
}

class MacRewriteTest : public testing::Test {
 protected:
  void SetUp() override { rewrite_.OnAddress(kDevice); }
  void TearDown() override { EXPECT_EQ(BuffersInUse(), before_); }

  // What comes out of the guest.
  Bytes FromGuest(const Bytes& frame, const Offload& offload = {}) {
    far_.input.push_back(ToPacket(frame, offload));
    Burst burst;
    rewrite_.Receive(0, burst);
    Bytes bytes = FrameBytes(burst.packets[0]);
    PacketBuffer::Free(burst.view());
    return bytes;
  }
  // What the guest gets.
  Bytes ToGuest(const Bytes& frame) {
    Burst burst;
    burst.packets[burst.count++] = ToPacket(frame);
    EXPECT_EQ(rewrite_.Send(0, burst).accepted, 1);
    return std::exchange(far_.sent, {}).at(0).bytes;
  }
  void Learn() { (void)FromGuest(Ethernet(kOther, kGuest, 0x0800)); }

  const unsigned before_ = BuffersInUse();
  FarEnd far_;
  MacRewrite rewrite_{std::make_unique<FakeBackend>(far_), TestPool()};
};

TEST_F(MacRewriteTest, TheGuestIsTheDeviceToOthers) {
  const Bytes frame = FromGuest(Ethernet(kOther, kGuest, 0x0800));
  EXPECT_EQ(At(frame, 0), kOther);
  EXPECT_EQ(At(frame, 6), kDevice);
  EXPECT_EQ(At(ToGuest(Ethernet(kDevice, kOther, 0x0800)), 0), kGuest);
  EXPECT_EQ(At(ToGuest(Ethernet(kBroadcast, kOther, 0x0800)), 0), kBroadcast);
  EXPECT_EQ(At(ToGuest(Ethernet(kOther, kDevice, 0x0800)), 6), kDevice);
}

TEST_F(MacRewriteTest, AGuestThatSaidNothingYetIsUnknown) {
  EXPECT_EQ(ToGuest(Nd(kDevice, kOther, 136, kOther)), Nd(kDevice, kOther, 136, kOther));
  EXPECT_EQ(ToGuest(Ipv4(kOther)), Ipv4(kOther));
  (void)FromGuest(Ethernet(kOther, kBroadcast, 0x0800));  // nobody's address
  EXPECT_EQ(ToGuest(Nd(kDevice, kOther, 136, kOther)), Nd(kDevice, kOther, 136, kOther));
}

TEST_F(MacRewriteTest, AGuestThatSaidNothingYetIsAskedInPlaceOfWhatItWouldNotTake) {
  Bytes question = Ethernet(kBroadcast, kDevice, 0x0806);
  Append(question, Bytes{0, 1, 8, 0, 6, 4, 0, 1});
  Append(question, kDevice);
  Append(question, Bytes(10));
  Append(question, Bytes{10, 0, 0, 2});
  EXPECT_EQ(ToGuest(Ipv4(kDevice)), question);
  Bytes cut = Ipv4(kDevice);
  cut.pop_back();
  EXPECT_EQ(ToGuest(cut), cut);
  (void)FromGuest(Arp(kDevice, kGuest, kDevice));
  EXPECT_EQ(ToGuest(Ipv4(kDevice)), Ipv4(kGuest));
}

TEST_F(MacRewriteTest, AGuestMayChangeItsAddressAndTheDeviceToo) {
  Learn();
  (void)FromGuest(Ethernet(kOther, {2, 0, 0, 0, 0, 0x12}, 0x0800));
  EXPECT_EQ(At(ToGuest(Ethernet(kDevice, kOther, 0x0800)), 0), (MacBytes{2, 0, 0, 0, 0, 0x12}));
  rewrite_.OnAddress(kOther);
  EXPECT_EQ(At(ToGuest(Ethernet(kOther, kDevice, 0x0800)), 0), (MacBytes{2, 0, 0, 0, 0, 0x12}));
  (void)FromGuest(Ethernet(kDevice, kOther, 0x0800));  // the device's own
  EXPECT_EQ(At(ToGuest(Ethernet(kOther, kDevice, 0x0800)), 0), kOther);
}

TEST_F(MacRewriteTest, ArpNamesTheDeviceOutsideAndTheGuestInside) {
  const Bytes request = FromGuest(Arp(kBroadcast, kGuest, {}));
  EXPECT_EQ(At(request, 6), kDevice);
  EXPECT_EQ(At(request, kSenderMac), kDevice);
  EXPECT_EQ(At(request, kTargetMac), MacBytes{});
  const Bytes reply = ToGuest(Arp(kDevice, kOther, kDevice));
  EXPECT_EQ(At(reply, kSenderMac), kOther);
  EXPECT_EQ(At(reply, kTargetMac), kGuest);
  // A neighbour that shares the device's address.
  EXPECT_EQ(At(ToGuest(Arp(kDevice, kDevice, kDevice)), kSenderMac), kDevice);
}

TEST_F(MacRewriteTest, NeighbourDiscoveryNamesTheDeviceAndItsChecksumHolds) {
  for (const uint8_t type : {uint8_t{135}, uint8_t{136}}) {
    const Bytes frame = FromGuest(Nd(kOther, kGuest, type, kGuest));
    EXPECT_EQ(At(frame, kOption + 2), kDevice);
    EXPECT_EQ(Icmp6Sum(frame), 0xffff);
  }
  const Bytes in = Nd(kDevice, kDevice, 136, kDevice);
  const Bytes got = ToGuest(in);
  EXPECT_EQ(At(got, 0), kGuest);
  EXPECT_EQ(At(got, kOption + 2), kDevice);
}

TEST_F(MacRewriteTest, AChecksumThatIsStillToComeIsLeftAlone) {
  const Bytes before = Nd(kOther, kGuest, 135, kGuest);
  const Bytes after =
      FromGuest(before, {.csum_start = 54, .csum_offset = 2, .needs_checksum = true});
  EXPECT_EQ(At(after, kOption + 2), kDevice);
  EXPECT_EQ(Be16(after, 56), Be16(before, 56));
}

TEST_F(MacRewriteTest, HostileFramesOfAnyLength) {
  Learn();
  for (const Bytes& whole : {Arp(kDevice, kGuest, kDevice), Nd(kDevice, kGuest, 135, kGuest)}) {
    for (size_t size = 1; size <= whole.size(); ++size) {
      const Bytes cut(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
      EXPECT_EQ(FromGuest(cut).size(), size);
      EXPECT_EQ(ToGuest(cut).size(), size);
    }
  }
  Bytes endless = Nd(kDevice, kGuest, 135, kGuest);
  endless[kOption + 1] = 0;
  EXPECT_EQ(At(FromGuest(endless), kOption + 2), kGuest);
}

TEST_F(MacRewriteTest, AFrameThatOthersHaveTooIsCopied) {
  Learn();
  Packet original = ToPacket(Arp(kBroadcast, kOther, kDevice));
  rte_mbuf* clone = rte_pktmbuf_clone(PacketBuffer::Mbuf(original), TestPool());
  Burst burst;
  burst.packets[burst.count++] = PacketBuffer::FromMbuf(clone);
  EXPECT_EQ(rewrite_.Send(0, burst).accepted, 1);
  EXPECT_EQ(At(far_.sent.at(0).bytes, kTargetMac), kGuest);
  EXPECT_EQ(At(FrameBytes(original), kTargetMac), kDevice);
  PacketBuffer::Free({&original, 1});
}

TEST_F(MacRewriteTest, SaysThatAnyAddressWillDo) { EXPECT_TRUE(rewrite_.Status().any_mac); }

}  // namespace
}  // namespace vswitch
