// SPDX-License-Identifier: BSD-3-Clause
// Translates between Offload and virtio_net_hdr, the header that guests and taps put before frames.
#ifndef VSWITCH_PMD_VNET_HEADER_H_
#define VSWITCH_PMD_VNET_HEADER_H_

#include <cstdint>
#include <span>

#include "dataplane/packet.h"
#include "pmd/virtio.h"

namespace vswitch {

// What a stranger's header asks for; false when it makes no sense for the frame of `length` bytes
// that begins with `head`.
bool OffloadFromVnetHeader(const VnetHeader& header, std::span<const uint8_t> head, uint32_t length,
                           Offload* offload);
// The header that asks for `offload`, of a frame that begins with `head`.
VnetHeader VnetHeaderFor(const Offload& offload, std::span<const uint8_t> head);

}  // namespace vswitch

#endif  // VSWITCH_PMD_VNET_HEADER_H_
