// SPDX-License-Identifier: BSD-3-Clause
// What holds of frames out of a guest's ring, whatever the guest does.
#ifndef VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_
#define VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_

#include <algorithm>

#include "dataplane/packet_buffer.h"
#include "pmd/virtqueue/chain.h"
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

inline void CheckFrame(const Packet& packet, const GuestMemory& memory) {
  FUZZ_CHECK(packet.length() >= kEthernetHeaderSize && packet.length() <= kMaxChainBytes);
  FUZZ_CHECK(packet.Headers().size() == std::min<uint32_t>(packet.length(), GuestFrame::kHead));
  const GuestFrame& frame = PacketBuffer::Frame(packet);
  FUZZ_CHECK(packet.Headers().data() == frame.head.data());
  FUZZ_CHECK(frame.rest_count <= ChainList::kSegments);
  size_t length = packet.Headers().size();
  for (uint16_t i = 0; i < frame.rest_count; ++i) {
    CheckInMemory(frame.rest[i], memory);
    length += frame.rest[i].length;
  }
  FUZZ_CHECK(length == packet.length());
  const Offload& offload = packet.offload();
  if (!offload.needs_checksum) FUZZ_CHECK(offload.gso == GsoType::kNone);
  if (offload.needs_checksum) {
    FUZZ_CHECK(offload.csum_start + offload.csum_offset + 2u <= packet.length());
  }
}

inline void CheckBurst(const Burst& burst, const GuestMemory& memory) {
  FUZZ_CHECK(burst.count + burst.malformed <= Burst::kCapacity);
  for (const Packet& packet : burst.view()) CheckFrame(packet, memory);
}

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_BURST_PROMISES_H_
