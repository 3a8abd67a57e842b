// SPDX-License-Identifier: BSD-3-Clause
// A connected guest as workers serve it: its memory, its rings and what it negotiated, from one
// control message to the next.
#ifndef VSWITCH_PMD_SERVED_GUEST_H_
#define VSWITCH_PMD_SERVED_GUEST_H_

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "pmd/guest_fault.h"
#include "pmd/offload.h"
#include "pmd/served_ring.h"
#include "pmd/virtqueue/dirty_log.h"
#include "pmd/virtqueue/guest_memory.h"

namespace vswitch {

inline constexpr uint16_t kMaxVhostPairs = 128;  // VHOST_MAX_QUEUE_PAIRS
using UsableRings = std::bitset<2 * kMaxVhostPairs>;

// In a queue pair p, ring 2p is what the guest receives from and ring 2p + 1 what it sends to.
struct ServedPairs {
  static ServedPairs Of(const UsableRings& rings);

  // [0, receiving) have a ring to receive from: what a packet for a pair that the guest left
  // disabled is mapped onto. A pair behind a gap is not used.
  uint16_t receiving = 0;
  // No pair from here on has a ring to send from.
  uint16_t sending = 0;
};

// What a guest that negotiated `features` takes.
OffloadSupport SupportOf(uint64_t features);

// Where the VMM wants to know which pages were written to.
struct LogArea {
  void* bits = nullptr;  // null: nowhere
  uint64_t size = 0;     // bytes
};

// Made on a callback thread, published to workers by one pointer, and unpublished, with a grace
// period, before librte_vhost changes anything that it refers to. In between only the rings change.
class ServedGuest {
 public:
  // What librte_vhost has of the connection now, whose rings `usable` may be used. EINVAL for
  // memory that makes no sense. A ring that does not lie in it is left out. `faulted` outlives the
  // result; `log` stays mapped, and counts when the guest negotiated it.
  static absl::StatusOr<std::unique_ptr<ServedGuest>> Create(int vid, const UsableRings& usable,
                                                             const LogArea& log,
                                                             std::atomic<bool>& faulted);

  // Callback thread, with no worker there any more: tells librte_vhost how far the rings are.
  void HandBack();

  const ServedPairs& pairs() const { return pairs_; }
  // Null when the guest has not enabled it.
  ServedRing* ring(uint16_t index) const { return rings_[index].get(); }
  // What the guest takes.
  const OffloadSupport& support() const { return support_; }
  // The guest took memory back that it had shared. It is not to be served any more.
  bool faulted() const { return faulted_.load(std::memory_order_relaxed); }

 private:
  using Guards = std::vector<GuardedMemory>;

  ServedGuest(int vid, GuestMemory memory, Guards guards, const std::atomic<bool>& faulted)
      : vid_(vid), memory_(std::move(memory)), guards_(std::move(guards)), faulted_(faulted) {}

  void MakeRings(const UsableRings& usable, uint64_t features);
  std::unique_ptr<ServedRing> MakeRing(uint16_t index, uint64_t features) const;

  const int vid_;
  const GuestMemory memory_;
  const Guards guards_;  // of its mappings
  const std::atomic<bool>& faulted_;
  std::optional<DirtyLog> log_;
  OffloadSupport support_;
  ServedPairs pairs_;
  std::array<std::unique_ptr<ServedRing>, 2 * kMaxVhostPairs> rings_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_SERVED_GUEST_H_
