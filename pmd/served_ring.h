// SPDX-License-Identifier: BSD-3-Clause
// One virtqueue of a connected guest, of either kind, as workers use it.
#ifndef VSWITCH_PMD_SERVED_RING_H_
#define VSWITCH_PMD_SERVED_RING_H_

#include <rte_spinlock.h>

#include <cstdint>
#include <span>
#include <utility>
#include <variant>

#include "dataplane/notifications.h"
#include "pmd/virtqueue/packed_ring.h"
#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/split_ring.h"
#include "pmd/virtqueue/write_frames.h"

namespace vswitch {

// One worker at a time.
class alignas(64) ServedRing final : public Notifiable {
  template <typename Use>
  auto Visit(const Use& use) {
    auto* split = std::get_if<SplitRing>(&ring_);
    return split != nullptr ? use(*split) : use(*std::get_if<PackedRing>(&ring_));
  }

 public:
  ServedRing(SplitRing ring, int kick_fd) : ring_(std::move(ring)), kick_fd_(kick_fd) {}
  ServedRing(PackedRing ring, int kick_fd) : ring_(std::move(ring)), kick_fd_(kick_fd) {}

  // The guest sends: ReadFrames, and after it GiveBack.
  void Read(FrameStore& store, Burst& burst) {
    Visit([&](auto& ring) { ReadFrames(ring, store, burst); });
  }
  void GiveBack() {
    Visit([](auto& ring) { ring.Publish(); });
  }
  // The guest receives: WriteFrames.
  Written Write(std::span<const Packet> packets, ChainList& chains) {
    return Visit([&](auto& ring) { return WriteFrames(ring, packets, chains); });
  }
  // REQUIRES: a full fence since GiveBack or Write.
  void Notify() override {
    Visit([](auto& ring) { ring.Notify(); });
  }
  void SetKicks(bool wanted) {
    Visit([&](auto& ring) { ring.SetKicks(wanted); });
  }

  // Where a ring that is made anew goes on, for rte_vhost_set_vring_base.
  struct Base {
    uint16_t available, used;
  };
  Base base() {
    return Visit([](auto& ring) {
      const auto position = ring.position();
      return Base{position.available, position.used};
    });
  }

  int kick_fd() const { return kick_fd_; }
  // Whether the kick descriptor rings the queue's bell. Set while no worker has the ring.
  bool rings() const { return rings_; }
  void set_rings(bool rings) { rings_ = rings; }
  // For workers that meet here.
  rte_spinlock_t& lock() { return lock_; }

 private:
  std::variant<SplitRing, PackedRing> ring_;
  const int kick_fd_;
  bool rings_ = false;
  rte_spinlock_t lock_ = RTE_SPINLOCK_INITIALIZER;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_SERVED_RING_H_
