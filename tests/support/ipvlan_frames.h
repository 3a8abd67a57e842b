// SPDX-License-Identifier: BSD-3-Clause
// Frames between slaves, their lower device and the world, byte by byte.
#ifndef VSWITCH_TESTS_SUPPORT_IPVLAN_FRAMES_H_
#define VSWITCH_TESTS_SUPPORT_IPVLAN_FRAMES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dataplane/address_key.h"
#include "dataplane/ethernet.h"
#include "dataplane/packet.h"

namespace vswitch {

using FrameContent = std::vector<uint8_t>;

inline constexpr EthernetAddress kPhyMac = {2, 0, 0, 0, 0, 0xaa};    // of all slaves, too
inline constexpr EthernetAddress kOtherMac = {2, 0, 0, 0, 0, 0xbb};  // somebody on the wire

// "10.0.0.1", "fd00::1".
AddressKey KeyOf(const std::string& address);

// A UDP packet of IPv4 or IPv6, by its addresses; IPv4's header checksum is right.
FrameContent IpFrame(const EthernetAddress& destination, const EthernetAddress& source,
                     const std::string& to, const std::string& from, uint8_t ttl = 64);
FrameContent ArpRequest(const EthernetAddress& destination, const EthernetAddress& source,
                        const std::string& target, const std::string& sender);
// From `from`, with the source's MAC as its option unless that is "::".
FrameContent Solicitation(const EthernetAddress& destination, const EthernetAddress& source,
                          const std::string& target, const std::string& from);
// Nothing that ipvlan knows: 46 bytes of a protocol of its own.
FrameContent OtherFrame(const EthernetAddress& destination, const EthernetAddress& source,
                        uint16_t ethertype);

FrameContent Tagged(FrameContent frame, uint16_t vlan);
FrameContent With(FrameContent frame, size_t offset, uint8_t value);
FrameContent Cut(FrameContent frame, size_t length);

// Whether the IPv4 header's checksum, or ICMPv6's of an IPv6 packet, is right.
bool HasValidChecksum(const FrameContent& frame);

// In a buffer of TestPool().
Packet PacketOf(const FrameContent& frame, const Offload& offload = {});

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_IPVLAN_FRAMES_H_
