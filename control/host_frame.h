// SPDX-License-Identifier: BSD-3-Clause
// Frames of the host stack: reading what others sent, with every length checked, and writing its
// own. Only Ethernet, ARP, ICMP and neighbour discovery.
#ifndef VSWITCH_CONTROL_HOST_FRAME_H_
#define VSWITCH_CONTROL_HOST_FRAME_H_

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "control/device.h"
#include "control/ip_address.h"

namespace vswitch {

// Readers return nothing for what Linux would not look at any further. What they return refers to
// the bytes they were given.

struct EthernetFrame {
  MacAddress destination{}, source{};
  uint16_t ethertype = 0;
  Bytes payload;
};
std::optional<EthernetFrame> ReadEthernet(Bytes frame);

// RFC 826 for Ethernet and IPv4.
struct ArpPacket {
  bool reply = false;
  MacAddress sender_mac{}, target_mac{};
  IpAddress sender, target;
};
std::optional<ArpPacket> ReadArp(Bytes payload);

// An IP packet of either family. Its options and extension headers were looked at and left out.
struct IpPacket {
  IpAddress source, destination;
  uint8_t traffic_class = 0;
  uint8_t hop_limit = 64;
  uint8_t protocol = 0;  // IPPROTO_ICMP or IPPROTO_ICMPV6 in what is written
  Bytes payload;
};
// Not fragments: nobody here puts them together (ip_rcv_core, ip6_rcv_core, ip6_parse_tlv).
std::optional<IpPacket> ReadIpv4(Bytes payload);
std::optional<IpPacket> ReadIpv6(Bytes payload);
// Over the payload, which is an ICMP or ICMPv6 message.
bool IsIcmpChecksumValid(const IpPacket& packet);

// A neighbour solicitation or advertisement (RFC 4861, 4.3 and 4.4; RFC 7527, 4.1).
struct NdMessage {
  bool advertisement = false;
  bool router = false, solicited = false, override = false;  // of an advertisement
  IpAddress target;
  std::optional<MacAddress> source_mac, target_mac;
  std::optional<std::array<uint8_t, 6>> nonce;
};
// `message` is an ICMPv6 message of one of the two types.
std::optional<NdMessage> ReadNd(Bytes message);
std::vector<uint8_t> WriteNd(const NdMessage& message);

// A frame as it is sent. The Ethernet addresses of what goes through a neighbour are set last.
using Frame = std::vector<uint8_t>;
Frame WriteArp(const ArpPacket& packet, const MacAddress& destination);
// `packet.payload` is a whole ICMP or ICMPv6 message; its checksum is filled in.
Frame WriteIcmp(const IpPacket& packet);
void SetMacs(Frame& frame, const MacAddress& destination, const MacAddress& source);

inline constexpr MacAddress kBroadcastMac = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
// 33:33 and the end of the address (ipv6_eth_mc_map).
MacAddress Ipv6MulticastMac(const IpAddress& group);
// ff02::1:ffxx:xxxx (addrconf_addr_solict_mult)
IpAddress SolicitedNode(const IpAddress& address);
IpAddress AllNodes();  // ff02::1

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HOST_FRAME_H_
