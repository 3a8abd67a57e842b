// SPDX-License-Identifier: BSD-3-Clause
// Frames that still lie in the buffers of the guest that sends them.
#ifndef VSWITCH_PMD_VIRTQUEUE_GUEST_FRAME_H_
#define VSWITCH_PMD_VIRTQUEUE_GUEST_FRAME_H_

#include <array>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"
#include "pmd/virtqueue/chain.h"

namespace vswitch {

// The first bytes are ours: what was decided on them holds for what is delivered. The rest is the
// guest's, who may change it at any moment.
struct alignas(64) GuestFrame {
  static constexpr uint16_t kHead = 128;

  std::array<uint8_t, kHead> head;
  const Segment* rest;  // in the burst's chains: what follows the head
  uint16_t rest_count;
  uint16_t head_length;  // min(length, kHead)
  uint32_t length;       // of the frame; at least kEthernetHeaderSize
  Offload offload;       // checked against the head

  std::span<const uint8_t> Head() const { return {head.data(), head_length}; }

  // visit(const uint8_t* data, uint32_t length) for each piece, the head first.
  template <typename Visit>
  void ForEachPiece(const Visit& visit) const {
    visit(head.data(), head_length);
    for (uint16_t i = 0; i < rest_count; ++i) visit(rest[i].data, rest[i].length);
  }
};

// What ReadFrames found. Not initialised: to be filled before it is read. One a worker is enough:
// the frames of a burst are gone before the next queue is looked at, so that however many queues
// there are, this stays in the cache.
struct GuestBurst {
  GuestBurst() {}  // NOLINT(modernize-use-equals-default): `GuestBurst()` would zero it

  std::array<GuestFrame, Burst::kCapacity> frames;
  uint16_t count = 0;
  uint16_t malformed = 0;  // chains that are no frames
  ChainList chains;

  std::span<const GuestFrame> view() const { return {frames.data(), count}; }
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_GUEST_FRAME_H_
