// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/veth.h"

#include <algorithm>

#include "dataplane/worker.h"

namespace vswitch {

void Veth::Forward(Worker& worker, uint16_t queue, Burst& burst) const {
  if (!state_.carrier) {
    // Down: ENETDOWN to the sender. No carrier: the noop queue swallows it. Neither moves a kernel
    // counter.
    const DropReason reason = state_.up ? DropReason::kNoCarrier : DropReason::kDeviceDown;
    worker.Drop(state_.self, reason, burst.view());
    burst.count = 0;
    return;
  }
  if (!AllFitPlainly(burst)) [[unlikely]]
    DropUnfit(worker, burst);
  worker.Deliver({state_.self, state_.peer, queue}, burst);
}

bool Veth::Fits(const Packet& packet) const {
  if (packet.length() < kEthernetHeaderSize) return false;
  return packet.length() <= max_length_ || packet.IsGso();
}

bool Veth::AllFitPlainly(const Burst& burst) const {
  uint32_t payload = 0;  // the longest, or what a runt makes of it: more than any
  for (const Packet& packet : burst.view()) {
    payload = std::max(payload, packet.length() - kEthernetHeaderSize);
  }
  return payload <= max_length_ - kEthernetHeaderSize;
}

void Veth::DropUnfit(Worker& worker, Burst& burst) const {
  uint16_t kept = 0;
  for (const Packet& packet : burst.view()) {
    if (Fits(packet)) {
      burst.packets[kept++] = packet;
    } else {
      DropOne(worker, packet);
    }
  }
  burst.count = kept;
}

void Veth::DropOne(Worker& worker, const Packet& packet) const {
  const bool runt = packet.length() < kEthernetHeaderSize;
  worker.Drop(state_.self, runt ? DropReason::kTooShort : DropReason::kTooBig, {&packet, 1});
  if (DeviceCounters* self = worker.CountersOf(state_.self)) self->tx_dropped.Add(1);
  if (runt) return;
  // What is_skb_forwardable refuses is also counted where it would have arrived.
  if (DeviceCounters* peer = worker.CountersOf(state_.peer)) peer->rx_dropped.Add(1);
}

}  // namespace vswitch
