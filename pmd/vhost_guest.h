// SPDX-License-Identifier: BSD-3-Clause
// What workers need to know of one vhost-user connection.
#ifndef VSWITCH_PMD_VHOST_GUEST_H_
#define VSWITCH_PMD_VHOST_GUEST_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "pmd/offload.h"

namespace vswitch {

// One writer at a time (librte_vhost's callbacks for this vid); workers read.
//
// In a queue pair p, ring 2p is what the guest receives from and ring 2p + 1 what it sends to.
class VhostGuest {
 public:
  static constexpr uint16_t kMaxPairs = 128;  // VHOST_MAX_QUEUE_PAIRS

  explicit VhostGuest(int vid) : vid_(vid) {}

  int vid() const { return vid_; }
  bool running() const { return running_; }
  void set_running(bool running) { running_ = running; }

  // What the guest negotiated to receive. Written before the guest is published to workers.
  const OffloadSupport& support() const { return support_; }
  void SetFeatures(uint64_t features);

  // Callback thread. Ignores indexes the library cannot have.
  void SetRing(uint16_t ring, bool usable);

  // Workers. Queue pairs [0, receiving_pairs) have a usable receive ring: what a packet for a pair
  // that the guest left disabled is mapped onto. A pair behind a gap is not used.
  uint16_t receiving_pairs() const { return receiving_pairs_.load(std::memory_order_acquire); }
  // Workers. No pair from here on has a usable send ring.
  uint16_t sending_pairs() const { return sending_pairs_.load(std::memory_order_acquire); }
  // Workers. False when the ring is not usable; a ring that became usable is asked not to notify
  // us, once, since we poll.
  bool Use(uint16_t ring) {
    const RingState state = rings_[ring].load(std::memory_order_acquire);
    if (state == RingState::kPolled) [[likely]]
      return true;
    return state == RingState::kNew && Silence(ring);
  }

 private:
  enum class RingState : uint8_t { kUnusable, kNew, kPolled };

  bool Silence(uint16_t ring);
  bool Usable(uint16_t ring) const {
    return rings_[ring].load(std::memory_order_relaxed) != RingState::kUnusable;
  }

  const int vid_;
  bool running_ = false;
  OffloadSupport support_;
  std::atomic<uint16_t> receiving_pairs_{0};
  std::atomic<uint16_t> sending_pairs_{0};
  std::array<std::atomic<RingState>, 2 * kMaxPairs> rings_{};
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_GUEST_H_
