// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/sink.h"

#include <algorithm>
#include <array>

#include "dataplane/worker.h"

namespace vswitch {
namespace {

uint64_t TotalBytes(const Burst& burst) {
  uint64_t bytes = 0;
  for (const Packet& packet : burst.view()) bytes += packet.length();
  return bytes;
}

// As NICs count them (eth_type_trans tells broadcast from multicast).
uint64_t Multicasts(const Burst& burst) {
  constexpr std::array<uint8_t, 6> kBroadcast = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
  uint64_t count = 0;
  for (const Packet& packet : burst.view()) {
    const std::span<const uint8_t> head = packet.Headers();
    if (head.size() < kBroadcast.size() || (head[0] & 1) == 0) continue;
    if (!std::equal(kBroadcast.begin(), kBroadcast.end(), head.begin())) ++count;
  }
  return count;
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

void Wire::Forward(Worker& worker, uint16_t queue, Burst& burst) const {
  if (up_) {
    if (DeviceCounters* counters = worker.CountersOf(self_))
      counters->multicast.Add(Multicasts(burst));
    return worker.Receive({.from = {}, .to = self_, .queue = queue}, DropReason::kNoHandler, burst);
  }
  worker.Drop(self_, DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

void Wire::HandIn(Worker& worker, const Route& route, Burst& burst) const {
  worker.Receive(route, DropReason::kNoHandler, burst);
}

void Wire::Transmit(Worker& worker, uint16_t queue, Burst& burst) const {
  if (up_) return worker.Deliver({self_, self_, queue}, burst);
  worker.Drop(self_, DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

}  // namespace vswitch
