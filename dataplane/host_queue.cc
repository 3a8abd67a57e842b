// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/host_queue.h"

#include <netinet/in.h>
#include <rte_ether.h>

#include <algorithm>

#include "dataplane/big_endian.h"
#include "dataplane/mbuf_chain.h"
#include "dataplane/packet_buffer.h"

namespace vswitch {

namespace {

constexpr size_t kIpv4Protocol = 9;    // from the start of the IPv4 header
constexpr size_t kIpv6NextHeader = 6;  // from the start of the IPv6 header

uint16_t EtherType(std::span<const uint8_t> headers) { return ReadBe16(&headers[12]); }

// Extension headers may stand before ICMPv6; TCP and UDP may not be followed by it.
bool MayHoldIcmp6(uint8_t next_header) {
  return next_header == IPPROTO_ICMPV6 || next_header == IPPROTO_HOPOPTS ||
         next_header == IPPROTO_ROUTING || next_header == IPPROTO_DSTOPTS;
}

void CopyBytes(const Packet& packet, std::vector<uint8_t>& bytes) {
  bytes.clear();
  PacketBuffer::ForEachPiece(packet, [&bytes](const uint8_t* data, uint32_t length) {
    bytes.insert(bytes.end(), data, data + length);
  });
}

}  // namespace

HostQueue::HostQueue(uint16_t workers, uint32_t capacity) : inbox_(capacity), outbound_(capacity) {
  for (uint16_t i = 0; i < workers; ++i) outboxes_.push_back(std::make_unique<Mailbox>(capacity));
}

bool HostQueue::Takes(const Packet& packet) {
  const std::span<const uint8_t> headers = packet.Headers();
  if (headers.size() < kEthernetHeaderSize || packet.IsGso()) return false;
  const std::span<const uint8_t> network = headers.subspan(kEthernetHeaderSize);
  switch (EtherType(headers)) {
    case RTE_ETHER_TYPE_ARP:
      return true;
    case RTE_ETHER_TYPE_IPV4:
      return network.size() > kIpv4Protocol && network[kIpv4Protocol] == IPPROTO_ICMP;
    case RTE_ETHER_TYPE_IPV6:
      return network.size() > kIpv6NextHeader && MayHoldIcmp6(network[kIpv6NextHeader]);
    default:
      return false;
  }
}

bool HostQueue::Receive(HostFrame& frame) {
  Letter letter;
  if (inbox_.Drain({&letter, 1}) == 0) return false;
  frame.device = letter.route.to;
  frame.checksum_pending = letter.packet.offload().needs_checksum;
  CopyBytes(letter.packet, frame.bytes);
  PacketBuffer::Free({&letter.packet, 1});
  return true;
}

bool HostQueue::ReceiveOutbound(OutboundFrame& frame) {
  Letter letter;
  if (outbound_.Drain({&letter, 1}) == 0) return false;
  frame.sender = letter.route.from;
  frame.lower = letter.route.to;
  frame.offload = letter.packet.offload();
  CopyBytes(letter.packet, frame.bytes);
  PacketBuffer::Free({&letter.packet, 1});
  return true;
}

bool HostQueue::Send(uint16_t worker, DeviceId device, std::span<const uint8_t> bytes,
                     rte_mempool* pool, const Offload& offload) {
  return PostOut(worker, {.from = device, .to = {}}, bytes, pool, offload);
}

bool HostQueue::HandIn(uint16_t worker, DeviceId device, std::span<const uint8_t> bytes,
                       rte_mempool* pool, const Offload& offload) {
  const Route route{.from = {}, .to = device, .marks = kCountNothing | kPastHandler};
  return PostOut(worker, route, bytes, pool, offload);
}

bool HostQueue::PostOut(uint16_t worker, const Route& route, std::span<const uint8_t> bytes,
                        rte_mempool* pool, const Offload& offload) {
  MbufChain chain(pool);
  if (bytes.empty() || !chain.Append(bytes)) return false;
  const Packet packet = PacketBuffer::FromMbuf(chain.Release(), offload);
  if (outboxes_[worker]->Post(route, {&packet, 1}) == 1) return true;
  PacketBuffer::Free({&packet, 1});
  return false;
}

}  // namespace vswitch
