// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/read_frames.h"

#include <array>

#include "pmd/virtqueue/segment_cursor.h"
#include "pmd/vnet_header.h"

namespace vswitch::read_internal {

bool TakeOffload(uint64_t start, const uint8_t* rest, Packet& packet) {
  VnetHeader header;
  std::memcpy(&header, &start, sizeof(start));
  std::memcpy(&header.csum_offset, rest, sizeof(header.csum_offset));
  Offload offload;
  if (!OffloadFromVnetHeader(header, packet.Headers(), packet.length(), &offload)) return false;
  packet = PacketBuffer::FromGuest(PacketBuffer::Frame(packet), packet.length(), offload);
  return true;
}

bool ReadScattered(std::span<Segment> chain, uint16_t header_size, GuestFrame& frame,
                   Packet& packet) {
  uint32_t length = 0;
  for (const Segment& segment : chain) length += segment.length;
  if (length < header_size + kEthernetHeaderSize) return false;
  length -= header_size;
  SegmentCursor cursor(chain);
  std::array<uint8_t, 12> header;
  cursor.Read(header.data(), header_size);
  cursor.Read(frame.head.data(), std::min<uint32_t>(length, GuestFrame::kHead));
  const std::span<Segment> rest = cursor.Rest(chain);
  frame.rest = rest.data();
  frame.rest_count = static_cast<uint16_t>(rest.size());
  packet = PacketBuffer::FromGuest(frame, length);
  uint64_t start;
  std::memcpy(&start, header.data(), sizeof(start));
  return (start & kAsksForOffload) == 0 ||
         TakeOffload(start, header.data() + sizeof(start), packet);
}

}  // namespace vswitch::read_internal
