// SPDX-License-Identifier: BSD-3-Clause
// What it takes to serve a virtqueue.
#ifndef VSWITCH_PMD_VIRTQUEUE_RING_SETUP_H_
#define VSWITCH_PMD_VIRTQUEUE_RING_SETUP_H_

#include <array>
#include <cstdint>

#include "absl/status/status.h"
#include "pmd/virtqueue/dirty_log.h"
#include "pmd/virtqueue/guest_memory.h"

namespace vswitch {

struct RingSetup {
  // The three areas of a virtqueue, mapped in full for as long as the ring is served.
  void* descriptors = nullptr;
  void* driver = nullptr;  // available ring, or the driver's event suppression
  void* device = nullptr;  // used ring, or the device's event suppression
  uint16_t size = 0;       // descriptors
  int call_fd = -1;        // eventfd that interrupts the guest; -1: it polls
  const GuestMemory* memory = nullptr;
  const DirtyLog* log = nullptr;  // null: nobody moves the guest

  uint16_t header_size = 12;  // of the virtio_net_hdr before each frame: 10 or 12
  bool mergeable = false;     // VIRTIO_NET_F_MRG_RXBUF; REQUIRES header_size 12
  bool event_index = false;   // VIRTIO_F_EVENT_IDX
  bool indirect = false;      // VIRTIO_F_INDIRECT_DESC
  bool in_order = false;      // VIRTIO_F_IN_ORDER
};

// Where a virtqueue lies: all that is ever read or written of it.
struct RingAreas {
  struct Area {
    const void* start;
    uint64_t size;
  };
  static RingAreas OfSplit(const RingSetup& setup);
  static RingAreas OfPacked(const RingSetup& setup);

  bool LieIn(const GuestMemory& memory) const;

  std::array<Area, 3> all;
};

// EINVAL for sizes and alignments that virtio 1.1, 2.6 and 2.7 do not allow.
absl::Status CheckSplitSetup(const RingSetup& setup);
absl::Status CheckPackedSetup(const RingSetup& setup);

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_RING_SETUP_H_
