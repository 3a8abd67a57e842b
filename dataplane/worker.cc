// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/worker.h"

#include <algorithm>

#include "dataplane/notifications.h"
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

void CountMarked(DeviceCounters& to, uint16_t marks, const Volume& volume) {
  if ((marks & kCountNothing) != 0) return;
  to.rx_packets.Add(volume.packets);
  const bool twice = (marks & kCountHeaderTwice) != 0;
  to.rx_bytes.Add(volume.bytes + (twice ? volume.packets * kEthernetHeaderSize : 0));
  if ((marks & kCountMulticast) != 0) to.multicast.Add(volume.packets);
}

void CountDelivered(DeviceCounters* from, DeviceCounters* to, uint16_t marks,
                    const Volume& volume) {
  if (from != nullptr) {
    from->tx_packets.Add(volume.packets);
    from->tx_bytes.Add(volume.bytes);
  }
  if (to == nullptr || to == from) return;
  if (marks != 0) [[unlikely]]
    return CountMarked(*to, marks, volume);
  to->rx_packets.Add(volume.packets);
  to->rx_bytes.Add(volume.bytes);
}

}  // namespace

Worker::Worker(uint16_t index, const DeviceTable& table,
               std::span<const std::unique_ptr<Mailbox>> mailboxes, HostQueue& host)
    : index_(index),
      table_(table),
      mailboxes_(mailboxes),
      host_(host),
      host_outbox_(host.Outbox(index)),
      poll_list_(new PollList(0, {})),
      schedule_(bells_) {}

void Netdev::HandIn(Worker& worker, const Route& route, Burst& burst) const {
  worker.Deliver(route, burst);
}

Worker::~Worker() { delete poll_list_.load(std::memory_order_relaxed); }

uint32_t Worker::RunOnce(uint64_t now) {
  uint32_t moved = DrainMailbox();
  if (!host_outbox_.empty()) [[unlikely]]
    moved += DrainHost();
  moved += schedule_.Round(poll_list(), now, [this](PollEntry& entry) { return Poll(entry); });
  if (deferred_count_ > 0) [[unlikely]]
    RunDeferred();
  Notifications::Ours().Settle();
  counters_.rounds.Add(1);
  if (moved > 0) counters_.packets.Add(moved);
  return moved;
}

PollSchedule::Found Worker::Poll(const PollEntry& entry) {
  burst_.count = 0;
  burst_.malformed = 0;
  entry.backend->Receive(entry.queue, burst_);
  if (burst_.malformed > 0) [[unlikely]]
    CountMalformed(entry.device, burst_.malformed);
  const uint32_t received = burst_.count;
  if (received > 0) [[likely]]
    Forward(entry);
  const bool anything = received + burst_.malformed > 0;
  if (!anything) return {0, false};
  entry.backend->Finish(entry.queue);
  // The others' packets may cost system calls.
  if (!entry.backend->copies_from_guests()) [[unlikely]]
    Notifications::Ours().Settle();
  return {received, true};
}

void Worker::Forward(const PollEntry& entry) {
  if (const Netdev* netdev = NetdevOf(entry.device)) [[likely]]
    return netdev->Forward(*this, entry.queue, burst_);
  Drop(entry.device, DropReason::kStale, burst_.view());
}

void Worker::Deliver(const Route& route, Burst& burst) {
  if (burst.count == 0) return;
  const DeviceSlot* slot = table_.Find(route.to);
  if (slot == nullptr) [[unlikely]] {
    Drop(route.to, DropReason::kStale, burst.view());
    burst.count = 0;
    return;
  }
  const RxHandler* handler = slot->rx_handler.load(std::memory_order_acquire);
  if (handler != nullptr && !Intercept(*handler, route, burst)) [[unlikely]]
    return;
  const Port* port = slot->port.load(std::memory_order_acquire);
  if (port == nullptr) [[unlikely]] {
    HandUp(route, DropReason::kNoBackend, burst);
  } else if (const uint16_t queue = port->QueueFor(route.queue); port->owner[queue] == index_) {
    Send(route, *slot, *port, queue, burst);
  } else {
    const uint16_t posted = mailboxes_[port->owner[queue]]->Post(route, burst.view());
    Refuse(route, DropReason::kMailboxFull, burst.view().subspan(posted));
  }
  burst.count = 0;
}

// What a device sends out of its own backend, the wire, it does not receive.
bool Worker::Intercept(const RxHandler& handler, const Route& route, Burst& burst) {
  const bool past = route.from == route.to || (route.marks & kPastHandler) != 0;
  if (!past) handler.Receive(*this, route, burst);
  return burst.count > 0;
}

void Worker::Send(const Route& route, const DeviceSlot& to, const Port& port, uint16_t queue,
                  Burst& burst) {
  if (!port.backend->copies_from_guests() && PacketBuffer::AnyGuestFrame(burst.view())) {
    LeaveGuests(route, burst);
  }
  const SendResult result = port.backend->Send(queue, burst);
  CountDelivered(CountersOf(route.from), &to.counters[index_], route.marks,
                 VolumeOf(burst.view().first(result.accepted)));
  if (result.accepted < burst.count) [[unlikely]]
    Refuse(route, result.reason, burst.view().subspan(result.accepted));
}

