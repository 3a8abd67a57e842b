// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ipvlan_answer.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <rte_arp.h>
#include <rte_ether.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/big_endian.h"
#include "dataplane/packet_edit.h"

namespace vswitch {

namespace {

using Bytes = std::span<const uint8_t>;

// From the start of the frame.
constexpr size_t kArpOperation = 20, kArpSenderMac = 22, kArpSenderIp = 28, kArpTargetMac = 32,
                 kArpTargetIp = 38, kArpEnd = 42;
constexpr size_t kIpv6Payload = 18, kIpv6Next = 20, kHopLimit = 21, kIpv6Source = 22,
                 kIpv6Destination = 38;
constexpr size_t kNdType = 54, kNdChecksum = 56, kNdFlags = 58, kNdTarget = 62, kNdOption = 78,
                 kNdOptionMac = 80;
constexpr size_t kNdEnd = 86;
constexpr uint16_t kNdSize = kNdEnd - kNdType;  // with the one option, the sender's MAC

bool IsZero(Bytes bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte == 0; });
}

// Not one that announces an address, which would take an answer for another owner's (RFC 5227).
bool IsArp(Bytes frame) {
  return frame.size() >= kArpEnd && ReadBe16(&frame[12]) == RTE_ETHER_TYPE_ARP &&
         ReadBe16(&frame[14]) == RTE_ARP_HRD_ETHER && ReadBe16(&frame[16]) == RTE_ETHER_TYPE_IPV4 &&
         ReadBe16(&frame[18]) == 0x0604;
}

bool IsSolicitation(Bytes frame) {
  return frame.size() >= kNdOption && ReadBe16(&frame[12]) == RTE_ETHER_TYPE_IPV6 &&
         frame[14] >> 4 == 6 && frame[kIpv6Next] == IPPROTO_ICMPV6 && frame[kHopLimit] == 255 &&
         frame[kNdType] == ND_NEIGHBOR_SOLICIT && frame[kNdType + 1] == 0;
}

// From a node that has an address, and does not just say so.
bool WantsArpAnswer(Bytes frame) {
  return ReadBe16(&frame[kArpOperation]) == RTE_ARP_OP_REQUEST &&
         !IsZero(frame.subspan(kArpSenderIp, 4)) && (frame[kArpTargetIp] & 0xf0) != 0xe0 &&
         std::memcmp(&frame[kArpSenderIp], &frame[kArpTargetIp], 4) != 0;
}

// The same, with its MAC, as RFC 4861 wants it when the group is asked.
bool WantsAdvertisement(Bytes frame) {
  return frame.size() >= kNdEnd && ReadBe16(&frame[kIpv6Payload]) == kNdSize &&
         frame[kNdOption] == ND_OPT_SOURCE_LINKADDR && frame[kNdOption + 1] == 1 &&
         !IsZero(frame.subspan(kIpv6Source, 16)) && frame[kNdTarget] != 0xff;
}

void AnswerArp(std::span<uint8_t> frame, const EthernetAddress& mac) {
  WriteBe16(&frame[kArpOperation], RTE_ARP_OP_REPLY);
  std::swap_ranges(frame.begin() + kArpSenderMac, frame.begin() + kArpTargetMac,
                   frame.begin() + kArpTargetMac);
  std::copy(mac.begin(), mac.end(), frame.begin() + kArpSenderMac);
}

// Of the pseudo header and the message (RFC 4443, 2.3).
uint16_t NdChecksum(Bytes frame) {
  uint32_t sum = kNdSize + IPPROTO_ICMPV6;
  for (size_t i = kIpv6Source; i < kNdEnd; i += 2) sum += ReadBe16(&frame[i]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void AnswerSolicitation(std::span<uint8_t> frame, const EthernetAddress& mac) {
  std::copy_n(frame.begin() + kIpv6Source, 16, frame.begin() + kIpv6Destination);
  std::copy_n(frame.begin() + kNdTarget, 16, frame.begin() + kIpv6Source);
  frame[kNdType] = ND_NEIGHBOR_ADVERT;
  frame[kNdFlags] = 0x60;  // solicited, override
  frame[kNdOption] = ND_OPT_TARGET_LINKADDR;
  std::copy(mac.begin(), mac.end(), frame.begin() + kNdOptionMac);
  WriteBe16(&frame[kNdChecksum], 0);
  WriteBe16(&frame[kNdChecksum], NdChecksum(frame));
}

bool Has(DeviceId slave, const AddressKey& address, const AddressTable& addresses) {
  return addresses.Find(address) == std::bit_cast<uint64_t>(slave);
}

}  // namespace

NeighbourAnswer AnswerNeighbour(Packet& packet, const EthernetAddress& mac, DeviceId slave,
                                const AddressTable& addresses) {
  const Bytes head = packet.Headers();
  const bool arp = IsArp(head);
  if (!arp && !IsSolicitation(head)) return NeighbourAnswer::kNone;
  const AddressKey target =
      arp ? AddressKey::Ipv4(std::span<const uint8_t, 4>(head.data() + kArpTargetIp, 4))
          : AddressKey::Ipv6(std::span<const uint8_t, 16>(head.data() + kNdTarget, 16));
  if (Has(slave, target, addresses)) return NeighbourAnswer::kOwn;
  const bool wanted = arp ? WantsArpAnswer(head) : WantsAdvertisement(head);
  if (!wanted || packet.offload().Any()) return NeighbourAnswer::kNone;
  const std::span<uint8_t> frame = WritableHeaders(packet);
  if (frame.empty()) return NeighbourAnswer::kNone;
  const EthernetAddress asker = EthernetView(frame).source();
  arp ? AnswerArp(frame, mac) : AnswerSolicitation(frame, mac);
  SetAddresses(frame, asker, mac);
  return NeighbourAnswer::kReady;
}

}  // namespace vswitch
