// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ipvlan_multicast.h"

#include <optional>

#include "dataplane/ipvlan.h"
#include "dataplane/ipvlan_deliver.h"
#include "dataplane/packet_edit.h"
#include "dataplane/stage_burst.h"
#include "dataplane/worker.h"

namespace vswitch {

namespace {

constexpr uint16_t kPause = 0x8808;  // 802.3x

// Of one round: slaves looked at. A copy counts as many.
constexpr uint32_t kBudget = 512;
constexpr uint32_t kCopyCost = 16;

// A frame, on its way to one slave after the other.
class Distribution {
 public:
  Distribution(Worker& worker, IpvlanPort& port, MulticastBacklog::Current& current)
      : worker_(worker), port_(port), current_(current), letter_(current.letter) {}

  // True when all slaves had their turn; false when the budget is used up.
  bool Run(uint32_t& budget) {
    const uint8_t bucket = MacFilter::BucketOf(Ethernet().destination());
    while (current_.place < port_.slaves().places()) {
      if (budget == 0) return false;
      --budget;
      const DeviceId slave = port_.slaves().At(current_.place++);
      if (!Wants(slave, bucket)) continue;
      budget -= std::min(budget, kCopyCost);
      CopyTo(slave);
    }
    return true;
  }

  // What a slave sent leaves by the lower device, too; of what that received it has its own.
  void Finish() {
    if (!letter_.route.from.valid()) return Discard({&letter_.packet, 1});
    BlankBurst blank;
    Fill(blank.burst, letter_.packet);
    worker_.Transmit(letter_.route.to, letter_.route.queue, blank.burst);
  }

 private:
  EthernetView Ethernet() const { return EthernetView(letter_.packet.Headers()); }
  static void Fill(Burst& burst, const Packet& packet) {
    burst.packets[0] = packet;
    burst.count = 1;
  }

  bool Wants(DeviceId slave, uint8_t bucket) const {
    if (!slave.valid() || slave == letter_.route.from) return false;
    const auto* ipvlan = static_cast<const Ipvlan*>(worker_.NetdevOf(slave));
    return ipvlan != nullptr && ipvlan->state().groups.Passes(bucket) && ipvlan->state().up;
  }

  void CopyTo(DeviceId slave) {
    const std::optional<Packet> twin = Duplicate(letter_.packet);
    if (!twin.has_value()) return CountNotReceived(worker_, slave, 1);
    BlankBurst blank;
    Fill(blank.burst, *twin);
    const uint16_t queue = letter_.route.queue;
    if (letter_.route.from.valid()) {
      return ForwardToSlave(worker_, slave, queue, kCountMulticast, blank.burst);
    }
    worker_.Deliver({.from = {}, .to = slave, .queue = queue, .marks = kCountMulticast},
                    blank.burst);
  }

  Worker& worker_;
  IpvlanPort& port_;
  MulticastBacklog::Current& current_;
  const Letter& letter_;
};

enum class Progress { kDone, kMore, kAtWork };

Progress WorkOff(Worker& worker, IpvlanPort& port) {
  MulticastBacklog& backlog = port.backlog();
  if (!backlog.Begin()) return Progress::kAtWork;  // another worker is at it
  uint32_t budget = kBudget;
  while (budget > 0) {
    MulticastBacklog::Current* current = backlog.Next();
    if (current == nullptr) break;
    Distribution distribution(worker, port, *current);
    if (!distribution.Run(budget)) break;
    distribution.Finish();
    backlog.Done();
  }
  return backlog.End() ? Progress::kDone : Progress::kMore;
}

// Who is at it already sees what is left, and goes on.
void WorkOffAll(Worker& worker, IpvlanPort& port) {
  while (WorkOff(worker, port) == Progress::kMore) continue;
}

// Nobody sends such a frame to a group; a thousand of them would hold all buffers there are.
bool IsTooBig(const Packet& packet, const IpvlanPort& port) {
  return packet.IsGso() || !IsForwardable(packet, port.state().phy_mtu);
}

}  // namespace

void PostToGroup(Worker& worker, IpvlanPort& port, const Route& route, const Packet& packet) {
  if (EthernetView(packet.Headers()).ethertype() == kPause) return Discard({&packet, 1});
  const DeviceId carrier = route.from.valid() ? route.from : route.to;
  if (IsTooBig(packet, port)) return worker.Drop(carrier, DropReason::kTooBig, {&packet, 1});
  if (port.backlog().Post(route, {&packet, 1}) == 0) {
    if (DeviceCounters* counters = worker.CountersOf(carrier)) counters->rx_dropped.Add(1);
    return worker.Drop(carrier, DropReason::kBacklogFull, {&packet, 1});
  }
  // When so many devices wait that this one cannot, its frames wait no longer.
  if (!worker.Defer(route.to)) WorkOffAll(worker, port);
}

bool WorkOffBacklog(Worker& worker, IpvlanPort& port) {
  return WorkOff(worker, port) != Progress::kDone;
}

}  // namespace vswitch
