// SPDX-License-Identifier: BSD-3-Clause
// Frames that are too long for one buffer, in chains of several.
#ifndef VSWITCH_PERF_CHAIN_H_
#define VSWITCH_PERF_CHAIN_H_

#include <rte_mbuf.h>

#include <cstdint>
#include <span>

namespace vswitch {

// Makes the packet `size` bytes long, dealt out to its buffers; frees those that get none.
// REQUIRES: each has room for its share; size > 0.
void SetLengths(rte_mbuf* packet, uint32_t size);

// Fills the packet with the first of `bytes`, which are at least as many.
void CopyInto(rte_mbuf* packet, std::span<const uint8_t> bytes);

// The first bytes of a packet, as many as there is room for; copied to `room` unless they are in
// one buffer.
std::span<const uint8_t> FirstBytes(const rte_mbuf& packet, std::span<uint8_t> room);

}  // namespace vswitch

#endif  // VSWITCH_PERF_CHAIN_H_
