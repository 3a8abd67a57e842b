// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/packed_ring.h"

#include <atomic>
#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

absl::StatusOr<PackedRing> PackedRing::Create(const RingSetup& setup, Position position) {
  const absl::Status status = CheckPackedSetup(setup);
  if (!status.ok()) return status;
  if (Place::From(position.available).index >= setup.size ||
      Place::From(position.used).index >= setup.size) {
    return ErrnoStatus(EINVAL, "a virtqueue of the guest goes on behind its end");
  }
  return PackedRing(setup, position);
}

PackedRing::PackedRing(const RingSetup& setup, Position position)
    : buffers_(setup),
      descriptors_(static_cast<RawDescriptor*>(setup.descriptors)),
      size_(setup.size),
      next_(Place::From(position.available)),
      used_(Place::From(position.used)),
      mergeable_(setup.mergeable),
      event_index_(setup.event_index),
      in_order_(setup.in_order),
      call_fd_(setup.call_fd),
      driver_event_(static_cast<const uint32_t*>(setup.driver)),
      device_event_(static_cast<EventSuppression*>(setup.device)) {}

PackedRing::Place PackedRing::Place::From(uint16_t position) {
  constexpr uint16_t kWrapCounter = 1u << 15;
  const bool first_lap = (position & kWrapCounter) != 0;
  return {static_cast<uint16_t>(position & ~kWrapCounter),
          first_lap ? kDescriptorAvailable : kDescriptorUsed};
}

bool PackedRing::TakeAny(Direction direction, ChainList& list) {
  const RawDescriptor& raw = descriptors_[next_.index];
  const auto first = PackedDescriptor::From(LoadAcquire(raw.details));
  if ((first.flags & kWhose) != next_.available) return false;
  if (list.Room() == 0) {
    list.set_full();
    return false;
  }
  ChainWalk walk(buffers_.memory(), direction, list);
  Owner owner;
  if (!WalkRing(first, walk, owner)) {
    walk.GiveUp();
    // Without its end neither the chain's id is known nor where the next one starts.
    walk.put_off() ? list.set_full() : void(broken_ = true);
    return false;
  }
  if (!walk.Finish(owner.id, owner.slots)) return false;
  buffers_.Expect(LoadOnce(raw.address));
  next_.Advance(owner.slots, size_);
  return true;
}

// Whether the chain has an end. A malformed one is followed to it all the same.
bool PackedRing::WalkRing(PackedDescriptor descriptor, ChainWalk& walk, Owner& owner) const {
  uint16_t index = next_.index;
  for (owner.slots = 1; walk.Look(); ++owner.slots) {
    AddDescriptor(LoadOnce(descriptors_[index].address), descriptor, walk);
    if ((descriptor.flags & kDescriptorNext) == 0) {
      owner.id = descriptor.id;
      return true;
    }
    if (owner.slots == size_) return false;
    index = index + 1 == size_ ? 0 : index + 1;
    descriptor = PackedDescriptor::From(LoadOnce(descriptors_[index].details));
  }
  return false;
}

void PackedRing::AddDescriptor(uint64_t address, PackedDescriptor descriptor,
                               ChainWalk& walk) const {
  if ((descriptor.flags & kDescriptorIndirect) == 0) {
    walk.Add(address, descriptor.length, descriptor.flags);
  } else if (buffers_.indirect() && (descriptor.flags & kDescriptorNext) == 0) {
    AddTable(address, descriptor.length, walk);
  } else {
    walk.Refuse();
  }
}

// Virtio 1.1, 2.7.7: its descriptors are used from first to last, and no flag counts but one. What
// may be written to can be read, too: DPDK's driver sends the header of a frame so.
void PackedRing::AddTable(uint64_t address, uint32_t length, ChainWalk& walk) const {
  for (const RawDescriptor& raw : walk.Table(address, length)) {
    if (walk.wrong() || !walk.Look()) return;
    const auto descriptor = PackedDescriptor::From(LoadOnce(raw.details));
    const auto flags = descriptor.flags & (walk.writable() ? kDescriptorWrite : 0);
    walk.Add(LoadOnce(raw.address), descriptor.length, static_cast<uint16_t>(flags));
  }
}

void PackedRing::LogStaged(Direction direction, std::span<const Segment> chains) const {
  const DirtyLog& log = *buffers_.log();
  if (direction == Direction::kToGuest) log.MarkChains(chains);
  if (direction == Direction::kFromGuest && in_order_) return;  // the one that is held is enough
  uint32_t slots = 0;
  for (const Segment& first : chains) slots += first.slots;
  Place place = used_;
  place.Retreat(slots, size_);
  for (const Segment& first : chains) {
    if (first.slots > 0) log.Mark(&descriptors_[place.index].details, sizeof(uint64_t));
    place.Advance(first.slots, size_);
  }
}

bool PackedRing::WantsCall() const {
  const uint32_t event = LoadOnce(*driver_event_);
  const auto flags = static_cast<uint16_t>(event >> 16);
  if (flags != EventSuppression::kAtPosition || !event_index_) {
    return flags != EventSuppression::kDisable;
  }
  const Place at = Place::From(static_cast<uint16_t>(event));
  // Counted from the start of our lap, so that what lies in the one before is negative.
  const auto position =
      static_cast<uint16_t>(at.FirstLap() == used_.FirstLap() ? at.index : at.index - size_);
  return PassedEvent(position, static_cast<uint16_t>(used_.index - unannounced_), used_.index);
}

void PackedRing::SetKicks(bool wanted) {
  StoreOnce(device_event_->flags,
            static_cast<uint16_t>(wanted ? EventSuppression::kEnable : EventSuppression::kDisable));
  buffers_.Log(&device_event_->flags, sizeof(device_event_->flags));
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace vswitch
