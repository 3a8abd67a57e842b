// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vnet_header.h"

#include "pmd/offload.h"

namespace vswitch {
namespace {

// Up to the payload, for a GSO frame.
uint16_t HeaderSize(const Offload& offload, std::span<const uint8_t> head) {
  const size_t data_offset = size_t{offload.csum_start} + 12;
  if (head.size() <= data_offset) return offload.csum_start;
  return static_cast<uint16_t>(offload.csum_start + (head[data_offset] >> 4) * 4);
}

}  // namespace

bool OffloadFromVnetHeader(const VnetHeader& header, std::span<const uint8_t> head, uint32_t length,
                           Offload* offload) {
  if ((header.flags & VnetHeader::kNeedsChecksum) != 0) {
    offload->needs_checksum = true;
    offload->csum_start = header.csum_start;
    offload->csum_offset = header.csum_offset;
  }
  switch (static_cast<GsoType>(header.gso_type)) {
    case GsoType::kNone:
      break;
    case GsoType::kTcp4:
    case GsoType::kTcp6:
      offload->gso = static_cast<GsoType>(header.gso_type);
      offload->gso_size = header.gso_size;
      break;
    default:
      return false;
  }
  return CheckOffload(head, length, *offload);
}

VnetHeader VnetHeaderFor(const Offload& offload, std::span<const uint8_t> head) {
  VnetHeader header{};
  if (!offload.needs_checksum) return header;
  header.flags = VnetHeader::kNeedsChecksum;
  header.csum_start = offload.csum_start;
  header.csum_offset = offload.csum_offset;
  if (offload.gso == GsoType::kNone) return header;
  header.gso_type = static_cast<uint8_t>(offload.gso);
  header.gso_size = offload.gso_size;
  header.hdr_len = HeaderSize(offload, head);
  return header;
}

}  // namespace vswitch
