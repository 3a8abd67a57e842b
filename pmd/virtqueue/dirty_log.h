// SPDX-License-Identifier: BSD-3-Clause
// Which pages of a guest's memory we have written to: its VMM copies them once more when it moves
// the guest to another machine.
#ifndef VSWITCH_PMD_VIRTQUEUE_DIRTY_LOG_H_
#define VSWITCH_PMD_VIRTQUEUE_DIRTY_LOG_H_

#include <cstdint>
#include <span>

#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/guest_memory.h"

namespace vswitch {

// The bitmap of VHOST_USER_SET_LOG_BASE. A page is marked after it was written to: the VMM takes a
// mark away before it copies the page, so that one which came first could be taken in vain.
//
// Where a ring lies in the guest is found like any other place. The address that VHOST_USER_SET_
// VRING_ADDR has for its log is not needed, and not reliable: QEMU names the device area, which in
// a packed ring is not where used descriptors are, and others leave it out.
//
// Any thread; the VMM clears bits at the same time.
class DirtyLog {
 public:
  static constexpr uint64_t kPageSize = 4096;

  // So many bytes, with a bit for each page from the guest's address 0 on; what lies behind is not
  // logged. They and `memory` stay for as long as the log is used.
  DirtyLog(const GuestMemory& memory, uint8_t* bits, uint64_t size)
      : memory_(memory), bits_(bits), size_(size) {}

  // Bytes of the guest's memory where they are mapped here, in one region.
  void Mark(const void* data, uint64_t length) const;
  // Chains as they are given back to a guest that receives: their first segment has the bytes that
  // were written to all of the chain, and the others those of their own.
  void MarkChains(std::span<const Segment> chains) const;

 private:
  void MarkPage(uint64_t page) const;

  const GuestMemory& memory_;
  uint8_t* const bits_;
  const uint64_t size_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_DIRTY_LOG_H_
