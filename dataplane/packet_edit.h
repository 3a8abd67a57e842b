// SPDX-License-Identifier: BSD-3-Clause
// What a device may do to a packet beyond looking at it, whatever the storage behind it.
#ifndef VSWITCH_DATAPLANE_PACKET_EDIT_H_
#define VSWITCH_DATAPLANE_PACKET_EDIT_H_

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/packet.h"

namespace vswitch {

// Packet::Headers() for writing; a frame whose bytes others see, too, is copied first. Empty when
// there is no buffer for that.
std::span<uint8_t> WritableHeaders(Packet& packet);

// Cuts bytes off the end of a packet, whose buffer nobody else has. Leaves it as it is when that
// would take more than the buffer's last segment, or leave more than its headers in a guest's
// memory.
void Shorten(Packet& packet, uint32_t length);

// Another packet with the same bytes, which both may share, for as long as one likes. Nothing when
// there is no buffer.
std::optional<Packet> Duplicate(const Packet& packet);

// Frees packets that did what they were there for: nothing is dropped.
void Discard(std::span<const Packet> packets);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_PACKET_EDIT_H_
