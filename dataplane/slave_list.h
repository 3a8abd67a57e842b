// SPDX-License-Identifier: BSD-3-Clause
// The devices on a lower device, for workers that copy a frame to all of them.
#ifndef VSWITCH_DATAPLANE_SLAVE_LIST_H_
#define VSWITCH_DATAPLANE_SLAVE_LIST_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "dataplane/netdev.h"

namespace vswitch {

// One writer (control thread); a change costs the same however many there are. Readers go through
// all places: a slave that comes or goes meanwhile is seen or not.
class SlaveList {
 public:
  static constexpr uint32_t kCapacity = 65536;  // the kernel's limit is 65533

  SlaveList() = default;
  SlaveList(const SlaveList&) = delete;

  // Control thread. False when there is no room.
  bool Add(DeviceId slave);
  // Control thread. Does nothing when it is not there.
  void Remove(DeviceId slave);

  // Any thread. Places in use, some of which may be empty.
  uint32_t places() const { return places_.load(std::memory_order_acquire); }
  // Any thread. Invalid when the place is empty. REQUIRES: place < places().
  DeviceId At(uint32_t place) const;

 private:
  static constexpr uint32_t kChunkSize = 64;
  using Chunk = std::array<std::atomic<uint64_t>, kChunkSize>;

  std::atomic<uint64_t>& PlaceAt(uint32_t place) const;

  std::atomic<uint32_t> places_{0};
  std::array<std::unique_ptr<Chunk>, kCapacity / kChunkSize> chunks_;
  std::vector<uint32_t> free_;
  absl::flat_hash_map<DeviceId, uint32_t> place_of_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_SLAVE_LIST_H_
