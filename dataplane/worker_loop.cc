// SPDX-License-Identifier: BSD-3-Clause
// A worker's thread: round after round, and sleep between them.
#include <rte_cycles.h>
#include <rte_pause.h>

#include "dataplane/worker.h"

namespace vswitch {
namespace {

// Nobody rings for queues that cannot rest.
constexpr int64_t kNapNs = 1'000'000;
constexpr int64_t kUntilWoken = -1;

}  // namespace

void Worker::Run(Rcu& rcu, const std::atomic<bool>& stop) {
  rcu.Online(index_);
  uint64_t before = rte_rdtsc();
  while (!stop.load(std::memory_order_relaxed)) {
    const uint32_t moved = RunOnce(before);
    rcu.Quiescent(index_);
    const uint64_t now = rte_rdtsc();
    CountRound(moved, now - before);
    before = now;
    if (moved > 0) {
      last_moved_ = now;
    } else if (IsIdle(now)) {
      Sleep(rcu, stop);
      before = rte_rdtsc();
    } else {
      rte_pause();  // tells the sibling hyperthread to go ahead
    }
  }
  rcu.Offline(index_);
}

void Worker::CountRound(uint32_t moved, uint64_t cycles) {
  (moved > 0 ? counters_.busy_cycles : counters_.idle_cycles).Add(cycles);
  if (forget_longest_.load(std::memory_order_relaxed)) {
    counters_.longest_round.Set(0);
    forget_longest_.store(false, std::memory_order_relaxed);
  }
  if (cycles > counters_.longest_round.Read()) counters_.longest_round.Set(cycles);
}

bool Worker::IsIdle(uint64_t now) const {
  return may_sleep_ && deferred_count_ == 0 && schedule_.AllRest(now) &&
         now - last_moved_ >= schedule_.rest_after();
}

bool Worker::AnythingLeft() const {
  return !mailboxes_[index_]->empty() || !host_outbox_.empty() || !schedule_.Knows(poll_list());
}

// While it sleeps nobody waits for it, so what it read before may be gone afterwards.
void Worker::Sleep(Rcu& rcu, const std::atomic<bool>& stop) {
  waker_.BeginSleep();
  if (!AnythingLeft() && !stop.load(std::memory_order_relaxed)) {
    counters_.sleeps.Add(1);
    rcu.Pause(index_);
    bells_.Wait(waker_.fd(), schedule_.HasSilent() ? kNapNs : kUntilWoken);
    rcu.Resume(index_);
  }
  waker_.EndSleep();
  schedule_.LookSoon();
}

}  // namespace vswitch
