// SPDX-License-Identifier: BSD-3-Clause
// Which IP address a frame is for, or from, as ipvlan sees it (ipvlan_get_L3_hdr and
// ipvlan_addr_lookup). Pure functions of a frame that may be hostile.
#ifndef VSWITCH_DATAPLANE_IPVLAN_CLASSIFY_H_
#define VSWITCH_DATAPLANE_IPVLAN_CLASSIFY_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/address_key.h"
#include "dataplane/ethernet.h"
#include "dataplane/packet.h"

namespace vswitch {

// What a frame's headers are to be read for. All give an invalid key when the headers are cut off
// or lie: IPv4 that is longer than the frame, or shorter than its header.
//
// A slave sends it: the target of ARP, the destination of IP; of a neighbour solicitation from "::"
// the target.
inline AddressKey SentTo(const Packet& packet);
// The same of what a lower device receives. Behind one VLAN tag, too: the kernel takes it off
// before it asks the rx handler.
AddressKey ReceivedFor(const Packet& packet);
// The same where the lower device's IP layer has its say first (L3S): the destination of IP that
// it would take in (ip_rcv_core, ip6_rcv_core), which is IPv4 or IPv6 of no VLAN that says how long
// it is, IPv4 with a valid checksum. A solicitation for another address than its destination is not
// for either.
AddressKey TakenInFor(const Packet& packet);
// Who sent what a lower device receives: the sender of ARP, the source of IP; of a neighbour
// solicitation from "::" its target.
AddressKey ReceivedFrom(const Packet& packet);

// ARP, neighbour solicitations and advertisements.
bool IsAboutNeighbours(const Packet& packet);

// Neighbour discovery in full, routers and redirects included, as far as a receiver believes it:
// what says of itself that it comes from the same link (RFC 4861: hop limit 255). With extension
// headers before it, any packet that may be it.
bool IsNeighbourDiscovery(std::span<const uint8_t> frame);

// The destination by which a packet is routed that calls itself IP, whatever else it says.
AddressKey RoutedBy(const Packet& packet);
// How long a frame of kShortestFrame, for which RoutedBy is valid, is without what pads it to that.
// NICs do that, which a kernel's slave has none of.
inline constexpr uint32_t kShortestFrame = 60;  // of Ethernet, without FCS
uint32_t LengthWithoutPadding(std::span<const uint8_t> headers);
// What ip_local_out and ip6_local_out do to a packet for which RoutedBy is valid: its length
// becomes that of the frame, and IPv4's checksum right. `headers` are the packet's.
void CompleteIpHeader(std::span<uint8_t> headers, uint32_t length);

// SentTo for any frame.
AddressKey SentToOf(const Packet& packet);

// Whether a frame is what nearly all are: IPv4 without options that does not lie about its length.
// Its SentTo is `destination` then, as it lies in memory.
inline bool IsPlainIpv4(const Packet& packet, uint32_t& destination) {
  constexpr size_t kEtherType = 12, kLength = 16, kDestination = 30, kEnd = 34;
  constexpr uint32_t kIpv4 = 0x450008;  // the type, version and header length, as they lie there
  const std::span<const uint8_t> headers = packet.Headers();
  if (headers.size() < kEnd) [[unlikely]]
    return false;
  uint32_t start;
  std::memcpy(&start, &headers[kEtherType], sizeof(start));
  std::memcpy(&destination, &headers[kDestination], sizeof(destination));
  const uint32_t length = uint32_t{headers[kLength]} << 8 | headers[kLength + 1];
  constexpr uint32_t kShortest = kEnd - kEthernetHeaderSize;
  return (start & 0xffffff) == kIpv4 && length >= kShortest && length <= packet.length();
}

// They cost no call.
inline AddressKey SentTo(const Packet& packet) {
  uint32_t destination;
  if (!IsPlainIpv4(packet, destination)) [[unlikely]]
    return SentToOf(packet);
  return {.low = destination, .family = AddressKey::Family::kIpv4};
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_CLASSIFY_H_
