// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/packet_edit.h"

#include "dataplane/packet_buffer.h"

namespace vswitch {

std::span<uint8_t> WritableHeaders(Packet& packet) {
  if (PacketBuffer::IsGuestFrame(packet)) {
    return std::span(PacketBuffer::Frame(packet).head).first(packet.Headers().size());
  }
  rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
  if (!RTE_MBUF_DIRECT(mbuf) || rte_mbuf_refcnt_read(mbuf) != 1) [[unlikely]] {
    rte_mbuf* copy = PacketBuffer::Copy(packet);
    if (copy == nullptr) return {};
    PacketBuffer::Replace(packet, copy, Offload(packet.offload()));
    rte_pktmbuf_free(mbuf);
    mbuf = copy;
  }
  return {rte_pktmbuf_mtod(mbuf, uint8_t*), mbuf->data_len};
}

void Shorten(Packet& packet, uint32_t length) {
  if (PacketBuffer::IsGuestFrame(packet)) {
    if (length <= packet.Headers().size()) PacketBuffer::CutToHead(packet, length);
    return;
  }
  rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
  const uint32_t surplus = mbuf->pkt_len - length;
  if (surplus > UINT16_MAX || rte_pktmbuf_trim(mbuf, static_cast<uint16_t>(surplus)) != 0) return;
  PacketBuffer::Replace(packet, mbuf, Offload(packet.offload()));
}

// Who sends a frame with an offload request may have to write into it.
std::optional<Packet> Duplicate(const Packet& packet) {
  const bool share = !PacketBuffer::IsGuestFrame(packet) && !packet.offload().Any();
  rte_mbuf* mbuf = share ? PacketBuffer::Mbuf(packet) : nullptr;
  rte_mbuf* twin = share ? rte_pktmbuf_clone(mbuf, mbuf->pool) : PacketBuffer::Copy(packet);
  if (twin == nullptr) return std::nullopt;
  return PacketBuffer::FromMbuf(twin, packet.offload());
}

void Discard(std::span<const Packet> packets) { PacketBuffer::Free(packets); }

}  // namespace vswitch
