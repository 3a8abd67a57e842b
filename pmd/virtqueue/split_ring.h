// SPDX-License-Identifier: BSD-3-Clause
// The device's side of a split virtqueue (virtio 1.1, 2.6).
#ifndef VSWITCH_PMD_VIRTQUEUE_SPLIT_RING_H_
#define VSWITCH_PMD_VIRTQUEUE_SPLIT_RING_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
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

// Chains are taken and staged, then those staged are published all at once. One thread. Everything
// that the guest can write is distrusted, and read once; a ring that makes no sense is `broken` and
// gives nothing any more.
class SplitRing {
 public:
  // How many chains were taken and given back since the guest made the ring, modulo 2^16: what a
  // ring that is set up anew goes on from.
  struct Position {
    uint16_t available = 0;
    uint16_t used = 0;
  };

  static absl::StatusOr<SplitRing> Create(const RingSetup& setup, Position position);

  const RingBuffers& buffers() const { return buffers_; }
  bool mergeable() const { return mergeable_; }
  bool broken() const { return broken_; }
  // REQUIRES: what was taken is published, or was put back.
  Position position() const { return {next_, published_}; }

  // Appends up to `most` chains that wait to the list, malformed ones included.
  template <Direction kDirection>
  void Take(ChainList& list, uint16_t most);
  // The last chains taken, of so many slots altogether, were not.
  void PutBack(uint32_t slots) { next_ -= static_cast<uint16_t>(slots); }

  // Gives chains back; the guest sees it after Publish. Those it receives come with the bytes
  // written to them in place of their first segment's length.
  template <Direction kDirection>
  void Stage(std::span<const Segment> chains);
  void Publish() {
    if (staged_ == published_) return;
    unannounced_ += static_cast<uint16_t>(staged_ - published_);
    published_ = staged_;
    StoreRelease(used_->index, published_);
    buffers_.Log(&used_->index, sizeof(used_->index));
  }
  // Interrupts the guest if it wants to know of what was published since the last call.
  // REQUIRES: a full memory fence since then. The guest may be about to sleep.
  void Notify() {
    if (unannounced_ > 0 && WantsCall()) Interrupter::Ours().Call(call_fd_);
    unannounced_ = 0;
  }

  // Asks the guest to kick when it makes chains available, or not to. After asking for kicks, take
  // again: chains that came before the guest saw it come without.
  void SetKicks(bool wanted);

 private:
  SplitRing(const RingSetup& setup, Position position);

  // How many chains wait, at most `most`. Looks at the guest's index only when fewer were seen.
  uint16_t Waiting(uint16_t most) {
    const auto waiting = static_cast<uint16_t>(seen_ - next_);
    return waiting >= most && !broken_ ? most : Reload(most);
  }
  uint16_t Reload(uint16_t most);
  void PrefetchDescriptors(uint16_t count) const;
  template <Direction kDirection>
  uint16_t TakePlain(ChainList& list, uint16_t most);

  // Any other chain. False when it must wait, or the ring is broken.
  bool TakeAny(Direction direction, ChainList& list);
  enum class Table : uint8_t { kRing, kIndirect };
  uint64_t WalkTable(Table kind, std::span<const RawDescriptor> table, uint16_t index,
                     ChainWalk& walk) const;
  void WalkIndirect(uint64_t address, SplitDescriptor descriptor, ChainWalk& walk) const;

  // Marks what was written to the last chains staged, and their elements.
  void LogStaged(Direction direction, std::span<const Segment> chains) const;
  bool WantsCall() const;

  RingBuffers buffers_;
  const RawDescriptor* descriptors_;
  const AvailableRing* available_;
  UsedRing* used_;
  uint16_t mask_;
  uint16_t next_;             // chain to be taken next
  uint16_t seen_;             // the guest's index when we last looked
  uint16_t staged_;           // place of the next used element
  uint16_t published_;        // the index that the guest sees
  uint16_t unannounced_ = 0;  // published since we last asked whether to interrupt
  bool broken_ = false;
  bool mergeable_;
  bool event_index_;
  int call_fd_;
};

// Guests mostly use descriptors one after the other, four of which share a cache line.
inline void SplitRing::PrefetchDescriptors(uint16_t count) const {
  constexpr uint16_t kPerLine = 64 / sizeof(RawDescriptor);
  for (uint16_t i = 0; i < count; i += kPerLine) {
    PrefetchRead(&descriptors_[LoadOnce(available_->entries()[(next_ + i) & mask_]) & mask_]);
  }
}

template <Direction kDirection>
void SplitRing::Take(ChainList& list, uint16_t most) {
  most = Waiting(most);
  PrefetchDescriptors(most);
  while (most > 0) {
    most -= TakePlain<kDirection>(list, std::min(most, list.Room()));
    if (most == 0 || !TakeAny(kDirection, list)) break;
    --most;
  }
}

// Chains of one buffer, up to the first that is none.
template <Direction kDirection>
uint16_t SplitRing::TakePlain(ChainList& list, uint16_t most) {
  constexpr uint16_t kKind = kDirection == Direction::kToGuest ? kDescriptorWrite : 0;
  const uint16_t* entries = available_->entries();
  const RawDescriptor* descriptors = descriptors_;
  const PlainBuffers plain = buffers_.Plain();
  const uint32_t mask = mask_;
  uint32_t next = next_;
  const uint16_t header_size = buffers_.header_size();
  Segment* segment = list.end();
  for (const Segment* end = segment + most; segment < end; ++segment, ++next) {
    const uint16_t head = LoadOnce(entries[next & mask]);
    if (head > mask) break;
    const auto descriptor = SplitDescriptor::From(LoadOnce(descriptors[head].details));
    if ((descriptor.flags & kDescriptorKind) != kKind) break;
    const uint64_t address = LoadOnce(descriptors[head].address);
    if (!plain.Holds(address, descriptor.length)) break;
    *segment = {plain.At(address), descriptor.length, head, 1};
    PrefetchBuffer<kDirection>(segment->data, header_size);
  }
  const auto taken = static_cast<uint16_t>(segment - list.end());
  list.Extend(taken);
  next_ = static_cast<uint16_t>(next);
  return taken;
}

template <Direction kDirection>
void SplitRing::Stage(std::span<const Segment> chains) {
  UsedElement* elements = used_->entries();
  const uint32_t mask = mask_;
  uint32_t place = staged_;
  for (const Segment& first : chains) {
    if (first.slots == 0) [[unlikely]]
      continue;
    uint64_t element = first.id;  // a UsedElement, in one store
    if (kDirection == Direction::kToGuest) element |= uint64_t{first.length} << 32;
    std::memcpy(&elements[place++ & mask], &element, sizeof(element));
  }
  staged_ = static_cast<uint16_t>(place);
  if (buffers_.log() != nullptr) [[unlikely]]
    LogStaged(kDirection, chains);
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_SPLIT_RING_H_
