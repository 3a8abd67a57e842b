// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/packet_buffer.h"

#include "dataplane/mbuf_chain.h"

namespace vswitch {

rte_mbuf* PacketBuffer::Copy(const Packet& packet) {
  if (!IsGuestFrame(packet)) {
    rte_mbuf* mbuf = Mbuf(packet);
    return rte_pktmbuf_copy(mbuf, mbuf->pool, 0, UINT32_MAX);
  }
  MbufChain chain(Frame(packet).pool);
  bool room = true;
  ForEachPiece(packet, [&](const uint8_t* data, uint32_t length) {
    room = room && chain.Append({data, length});
  });
  return room ? chain.Release() : nullptr;
}

bool PacketBuffer::LeaveGuest(Packet& packet) {
  rte_mbuf* mbuf = Copy(packet);
  if (mbuf != nullptr) packet = FromMbuf(mbuf, packet.offload());
  return mbuf != nullptr;
}

}  // namespace vswitch
