// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/worker.h"

#include <rte_cycles.h>
#include <rte_pause.h>

#include <algorithm>

#include "dataplane/packet_buffer.h"

namespace vswitch {
namespace {

struct Volume {
  uint64_t packets = 0;
  uint64_t bytes = 0;
};

Volume VolumeOf(std::span<const Packet> packets) {
  Volume volume{packets.size(), 0};
  for (const Packet& packet : packets) volume.bytes += packet.length();
  return volume;
}

void CountDelivered(DeviceCounters* from, DeviceCounters* to, const Volume& volume) {
  if (from != nullptr) {
    from->tx_packets.Add(volume.packets);
    from->tx_bytes.Add(volume.bytes);
  }
  if (to != nullptr) {
    to->rx_packets.Add(volume.packets);
    to->rx_bytes.Add(volume.bytes);
  }
}

}  // namespace

Worker::Worker(uint16_t index, const DeviceTable& table,
               std::span<const std::unique_ptr<Mailbox>> mailboxes)
    : index_(index), table_(table), mailboxes_(mailboxes), poll_list_(new PollList) {}

Worker::~Worker() { delete poll_list_.load(std::memory_order_relaxed); }

void Worker::Run(Rcu& rcu, const std::atomic<bool>& stop) {
  rcu.Online(index_);
  uint64_t before = rte_rdtsc();
  while (!stop.load(std::memory_order_relaxed)) {
    const uint32_t moved = RunOnce();
    rcu.Quiescent(index_);
    const uint64_t now = rte_rdtsc();
    (moved > 0 ? counters_.busy_cycles : counters_.idle_cycles).Add(now - before);
    before = now;
    // A round without packets tells the sibling hyperthread to go ahead.
    if (moved == 0) rte_pause();
  }
  rcu.Offline(index_);
}

uint32_t Worker::RunOnce() {
  uint32_t moved = DrainMailbox();
  for (const PollEntry& entry : poll_list()) moved += Poll(entry);
  counters_.rounds.Add(1);
  if (moved > 0) counters_.packets.Add(moved);
  return moved;
}

uint32_t Worker::Poll(const PollEntry& entry) {
  burst_.count = 0;
  burst_.malformed = 0;
  entry.backend->Receive(entry.queue, burst_);
  if (burst_.malformed > 0) [[unlikely]]
    CountMalformed(entry.device, burst_.malformed);
  const uint32_t received = burst_.count;
  if (received == 0) return 0;
  const DeviceSlot* slot = table_.Find(entry.device);
  const Netdev* netdev = slot == nullptr ? nullptr : slot->netdev.load(std::memory_order_acquire);
  if (netdev == nullptr) [[unlikely]] {
    Drop(entry.device, DropReason::kStale, burst_.view());
    return received;
  }
  netdev->Forward(*this, entry.queue, burst_);
  return received;
}

void Worker::Deliver(const Route& route, std::span<Packet> packets) {
  if (packets.empty()) return;
  const DeviceSlot* slot = table_.Find(route.to);
  if (slot == nullptr) [[unlikely]]
    return Drop(route.to, DropReason::kStale, packets);
  const Port* port = slot->port.load(std::memory_order_acquire);
  if (port == nullptr) [[unlikely]]
    return Swallow(route, packets);
  const uint16_t queue = port->QueueFor(route.queue);
  const uint16_t owner = port->owner[queue];
  if (owner == index_) return Send(route, *port, queue, packets);
  const uint16_t posted = mailboxes_[owner]->Post(route, packets);
  if (posted < packets.size()) [[unlikely]] {
    Refuse(route, DropReason::kMailboxFull, packets.subspan(posted));
  }
}

void Worker::Send(const Route& route, const Port& port, uint16_t queue, std::span<Packet> packets) {
  std::copy(packets.begin(), packets.end(), send_.packets.begin());
  send_.count = static_cast<uint16_t>(packets.size());
  const SendResult result = port.backend->Send(queue, send_);
  CountDelivered(CountersOf(route.from), CountersOf(route.to),
                 VolumeOf(packets.first(result.accepted)));
  if (result.accepted < packets.size()) [[unlikely]] {
    Refuse(route, result.reason, send_.view().subspan(result.accepted));
  }
}

uint32_t Worker::DrainMailbox() {
  // Bounded, so that a flood of letters cannot keep the worker from its own ports.
  constexpr uint32_t kMaxPerRound = 8 * Burst::kCapacity;
  uint32_t drained = 0;
  while (drained < kMaxPerRound) {
    const uint16_t n = mailboxes_[index_]->Drain(letters_);
    if (n == 0) break;
    Open({letters_.data(), n});
    drained += n;
  }
  return drained;
}

void Worker::Open(std::span<const Letter> letters) {
  while (!letters.empty()) {
    const Route& route = letters.front().route;
    uint16_t n = 0;
    while (n < letters.size() && letters[n].route == route) {
      burst_.packets[n] = letters[n].packet;
      ++n;
    }
    Hand(route, {burst_.packets.data(), n});
    letters = letters.subspan(n);
  }
}

void Worker::Hand(const Route& route, std::span<Packet> packets) {
  const DeviceSlot* slot = table_.Find(route.to);
  if (slot == nullptr) return Drop(route.to, DropReason::kStale, packets);
  const Port* port = slot->port.load(std::memory_order_acquire);
  if (port == nullptr) return Swallow(route, packets);
  const uint16_t queue = port->QueueFor(route.queue);
  // The backend was replaced on the way and is another worker's now: one core hop is the limit.
  if (port->owner[queue] != index_) return Refuse(route, DropReason::kStale, packets);
  Send(route, *port, queue, packets);
}

void Worker::Swallow(const Route& route, std::span<const Packet> packets) {
  CountDelivered(CountersOf(route.from), CountersOf(route.to), VolumeOf(packets));
  Drop(route.to, DropReason::kNoBackend, packets);
}

void Worker::Refuse(const Route& route, DropReason reason, std::span<const Packet> packets) {
  if (DeviceCounters* from = CountersOf(route.from)) from->tx_dropped.Add(packets.size());
  if (DeviceCounters* to = CountersOf(route.to)) to->rx_dropped.Add(packets.size());
  Drop(route.to, reason, packets);
}

void Worker::Drop(DeviceId device, DropReason reason, std::span<const Packet> packets) {
  if (DeviceCounters* counters = CountersOf(device)) {
    counters->CountDrop(reason, packets.size());
  } else {
    counters_.drops[static_cast<size_t>(reason)].Add(packets.size());
  }
  PacketBuffer::Free(packets);
}

void Worker::CountMalformed(DeviceId device, uint16_t frames) {
  DeviceCounters* counters = CountersOf(device);
  if (counters == nullptr) return;
  counters->CountDrop(DropReason::kMalformed, frames);
  counters->tx_dropped.Add(frames);
}

std::unique_ptr<const PollList> Worker::Publish(std::unique_ptr<const PollList> list) {
  return std::unique_ptr<const PollList>(
      poll_list_.exchange(list.release(), std::memory_order_acq_rel));
}

}  // namespace vswitch
