// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/pull.h"

#include <cstring>

namespace vswitch {
namespace {

// Makes room behind the data of an unshared segment by moving it to the front of the buffer.
bool MakeRoom(rte_mbuf* mbuf, uint16_t want) {
  if (!RTE_MBUF_DIRECT(mbuf) || rte_mbuf_refcnt_read(mbuf) != 1) return false;
  if (mbuf->data_off + want <= mbuf->buf_len) return true;
  if (want > mbuf->buf_len) return false;
  std::memmove(mbuf->buf_addr, rte_pktmbuf_mtod(mbuf, const void*), mbuf->data_len);
  mbuf->data_off = 0;
  return true;
}

}  // namespace

void PullSlow(rte_mbuf* mbuf, uint16_t want) {
  if (!MakeRoom(mbuf, want)) return;
  while (mbuf->data_len < want && mbuf->next != nullptr) {
    rte_mbuf* next = mbuf->next;
    const uint16_t n = std::min<uint16_t>(want - mbuf->data_len, next->data_len);
    std::memcpy(rte_pktmbuf_mtod_offset(mbuf, void*, mbuf->data_len),
                rte_pktmbuf_mtod(next, const void*), n);
    mbuf->data_len += n;
    next->data_off += n;
    next->data_len -= n;
    if (next->data_len > 0) continue;
    mbuf->next = next->next;
    --mbuf->nb_segs;
    rte_pktmbuf_free_seg(next);
  }
}

uint16_t JoinChains(rte_mbuf** mbufs, uint16_t count) {
  for (uint16_t i = 0; i < count; ++i) {
    if (mbufs[i]->nb_segs > 1 && rte_pktmbuf_linearize(mbufs[i]) != 0) return i;
  }
  return count;
}

}  // namespace vswitch
