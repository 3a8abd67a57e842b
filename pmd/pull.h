// SPDX-License-Identifier: BSD-3-Clause
// Packet::Headers() promises contiguous headers; chains from elsewhere may not have them, and some
// far ends take no chains.
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

// For a far end that takes no chains: makes one segment of each. Returns how many from the first on
// are one now; the next has no room for that.
uint16_t JoinChains(rte_mbuf** mbufs, uint16_t count);

}  // namespace vswitch

#endif  // VSWITCH_PMD_PULL_H_
