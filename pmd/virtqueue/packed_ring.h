// SPDX-License-Identifier: BSD-3-Clause
// The device's side of a packed virtqueue (virtio 1.1, 2.7). What SplitRing says of its functions
// holds here.
#ifndef VSWITCH_PMD_VIRTQUEUE_PACKED_RING_H_
#define VSWITCH_PMD_VIRTQUEUE_PACKED_RING_H_

#include <algorithm>
#include <cstdint>
#include <span>

#include "absl/status/statusor.h"
#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/chain_walk.h"
#include "pmd/virtqueue/notify.h"
#include "pmd/virtqueue/ring_buffers.h"
#include "pmd/virtqueue/ring_layout.h"
#include "pmd/virtqueue/ring_setup.h"
#include "pmd/virtqueue/shared_memory.h"

namespace vswitch {

// Descriptors of both sides lie in one ring: those given back overwrite those taken. The guest
// looks for them in order, so all that is staged becomes visible with the first, which is written
// last.
class PackedRing {
 public:
  // Descriptors since the start of the ring; bit 15 is the wrap counter. As in
  // VHOST_USER_SET_VRING_BASE.
  struct Position {
    uint16_t available = 1u << 15;
    uint16_t used = 1u << 15;
  };

  static absl::StatusOr<PackedRing> Create(const RingSetup& setup, Position position);

  const RingBuffers& buffers() const { return buffers_; }
  bool mergeable() const { return mergeable_; }
  bool broken() const { return broken_; }
  Position position() const { return {next_.WithWrapCounter(), used_.WithWrapCounter()}; }

  template <Direction kDirection>
  void Take(ChainList& list, uint16_t most);
  void PutBack(uint32_t slots) { next_.Retreat(slots, size_); }

  template <Direction kDirection>
  void Stage(std::span<const Segment> chains);
  void Publish() {
    if (staged_slots_ == 0) return;
    unannounced_ += static_cast<uint16_t>(staged_slots_);
    staged_slots_ = 0;
    StoreRelease(descriptors_[held_index_].details, held_);
    buffers_.Log(&descriptors_[held_index_].details, sizeof(held_));
  }
  void Notify() {
    if (unannounced_ > 0 && WantsCall()) Interrupter::Ours().Call(call_fd_);
    unannounced_ = 0;
  }

  void SetKicks(bool wanted);

  // A place in the ring, and how the guest marks descriptors there as available.
  struct Place {
    uint16_t index;
    uint16_t available;

    static Place From(uint16_t position);
    uint16_t WithWrapCounter() const { return index | (FirstLap() ? 1u << 15 : 0); }
    bool FirstLap() const { return available == kDescriptorAvailable; }
    // How we mark them as used.
    uint16_t used() const { return FirstLap() ? kWhose : 0; }

    // REQUIRES: slots <= size
    void Advance(uint16_t slots, uint16_t size) {
      index += slots;
      if (index < size) [[likely]]
        return;
      index -= size;
      available ^= kWhose;
    }
    // Any number: a guest that changes descriptors behind our back can make us take more than
    // there are.
    void Retreat(uint32_t slots, uint16_t size) {
      const uint32_t laps = 2u * size;
      const uint32_t from = index + (FirstLap() ? 0 : size);
      const uint32_t to = (from + laps - slots % laps) % laps;
      if ((to < size) != FirstLap()) available ^= kWhose;
      index = static_cast<uint16_t>(to % size);
    }
  };

 private:
  static constexpr uint16_t kWhose = kDescriptorAvailable | kDescriptorUsed;

  PackedRing(const RingSetup& setup, Position position);

  void PrefetchDescriptors(uint16_t count) const;
  template <Direction kDirection>
  uint16_t TakePlain(ChainList& list, uint16_t most);

  // Any other chain. False when it must wait, or there is none, or the ring is broken.
  bool TakeAny(Direction direction, ChainList& list);
  struct Owner {
    uint16_t id;
    uint16_t slots;
  };
  bool WalkRing(PackedDescriptor descriptor, ChainWalk& walk, Owner& owner) const;
  void AddDescriptor(uint64_t address, PackedDescriptor descriptor, ChainWalk& walk) const;
  void AddTable(uint64_t address, uint32_t length, ChainWalk& walk) const;

