// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ipvlan_classify.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <rte_ether.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

#include "dataplane/big_endian.h"

namespace vswitch {

namespace {

// All offsets are from the start of the network header.
constexpr size_t kArpSize = 28, kArpSender = 14, kArpTarget = 24;
constexpr size_t kIpv4Size = 20, kIpv4Length = 2, kIpv4Checksum = 10;
constexpr size_t kIpv4Source = 12, kIpv4Destination = 16;
constexpr size_t kIpv6Size = 40, kIpv6Length = 4, kIpv6NextHeader = 6;
constexpr size_t kIpv6Source = 8, kIpv6Destination = 24;
constexpr size_t kIcmp6Size = 8, kNdTarget = kIpv6Size + kIcmp6Size;
constexpr size_t kNdSize = kNdTarget + 16;

constexpr size_t kEtherType = 12;

AddressKey Ipv4At(std::span<const uint8_t> bytes, size_t offset) {
  return AddressKey::Ipv4(std::span<const uint8_t, 4>(bytes.data() + offset, 4));
}

AddressKey Ipv6At(std::span<const uint8_t> bytes, size_t offset) {
  return AddressKey::Ipv6(std::span<const uint8_t, 16>(bytes.data() + offset, 16));
}

// The network header, as much of it as is at hand, and how many bytes the kernel compares lengths
// with.
struct Network {
  uint16_t ethertype = 0;
  std::span<const uint8_t> bytes;
  uint32_t length = 0;
  uint16_t vlan = 0;
};

// On its way out, a frame's length still includes the Ethernet header (skb->len), and a VLAN tag is
// nothing that ipvlan knows.
Network SentNetwork(const Packet& packet) {
  const std::span<const uint8_t> headers = packet.Headers();
  if (headers.size() < kEthernetHeaderSize) return {};
  return {ReadBe16(&headers[kEtherType]), headers.subspan(kEthernetHeaderSize), packet.length(), 0};
}

Network ReceivedNetwork(const Packet& packet) {
  const std::span<const uint8_t> headers = packet.Headers();
  uint32_t size = kEthernetHeaderSize;
  if (headers.size() < size) return {};
  uint16_t ethertype = ReadBe16(&headers[kEtherType]);
  uint16_t vlan = 0;
  if (ethertype == RTE_ETHER_TYPE_VLAN || ethertype == RTE_ETHER_TYPE_QINQ) [[unlikely]] {
    if (headers.size() < size + kVlanTagSize) return {};
    vlan = ReadBe16(&headers[size]) & 0xfff;
    ethertype = ReadBe16(&headers[kEtherType + kVlanTagSize]);
    size += kVlanTagSize;
  }
  return {ethertype, headers.subspan(size), packet.length() - size, vlan};
}

enum class End { kSource, kDestination };

bool IsIpv4(const Network& network) {
  const std::span<const uint8_t> bytes = network.bytes;
  if (bytes.size() < kIpv4Size || bytes[0] >> 4 != 4) return false;
  const uint32_t header = (bytes[0] & 0xfu) * 4;
  const uint32_t total = ReadBe16(&bytes[kIpv4Length]);
  return header >= kIpv4Size && total <= network.length && total >= header;
}

bool IsIpv6(const Network& network) {
  return network.bytes.size() >= kIpv6Size && network.bytes[0] >> 4 == 6;
}

bool IsFromNobody(std::span<const uint8_t> ipv6) {
  const AddressKey source = Ipv6At(ipv6, kIpv6Source);
  return source.high == 0 && source.low == 0;
}

// From "::" only neighbour solicitations count, which ask whether somebody has the target.
AddressKey Icmp6Key(std::span<const uint8_t> ipv6) {
  if (ipv6.size() < kNdSize || ipv6[kIpv6Size] != ND_NEIGHBOR_SOLICIT) return {};
  return Ipv6At(ipv6, kNdTarget);
}

AddressKey Ipv6Key(const Network& network, End end) {
  if (!IsIpv6(network)) return {};
  if (network.bytes[kIpv6NextHeader] == IPPROTO_ICMPV6 && IsFromNobody(network.bytes)) {
    return Icmp6Key(network.bytes);
  }
  return Ipv6At(network.bytes, end == End::kSource ? kIpv6Source : kIpv6Destination);
}

AddressKey KeyOf(const Network& network, End end) {
  switch (network.ethertype) {
    case RTE_ETHER_TYPE_IPV4:
      if (!IsIpv4(network)) return {};
      return Ipv4At(network.bytes, end == End::kSource ? kIpv4Source : kIpv4Destination);
    case RTE_ETHER_TYPE_IPV6:
      return Ipv6Key(network, end);
    case RTE_ETHER_TYPE_ARP:
      if (network.bytes.size() < kArpSize) return {};
      return Ipv4At(network.bytes, end == End::kSource ? kArpSender : kArpTarget);
    default:
      return {};
  }
}

// In memory order: zero for a header whose checksum is right, the checksum for one where it is
// zero.
uint16_t Ipv4Checksum(std::span<const uint8_t> header) {
  return static_cast<uint16_t>(~rte_raw_cksum(header.data(), header.size()));
}

// Whether the IP layer of a lower device would go on with it.
bool IsTakenIn(const Network& network) {
  const std::span<const uint8_t> bytes = network.bytes;
  if (network.vlan != 0) return false;
  if (network.ethertype == RTE_ETHER_TYPE_IPV4) {
    if (!IsIpv4(network)) return false;
    const size_t header = (bytes[0] & 0xfu) * 4;
    return header <= bytes.size() && Ipv4Checksum(bytes.first(header)) == 0;
  }
  if (network.ethertype != RTE_ETHER_TYPE_IPV6 || !IsIpv6(network)) return false;
  const uint32_t payload = ReadBe16(&bytes[kIpv6Length]);
  return payload > 0 && payload + kIpv6Size <= network.length;
}

}  // namespace

AddressKey SentToOf(const Packet& packet) { return KeyOf(SentNetwork(packet), End::kDestination); }

AddressKey ReceivedFor(const Packet& packet) {
  return KeyOf(ReceivedNetwork(packet), End::kDestination);
}

AddressKey TakenInFor(const Packet& packet) {
  const Network network = ReceivedNetwork(packet);
  if (!IsTakenIn(network)) return {};
  const AddressKey key = KeyOf(network, End::kDestination);
  const bool ipv6 = network.ethertype == RTE_ETHER_TYPE_IPV6;
  const bool elsewhere = ipv6 && key != Ipv6At(network.bytes, kIpv6Destination);
  return elsewhere ? AddressKey{} : key;
}

AddressKey ReceivedFrom(const Packet& packet) {
  return KeyOf(ReceivedNetwork(packet), End::kSource);
}

bool IsAboutNeighbours(const Packet& packet) {
  const Network network = SentNetwork(packet);
  if (network.ethertype != RTE_ETHER_TYPE_IPV6) return network.ethertype == RTE_ETHER_TYPE_ARP;
  const std::span<const uint8_t> ipv6 = network.bytes;
  if (ipv6.size() <= kIpv6Size || ipv6[kIpv6NextHeader] != IPPROTO_ICMPV6) return false;
  return ipv6[kIpv6Size] == ND_NEIGHBOR_SOLICIT || ipv6[kIpv6Size] == ND_NEIGHBOR_ADVERT;
}

bool IsNeighbourDiscovery(std::span<const uint8_t> frame) {
  constexpr size_t kType = kEthernetHeaderSize + kIpv6Size;
  constexpr size_t kHopLimit = kEthernetHeaderSize + 7;
  if (frame.size() <= kType || ReadBe16(&frame[kEtherType]) != RTE_ETHER_TYPE_IPV6) return false;
  if (frame[kHopLimit] != 255) return false;
  switch (frame[kEthernetHeaderSize + kIpv6NextHeader]) {
    case IPPROTO_ICMPV6:
      return frame[kType] >= ND_ROUTER_SOLICIT && frame[kType] <= ND_REDIRECT;
    case IPPROTO_HOPOPTS:
    case IPPROTO_ROUTING:
    case IPPROTO_FRAGMENT:
    case IPPROTO_DSTOPTS:
      return true;
    default:
      return false;
  }
}

AddressKey RoutedBy(const Packet& packet) {
  const std::span<const uint8_t> headers = packet.Headers();
  if (headers.size() < kEthernetHeaderSize) return {};
  const std::span<const uint8_t> bytes = headers.subspan(kEthernetHeaderSize);
  switch (ReadBe16(&headers[kEtherType])) {
    case RTE_ETHER_TYPE_IPV4:
      return bytes.size() < kIpv4Size ? AddressKey{} : Ipv4At(bytes, kIpv4Destination);
    case RTE_ETHER_TYPE_IPV6:
      return bytes.size() < kIpv6Size ? AddressKey{} : Ipv6At(bytes, kIpv6Destination);
    default:
      return {};
  }
}

uint32_t LengthWithoutPadding(std::span<const uint8_t> headers) {
  const std::span<const uint8_t> bytes = headers.subspan(kEthernetHeaderSize);
  const bool ipv6 = ReadBe16(&headers[kEtherType]) == RTE_ETHER_TYPE_IPV6;
  const uint32_t header = ipv6 ? kIpv6Size : (bytes[0] & 0xfu) * 4;
  const uint32_t packet =
      ipv6 ? kIpv6Size + ReadBe16(&bytes[kIpv6Length]) : ReadBe16(&bytes[kIpv4Length]);
  const bool sane = header >= kIpv4Size && packet >= header;
  return sane ? std::min(kShortestFrame, kEthernetHeaderSize + packet) : kShortestFrame;
}

void CompleteIpHeader(std::span<uint8_t> headers, uint32_t length) {
  const std::span<uint8_t> bytes = headers.subspan(kEthernetHeaderSize);
  const uint32_t available = length - kEthernetHeaderSize;
  if (ReadBe16(&headers[kEtherType]) == RTE_ETHER_TYPE_IPV6) {
    const uint32_t payload = available - kIpv6Size;
    return WriteBe16(&bytes[kIpv6Length],
                     static_cast<uint16_t>(payload > UINT16_MAX ? 0 : payload));
  }
  WriteBe16(&bytes[kIpv4Length], static_cast<uint16_t>(available));
  WriteBe16(&bytes[kIpv4Checksum], 0);
  const size_t header = std::min<size_t>((bytes[0] & 0xfu) * 4, bytes.size());
  // What ip_fast_csum makes of a header that is too short.
  if (header < kIpv4Size) return WriteBe16(&bytes[kIpv4Checksum], ReadBe16(&bytes[0]));
  const uint16_t checksum = Ipv4Checksum(bytes.first(header));
  std::memcpy(&bytes[kIpv4Checksum], &checksum, sizeof(checksum));
}

}  // namespace vswitch
