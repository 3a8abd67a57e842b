// SPDX-License-Identifier: BSD-3-Clause
// Frames out of a ring that a guest sends from.
#ifndef VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_
#define VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/packet_buffer.h"
#include "pmd/virtio.h"
#include "pmd/virtqueue/copy.h"
#include "pmd/virtqueue/frame_store.h"

namespace vswitch {

namespace read_internal {

// gso_type and flags, in the first 8 bytes of a header.
inline constexpr uint64_t kAsksForOffload = 0xff00 | VnetHeader::kNeedsChecksum;

// What the header asks for becomes the packet's offload; false when it makes no sense. `start` is
// its first 8 bytes, `rest` the others.
bool TakeOffload(uint64_t start, const uint8_t* rest, Packet& packet);

// A chain of several segments, which change. False when it is malformed.
bool ReadScattered(std::span<Segment> chain, uint16_t header_size, GuestFrame& frame,
                   Packet& packet);

// A chain of one, which changes.
inline bool ReadPlain(Segment& chain, uint16_t header_size, GuestFrame& frame, Packet& packet) {
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
  packet = PacketBuffer::FromGuest(frame, length);
  return (start & kAsksForOffload) == 0 || TakeOffload(start, header + sizeof(start), packet);
}

}  // namespace read_internal

// Takes up to a burst of frames out of the ring, into a burst that is empty. Their chains are
// staged; the caller gives them back with ring.Publish(), a fence and ring.Notify() once nobody
// needs the frames any more, and before the store is used again. Chains that are no frames are
// counted as malformed. The ring's worker; never waits.
template <typename Ring>
void ReadFrames(Ring& ring, FrameStore& store, Burst& burst) {
  ChainList& chains = store.chains;
  chains.Clear();
  ring.template Take<Direction::kFromGuest>(chains, Burst::kCapacity);
  ring.template Stage<Direction::kFromGuest>(chains.view());
  const uint16_t header_size = ring.buffers().header_size();
  GuestFrame* frame = store.frames.data();
  Packet* packet = burst.packets.data();
  Segment* const end = chains.end();
  uint16_t malformed = 0;
  for (Segment* chain = chains.segments(); chain < end;) {
    Segment* next = chain + 1;
    bool good;
    if (next->slots > 0) [[likely]] {
      good = read_internal::ReadPlain(*chain, header_size, *frame, *packet);
    } else {
      while (next->slots == 0) ++next;
      good = read_internal::ReadScattered({chain, next}, header_size, *frame, *packet);
    }
    frame += good;
    packet += good;
    malformed += !good;
    chain = next;
  }
  burst.count = static_cast<uint16_t>(packet - burst.packets.data());
  burst.malformed = malformed;
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_READ_FRAMES_H_
