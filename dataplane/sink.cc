// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/sink.h"

#include "dataplane/worker.h"

namespace vswitch {
namespace {

uint64_t TotalBytes(const Burst& burst) {
  uint64_t bytes = 0;
  for (const Packet& packet : burst.view()) bytes += packet.length();
  return bytes;
}

}  // namespace

void Dummy::Forward(Worker& worker, uint16_t /*queue*/, Burst& burst) const {
  DeviceCounters* counters = worker.CountersOf(self_);
  if (up_ && counters != nullptr) {
    counters->tx_packets.Add(burst.count);
    counters->tx_bytes.Add(TotalBytes(burst));
  }
  worker.Drop(self_, up_ ? DropReason::kNoHandler : DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

void Wire::Forward(Worker& worker, uint16_t /*queue*/, Burst& burst) const {
  if (up_) return worker.HandUp({.from = {}, .to = self_}, DropReason::kNoHandler, burst);
  worker.Drop(self_, DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

void Wire::Transmit(Worker& worker, Burst& burst) const {
  if (up_) return worker.Deliver({self_, self_}, burst);
  worker.Drop(self_, DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

}  // namespace vswitch