  // As in SplitRing. In order, only the descriptor that is held back is written to.
  void LogStaged(Direction direction, std::span<const Segment> chains) const;
  bool WantsCall() const;

  RingBuffers buffers_;
  RawDescriptor* descriptors_;
  uint16_t size_;
  Place next_;                 // of the descriptor to be taken next
  Place used_;                 // of the next one to be given back
  uint32_t staged_slots_ = 0;  // from held_index_ on
  uint16_t held_index_ = 0;
  uint64_t held_ = 0;  // the first descriptor staged, not yet written
  uint16_t unannounced_ = 0;
  bool broken_ = false;
  bool mergeable_;
  bool event_index_;
  bool in_order_;
  int call_fd_;
  const uint32_t* driver_event_;
  EventSuppression* device_event_;
};

inline void PackedRing::PrefetchDescriptors(uint16_t count) const {
  constexpr uint32_t kPerLine = 64 / sizeof(RawDescriptor);
  for (uint32_t i = kPerLine; i < count && next_.index + i < size_; i += kPerLine) {
    PrefetchRead(&descriptors_[next_.index + i]);
  }
}

template <Direction kDirection>
void PackedRing::Take(ChainList& list, uint16_t most) {
  if (broken_) return;
  PrefetchDescriptors(most);
  while (most > 0) {
    most -= TakePlain<kDirection>(list, std::min(most, list.Room()));
    if (most == 0 || !TakeAny(kDirection, list)) break;
    --most;
  }
}

// Chains of one buffer, up to the first that is none, or the end of the ring.
template <Direction kDirection>
uint16_t PackedRing::TakePlain(ChainList& list, uint16_t most) {
  constexpr uint16_t kKind = kDirection == Direction::kToGuest ? kDescriptorWrite : 0;
  const uint32_t wanted = next_.available | kKind;
  const RawDescriptor* raw = descriptors_ + next_.index;
  const PlainBuffers plain = buffers_.Plain();
  const uint16_t header_size = buffers_.header_size();
  Segment* segment = list.end();
  const Segment* end = segment + std::min<uint16_t>(most, size_ - next_.index);
  for (; segment < end; ++segment, ++raw) {
    const auto descriptor = PackedDescriptor::From(LoadAcquire(raw->details));
    if ((descriptor.flags & (kWhose | kDescriptorKind)) != wanted) break;
    const uint64_t address = LoadOnce(raw->address);
    if (!plain.Holds(address, descriptor.length)) break;
    *segment = {plain.At(address), descriptor.length, descriptor.id, 1};
    PrefetchBuffer<kDirection>(segment->data, header_size);
  }
  const auto taken = static_cast<uint16_t>(segment - list.end());
  list.Extend(taken);
  next_.Advance(taken, size_);
  return taken;
}

template <Direction kDirection>
void PackedRing::Stage(std::span<const Segment> chains) {
  Place used = used_;
  for (const Segment& first : chains) {
    if (first.slots == 0) [[unlikely]]
      continue;
    const uint32_t written = kDirection == Direction::kToGuest ? first.length : 0;
    const auto flags = static_cast<uint16_t>(used.used() | (written > 0 ? kDescriptorWrite : 0));
    const uint64_t details = PackedDescriptor{written, first.id, flags}.Details();
    if (staged_slots_ == 0) {
      held_ = details;
      held_index_ = used.index;
    } else if (kDirection == Direction::kFromGuest && in_order_) {
      // The last one's id stands for all before it, in the first one's place (2.7.9). Those that
      // were written to each have a length to tell.
      held_ = (held_ & ~(uint64_t{0xffff} << 32)) | uint64_t{first.id} << 32;
    } else {
      StoreOnce(descriptors_[used.index].details, details);
    }
    staged_slots_ += first.slots;
    used.Advance(first.slots, size_);
  }
  used_ = used;
  if (buffers_.log() != nullptr) [[unlikely]]
    LogStaged(kDirection, chains);
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_PACKED_RING_H_
