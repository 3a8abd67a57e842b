// SPDX-License-Identifier: BSD-3-Clause
// Frames out of a ring that a guest sends from.
#ifndef VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_
#define VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "pmd/virtio.h"
#include "pmd/virtqueue/copy.h"
#include "pmd/virtqueue/guest_frame.h"

namespace vswitch {

namespace read_internal {

// gso_type and flags, in the first 8 bytes of a header.
inline constexpr uint64_t kAsksForOffload = 0xff00 | VnetHeader::kNeedsChecksum;

// False when what the header asks for makes no sense. `start` is its first 8 bytes, `rest` the
// others.
bool TakeOffload(uint64_t start, const uint8_t* rest, GuestFrame& frame);

// A chain of several segments, which change. False when it is malformed.
bool ReadScattered(std::span<Segment> chain, uint16_t header_size, GuestFrame& frame);

// A chain of one, which changes.
inline bool ReadPlain(Segment& chain, uint16_t header_size, GuestFrame& frame) {
  if (chain.length < header_size + kEthernetHeaderSize) [[unlikely]]
    return false;
  const uint8_t* header = chain.data;
  uint8_t* data = chain.data + header_size;
  const uint32_t length = chain.length - header_size;
  const uint32_t head_length = std::min<uint32_t>(length, GuestFrame::kHead);
  uint64_t start;
  std::memcpy(&start, header, sizeof(start));
  CopyBytes(frame.head.data(), data, head_length);
  chain.data = data + head_length;
  chain.length = length - head_length;
  frame.rest = &chain;
  frame.rest_count = length > head_length;
  frame.head_length = static_cast<uint16_t>(head_length);
  frame.length = length;
  frame.offload = {};
  return (start & kAsksForOffload) == 0 || TakeOffload(start, header + sizeof(start), frame);
}

}  // namespace read_internal

// Takes up to a burst of frames out of the ring. Their chains are staged; the caller gives them
// back with ring.Publish() and ring.Notify() once nobody needs the frames any more, and before it
// takes the next burst out of this ring. The ring's worker; never waits.
template <typename Ring>
void ReadFrames(Ring& ring, GuestBurst& burst) {
  burst.chains.Clear();
  ring.template Take<Direction::kFromGuest>(burst.chains, Burst::kCapacity);
  ring.template Stage<Direction::kFromGuest>(burst.chains.view());
  const uint16_t header_size = ring.buffers().header_size();
  GuestFrame* frame = burst.frames.data();
  Segment* const end = burst.chains.end();
  uint16_t malformed = 0;
  for (Segment* chain = burst.chains.segments(); chain < end;) {
    Segment* next = chain + 1;
    bool good;
    if (next->slots > 0) [[likely]] {
      good = read_internal::ReadPlain(*chain, header_size, *frame);
    } else {
      while (next->slots == 0) ++next;
      good = read_internal::ReadScattered({chain, next}, header_size, *frame);
    }
    frame += good;
    malformed += !good;
    chain = next;
  }
  burst.count = static_cast<uint16_t>(frame - burst.frames.data());
  burst.malformed = malformed;
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_
