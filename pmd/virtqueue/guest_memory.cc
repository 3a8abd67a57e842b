// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/guest_memory.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "dataplane/errno_status.h"

namespace vswitch {

absl::StatusOr<GuestMemory> GuestMemory::Create(std::span<const MemoryRegion> regions) {
  std::vector<MemoryRegion> sorted(regions.begin(), regions.end());
  std::sort(sorted.begin(), sorted.end(),
            [](const MemoryRegion& a, const MemoryRegion& b) { return a.guest < b.guest; });
  if (sorted.empty()) return ErrnoStatus(EINVAL, "the guest has no memory");
  uint64_t end = 0;
  for (const MemoryRegion& region : sorted) {
    if (region.host == nullptr || region.size == 0 || region.guest + region.size < region.guest) {
      return ErrnoStatus(EINVAL, "a memory region of the guest is empty or wraps around");
    }
    if (region.guest < end) return ErrnoStatus(EINVAL, "memory regions of the guest overlap");
    end = region.guest + region.size;
  }
  return GuestMemory(std::move(sorted));
}

const MemoryRegion* GuestMemory::Find(uint64_t address) const {
  auto next = std::upper_bound(
      regions_.begin(), regions_.end(), address,
      [](uint64_t wanted, const MemoryRegion& region) { return wanted < region.guest; });
  if (next == regions_.begin()) return nullptr;
  const MemoryRegion& region = *std::prev(next);
  return address - region.guest < region.size ? &region : nullptr;
}

const MemoryRegion* GuestMemory::FindMapped(const void* place) const {
  const auto address = reinterpret_cast<uintptr_t>(place);
  for (const MemoryRegion& region : regions_) {
    if (address - reinterpret_cast<uintptr_t>(region.host) < region.size) return &region;
  }
  return nullptr;
}

bool GuestMemory::Contains(const void* place, uint64_t size) const {
  const MemoryRegion* region = FindMapped(place);
  if (region == nullptr) return false;
  return size <= region->size - (static_cast<const uint8_t*>(place) - region->host);
}

}  // namespace vswitch
