// SPDX-License-Identifier: BSD-3-Clause
// One poll-mode core: receives from the backend queues it owns, lets their devices forward,
// delivers.
#ifndef VSWITCH_DATAPLANE_WORKER_H_
#define VSWITCH_DATAPLANE_WORKER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/bells.h"
#include "dataplane/device_table.h"
#include "dataplane/host_queue.h"
#include "dataplane/mailbox.h"
#include "dataplane/poll_list.h"
#include "dataplane/poll_schedule.h"
#include "dataplane/rcu.h"
#include "dataplane/waker.h"

namespace vswitch {

// Counted by the worker, read by anyone.
struct WorkerCounters {
  Counter rounds, packets, busy_cycles, idle_cycles;
  Counter longest_round;  // in cycles: the longest time in which nothing else was looked at
  Counter sleeps;         // instead of rounds in which nothing is to do
  std::array<Counter, kDropReasonCount> drops;  // of packets whose device is gone
};

class Worker {
 public:
  // `mailboxes` holds one mailbox per worker, [index] is this worker's own; all outlive the worker.
  Worker(uint16_t index, const DeviceTable& table,
         std::span<const std::unique_ptr<Mailbox>> mailboxes, HostQueue& host);

  // Worker thread: RunOnce until `stop`, reporting a quiescent state to `rcu` as reader `index`
  // after each round. With nothing to do for a while it sleeps, if it may, and then is no reader.
  void Run(Rcu& rcu, const std::atomic<bool>& stop);

  // Worker thread (a test may step it by hand): drain the mailbox and what the host stack sends,
  // then poll the owned queues that are due `now`, in ticks of PollTimes. Returns the packets
  // moved.
  uint32_t RunOnce(uint64_t now);
  // The same for a test that has no clock: time stands still, and every queue is polled once.
  uint32_t RunOnce() { return RunOnce(0); }

  // Before Run.
  void set_poll_times(const PollTimes& times) { schedule_.set_times(times); }
  void AllowSleep() { may_sleep_ = waker_.fd() >= 0; }

  // For Netdev::Forward, inside RunOnce. Hands the whole burst to route.to's backend, or to the
  // worker that owns it, and moves the counters of both devices; what the backend cannot take is
  // dropped and counted. The burst is empty on return.
  void Deliver(const Route& route, Burst& burst);

  // For Netdev::Forward of a device whose backend is the wire, from where the burst came: the same
  // as Deliver, except that the backend is not the device's stack.
  void Receive(const Route& route, DropReason reason, Burst& burst);

  // For upper devices: lets `device` send the burst (Netdev::Transmit).
  void Transmit(DeviceId device, uint16_t queue, Burst& burst);
  // For upper devices: gives the burst to the stack of route.to (Netdev::HandIn).
  void HandIn(const Route& route, Burst& burst);

  // For RxHandler::Receive. The packets count as sent by route.from and received by route.to, which
  // does not keep them.
  void CountReceived(const Route& route, std::span<const Packet> packets);

  // Calls RxHandler::Work of the device after this round's ports. False when too many devices wait.
  bool Defer(DeviceId device);

  // The device's Netdev; null when it is gone.
  const Netdev* NetdevOf(DeviceId device) const {
    const DeviceSlot* slot = table_.Find(device);
    return slot == nullptr ? nullptr : slot->netdev.load(std::memory_order_acquire);
  }
  HostQueue& host() { return host_; }

  // For Netdev::Forward. The packets have reached the stack of route.to, which has none attached:
  // they count as received, and go to the host stack where the device has it. What that does not
  // take is dropped and counted as `reason`. The burst is empty on return.
  void HandUp(const Route& route, DropReason reason, Burst& burst);

  // For Netdev::Forward. Frees the packets and counts `reason` at `device`; other counters are the
  // caller's choice.
  void Drop(DeviceId device, DropReason reason, std::span<const Packet> packets);

  // This worker's counters of a device; null when the device is gone.
  DeviceCounters* CountersOf(DeviceId device) const {
    DeviceSlot* slot = table_.Find(device);
    return slot == nullptr ? nullptr : &slot->counters[index_];
  }

  // Control thread. Publishes what to poll; the returned old list may be freed after a grace
  // period.
  std::unique_ptr<const PollList> Publish(std::vector<PollEntry*> entries);
  const PollList& poll_list() const { return *poll_list_.load(std::memory_order_acquire); }
  Bells& bells() { return bells_; }
  // For who leaves the worker something to do.
  Waker& waker() { return waker_; }

  uint16_t index() const { return index_; }
  const WorkerCounters& counters() const { return counters_; }
  // Any thread. Queues that are not polled until their bell rings.
  uint64_t resting() const { return schedule_.resting(); }
  // Control thread. The longest round begins anew.
  void ForgetLongestRound() { forget_longest_.store(true, std::memory_order_relaxed); }

  ~Worker();
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

 private:
  void CountRound(uint32_t moved, uint64_t cycles);
  // Whether nothing has been to do for a while, and nothing is.
  bool IsIdle(uint64_t now) const;
  void Sleep(Rcu& rcu, const std::atomic<bool>& stop);
  // What others leave for it.
  bool AnythingLeft() const;
  uint32_t DrainMailbox();
  uint32_t DrainHost();
  // Whether `handler` leaves anything in the burst.
  bool Intercept(const RxHandler& handler, const Route& route, Burst& burst);
  void RunDeferred();
  // Delivers the letters, staged by route: senders that alternate cost a receiver no more
  // notifications than one sender.
  void Open(std::span<Letter> letters);
  // Moves the packets of `route` to the burst and the other letters to the front, both in order.
  // Returns how many others there are.
  size_t Stage(const Route& route, std::span<Letter> letters);
  // The last step of packets that came by mailbox.
  void Hand(const Route& route, Burst& burst);
  PollSchedule::Found Poll(const PollEntry& entry);
  // What came out of the entry's queue.
  void Forward(const PollEntry& entry);
  // `to` is the slot of route.to, and `port` what it had.
  void Send(const Route& route, const DeviceSlot& to, const Port& port, uint16_t queue,
            Burst& burst);
  // For backends that take mbufs only.
  void LeaveGuests(const Route& route, Burst& burst);
  // Moves out of the burst what the host stack takes.
  void PostToHost(const Route& route, Burst& burst);
  // The receiver's input queue is full (or gone): dropped on both sides' counters.
  void Refuse(const Route& route, DropReason reason, std::span<const Packet> packets);
  void CountMalformed(DeviceId device, uint16_t frames);

  const uint16_t index_;
  const DeviceTable& table_;
  const std::span<const std::unique_ptr<Mailbox>> mailboxes_;
  HostQueue& host_;
  Mailbox& host_outbox_;  // looked at in every round
  std::atomic<const PollList*> poll_list_;
  Bells bells_;
  PollSchedule schedule_;
  Waker waker_;
  bool may_sleep_ = false;
  uint64_t last_moved_ = 0;  // when a round moved a packet
  WorkerCounters counters_;
  std::atomic<bool> forget_longest_{false};
  // Devices with work left; room for a bounded number, since nothing is allocated here.
  std::array<DeviceId, 64> deferred_;
  uint16_t deferred_count_ = 0;
  Burst burst_;
  std::array<Letter, Burst::kCapacity> letters_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_WORKER_H_
