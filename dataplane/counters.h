// SPDX-License-Identifier: BSD-3-Clause
// Counters with one writer (a worker) and any number of readers, which may see a value that is
// slightly old.
#ifndef VSWITCH_DATAPLANE_COUNTERS_H_
#define VSWITCH_DATAPLANE_COUNTERS_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "dataplane/drop_reason.h"

namespace vswitch {

class Counter {
 public:
  // The one writer's thread only: a plain load and store, no locked instruction.
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }
  uint64_t Read() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// What one worker counted for one device, in the terms of rtnl_link_stats64. As in the kernel, only
// what comes from a wire counts as multicast or as an rx error, and no kind has tx errors: what a
// veth does not deliver is dropped.
struct alignas(64) DeviceCounters {
  Counter rx_packets, rx_bytes, tx_packets, tx_bytes;
  Counter rx_dropped, tx_dropped, rx_errors, tx_errors, multicast;
  std::array<Counter, kDropReasonCount>
      drops;  // by DropReason, also those the kernel does not count

  void CountDrop(DropReason reason, uint64_t n) { drops[static_cast<size_t>(reason)].Add(n); }
};

// A plain sum over all workers.
struct DeviceTotals {
  uint64_t rx_packets = 0, rx_bytes = 0, tx_packets = 0, tx_bytes = 0;
  uint64_t rx_dropped = 0, tx_dropped = 0, rx_errors = 0, tx_errors = 0, multicast = 0;
  std::array<uint64_t, kDropReasonCount> drops{};

  void Accumulate(const DeviceCounters& counters);
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_COUNTERS_H_
