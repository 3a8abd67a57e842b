// SPDX-License-Identifier: BSD-3-Clause
// TCP segmentation in software, for far ends that cannot take a GSO frame (tcp_gso_segment and
// inet_gso_segment in the kernel).
#ifndef VSWITCH_PMD_SEGMENT_H_
#define VSWITCH_PMD_SEGMENT_H_

#include <rte_mbuf.h>
#include <rte_mempool.h>

#include <cstdint>

#include "dataplane/packet.h"
#include "pmd/headers.h"

namespace vswitch {

// Cuts one GSO frame into frames with complete checksums, a few at a time. Copies; the frame stays
// the caller's and unchanged.
class Segmenter {
 public:
  // `pool` provides the segments' buffers.
  Segmenter(const Packet& frame, rte_mempool* pool);

  // The frame's headers allow segmentation. REQUIRED for all that follows.
  bool valid() const { return valid_; }
  bool done() const { return next_offset_ >= payload_; }

  // The next segment, the caller's; null when the pool is empty.
  rte_mbuf* Next();

 private:
  bool Parse(const Packet& frame);
  rte_mbuf* NewSegment(uint16_t payload);
  bool AppendPayload(rte_mbuf* segment, uint16_t payload);
  void FixHeaders(rte_mbuf* segment, uint16_t payload) const;

  const uint8_t* const frame_;  // the first contiguous bytes: all headers
  rte_mempool* const pool_;
  TransportHeaders headers_;
  bool valid_ = false;
  uint16_t header_size_ = 0;  // Ethernet up to and including TCP options
  uint16_t gso_size_ = 0;
  uint32_t payload_ = 0;      // bytes behind the headers
  uint32_t next_offset_ = 0;  // into the payload
  uint16_t index_ = 0;        // of the next segment
  // Where the next payload byte is.
  const rte_mbuf* source_ = nullptr;
  uint32_t source_offset_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_SEGMENT_H_
