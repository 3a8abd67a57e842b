// SPDX-License-Identifier: BSD-3-Clause
// What both kinds of rings know of their buffers.
#ifndef VSWITCH_PMD_VIRTQUEUE_RING_BUFFERS_H_
#define VSWITCH_PMD_VIRTQUEUE_RING_BUFFERS_H_

#include <algorithm>
#include <cstdint>

#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/guest_memory.h"
#include "pmd/virtqueue/ring_setup.h"

namespace vswitch {

// Where most buffers are to be found, to be copied into registers.
struct PlainBuffers {
  explicit PlainBuffers(const MemoryRegion& region)
      : longest(static_cast<uint32_t>(std::min<uint64_t>(kMaxChainBytes, region.size))),
        region(region) {}

  uint32_t longest;
  MemoryRegion region;

  // Whether the buffer lies in this region, and has bytes, but not too many for a chain.
  bool Holds(uint64_t address, uint32_t length) const {
    return length - 1 < longest && address - region.guest <= region.size - length;
  }
  uint8_t* At(uint64_t address) const { return region.host + (address - region.guest); }
};

class RingBuffers {
 public:
  explicit RingBuffers(const RingSetup& setup)
      : usual_(setup.memory->regions().front()),
        header_size_(setup.header_size),
        indirect_(setup.indirect),
        memory_(setup.memory),
        log_(setup.log) {}

  uint16_t header_size() const { return header_size_; }
  bool indirect() const { return indirect_; }
  const GuestMemory& memory() const { return *memory_; }
  // Null: what we write need not be logged.
  const DirtyLog* log() const { return log_; }
  // To be called after writing there.
  void Log(const void* data, uint64_t length) const {
    if (log_ != nullptr) [[unlikely]]
      log_->Mark(data, length);
  }

  PlainBuffers Plain() const { return PlainBuffers(usual_); }
  // From now on most come from the region that `address` lies in.
  void Expect(uint64_t address) {
    if (const MemoryRegion* region = memory_->Find(address)) usual_ = *region;
  }

 private:
  MemoryRegion usual_;
  uint16_t header_size_;
  bool indirect_;
  const GuestMemory* memory_;
  const DirtyLog* log_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_RING_BUFFERS_H_
