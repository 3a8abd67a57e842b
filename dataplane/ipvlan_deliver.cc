// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ipvlan_deliver.h"

#include <algorithm>

#include "dataplane/ipvlan.h"
#include "dataplane/worker.h"

namespace vswitch {

namespace {

// The slave is down: its address is about to leave the table.
void DropAll(Worker& worker, DeviceId slave, Burst& burst) {
  CountNotReceived(worker, slave, burst.count);
  worker.Drop(slave, DropReason::kDeviceDown, burst.view());
  burst.count = 0;
}

// Counted by dev_forward_skb and by ipvlan.
void DropTooBig(Worker& worker, DeviceId slave, const Packet& packet) {
  CountNotReceived(worker, slave, 1);
  if (DeviceCounters* counters = worker.CountersOf(slave)) counters->rx_dropped.Add(1);
  worker.Drop(slave, DropReason::kTooBig, {&packet, 1});
}

// False: some may not be, or ask for segmentation.
bool AllForwardablePlainly(uint32_t mtu, const Burst& burst) {
  uint32_t longest = 0;
  for (const Packet& packet : burst.view()) longest = std::max(longest, packet.length());
  return longest <= mtu + kEthernetHeaderSize + kVlanTagSize;
}

void KeepForwardable(Worker& worker, DeviceId slave, uint32_t mtu, Burst& burst) {
  uint16_t kept = 0;
  for (const Packet& packet : burst.view()) {
    if (IsForwardable(packet, mtu)) {
      burst.packets[kept++] = packet;
    } else {
      DropTooBig(worker, slave, packet);
    }
  }
  burst.count = kept;
}

}  // namespace

void ForwardToSlave(Worker& worker, DeviceId slave, uint16_t queue, uint16_t marks, Burst& burst) {
  // The address table and the list of slaves hold nothing but slaves.
  const auto* ipvlan = static_cast<const Ipvlan*>(worker.NetdevOf(slave));
  if (ipvlan == nullptr) {
    worker.Drop(slave, DropReason::kStale, burst.view());
    burst.count = 0;
    return;
  }
  if (!ipvlan->state().up) return DropAll(worker, slave, burst);
  const uint32_t mtu = ipvlan->state().mtu;
  if (!AllForwardablePlainly(mtu, burst)) [[unlikely]]
    KeepForwardable(worker, slave, mtu, burst);
  const auto all_marks = static_cast<uint16_t>(marks | kCountHeaderTwice);
  worker.Deliver({.from = {}, .to = slave, .queue = queue, .marks = all_marks}, burst);
}

// Linux shows its own count of errors as dropped, too.
void CountNotReceived(Worker& worker, DeviceId slave, uint16_t frames) {
  DeviceCounters* counters = worker.CountersOf(slave);
  if (counters == nullptr) return;
  counters->rx_errors.Add(frames);
  counters->rx_dropped.Add(frames);
}

}  // namespace vswitch
