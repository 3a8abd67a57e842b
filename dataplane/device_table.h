// SPDX-License-Identifier: BSD-3-Clause
// From a device number to what is published for it. Chunked, so that a million devices cost no copy
// to grow.
#ifndef VSWITCH_DATAPLANE_DEVICE_TABLE_H_
#define VSWITCH_DATAPLANE_DEVICE_TABLE_H_

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "dataplane/backend.h"
#include "dataplane/counters.h"
#include "dataplane/netdev.h"
#include "dataplane/poll_list.h"
#include "dataplane/rx_handler.h"

namespace vswitch {

// A backend attached to a device, and which worker owns each of its queues. Immutable once
// published.
struct Port {
  DeviceId device;
  std::unique_ptr<Backend> backend;
  std::vector<uint16_t> owner;           // worker index by queue
  std::unique_ptr<PollEntry[]> entries;  // by queue; their owners write them

  // The receive queue for what was sent on `queue`: the same one if there is such, so that a flow
  // keeps to one queue (veth_select_rxq).
  uint16_t QueueFor(uint16_t queue) const {
    return queue < owner.size() ? queue : static_cast<uint16_t>(queue % owner.size());
  }
};

// One cache line.
struct alignas(64) DeviceSlot {
  std::atomic<const Netdev*> netdev{nullptr};
  std::atomic<const Port*> port{nullptr};
  std::atomic<const RxHandler*> rx_handler{nullptr};
  std::atomic<bool> host_stack{false};         // takes what nothing else behind the device does
  std::atomic<uint32_t> generation{1};         // of a DeviceId only while the slot is allocated
  std::unique_ptr<DeviceCounters[]> counters;  // by worker index
  std::unique_ptr<DeviceCounters> control_counters;  // the control thread's; null until it counts
};

// One writer (control thread); readers look up inside an RCU read section.
class DeviceTable {
 public:
  explicit DeviceTable(uint16_t workers) : workers_(workers) {}
  ~DeviceTable();

  // Control thread. A fresh slot with zeroed counters; an invalid id when the table is full.
  DeviceId Allocate();
  // Control thread. Unpublishes the slot's contents: no new lookup of `id` succeeds. The slot may
  // be reused only after Release.
  void Invalidate(DeviceId id);
  // Control thread, after a grace period.
  void Release(DeviceId id);

  // Any thread. Null when the device is gone.
  DeviceSlot* Find(DeviceId id) const {
    if (id.slot >= kChunks * kChunkSize) return nullptr;
    Chunk* chunk = chunks_[id.slot / kChunkSize].load(std::memory_order_acquire);
    if (chunk == nullptr) return nullptr;
    DeviceSlot& slot = (*chunk)[id.slot % kChunkSize];
    return slot.generation.load(std::memory_order_acquire) == id.generation ? &slot : nullptr;
  }

  // Control thread. Its own counters of a device; null when the device is gone.
  DeviceCounters* ControlCounters(DeviceId id);
  // Control thread. Sum over workers and itself; zeros for an unknown device.
  DeviceTotals Totals(DeviceId id) const;

 private:
  static constexpr uint32_t kChunkSize = 1024;
  static constexpr uint32_t kChunks = 4096;
  using Chunk = std::array<DeviceSlot, kChunkSize>;

  DeviceSlot& SlotAt(uint32_t index);  // makes the chunk

  const uint16_t workers_;
  std::array<std::atomic<Chunk*>, kChunks> chunks_{};
  std::vector<uint32_t> free_;
  uint32_t used_ = 0;  // slots ever handed out
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_DEVICE_TABLE_H_
