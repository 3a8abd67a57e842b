// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/dirty_log.h"

#include <atomic>

namespace vswitch {

void DirtyLog::Mark(const void* data, uint64_t length) const {
  if (length == 0) return;
  const MemoryRegion* region = memory_.FindMapped(data);
  if (region == nullptr) return;
  const uint64_t first = region->guest + (static_cast<const uint8_t*>(data) - region->host);
  const uint64_t last = first + length - 1;
  for (uint64_t page = first / kPageSize; page <= last / kPageSize; ++page) MarkPage(page);
}

void DirtyLog::MarkPage(uint64_t page) const {
  if (page / 8 >= size_) return;
  // Always written, also when it is set: the VMM may be about to clear it.
  std::atomic_ref(bits_[page / 8])
      .fetch_or(static_cast<uint8_t>(1u << page % 8), std::memory_order_release);
}

void DirtyLog::MarkChains(std::span<const Segment> chains) const {
  for (auto first = chains.begin(); first != chains.end();) {
    uint32_t left = first->length;
    auto next = first + 1;
    for (; next != chains.end() && next->slots == 0; ++next) {
      Mark(next->data, next->length);
      left -= next->length;
    }
    Mark(first->data, left);
    first = next;
  }
}

}  // namespace vswitch
