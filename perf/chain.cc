// SPDX-License-Identifier: BSD-3-Clause
#include "perf/chain.h"

#include <algorithm>
#include <cstring>
#include <utility>

namespace vswitch {
namespace {

// What each of so many buffers gets: the first one all that fits into it, else all the same, so
// that none is left over.
uint32_t PartOf(uint32_t size, uint16_t parts) {
  return size <= RTE_MBUF_DEFAULT_DATAROOM ? size : (size + parts - 1) / parts;
}

}  // namespace

void SetLengths(rte_mbuf* packet, uint32_t size) {
  const uint32_t most = PartOf(size, packet->nb_segs);
  rte_mbuf* last = nullptr;
  packet->pkt_len = size;
  packet->nb_segs = 0;
  for (rte_mbuf* part = packet; size > 0; part = part->next) {
    part->data_len = static_cast<uint16_t>(std::min(size, most));
    size -= part->data_len;
    last = part;
    ++packet->nb_segs;
  }
  rte_pktmbuf_free(std::exchange(last->next, nullptr));
}

void CopyInto(rte_mbuf* packet, std::span<const uint8_t> bytes) {
  for (rte_mbuf* part = packet; part != nullptr; part = part->next) {
    std::memcpy(rte_pktmbuf_mtod(part, uint8_t*), bytes.data(), part->data_len);
    bytes = bytes.subspan(part->data_len);
  }
}

std::span<const uint8_t> FirstBytes(const rte_mbuf& packet, std::span<uint8_t> room) {
  const uint32_t length = std::min<uint32_t>(packet.pkt_len, static_cast<uint32_t>(room.size()));
  return {static_cast<const uint8_t*>(rte_pktmbuf_read(&packet, 0, length, room.data())), length};
}

}  // namespace vswitch
