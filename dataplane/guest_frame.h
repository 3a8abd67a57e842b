// SPDX-License-Identifier: BSD-3-Clause
// A frame that still lies in the memory of the guest that sends it.
#ifndef VSWITCH_DATAPLANE_GUEST_FRAME_H_
#define VSWITCH_DATAPLANE_GUEST_FRAME_H_

#include <array>
#include <cstdint>

struct rte_mempool;

namespace vswitch {

// A piece of memory that a guest can see. What `id` and `slots` say is the backend's business.
struct Segment {
  uint8_t* data;
  uint32_t length;
  uint16_t id;
  uint16_t slots;
};
static_assert(sizeof(Segment) == 16);

// The first bytes are ours: what was decided on them holds for what is delivered. The rest is the
// guest's, who may change it at any moment. It lasts until Backend::Finish.
struct alignas(64) GuestFrame {
  static constexpr uint16_t kHead = 128;

  std::array<uint8_t, kHead> head;
  const Segment* rest;  // what follows the head
  uint16_t rest_count;
  rte_mempool* pool;  // for who needs it longer (PacketBuffer::ToMbuf)
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_GUEST_FRAME_H_
