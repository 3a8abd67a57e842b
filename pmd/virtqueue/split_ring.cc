// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/split_ring.h"

#include <atomic>

namespace vswitch {

absl::StatusOr<SplitRing> SplitRing::Create(const RingSetup& setup, Position position) {
  const absl::Status status = CheckSplitSetup(setup);
  if (!status.ok()) return status;
  return SplitRing(setup, position);
}

SplitRing::SplitRing(const RingSetup& setup, Position position)
    : buffers_(setup),
      descriptors_(static_cast<const RawDescriptor*>(setup.descriptors)),
      available_(static_cast<const AvailableRing*>(setup.driver)),
      used_(static_cast<UsedRing*>(setup.device)),
      mask_(setup.size - 1),
      next_(position.available),
      seen_(position.available),
      staged_(position.used),
      published_(position.used),
      mergeable_(setup.mergeable),
      event_index_(setup.event_index),
      call_fd_(setup.call_fd) {}

uint16_t SplitRing::Reload(uint16_t most) {
  if (broken_) return 0;
  seen_ = LoadAcquire(available_->index);
  const auto waiting = static_cast<uint16_t>(seen_ - next_);
  broken_ = waiting > mask_ + 1;
  return broken_ ? 0 : std::min(waiting, most);
}

bool SplitRing::TakeAny(Direction direction, ChainList& list) {
  if (list.Room() == 0) {
    list.set_full();
    return false;
  }
  const uint16_t head = LoadOnce(available_->entries()[next_ & mask_]);
  broken_ = head > mask_;
  if (broken_) return false;
  ChainWalk walk(buffers_.memory(), direction, list);
  const uint64_t address = WalkTable(Table::kRing, {descriptors_, size_t{mask_} + 1}, head, walk);
  if (!walk.Finish(head, 1)) return false;
  buffers_.Expect(address);
  ++next_;
  return true;
}

// Virtio 1.1, 2.6.5.3.2: any number of buffers, the last of which may be an indirect table. Returns
// the address of the first.
uint64_t SplitRing::WalkTable(Table kind, std::span<const RawDescriptor> table, uint16_t index,
                              ChainWalk& walk) const {
  uint64_t first = 0;
  for (size_t left = table.size(); walk.Look() && !walk.wrong(); --left) {
    const uint64_t address = LoadOnce(table[index].address);
    const auto descriptor = SplitDescriptor::From(LoadOnce(table[index].details));
    if (left == table.size()) first = address;
    if ((descriptor.flags & kDescriptorIndirect) != 0) {
      kind == Table::kRing ? WalkIndirect(address, descriptor, walk) : walk.Refuse();
      break;
    }
    walk.Add(address, descriptor.length, descriptor.flags);
    if ((descriptor.flags & kDescriptorNext) == 0) break;
    // A chain of more descriptors than there are has a loop.
    if (left == 1 || descriptor.next >= table.size()) walk.Refuse();
    index = descriptor.next;
  }
  return first;
}

void SplitRing::WalkIndirect(uint64_t address, SplitDescriptor descriptor, ChainWalk& walk) const {
  if (!buffers_.indirect() || (descriptor.flags & kDescriptorNext) != 0) return walk.Refuse();
  const std::span<const RawDescriptor> table = walk.Table(address, descriptor.length);
  if (!table.empty()) WalkTable(Table::kIndirect, table, 0, walk);
}

void SplitRing::LogStaged(Direction direction, std::span<const Segment> chains) const {
  const DirtyLog& log = *buffers_.log();
  if (direction == Direction::kToGuest) log.MarkChains(chains);
  uint16_t place = staged_;
  for (const Segment& first : chains) {
    if (first.slots > 0) log.Mark(&used_->entries()[--place & mask_], sizeof(UsedElement));
  }
}

bool SplitRing::WantsCall() const {
  if (!event_index_) return (LoadOnce(available_->flags) & AvailableRing::kNoCall) == 0;
  const uint16_t event = LoadOnce(available_->entries()[mask_ + 1]);
  return PassedEvent(event, static_cast<uint16_t>(published_ - unannounced_), published_);
}

// With event indices a stale index is passed once in 2^16 chains: so seldom may the guest kick.
void SplitRing::SetKicks(bool wanted) {
  if (!event_index_) {
    StoreOnce(used_->flags, static_cast<uint16_t>(wanted ? 0 : UsedRing::kNoKick));
    buffers_.Log(&used_->flags, sizeof(used_->flags));
  } else if (wanted) {
    auto* event = reinterpret_cast<uint16_t*>(&used_->entries()[size_t{mask_} + 1]);
    StoreOnce(*event, next_);
    buffers_.Log(event, sizeof(*event));
  }
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

}  // namespace vswitch
