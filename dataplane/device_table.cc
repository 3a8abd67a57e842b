// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/device_table.h"

namespace vswitch {

DeviceTable::~DeviceTable() {
  for (auto& chunk : chunks_) delete chunk.load(std::memory_order_relaxed);
}

DeviceId DeviceTable::Allocate() {
  uint32_t index = used_;
  if (!free_.empty()) {
    index = free_.back();
    free_.pop_back();
  } else if (used_ == kChunks * kChunkSize) {
    return {};
  } else {
    ++used_;
  }
  DeviceSlot& slot = SlotAt(index);
  slot.counters = std::make_unique<DeviceCounters[]>(workers_);
  return {index, slot.generation.load(std::memory_order_relaxed)};
}

void DeviceTable::Invalidate(DeviceId id) {
  DeviceSlot* slot = Find(id);
  if (slot == nullptr) return;
  slot->generation.store(id.generation + 1, std::memory_order_release);
  slot->netdev.store(nullptr, std::memory_order_release);
  slot->port.store(nullptr, std::memory_order_release);
  slot->rx_handler.store(nullptr, std::memory_order_release);
  slot->host_stack.store(false, std::memory_order_release);
}

void DeviceTable::Release(DeviceId id) {
  DeviceSlot& slot = SlotAt(id.slot);
  slot.counters.reset();
  slot.control_counters.reset();
  free_.push_back(id.slot);
}

DeviceTotals DeviceTable::Totals(DeviceId id) const {
  DeviceTotals totals;
  const DeviceSlot* slot = Find(id);
  if (slot == nullptr) return totals;
  for (uint16_t i = 0; i < workers_; ++i) totals.Accumulate(slot->counters[i]);
  if (slot->control_counters != nullptr) totals.Accumulate(*slot->control_counters);
  return totals;
}

DeviceCounters* DeviceTable::ControlCounters(DeviceId id) {
  DeviceSlot* slot = Find(id);
  if (slot == nullptr) return nullptr;
  if (slot->control_counters == nullptr) {
    slot->control_counters = std::make_unique<DeviceCounters>();
  }
  return slot->control_counters.get();
}

DeviceSlot& DeviceTable::SlotAt(uint32_t index) {
  std::atomic<Chunk*>& chunk = chunks_[index / kChunkSize];
  if (chunk.load(std::memory_order_relaxed) == nullptr) {
    chunk.store(new Chunk, std::memory_order_release);
  }
  return (*chunk.load(std::memory_order_relaxed))[index % kChunkSize];
}

}  // namespace vswitch
