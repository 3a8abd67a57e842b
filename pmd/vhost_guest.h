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
  // Ignores indexes the library cannot have.
  void SetRing(uint16_t ring, bool usable) {
    if (ring < usable_.size()) usable_[ring] = usable;
  }
  const UsableRings& usable() const { return usable_; }

  // What workers serve; null while nothing may be touched.
  ServedGuest* served() const { return served_.get(); }
  // Makes it anew, if the guest runs. Nothing is served where its memory makes no sense.
  void Serve();
  // The caller unpublishes it, waits a grace period, and hands its rings back.
  std::unique_ptr<ServedGuest> TakeServed() { return std::move(served_); }

  // Any thread. The guest took memory back that it had shared.
  bool faulted() const { return faulted_.load(std::memory_order_relaxed); }

 private:
  const int vid_;
  bool running_ = false;
  UsableRings usable_;
  std::atomic<bool> faulted_{false};
  std::unique_ptr<ServedGuest> served_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_GUEST_H_
