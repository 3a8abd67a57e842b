// SPDX-License-Identifier: BSD-3-Clause
// What a guest hands over at a time: chains of buffers, as pieces of our address space.
#ifndef VSWITCH_PMD_VIRTQUEUE_CHAIN_H_
#define VSWITCH_PMD_VIRTQUEUE_CHAIN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/guest_frame.h"

namespace vswitch {

// The first Segment of a chain also says whose it is; a chain of one is all there is to most
// packets, and 16 bytes.
//   data    null: the chain is malformed
//   length  at least 1, or 0 if malformed
//   id      by which the guest knows the chain
//   slots   of the ring that the chain takes up; 0: this segment continues the chain

// More bytes than any frame needs.
inline constexpr uint32_t kMaxChainBytes = 1u << 20;

enum class Direction : uint8_t { kFromGuest, kToGuest };

// Chains that were taken out of a ring, one behind the other. Not initialised: a burst touches no
// more of it than it needs.
class ChainList {
 public:
  // A chain of more segments, or more descriptors, is malformed. So a guest cannot keep a worker
  // busy with endless chains.
  static constexpr uint16_t kSegments = 1024;

  ChainList() {}  // NOLINT(modernize-use-equals-default): `ChainList()` would zero it

  void Clear() {
    size_ = descriptors_ = 0;
    full_ = false;
    End();
  }
  // Segments. Behind the last one there is always one that begins a chain and has no bytes.
  uint16_t size() const { return size_; }
  Segment* segments() { return segments_.data(); }
  std::span<Segment> view() { return {segments_.data(), size_}; }
  // What the ring has next did not fit any more.
  bool full() const { return full_; }

  // The rest is for rings.

  uint16_t Room() const { return kSegments - size_; }
  Segment* end() { return &segments_[0] + size_; }
  // Chains of one segment were written to end().
  void Extend(uint16_t count) {
    size_ += count;
    End();
  }
  // The next segment of a chain of several; False when there is no room.
  bool Continue(uint8_t* data, uint32_t length);
  // All that were added from `first` on are one chain.
  void CloseChain(uint16_t first, uint16_t id, uint16_t slots);
  void AddMalformed(uint16_t first, uint16_t id, uint16_t slots);
  void Shrink(uint16_t size) {
    size_ = size;
    End();
  }
  // Whether one more descriptor of such chains may be looked at.
  bool Look() { return descriptors_ < kSegments && ++descriptors_ > 0; }
  void set_full() { full_ = true; }

 private:
  void End() { segments_[size_] = {nullptr, 0, 0, 1}; }

  uint16_t size_;
  uint16_t descriptors_;
  bool full_;
  std::array<Segment, kSegments + 1> segments_;
};

inline bool ChainList::Continue(uint8_t* data, uint32_t length) {
  if (size_ == kSegments) return false;
  segments_[size_++] = {data, length, 0, 0};
  return true;
}

inline void ChainList::CloseChain(uint16_t first, uint16_t id, uint16_t slots) {
  segments_[first].id = id;
  segments_[first].slots = slots;
  End();
}

inline void ChainList::AddMalformed(uint16_t first, uint16_t id, uint16_t slots) {
  segments_[first] = {nullptr, 0, id, slots};
  Shrink(first + 1);
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_CHAIN_H_
