// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/headers.h"

#include "dataplane/packet.h"

namespace vswitch {
namespace {

constexpr uint16_t kEtherTypeIpv4 = 0x0800;
constexpr uint16_t kEtherTypeIpv6 = 0x86dd;
constexpr uint16_t kEtherTypeVlan = 0x8100;
constexpr uint16_t kEtherTypeQinq = 0x88a8;

constexpr uint8_t kHopByHop = 0;
constexpr uint8_t kRouting = 43;
constexpr uint8_t kFragment = 44;
constexpr uint8_t kDestination = 60;

std::optional<TransportHeaders> FindBehindIpv4(std::span<const uint8_t> frame, uint16_t network) {
  if (frame.size() < size_t{network} + kIpv4HeaderSize) return std::nullopt;
  const uint8_t* header = frame.data() + network;
  const uint16_t size = (header[0] & 0x0f) * 4;
  if (header[0] >> 4 != 4 || size < kIpv4HeaderSize) return std::nullopt;
  if (frame.size() < size_t{network} + size) return std::nullopt;
  // More fragments, or an offset.
  const bool fragment = (ReadBe16(header + 6) & 0x3fff) != 0;
  return TransportHeaders{network, static_cast<uint16_t>(network + size), header[9], false,
                          fragment};
}

// RFC 8200, section 4. Each step moves forward by at least 8 bytes, so `frame` bounds the walk.
std::optional<TransportHeaders> SkipExtensions(std::span<const uint8_t> frame,
                                               TransportHeaders headers) {
  size_t at = headers.transport;
  for (;;) {
    const bool fragment = headers.protocol == kFragment;
    const bool extension = headers.protocol == kHopByHop || headers.protocol == kRouting ||
                           headers.protocol == kDestination;
    if (!fragment && !extension) break;
    if (frame.size() < at + 8) return std::nullopt;
    const uint8_t* header = frame.data() + at;
    // An atomic fragment (RFC 6946) is a whole packet.
    if (fragment && (ReadBe16(header + 2) & 0xfff9) != 0) headers.fragment = true;
    headers.protocol = header[0];
    at += fragment ? 8 : (size_t{header[1]} + 1) * 8;
    if (frame.size() < at || at > UINT16_MAX) return std::nullopt;
  }
  headers.transport = static_cast<uint16_t>(at);
  return headers;
}

std::optional<TransportHeaders> FindBehindIpv6(std::span<const uint8_t> frame, uint16_t network) {
  if (frame.size() < size_t{network} + kIpv6HeaderSize) return std::nullopt;
  const uint8_t* header = frame.data() + network;
  if (header[0] >> 4 != 6) return std::nullopt;
  return SkipExtensions(
      frame, TransportHeaders{network, static_cast<uint16_t>(network + kIpv6HeaderSize), header[6],
                              true, false});
}

}  // namespace

std::optional<TransportHeaders> FindTransport(std::span<const uint8_t> frame) {
  if (frame.size() < kEthernetHeaderSize) return std::nullopt;
  uint16_t network = kEthernetHeaderSize;
  uint16_t type = ReadBe16(frame.data() + network - 2);
  for (int tags = 0; tags < 2 && (type == kEtherTypeVlan || type == kEtherTypeQinq); ++tags) {
    network += kVlanTagSize;
    if (frame.size() < network) return std::nullopt;
    type = ReadBe16(frame.data() + network - 2);
  }
  if (type == kEtherTypeIpv4) return FindBehindIpv4(frame, network);
  if (type == kEtherTypeIpv6) return FindBehindIpv6(frame, network);
  return std::nullopt;
}

}  // namespace vswitch
