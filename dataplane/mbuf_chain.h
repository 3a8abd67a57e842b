// SPDX-License-Identifier: BSD-3-Clause
// Bytes become a chain of mbufs.
#ifndef VSWITCH_DATAPLANE_MBUF_CHAIN_H_
#define VSWITCH_DATAPLANE_MBUF_CHAIN_H_

#include <rte_mbuf.h>

#include <cstdint>
#include <span>
#include <utility>

namespace vswitch {

// One thread. The first mbuf holds as many bytes as it has room for, and so on.
class MbufChain {
 public:
  explicit MbufChain(rte_mempool* pool) : pool_(pool) {}
  ~MbufChain() { rte_pktmbuf_free(head_); }
  MbufChain(const MbufChain&) = delete;
  MbufChain& operator=(const MbufChain&) = delete;

  // False when the pool is empty, or the chain has no room for so many.
  bool Append(std::span<const uint8_t> bytes);
  // The chain is the caller's; null when nothing was appended.
  rte_mbuf* Release() { return std::exchange(head_, nullptr); }

 private:
  bool Extend();

  rte_mempool* const pool_;
  rte_mbuf* head_ = nullptr;
  rte_mbuf* tail_ = nullptr;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_MBUF_CHAIN_H_
