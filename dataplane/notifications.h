// SPDX-License-Identifier: BSD-3-Clause
// Interrupts that a worker owes to whoever reads what it wrote. A full memory fence must stand
// between writing and asking whether an interrupt is wanted; it waits until the other CPU has given
// up its cache lines. So one fence serves all that a round wrote, or a part of it.
#ifndef VSWITCH_DATAPLANE_NOTIFICATIONS_H_
#define VSWITCH_DATAPLANE_NOTIFICATIONS_H_

#include <array>
#include <atomic>
#include <cstdint>

namespace vswitch {

// A ring that was written to.
class Notifiable {
 public:
  // The thread that wrote, after a full fence. Interrupts the reader, if it wants that, about what
  // was written since the last call.
  virtual void Notify() = 0;

 protected:
  ~Notifiable() = default;
};

// A thread's own.
class Notifications {
 public:
  static Notifications& Ours() {
    thread_local Notifications ours;
    return ours;
  }

  // `ring` lasts until the thread's next quiescent state (rcu.h), before which comes Settle.
  void Owe(Notifiable& ring) {
    owed_[count_++] = &ring;
    if (count_ == kMost) Settle();
  }
  // At the end of each round, and before what may take long.
  void Settle() {
    if (count_ == 0) return;
    std::atomic_thread_fence(std::memory_order_seq_cst);
    for (uint16_t i = 0; i < count_; ++i) owed_[i]->Notify();
    count_ = 0;
  }

 private:
  // The first one does not wait for more bursts than that.
  static constexpr uint16_t kMost = 8;

  std::array<Notifiable*, kMost> owed_{};
  uint16_t count_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_NOTIFICATIONS_H_
