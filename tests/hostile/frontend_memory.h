// SPDX-License-Identifier: BSD-3-Clause
// The memory of a hostile vhost-user frontend, and somebody who scribbles in it.
#ifndef VSWITCH_TESTS_HOSTILE_FRONTEND_MEMORY_H_
#define VSWITCH_TESTS_HOSTILE_FRONTEND_MEMORY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "tests/hostile/random.h"

namespace vswitch {

// Where things are in the first region: a ring of each index at index * kRingStride, of up to
// kMaxRing descriptors, buffers behind them.
inline constexpr uint32_t kRings = 4, kMaxRing = 256;
inline constexpr uint64_t kRingStride = 0x8000, kDriverArea = 0x2000, kDeviceArea = 0x4000;
inline constexpr uint64_t kBuffers = kRings * kRingStride;

// Some files, mapped here as a VMM would.
class FrontendMemory {
 public:
  struct Region {
    int fd;
    uint64_t guest, user, size;
    uint8_t* bytes;
  };

  explicit FrontendMemory(Random& random);
  ~FrontendMemory();
  FrontendMemory(const FrontendMemory&) = delete;
  FrontendMemory& operator=(const FrontendMemory&) = delete;

  const std::vector<Region>& regions() const { return regions_; }
  uint8_t* Ring(uint64_t index) const { return regions_[0].bytes + index * kRingStride; }
  // Takes back what a region has from `size` on.
  void Shrink(size_t region, uint64_t size) const;
  uint64_t RandomAddress(Random& random) const;

 private:
  std::vector<Region> regions_;
};

// Writes into rings and buffers while the switch reads them: mostly what it might believe.
class Scribbler {
 public:
  Scribbler(const FrontendMemory& memory, bool packed, uint64_t seed);
  ~Scribbler();
  Scribbler(const Scribbler&) = delete;
  Scribbler& operator=(const Scribbler&) = delete;

  uint64_t words() const { return words_.load(std::memory_order_relaxed); }

 private:
  void Run();
  void Scribble();
  void WriteDescriptor(uint8_t* at, bool writable);

  const FrontendMemory& memory_;
  const bool packed_;
  Random random_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> words_{0};
  std::thread thread_;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_HOSTILE_FRONTEND_MEMORY_H_
