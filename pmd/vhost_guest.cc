// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_guest.h"

#include <rte_vhost.h>

#include "pmd/virtio.h"

namespace vswitch {

void VhostGuest::SetFeatures(uint64_t features) {
  support_.checksum = (features & kVirtioNetGuestCsum) != 0;
  support_.tso4 = (features & kVirtioNetGuestTso4) != 0;
  support_.tso6 = (features & kVirtioNetGuestTso6) != 0;
}

void VhostGuest::SetRing(uint16_t ring, bool usable) {
  if (ring >= rings_.size()) return;
  rings_[ring].store(usable ? RingState::kNew : RingState::kUnusable, std::memory_order_release);
  uint16_t receiving = 0;
  while (receiving < kMaxPairs && Usable(2 * receiving)) ++receiving;
  uint16_t sending = kMaxPairs;
  while (sending > 0 && !Usable(2 * sending - 1)) --sending;
  receiving_pairs_.store(receiving, std::memory_order_release);
  sending_pairs_.store(sending, std::memory_order_release);
}

bool VhostGuest::Silence(uint16_t ring) {
  // Takes the queue's lock, which a control message may hold for the moment it is handled; so do
  // enqueue and dequeue.
  rte_vhost_enable_guest_notification(vid_, ring, 0);
  RingState expected = RingState::kNew;
  rings_[ring].compare_exchange_strong(expected, RingState::kPolled, std::memory_order_acq_rel);
  return expected != RingState::kUnusable;
}

}  // namespace vswitch
