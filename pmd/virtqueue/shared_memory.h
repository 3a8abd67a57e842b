// SPDX-License-Identifier: BSD-3-Clause
// Words that a guest may change at any moment. Each is read once into a value of ours, and only
// that value is checked and used.
#ifndef VSWITCH_PMD_VIRTQUEUE_SHARED_MEMORY_H_
#define VSWITCH_PMD_VIRTQUEUE_SHARED_MEMORY_H_

#include <atomic>
#include <cstdint>

#include "pmd/virtqueue/chain.h"

namespace vswitch {

template <typename T>
T LoadOnce(const T& word) {
  return std::atomic_ref(const_cast<T&>(word)).load(std::memory_order_relaxed);
}
template <typename T>
T LoadAcquire(const T& word) {
  return std::atomic_ref(const_cast<T&>(word)).load(std::memory_order_acquire);
}
template <typename T>
void StoreOnce(T& word, T value) {
  std::atomic_ref(word).store(value, std::memory_order_relaxed);
}
template <typename T>
void StoreRelease(T& word, T value) {
  std::atomic_ref(word).store(value, std::memory_order_release);
}

// Whether a cache line begins there.
inline bool BeginsLine(const void* place) { return reinterpret_cast<uintptr_t>(place) % 64 == 0; }

inline void PrefetchRead(const void* address) { __builtin_prefetch(address); }
// Asks for the line as its owner. The compiler's own intrinsic does not unless the CPU is known to
// have the instruction, which elsewhere does nothing.
inline void PrefetchWrite(const void* address) {
  asm volatile("prefetchw %0" : : "m"(*static_cast<const uint8_t*>(address)));
}

// Before a buffer is copied from or to: its header, and the headers of the frame behind that, which
// drivers place in two lines. A header in another line than the frame is rarely written to
// (FrameWriter::KeepHeader).
template <Direction kDirection>
void PrefetchBuffer(const uint8_t* buffer, uint16_t header_size) {
  if (kDirection == Direction::kFromGuest || BeginsLine(buffer + header_size)) {
    PrefetchRead(buffer);
  } else {
    PrefetchWrite(buffer);
  }
  kDirection == Direction::kFromGuest ? PrefetchRead(buffer + 64) : PrefetchWrite(buffer + 64);
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_SHARED_MEMORY_H_
