// SPDX-License-Identifier: BSD-3-Clause
// Memory of a guest in this process, for tests of virtqueues without a socket.
#ifndef VSWITCH_TESTS_SUPPORT_GUEST_RAM_H_
#define VSWITCH_TESTS_SUPPORT_GUEST_RAM_H_

#include <cstdint>
#include <span>
#include <vector>

#include "pmd/virtqueue/guest_memory.h"

namespace vswitch {

// Each region begins and ends at pages that nobody may touch: an access behind its end, or before
// its start if the size is whole pages, ends the process.
class GuestRam {
 public:
  struct Region {
    uint64_t guest;
    uint64_t size;
  };
  static constexpr uint64_t kBase = 0x10000000;

  explicit GuestRam(std::span<const Region> regions);
  explicit GuestRam(uint64_t size = 4u << 20) : GuestRam(std::vector<Region>{{kBase, size}}) {}
  ~GuestRam();
  GuestRam(const GuestRam&) = delete;
  GuestRam& operator=(const GuestRam&) = delete;

  const GuestMemory& memory() const { return memory_; }
  // Where the guest's `address` is mapped. REQUIRES: it lies in a region.
  uint8_t* At(uint64_t address) const;
  template <typename T>
  T* At(uint64_t address) const {
    return reinterpret_cast<T*>(At(address));
  }
  // All bytes of a region.
  std::span<uint8_t> Bytes(size_t region = 0) const;

  // So many bytes of the first region that nobody has yet; their address in the guest.
  uint64_t Allocate(uint64_t size, uint64_t alignment = 64);

 private:
  static GuestMemory Map(std::span<const Region> regions);

  const GuestMemory memory_;
  uint64_t allocated_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_GUEST_RAM_H_
