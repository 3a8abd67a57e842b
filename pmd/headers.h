// SPDX-License-Identifier: BSD-3-Clause
// Where the network and transport headers of an Ethernet frame start.
#ifndef VSWITCH_PMD_HEADERS_H_
#define VSWITCH_PMD_HEADERS_H_

#include <cstdint>
#include <optional>
#include <span>

#include "dataplane/big_endian.h"

namespace vswitch {

inline constexpr uint8_t kProtocolTcp = 6;
inline constexpr uint8_t kProtocolUdp = 17;
inline constexpr uint16_t kTcpChecksumOffset = 16;
inline constexpr uint16_t kUdpChecksumOffset = 6;
inline constexpr uint16_t kTcpHeaderSize = 20;
inline constexpr uint16_t kUdpHeaderSize = 8;
inline constexpr uint16_t kIpv4HeaderSize = 20;
inline constexpr uint16_t kIpv6HeaderSize = 40;

// Bytes from the start of the frame.
struct TransportHeaders {
  uint16_t network = 0;    // the IPv4 or IPv6 header
  uint16_t transport = 0;  // behind IP options or extension headers
  uint8_t protocol = 0;    // of the transport header
  bool ipv6 = false;
  bool fragment = false;  // then what stands at `transport` is a header in the first fragment only

  uint16_t network_size() const { return static_cast<uint16_t>(transport - network); }
  // Neither IP options nor extension headers.
  bool plain() const { return network_size() == (ipv6 ? kIpv6HeaderSize : kIpv4HeaderSize); }
};

// Looks through up to two VLAN tags, IPv4 options and IPv6 hop-by-hop, routing, destination and
// fragment headers. Nothing when the frame is not IP or its headers do not lie within `frame`;
// `transport` may equal frame.size().
std::optional<TransportHeaders> FindTransport(std::span<const uint8_t> frame);

}  // namespace vswitch

#endif  // VSWITCH_PMD_HEADERS_H_
