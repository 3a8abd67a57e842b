// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/mac_rewrite.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <rte_arp.h>
#include <rte_ether.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "dataplane/packet_buffer.h"
#include "dataplane/packet_edit.h"
#include "pmd/headers.h"

namespace vswitch {

namespace {

constexpr size_t kDestination = 0, kSource = 6, kEthertype = 12, kNetwork = 14;
// Of an ARP packet for Ethernet and IPv4 (RFC 826).
constexpr size_t kSenderMac = kNetwork + 8, kTargetMac = kNetwork + 18, kArpEnd = kNetwork + 28;
// Of an ICMPv6 message without extension headers before it: RFC 4861 wants none.
constexpr size_t kNextHeader = kNetwork + 6, kIcmp6 = kNetwork + kIpv6HeaderSize;
constexpr size_t kIcmp6Checksum = kIcmp6 + 2;
constexpr size_t kOptionUnit = 8;

bool IsAt(std::span<const uint8_t> frame, size_t at, const MacBytes& mac) {
  return std::equal(mac.begin(), mac.end(), frame.begin() + static_cast<ptrdiff_t>(at));
}

void Put(std::span<uint8_t> frame, size_t at, const MacBytes& mac) {
  std::copy(mac.begin(), mac.end(), frame.begin() + static_cast<ptrdiff_t>(at));
}

constexpr size_t kIpv4Destination = kNetwork + 16;

// Unicast IPv4 for the guest, whoever that is.
bool IsIpv4For(const MacBytes& device, std::span<const uint8_t> frame) {
  return frame.size() >= kNetwork + kIpv4HeaderSize && IsAt(frame, kDestination, device) &&
         ReadBe16(&frame[kEthertype]) == RTE_ETHER_TYPE_IPV4;
}

// An ARP probe (RFC 5227), which names no sender that a guest might remember.
void WriteProbe(std::span<uint8_t, kArpEnd> frame, const MacBytes& device,
                std::span<const uint8_t, 4> target) {
  constexpr std::array<uint8_t, 10> kRequest{0x08, 0x06, 0, 1, 0x08, 0, 6, 4, 0, 1};
  std::fill(frame.begin(), frame.end(), uint8_t{0});
  Put(frame, kDestination, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  Put(frame, kSource, device);
  std::copy(kRequest.begin(), kRequest.end(), frame.begin() + kEthertype);
  Put(frame, kSenderMac, device);
  std::copy(target.begin(), target.end(), frame.begin() + kArpEnd - 4);
}

bool IsArp(std::span<const uint8_t> frame) {
  return frame.size() >= kArpEnd && ReadBe16(&frame[kEthertype]) == RTE_ETHER_TYPE_ARP &&
         ReadBe16(&frame[kNetwork]) == RTE_ARP_HRD_ETHER &&
         frame[kNetwork + 4] == MacBytes().size();
}

// Where the options of a neighbour discovery message begin; 0: it is none.
size_t NdOptions(std::span<const uint8_t> frame) {
  const bool icmp6 = frame.size() >= kIcmp6 + sizeof(icmp6_hdr) &&
                     ReadBe16(&frame[kEthertype]) == RTE_ETHER_TYPE_IPV6 &&
                     frame[kNextHeader] == IPPROTO_ICMPV6;
  if (!icmp6) return 0;
  switch (frame[kIcmp6]) {
    case ND_ROUTER_SOLICIT:
      return kIcmp6 + sizeof(nd_router_solicit);
    case ND_ROUTER_ADVERT:
      return kIcmp6 + sizeof(nd_router_advert);
    case ND_NEIGHBOR_SOLICIT:
    case ND_NEIGHBOR_ADVERT:
      return kIcmp6 + sizeof(nd_neighbor_solicit);
    default:
      return 0;
  }
}

// RFC 1624: three words of the message change. REQUIRES: both are of even place in it.
uint16_t Update(uint16_t checksum, const MacBytes& before, const MacBytes& after) {
  uint32_t sum = static_cast<uint16_t>(~checksum);
  for (size_t i = 0; i < before.size(); i += 2) {
    sum += static_cast<uint16_t>(~ReadBe16(&before[i]));
    sum += ReadBe16(&after[i]);
  }
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

void TranslateNd(std::span<uint8_t> frame, const MacBytes& guest, const MacBytes& device,
                 bool checksum_pending) {
  size_t at = NdOptions(frame);
  if (at == 0) return;
  for (; at + kOptionUnit <= frame.size() && frame[at + 1] != 0;
       at += kOptionUnit * frame[at + 1]) {
    const bool lladdr = frame[at] == ND_OPT_SOURCE_LINKADDR || frame[at] == ND_OPT_TARGET_LINKADDR;
    if (!lladdr || !IsAt(frame, at + 2, guest)) continue;
    Put(frame, at + 2, device);
    if (checksum_pending) continue;
    WriteBe16(&frame[kIcmp6Checksum], Update(ReadBe16(&frame[kIcmp6Checksum]), guest, device));
  }
}

// Of a packet that was just received: nobody else has it.
std::span<uint8_t> HeadOf(const Packet& packet) {
  const std::span<const uint8_t> head = packet.Headers();
  return {const_cast<uint8_t*>(head.data()), head.size()};
}

// Where TranslateToGuest looks for it. Most frames need no copy.
bool NamesDevice(std::span<const uint8_t> frame, const MacBytes& device) {
  if (frame.size() < kNetwork) return false;
  return IsAt(frame, kDestination, device) || (IsArp(frame) && IsAt(frame, kTargetMac, device));
}

uint64_t Pack(const MacBytes& mac) {
  uint64_t packed = 0;
  std::memcpy(&packed, mac.data(), mac.size());
  return packed;
}

MacBytes Unpack(uint64_t packed) {
  MacBytes mac;
  std::memcpy(mac.data(), &packed, mac.size());
  return mac;
}

}  // namespace

void TranslateFromGuest(std::span<uint8_t> frame, const MacBytes& guest, const MacBytes& device,
                        bool checksum_pending) {
  if (frame.size() < kNetwork) return;
  if (IsAt(frame, kSource, guest)) Put(frame, kSource, device);
  if (!IsArp(frame)) return TranslateNd(frame, guest, device, checksum_pending);
  for (const size_t at : {kSenderMac, kTargetMac}) {
    if (IsAt(frame, at, guest)) Put(frame, at, device);
  }
}

void TranslateToGuest(std::span<uint8_t> frame, const MacBytes& guest, const MacBytes& device) {
  if (frame.size() < kNetwork) return;
  if (IsAt(frame, kDestination, device)) Put(frame, kDestination, guest);
  if (IsArp(frame) && IsAt(frame, kTargetMac, device)) Put(frame, kTargetMac, guest);
}

void MacRewrite::Receive(uint16_t queue, Burst& burst) {
  backend_->Receive(queue, burst);
  const MacBytes device = Unpack(device_.load(std::memory_order_relaxed));
  for (const Packet& packet : burst.view()) {
    const std::span<uint8_t> frame = HeadOf(packet);
    if (frame.size() < kNetwork) continue;
    MacBytes guest;
    std::copy_n(frame.begin() + kSource, guest.size(), guest.begin());
    if ((guest[0] & 1) != 0) continue;
    // Written only when it changes: other workers read it.
    if (Pack(guest) != guest_.load(std::memory_order_relaxed)) {
      guest_.store(Pack(guest), std::memory_order_relaxed);
    }
    if (guest == device) continue;
    TranslateFromGuest(frame, guest, device, packet.offload().needs_checksum);
  }
}

SendResult MacRewrite::Send(uint16_t queue, Burst& burst) {
  const uint64_t guest = guest_.load(std::memory_order_relaxed);
  const MacBytes device = Unpack(device_.load(std::memory_order_relaxed));
  for (Packet& packet : burst.view()) {
    guest != 0 ? ToGuest(packet, Unpack(guest), device) : AskGuest(packet, device);
  }
  return backend_->Send(queue, burst);
}

// Without a buffer for a copy the guest gets the frame as it is, and takes it for another's.
void MacRewrite::ToGuest(Packet& packet, const MacBytes& guest, const MacBytes& device) {
  if (!NamesDevice(packet.Headers(), device)) return;
  TranslateToGuest(WritableHeaders(packet), guest, device);
}

// A guest that says nothing by itself would not take the packet: the question comes in its place,
// and the answer brings the address for the next one.
void MacRewrite::AskGuest(Packet& packet, const MacBytes& device) {
  if (!IsIpv4For(device, packet.Headers())) return;
  rte_mbuf* question = rte_pktmbuf_alloc(pool_);
  if (question == nullptr) return;
  auto* bytes = reinterpret_cast<uint8_t*>(rte_pktmbuf_append(question, kArpEnd));
  if (bytes == nullptr) return rte_pktmbuf_free(question);
  const std::span<const uint8_t, 4> target(&packet.Headers()[kIpv4Destination], 4);
  WriteProbe(std::span<uint8_t, kArpEnd>(bytes, kArpEnd), device, target);
  PacketBuffer::Free({&packet, 1});
  PacketBuffer::Replace(packet, question, {});
}

BackendStatus MacRewrite::Status() const {
  BackendStatus status = backend_->Status();
  status.any_mac = true;
  return status;
}

void MacRewrite::OnAddress(const MacBytes& address) {
  device_.store(Pack(address), std::memory_order_relaxed);
}

}  // namespace vswitch
