// SPDX-License-Identifier: BSD-3-Clause
// TCP and UDP frames for tests of offloads, with checksums computed apart from the code under test.
#ifndef VSWITCH_TESTS_SUPPORT_IP_FRAMES_H_
#define VSWITCH_TESTS_SUPPORT_IP_FRAMES_H_

#include <cstdint>
#include <span>
#include <vector>

#include "dataplane/packet.h"

namespace vswitch {

struct IpFrameSpec {
  bool ipv6 = false;
  bool udp = false;
  int vlan_tags = 0;
  uint16_t network_extra = 0;  // bytes of IPv4 options (multiple of 4) or an IPv6 destination
                               // options header (multiple of 8)
  uint16_t tcp_options = 0;    // multiple of 4
  uint32_t payload = 100;
  uint8_t tcp_flags = 0x10;  // ACK
  uint32_t sequence = 0x01020304;
  uint16_t ip_id = 0x1234;
};

struct IpFrame {
  std::vector<uint8_t> bytes;
  uint16_t network = 0;
  uint16_t transport = 0;
  uint16_t payload = 0;  // offset
  bool ipv6 = false;
  uint8_t protocol = 0;

  // The request a sender makes of this frame; the checksum field already holds the pseudo-header
  // sum.
  Offload ChecksumRequest() const;
  Offload GsoRequest(uint16_t gso_size) const;
};

// With a valid IPv4 header checksum and the pseudo-header sum in the transport checksum field.
IpFrame BuildIpFrame(const IpFrameSpec& spec);

// Offsets of a frame found by its own bytes, as far as BuildIpFrame makes such frames.
IpFrame ParseIpFrame(std::span<const uint8_t> bytes);

// RFC 1071, byte pair by byte pair, big-endian, not inverted.
uint16_t ReferenceSum(std::span<const uint8_t> bytes);
// The sum over pseudo-header (for a segment of the frame's actual length), as in RFC 793 and 8200.
uint16_t ReferencePseudoSum(const IpFrame& frame);
// IPv4 header and transport checksums as a receiver checks them.
bool ChecksumsValid(const IpFrame& frame);

// A packet in TestPool() with the given bytes, in a chain of segments of `segment_size` bytes.
Packet ToPacket(std::span<const uint8_t> bytes, const Offload& offload = {},
                uint16_t segment_size = 2048);

uint16_t Be16(std::span<const uint8_t> bytes, size_t at);
uint32_t Be32(std::span<const uint8_t> bytes, size_t at);

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_IP_FRAMES_H_
