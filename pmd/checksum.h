// SPDX-License-Identifier: BSD-3-Clause
// Internet checksums (RFC 1071) over mbuf chains.
#ifndef VSWITCH_PMD_CHECKSUM_H_
#define VSWITCH_PMD_CHECKSUM_H_

#include <rte_mbuf.h>

#include <cstdint>

#include "pmd/headers.h"

namespace vswitch {

// One's complement sum, not inverted, of frame bytes [offset, offset + length), in memory order.
// REQUIRES: offset + length <= pkt_len. (rte_raw_cksum_mbuf of DPDK 22.11 loses carries when a
// segment starts at an odd byte.)
uint16_t RawChecksum(const rte_mbuf* mbuf, uint32_t offset, uint32_t length);

// The sum that stands in the checksum field of a segment of `length` bytes (transport header and
// payload) whose checksum is left to others, in memory order. `frame` holds the network header.
uint16_t PseudoHeaderChecksum(const uint8_t* frame, const TransportHeaders& headers,
                              uint32_t length);

// Does what virtio's VIRTIO_NET_HDR_F_NEEDS_CSUM asks for: sums from `start` to the end of the
// frame and stores the inverted sum at start + offset. False, and nothing is changed, when that
// field lies outside the frame. skb_checksum_help in the kernel; like there, zero is stored as
// 0xffff.
bool CompleteChecksum(rte_mbuf* mbuf, uint16_t start, uint16_t offset);

}  // namespace vswitch

#endif  // VSWITCH_PMD_CHECKSUM_H_
