// SPDX-License-Identifier: BSD-3-Clause
// What holds of frames out of a guest's ring, whatever the guest does.
#ifndef VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_
#define VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_

#include <algorithm>

#include "pmd/virtqueue/guest_frame.h"
#include "pmd/virtqueue/guest_memory.h"
#include "tests/fuzz/fuzz.h"

namespace vswitch {

inline void CheckInMemory(const Segment& segment, const GuestMemory& memory) {
  const auto regions = memory.regions();
  FUZZ_CHECK(segment.length > 0);
  FUZZ_CHECK(std::any_of(regions.begin(), regions.end(), [&](const MemoryRegion& region) {
    return segment.data >= region.host &&
           segment.data + segment.length <= region.host + region.size;
  }));
}

inline void CheckFrame(const GuestFrame& frame, const GuestMemory& memory) {
  FUZZ_CHECK(frame.length >= kEthernetHeaderSize && frame.length <= kMaxChainBytes);
  FUZZ_CHECK(frame.head_length == std::min<uint32_t>(frame.length, GuestFrame::kHead));
  FUZZ_CHECK(frame.rest_count <= ChainList::kSegments);
  uint32_t length = frame.head_length;
  for (uint16_t i = 0; i < frame.rest_count; ++i) {
    CheckInMemory(frame.rest[i], memory);
    length += frame.rest[i].length;
  }
  FUZZ_CHECK(length == frame.length);
  const Offload& offload = frame.offload;
  if (!offload.needs_checksum) FUZZ_CHECK(offload.gso == GsoType::kNone);
  if (offload.needs_checksum) {
    FUZZ_CHECK(offload.csum_start + offload.csum_offset + 2u <= frame.length);
  }
}

inline void CheckBurst(const GuestBurst& burst, const GuestMemory& memory) {
  FUZZ_CHECK(burst.count + burst.malformed <= Burst::kCapacity);
  for (const GuestFrame& frame : burst.view()) CheckFrame(frame, memory);
}

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_