// A packet for which there is no buffer is refused.
void Worker::LeaveGuests(const Route& route, Burst& burst) {
  uint16_t kept = 0;
  for (Packet& packet : burst.view()) {
    if (PacketBuffer::ToMbuf(packet)) [[likely]] {
      burst.packets[kept++] = packet;
    } else {
      Refuse(route, DropReason::kNoBuffer, {&packet, 1});
    }
  }
  burst.count = kept;
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

void Worker::Open(std::span<Letter> letters) {
  while (!letters.empty()) {
    const Route route = letters.front().route;
    letters = letters.first(Stage(route, letters));
    Hand(route, burst_);
  }
}

size_t Worker::Stage(const Route& route, std::span<Letter> letters) {
  size_t others = 0;
  burst_.count = 0;
  for (const Letter& letter : letters) {
    if (letter.route == route) [[likely]] {
      burst_.packets[burst_.count++] = letter.packet;
    } else {
      letters[others++] = letter;
    }
  }
  return others;
}

void Worker::Hand(const Route& route, Burst& burst) {
  const DeviceSlot* slot = table_.Find(route.to);
  if (slot == nullptr) return Drop(route.to, DropReason::kStale, burst.view());
  const Port* port = slot->port.load(std::memory_order_acquire);
  if (port == nullptr) return HandUp(route, DropReason::kNoBackend, burst);
  const uint16_t queue = port->QueueFor(route.queue);
  // The backend was replaced on the way and is another worker's now: one core hop is the limit.
  if (port->owner[queue] != index_) return Refuse(route, DropReason::kStale, burst.view());
  Send(route, *slot, *port, queue, burst);
}

uint32_t Worker::DrainHost() {
  const uint16_t n = host_outbox_.Drain(letters_);
  for (uint16_t i = 0; i < n; ++i) {
    const Route& route = letters_[i].route;
    burst_.packets[0] = letters_[i].packet;
    burst_.count = 1;
    route.to.valid() ? HandIn(route, burst_) : Transmit(route.from, 0, burst_);
  }
  return n;
}

void Worker::Transmit(DeviceId device, uint16_t queue, Burst& burst) {
  if (const Netdev* netdev = NetdevOf(device)) return netdev->Transmit(*this, queue, burst);
  Drop(device, DropReason::kStale, burst.view());
  burst.count = 0;
}

void Worker::HandIn(const Route& route, Burst& burst) {
  if (const Netdev* netdev = NetdevOf(route.to)) return netdev->HandIn(*this, route, burst);
  Drop(route.to, DropReason::kStale, burst.view());
  burst.count = 0;
}

void Worker::Receive(const Route& route, DropReason reason, Burst& burst) {
  const DeviceSlot* slot = table_.Find(route.to);
  const RxHandler* handler =
      slot == nullptr ? nullptr : slot->rx_handler.load(std::memory_order_acquire);
  if (handler != nullptr && !Intercept(*handler, route, burst)) return;
  HandUp(route, reason, burst);
}

void Worker::CountReceived(const Route& route, std::span<const Packet> packets) {
  CountDelivered(CountersOf(route.from), CountersOf(route.to), route.marks, VolumeOf(packets));
}

bool Worker::Defer(DeviceId device) {
  const auto end = deferred_.begin() + deferred_count_;
  if (std::find(deferred_.begin(), end, device) != end) return true;
  if (deferred_count_ == deferred_.size()) return false;
  deferred_[deferred_count_++] = device;
  return true;
}

// A device may defer itself again meanwhile: it finds itself in the list.
void Worker::RunDeferred() {
  for (uint16_t i = 0; i < deferred_count_;) {
    const DeviceSlot* slot = table_.Find(deferred_[i]);
    const RxHandler* handler =
        slot == nullptr ? nullptr : slot->rx_handler.load(std::memory_order_acquire);
    if (handler != nullptr && handler->Work(*this)) {
      ++i;
    } else {
      deferred_[i] = deferred_[--deferred_count_];
    }
  }
}

void Worker::HandUp(const Route& route, DropReason reason, Burst& burst) {
  const DeviceSlot* slot = table_.Find(route.to);
  if (slot != nullptr && slot->host_stack.load(std::memory_order_relaxed)) PostToHost(route, burst);
  // The rest ends as what the kernel's stack has no use for.
  CountReceived(route, burst.view());
  Drop(route.to, reason, burst.view());
  burst.count = 0;
}

void Worker::PostToHost(const Route& route, Burst& burst) {
  Burst taken;
  uint16_t kept = 0;
  for (const Packet& packet : burst.view()) {
    const bool wanted = HostQueue::Takes(packet);
    (wanted ? taken.packets[taken.count++] : burst.packets[kept++]) = packet;
  }
  burst.count = kept;
  const uint16_t posted = host_.Post(route, taken.view());
  CountReceived(route, taken.view().first(posted));
  Refuse(route, DropReason::kHostQueueFull, taken.view().subspan(posted));
}

void Worker::Refuse(const Route& route, DropReason reason, std::span<const Packet> packets) {
  if (packets.empty()) [[likely]]
    return;
  if (DeviceCounters* from = CountersOf(route.from)) from->tx_dropped.Add(packets.size());
  DeviceCounters* to = route.to == route.from ? nullptr : CountersOf(route.to);
  if (to != nullptr) to->rx_dropped.Add(packets.size());
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
  DeviceSlot* slot = table_.Find(device);
  if (slot == nullptr) return;
  slot->counters[index_].CountDrop(DropReason::kMalformed, frames);
  const Netdev* netdev = slot->netdev.load(std::memory_order_acquire);
  if (netdev != nullptr) netdev->CountMalformed(slot->counters[index_], frames);
}

std::unique_ptr<const PollList> Worker::Publish(std::vector<PollEntry*> entries) {
  const uint64_t number = poll_list().number + 1;
  const PollList* old =
      poll_list_.exchange(new PollList(number, std::move(entries)), std::memory_order_acq_rel);
  waker_.Wake();
  return std::unique_ptr<const PollList>(old);
}

}  // namespace vswitch
