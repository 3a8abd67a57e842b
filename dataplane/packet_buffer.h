// SPDX-License-Identifier: BSD-3-Clause
// The storage behind a Packet. For backends, mailboxes and whoever frees packets; never for devices
// (the include lint keeps it out of netdev.h and the kinds).
#ifndef VSWITCH_DATAPLANE_PACKET_BUFFER_H_
#define VSWITCH_DATAPLANE_PACKET_BUFFER_H_

#include <rte_mbuf.h>

#include <algorithm>
#include <span>

#include "dataplane/packet.h"

namespace vswitch {

struct PacketBuffer {
  // Wraps an mbuf (chain) the caller owns; afterwards the packet owns it.
  static Packet FromMbuf(rte_mbuf* mbuf, const Offload& offload = {}) {
    Packet packet;
    packet.head_ = rte_pktmbuf_mtod(mbuf, const uint8_t*);
    packet.head_length_ = mbuf->data_len;
    packet.length_ = mbuf->pkt_len;
    packet.buffer_ = mbuf;
    packet.offload_ = offload;
    return packet;
  }

  // The mbuf chain behind the packet. Ownership stays with the packet until the caller says
  // otherwise.
  static rte_mbuf* Mbuf(const Packet& packet) { return static_cast<rte_mbuf*>(packet.buffer_); }

  // Puts another buffer behind the packet, e.g. after completing an offload; the caller has freed
  // the old one.
  static void Replace(Packet& packet, rte_mbuf* mbuf, const Offload& offload) {
    packet = FromMbuf(mbuf, offload);
  }

  // Frees every packet of the span; the packets' lengths stay readable.
  static void Free(std::span<const Packet> packets) {
    for (const Packet& packet : packets) rte_pktmbuf_free(Mbuf(packet));
  }
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_PACKET_BUFFER_H_
