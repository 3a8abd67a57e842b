// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mbuf_chain.h"

#include <algorithm>
#include <cstring>

namespace vswitch {

bool MbufChain::Append(std::span<const uint8_t> bytes) {
  while (!bytes.empty()) {
    if ((tail_ == nullptr || rte_pktmbuf_tailroom(tail_) == 0) && !Extend()) return false;
    const size_t n = std::min<size_t>(bytes.size(), rte_pktmbuf_tailroom(tail_));
    std::memcpy(rte_pktmbuf_mtod_offset(tail_, uint8_t*, tail_->data_len), bytes.data(), n);
    tail_->data_len += static_cast<uint16_t>(n);
    head_->pkt_len += static_cast<uint32_t>(n);
    bytes = bytes.subspan(n);
  }
  return true;
}

bool MbufChain::Extend() {
  if (head_ != nullptr && head_->nb_segs == UINT16_MAX) return false;
  rte_mbuf* more = rte_pktmbuf_alloc(pool_);
  if (more == nullptr) return false;
  if (head_ == nullptr) {
    head_ = more;
  } else {
    tail_->next = more;
    ++head_->nb_segs;
  }
  tail_ = more;
  return true;
}

}  // namespace vswitch
