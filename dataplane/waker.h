// SPDX-License-Identifier: BSD-3-Clause
// Ends a worker's sleep when somebody leaves something for it.
#ifndef VSWITCH_DATAPLANE_WAKER_H_
#define VSWITCH_DATAPLANE_WAKER_H_

#include <atomic>

namespace vswitch {

// The worker says that it is going to sleep and then looks once more whether anything was left for
// it; others leave something and then ask whether it sleeps. Both by an exchange of the same flag:
// one of the two exchanges is the first, and the other's thread sees what came before it.
class Waker {
 public:
  Waker();
  ~Waker();
  Waker(const Waker&) = delete;
  Waker& operator=(const Waker&) = delete;

  // Any thread, after it left something for the worker. A system call only while that sleeps.
  void Wake() {
    if (asleep_.exchange(false, std::memory_order_acq_rel)) [[unlikely]]
      Ring();
  }

  // Worker. What was left before a Wake that finds it awake is visible to it when this returns.
  void BeginSleep() { asleep_.exchange(true, std::memory_order_acq_rel); }
  // Worker. Readable when somebody woke it; -1 when there is none, and it must not sleep.
  int fd() const { return event_; }
  void EndSleep();

 private:
  void Ring();

  const int event_;
  alignas(64) std::atomic<bool> asleep_{false};
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_WAKER_H_
