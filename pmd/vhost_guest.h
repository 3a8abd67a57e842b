// SPDX-License-Identifier: BSD-3-Clause
// What librte_vhost has said of one vhost-user connection.
#ifndef VSWITCH_PMD_VHOST_GUEST_H_
#define VSWITCH_PMD_VHOST_GUEST_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "pmd/served_guest.h"

namespace vswitch {

// Callback thread of its vid.
class VhostGuest {
 public:
  explicit VhostGuest(int vid) : vid_(vid) {}

  int vid() const { return vid_; }
  bool running() const { return running_; }
  void set_running(bool running) { running_ = running; }
  // A control message is being handled.
  void set_changing(bool changing) { changing_ = changing; }
  // Ignores indexes the library cannot have.
  void SetRing(uint16_t ring, bool usable) {
    if (ring < usable_.size()) usable_[ring] = usable;
  }
  const UsableRings& usable() const { return usable_; }
  void set_has_memory(bool there) { has_memory_ = there; }
  // From the next Serve on.
  void set_log(const LogArea& log) { log_ = log; }

  // What workers serve; null while nothing may be touched.
  ServedGuest* served() const { return served_.get(); }
  // Makes it anew, if the guest runs and is not about to change. Nothing is served where its memory
  // makes no sense. REQUIRES: served() is null
  void Serve();
  // The caller unpublishes it, waits a grace period, and hands its rings back.
  std::unique_ptr<ServedGuest> TakeServed() { return std::move(served_); }

  // Any thread. The guest took memory back that it had shared.
  bool faulted() const { return faulted_.load(std::memory_order_relaxed); }
  // What librte_vhost touches of the guest from now on, on this thread, may be gone.
  void GuardThisThread() { GuardThread(&faulted_); }

 private:
  const int vid_;
  bool running_ = false;
  bool changing_ = false;
  bool has_memory_ = false;
  UsableRings usable_;
  LogArea log_;
  std::atomic<bool> faulted_{false};
  std::unique_ptr<ServedGuest> served_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_GUEST_H_
