// SPDX-License-Identifier: BSD-3-Clause
// Packet::Headers() promises contiguous headers; chains from elsewhere may not have them, and some
// far ends want them otherwise.
#ifndef VSWITCH_PMD_PULL_H_
#define VSWITCH_PMD_PULL_H_

#include <rte_mbuf.h>

#include <algorithm>

namespace vswitch {

inline constexpr uint16_t kContiguousHeaders = 128;

// Moves bytes into the first segment until it holds `want`; does what its buffer has room for.
// REQUIRES: mbuf->pkt_len >= want.
void PullSlow(rte_mbuf* mbuf, uint16_t want);

// Afterwards the first segment holds at least min(pkt_len, 128) bytes where possible.
inline void PullHeaders(rte_mbuf* mbuf) {
  const auto want = static_cast<uint16_t>(std::min<uint32_t>(mbuf->pkt_len, kContiguousHeaders));
  if (mbuf->data_len < want) [[unlikely]]
    PullSlow(mbuf, want);
}

// Cuts the first segment off one byte before its headers end. librte_vhost rewrites the
// pseudo-header sum of what it enqueues, for TSO without the length that virtio wants in it (a
// guest that forwards the frame would send wrong checksums); it leaves headers alone that are not
// contiguous (rte_net_intel_cksum_flags_prepare). Returns the new head of the chain, from `pool`;
// null, and nothing is changed, where there is no buffer. REQUIRES: header_size > 0.
rte_mbuf* SplitHeaders(rte_mbuf* mbuf, uint16_t header_size, rte_mempool* pool);

// For a far end that takes no chains: makes one segment of each. Returns how many from the first on
// are one now; the next has no room for that.
uint16_t JoinChains(rte_mbuf** mbufs, uint16_t count);

}  // namespace vswitch

#endif  // VSWITCH_PMD_PULL_H_
