// SPDX-License-Identifier: BSD-3-Clause
// Where the frames of a burst are while they are a worker's.
#ifndef VSWITCH_PMD_VIRTQUEUE_FRAME_STORE_H_
#define VSWITCH_PMD_VIRTQUEUE_FRAME_STORE_H_

#include <array>

#include "dataplane/guest_frame.h"
#include "dataplane/packet.h"
#include "pmd/virtqueue/chain.h"

namespace vswitch {

// One a worker is enough: the frames of a burst are gone before the next queue is looked at, so
// that however many queues there are, this stays in the cache.
struct FrameStore {
  // `pool`: for frames that are kept longer.
  explicit FrameStore(rte_mempool* pool = nullptr) { UsePool(pool); }

  void UsePool(rte_mempool* pool) {
    for (GuestFrame& frame : frames) frame.pool = pool;
  }

  std::array<GuestFrame, Burst::kCapacity> frames;
  ChainList chains;   // that the frames came in
  ChainList buffers;  // to write into
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_FRAME_STORE_H_
