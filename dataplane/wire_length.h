// SPDX-License-Identifier: BSD-3-Clause
// How long a frame is where it is sent.
#ifndef VSWITCH_DATAPLANE_WIRE_LENGTH_H_
#define VSWITCH_DATAPLANE_WIRE_LENGTH_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"

namespace vswitch {

// Of a frame to be segmented, its longest segment (skb_gso_network_seglen). `headers` are its first
// bytes; that a backend takes such a frame in means that it is TCP and has its headers.
inline uint32_t WireLength(std::span<const uint8_t> headers, uint32_t length,
                           const Offload& offload) {
  if (offload.gso == GsoType::kNone) [[likely]]
    return length;
  constexpr size_t kDataOffset = 12;
  const size_t at = offload.csum_start + kDataOffset;
  const uint32_t tcp = at < headers.size() ? uint32_t{headers[at]} / 16 * 4 : 0;
  return std::min(length, offload.csum_start + tcp + offload.gso_size);
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_WIRE_LENGTH_H_
