// SPDX-License-Identifier: BSD-3-Clause
// The storage behind a Packet. For backends, mailboxes and whoever frees packets; never for devices
// (the include lint keeps it out of netdev.h and the kinds).
#ifndef VSWITCH_DATAPLANE_PACKET_BUFFER_H_
#define VSWITCH_DATAPLANE_PACKET_BUFFER_H_

#include <rte_mbuf.h>

#include <algorithm>
#include <cstdint>
#include <span>

#include "dataplane/guest_frame.h"
#include "dataplane/packet.h"

namespace vswitch {

// A packet is on one of two lanes: behind an mbuf, or still in the memory of the guest that sends
// it.
struct PacketBuffer {
  // Wraps an mbuf (chain) the caller owns; afterwards the packet owns it.
  static Packet FromMbuf(rte_mbuf* mbuf, const Offload& offload = {}) {
    Packet packet;
    packet.head_ = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    packet.head_length_ = mbuf->data_len;
    packet.length_ = mbuf->pkt_len;
    packet.buffer_ = reinterpret_cast<uintptr_t>(mbuf);
    packet.offload_ = offload;
    return packet;
  }

  // Wraps a guest's frame of `length` bytes, the first of which are in frame.head. It stays where
  // it is until Backend::Finish: whoever keeps the packet longer calls ToMbuf.
  static Packet FromGuest(GuestFrame& frame, uint32_t length, const Offload& offload = {}) {
    Packet packet;
    packet.head_ = frame.head.data();
    packet.head_length_ = static_cast<uint16_t>(std::min<uint32_t>(length, GuestFrame::kHead));
    packet.length_ = length;
    packet.buffer_ = reinterpret_cast<uintptr_t>(&frame) | kGuest;
    packet.offload_ = offload;
    return packet;
  }

  static bool IsGuestFrame(const Packet& packet) { return (packet.buffer_ & kGuest) != 0; }
  static bool AnyGuestFrame(std::span<const Packet> packets) {
    uintptr_t tags = 0;
    for (const Packet& packet : packets) tags |= packet.buffer_;
    return (tags & kGuest) != 0;
  }
  // REQUIRES: IsGuestFrame
  static GuestFrame& Frame(const Packet& packet) {
    return *reinterpret_cast<GuestFrame*>(packet.buffer_ - kGuest);
  }
  // The mbuf chain behind the packet. Ownership stays with the packet until the caller says
  // otherwise. REQUIRES: !IsGuestFrame
  static rte_mbuf* Mbuf(const Packet& packet) {
    return reinterpret_cast<rte_mbuf*>(packet.buffer_);
  }

  // Puts an mbuf behind a packet that has none. False when there is no buffer; the packet is then
  // as it was.
  static bool ToMbuf(Packet& packet) { return !IsGuestFrame(packet) || LeaveGuest(packet); }
  // The packet's bytes in an mbuf of their own, the caller's; null when there is no buffer.
  static rte_mbuf* Copy(const Packet& packet);

  // Puts another buffer behind the packet, e.g. after completing an offload; the caller has freed
  // the old one.
  static void Replace(Packet& packet, rte_mbuf* mbuf, const Offload& offload) {
    packet = FromMbuf(mbuf, offload);
  }
  // Cuts a guest's frame to its first bytes. REQUIRES: IsGuestFrame, length <= Headers().size()
  static void CutToHead(Packet& packet, uint32_t length) {
    Frame(packet).rest_count = 0;
    packet = FromGuest(Frame(packet), length, packet.offload());
  }

  // visit(const uint8_t* data, uint32_t length) for each piece of the frame, in order.
  template <typename Visit>
  static void ForEachPiece(const Packet& packet, const Visit& visit) {
    if (IsGuestFrame(packet)) {
      const GuestFrame& frame = Frame(packet);
      visit(frame.head.data(), packet.head_length_);
      for (uint16_t i = 0; i < frame.rest_count; ++i)
        visit(frame.rest[i].data, frame.rest[i].length);
      return;
    }
    for (const rte_mbuf* mbuf = Mbuf(packet); mbuf != nullptr; mbuf = mbuf->next) {
      visit(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len);
    }
  }

  // Frees every packet of the span; the packets' lengths stay readable. A guest's frame goes back
  // to it with the burst it came in.
  static void Free(std::span<const Packet> packets) {
    for (const Packet& packet : packets) {
      if (!IsGuestFrame(packet)) rte_pktmbuf_free(Mbuf(packet));
    }
  }

 private:
  static constexpr uintptr_t kGuest = 1;

  static bool LeaveGuest(Packet& packet);
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_PACKET_BUFFER_H_
