// SPDX-License-Identifier: BSD-3-Clause
// A guest's memory as it is mapped here.
#ifndef VSWITCH_PMD_VIRTQUEUE_GUEST_MEMORY_H_
#define VSWITCH_PMD_VIRTQUEUE_GUEST_MEMORY_H_

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"

namespace vswitch {

struct MemoryRegion {
  uint64_t guest = 0;       // address in the guest
  uint64_t size = 0;        // bytes
  uint8_t* host = nullptr;  // where it is mapped

  // Null when the buffer does not lie within this region.
  uint8_t* Translate(uint64_t address, uint32_t length) const {
    const uint64_t offset = address - guest;
    if (offset >= size || length > size - offset) return nullptr;
    return host + offset;
  }
};

// Const once made: workers read it without locks, and a change of the guest's memory is another
// object.
class GuestMemory {
 public:
  // EINVAL when a region is empty, wraps around or overlaps another.
  static absl::StatusOr<GuestMemory> Create(std::span<const MemoryRegion> regions);

  std::span<const MemoryRegion> regions() const { return regions_; }

  // The region that `address` lies in, or null. A buffer may go on in the next one: whoever needs
  // it in one piece asks the region, others take it piece by piece.
  const MemoryRegion* Find(uint64_t address) const;
  // The region that is mapped at this place of ours, or null.
  const MemoryRegion* FindMapped(const void* place) const;

  // Whether so many bytes from there on are mapped from one region.
  bool Contains(const void* place, uint64_t size) const;

 private:
  explicit GuestMemory(std::vector<MemoryRegion> regions) : regions_(std::move(regions)) {}

  std::vector<MemoryRegion> regions_;  // sorted by `guest`; never empty
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_GUEST_MEMORY_H_
