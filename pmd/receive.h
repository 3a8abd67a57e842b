// SPDX-License-Identifier: BSD-3-Clause
// Received mbufs that may carry requests as flags become a burst.
#ifndef VSWITCH_PMD_RECEIVE_H_
#define VSWITCH_PMD_RECEIVE_H_

#include <rte_mbuf.h>

#include <span>

#include "dataplane/packet_buffer.h"
#include "pmd/pull.h"

namespace vswitch {

// `take` is TakeTxRequest or a function like it. Frees what it refuses. REQUIRES: room in `burst`.
template <typename Take>
void FillBurst(std::span<rte_mbuf* const> mbufs, const Take& take, Burst& burst) {
  for (rte_mbuf* mbuf : mbufs) {
    PullHeaders(mbuf);
    Offload offload;
    if (!take(mbuf, &offload)) {
      rte_pktmbuf_free(mbuf);
      ++burst.malformed;
      continue;
    }
    burst.packets[burst.count++] = PacketBuffer::FromMbuf(mbuf, offload);
  }
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_RECEIVE_H_
