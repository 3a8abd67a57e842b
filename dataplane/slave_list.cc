// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/slave_list.h"

#include <bit>

namespace vswitch {

namespace {

constexpr uint64_t kEmpty = std::bit_cast<uint64_t>(DeviceId{});

}  // namespace

std::atomic<uint64_t>& SlaveList::PlaceAt(uint32_t place) const {
  return (*chunks_[place / kChunkSize])[place % kChunkSize];
}

DeviceId SlaveList::At(uint32_t place) const {
  return std::bit_cast<DeviceId>(PlaceAt(place).load(std::memory_order_acquire));
}

bool SlaveList::Add(DeviceId slave) {
  const uint32_t end = places_.load(std::memory_order_relaxed);
  if (free_.empty() && end == kCapacity) return false;
  uint32_t place = end;
  if (!free_.empty()) {
    place = free_.back();
    free_.pop_back();
  } else if (end % kChunkSize == 0) {
    chunks_[end / kChunkSize] = std::make_unique<Chunk>();
  }
  PlaceAt(place).store(std::bit_cast<uint64_t>(slave), std::memory_order_release);
  if (place == end) places_.store(end + 1, std::memory_order_release);
  place_of_[slave] = place;
  return true;
}

void SlaveList::Remove(DeviceId slave) {
  const auto found = place_of_.find(slave);
  if (found == place_of_.end()) return;
  PlaceAt(found->second).store(kEmpty, std::memory_order_release);
  free_.push_back(found->second);
  place_of_.erase(found);
}

}  // namespace vswitch
