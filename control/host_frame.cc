// SPDX-License-Identifier: BSD-3-Clause
#include "control/host_frame.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <rte_arp.h>
#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_icmp.h>
#include <rte_ip.h>

#include <algorithm>
#include <cstring>

namespace vswitch {

namespace {

constexpr uint8_t kOptionNonce = 14;  // RFC 3971, 5.3.2
constexpr size_t kOptionUnit = 8;     // bytes that a length of 1 means
constexpr int kMaxExtensionHeaders = 8;

// Copies: nothing in a frame is aligned.
template <typename T>
void Append(Frame& frame, const T& header) {
  const size_t end = frame.size();
  frame.resize(end + sizeof(T));
  std::memcpy(frame.data() + end, &header, sizeof(T));
}

MacAddress ToMac(const rte_ether_addr& address) {
  MacAddress mac;
  std::copy_n(address.addr_bytes, mac.size(), mac.begin());
  return mac;
}

rte_ether_addr FromMac(const MacAddress& mac) {
  rte_ether_addr address;
  std::copy_n(mac.begin(), mac.size(), address.addr_bytes);
  return address;
}

IpAddress FromV4(const rte_be32_t& address) { return IpAddress::V4(rte_be_to_cpu_32(address)); }

IpAddress FromV6(const void* address) {
  return IpAddress::Read(AF_INET6, {static_cast<const uint8_t*>(address), 16});
}

rte_be32_t ToV4(const IpAddress& address) { return ReadStruct<rte_be32_t>(address.AsBytes()); }

// Whether unknown options in a hop-by-hop or destination header are to be skipped
// (ip6_parse_tlv: any other action drops the packet). `options` starts behind the two bytes that
// all extension headers have.
bool AreOptionsHarmless(Bytes options) {
  constexpr uint8_t kPad1 = 0, kRouterAlert = 5, kActionMask = 0xc0;
  while (!options.empty()) {
    if (options[0] == kPad1) {
      options = options.subspan(1);
      continue;
    }
    if (options.size() < 2 || options.size() < size_t{options[1]} + 2) return false;
    if (options[0] != kRouterAlert && (options[0] & kActionMask) != 0) return false;
    options = options.subspan(size_t{options[1]} + 2);
  }
  return true;
}

// Looks through extension headers. False for fragments, and for what is not meant to be accepted.
bool SkipExtensionHeaders(IpPacket& packet) {
  for (int i = 0; i < kMaxExtensionHeaders; ++i) {
    const uint8_t type = packet.protocol;
    if (type == IPPROTO_FRAGMENT) return false;
    const bool options = type == IPPROTO_HOPOPTS || type == IPPROTO_DSTOPTS;
    if (!options && type != IPPROTO_ROUTING) return true;
    if (type == IPPROTO_HOPOPTS && i > 0) return false;
    if (packet.payload.size() < kOptionUnit) return false;
    const size_t size = (size_t{packet.payload[1]} + 1) * kOptionUnit;
    if (packet.payload.size() < size) return false;
    if (options && !AreOptionsHarmless(packet.payload.subspan(2, size - 2))) return false;
    // Hops left to visit: nothing is forwarded here.
    if (type == IPPROTO_ROUTING && packet.payload[3] != 0) return false;
    packet.protocol = packet.payload[0];
    packet.payload = packet.payload.subspan(size);
  }
  return false;
}

rte_ipv6_hdr Ipv6Header(const IpPacket& packet) {
  rte_ipv6_hdr header{};
  header.vtc_flow =
      rte_cpu_to_be_32(uint32_t{6} << 28 | uint32_t{packet.traffic_class} << RTE_IPV6_HDR_TC_SHIFT);
  header.payload_len = rte_cpu_to_be_16(static_cast<uint16_t>(packet.payload.size()));
  header.proto = packet.protocol;
  header.hop_limits = packet.hop_limit;
  std::copy_n(packet.source.bytes.begin(), 16, header.src_addr);
  std::copy_n(packet.destination.bytes.begin(), 16, header.dst_addr);
  return header;
}

// Without "don't fragment", as icmp_reply sends.
rte_ipv4_hdr Ipv4Header(const IpPacket& packet) {
  static uint16_t id = 0;
  rte_ipv4_hdr header{};
  header.version_ihl = RTE_IPV4_VHL_DEF;
  header.type_of_service = packet.traffic_class;
  header.total_length =
      rte_cpu_to_be_16(static_cast<uint16_t>(sizeof(header) + packet.payload.size()));
  header.packet_id = rte_cpu_to_be_16(++id);
  header.time_to_live = packet.hop_limit;
  header.next_proto_id = packet.protocol;
  header.src_addr = ToV4(packet.source);
  header.dst_addr = ToV4(packet.destination);
  header.hdr_checksum = rte_ipv4_cksum(&header);
  return header;
}

// The sum over pseudo-header and message, 0xffff when the checksum in it is right.
uint16_t IcmpSum(const IpPacket& packet, Bytes message) {
  uint32_t sum = rte_raw_cksum(message.data(), message.size());
  if (packet.source.family == AF_INET6) {
    const rte_ipv6_hdr header = Ipv6Header(packet);
    sum += rte_ipv6_phdr_cksum(&header, 0);
  }
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

void AppendMacOption(std::vector<uint8_t>& bytes, uint8_t type,
                     const std::optional<MacAddress>& mac) {
  if (!mac.has_value()) return;
  Append(bytes, std::array<uint8_t, 2>{type, 1});
  Append(bytes, *mac);
}

// An option of just six bytes: an Ethernet address, or a nonce. The first of a type counts.
void ReadOption(Bytes option, std::optional<std::array<uint8_t, 6>>& value) {
  if (value.has_value()) return;
  value.emplace();
  std::copy_n(option.begin() + 2, value->size(), value->begin());
}

// ndisc_parse_options. A link-layer address of another length than ours makes the message invalid.
bool ReadOptions(Bytes options, NdMessage& message) {
  while (!options.empty()) {
    const size_t size = options.size() < 2 ? 0 : options[1] * kOptionUnit;
    if (size == 0 || size > options.size()) return false;
    const bool six = size == kOptionUnit;
    switch (options[0]) {
      case ND_OPT_SOURCE_LINKADDR:
        if (!six) return false;
        ReadOption(options, message.source_mac);
        break;
      case ND_OPT_TARGET_LINKADDR:
        if (!six) return false;
        ReadOption(options, message.target_mac);
        break;
      case kOptionNonce:
        if (six) ReadOption(options, message.nonce);
        break;
      default:
        break;
    }
    options = options.subspan(size);
  }
  return true;
}

}  // namespace

std::optional<EthernetFrame> ReadEthernet(Bytes frame) {
  if (frame.size() < sizeof(rte_ether_hdr)) return std::nullopt;
  const auto header = ReadStruct<rte_ether_hdr>(frame);
  return EthernetFrame{ToMac(header.dst_addr), ToMac(header.src_addr),
                       rte_be_to_cpu_16(header.ether_type), frame.subspan(sizeof(rte_ether_hdr))};
}

std::optional<ArpPacket> ReadArp(Bytes payload) {
  constexpr uint16_t kHardwareIeee802 = 6;
  if (payload.size() < sizeof(rte_arp_hdr)) return std::nullopt;
  const auto header = ReadStruct<rte_arp_hdr>(payload);
  const uint16_t hardware = rte_be_to_cpu_16(header.arp_hardware);
  const uint16_t operation = rte_be_to_cpu_16(header.arp_opcode);
  if (hardware != RTE_ARP_HRD_ETHER && hardware != kHardwareIeee802) return std::nullopt;
  if (header.arp_protocol != rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4)) return std::nullopt;
  if (header.arp_hlen != RTE_ETHER_ADDR_LEN || header.arp_plen != 4) return std::nullopt;
  if (operation != RTE_ARP_OP_REQUEST && operation != RTE_ARP_OP_REPLY) return std::nullopt;
  const rte_arp_ipv4& data = header.arp_data;
  const rte_be32_t sender = data.arp_sip, target = data.arp_tip;
  return ArpPacket{operation == RTE_ARP_OP_REPLY, ToMac(data.arp_sha), ToMac(data.arp_tha),
                   FromV4(sender), FromV4(target)};
}

std::optional<IpPacket> ReadIpv4(Bytes payload) {
  if (payload.size() < sizeof(rte_ipv4_hdr)) return std::nullopt;
  const auto header = ReadStruct<rte_ipv4_hdr>(payload);
  const size_t header_size = rte_ipv4_hdr_len(&header);
  const size_t total = rte_be_to_cpu_16(header.total_length);
  if (header.version_ihl >> 4 != IPVERSION || header_size < sizeof(header)) return std::nullopt;
  if (total < header_size || total > payload.size()) return std::nullopt;
  if (rte_raw_cksum(payload.data(), header_size) != 0xffff) return std::nullopt;
  const rte_be16_t fragment = rte_cpu_to_be_16(RTE_IPV4_HDR_MF_FLAG | RTE_IPV4_HDR_OFFSET_MASK);
  if ((header.fragment_offset & fragment) != 0) return std::nullopt;
  return IpPacket{FromV4(header.src_addr), FromV4(header.dst_addr),
                  header.type_of_service,  header.time_to_live,
                  header.next_proto_id,    payload.subspan(header_size, total - header_size)};
}

std::optional<IpPacket> ReadIpv6(Bytes payload) {
  if (payload.size() < sizeof(rte_ipv6_hdr)) return std::nullopt;
  const auto header = ReadStruct<rte_ipv6_hdr>(payload);
  const uint32_t flow = rte_be_to_cpu_32(header.vtc_flow);
  const size_t length = rte_be_to_cpu_16(header.payload_len);
  if (flow >> 28 != 6 || length > payload.size() - sizeof(header)) return std::nullopt;
  IpPacket packet{FromV6(header.src_addr),
                  FromV6(header.dst_addr),
                  static_cast<uint8_t>(flow >> RTE_IPV6_HDR_TC_SHIFT),
                  header.hop_limits,
                  header.proto,
                  payload.subspan(sizeof(header), length)};
  if (!SkipExtensionHeaders(packet)) return std::nullopt;
  return packet;
}

bool IsIcmpChecksumValid(const IpPacket& packet) {
  return IcmpSum(packet, packet.payload) == 0xffff;
}

std::optional<NdMessage> ReadNd(Bytes bytes) {
  if (bytes.size() < sizeof(nd_neighbor_advert)) return std::nullopt;
  const auto header = ReadStruct<nd_neighbor_advert>(bytes);
  const uint32_t flags = header.nd_na_flags_reserved;
  NdMessage message;
  message.advertisement = header.nd_na_type == ND_NEIGHBOR_ADVERT;
  message.router = (flags & ND_NA_FLAG_ROUTER) != 0;
  message.solicited = (flags & ND_NA_FLAG_SOLICITED) != 0;
  message.override = (flags & ND_NA_FLAG_OVERRIDE) != 0;
  message.target = FromV6(&header.nd_na_target);
  if (!ReadOptions(bytes.subspan(sizeof(header)), message)) return std::nullopt;
  return message;
}

std::vector<uint8_t> WriteNd(const NdMessage& message) {
  nd_neighbor_advert header{};
  header.nd_na_type = message.advertisement ? ND_NEIGHBOR_ADVERT : ND_NEIGHBOR_SOLICIT;
  header.nd_na_flags_reserved = (message.router ? ND_NA_FLAG_ROUTER : 0) |
                                (message.solicited ? ND_NA_FLAG_SOLICITED : 0) |
                                (message.override ? ND_NA_FLAG_OVERRIDE : 0);
  std::copy_n(message.target.bytes.begin(), 16, header.nd_na_target.s6_addr);
  std::vector<uint8_t> bytes;
  Append(bytes, header);
  AppendMacOption(bytes, ND_OPT_SOURCE_LINKADDR, message.source_mac);
  AppendMacOption(bytes, ND_OPT_TARGET_LINKADDR, message.target_mac);
  AppendMacOption(bytes, kOptionNonce, message.nonce);
  return bytes;
}

Frame WriteArp(const ArpPacket& packet, const MacAddress& destination) {
  Frame frame;
  const rte_ether_hdr ethernet{FromMac(destination), FromMac(packet.sender_mac),
                               rte_cpu_to_be_16(RTE_ETHER_TYPE_ARP)};
  rte_arp_hdr header{};
  header.arp_hardware = rte_cpu_to_be_16(RTE_ARP_HRD_ETHER);
  header.arp_protocol = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
  header.arp_hlen = RTE_ETHER_ADDR_LEN;
  header.arp_plen = 4;
  header.arp_opcode = rte_cpu_to_be_16(packet.reply ? RTE_ARP_OP_REPLY : RTE_ARP_OP_REQUEST);
  header.arp_data.arp_sha = FromMac(packet.sender_mac);
  header.arp_data.arp_sip = ToV4(packet.sender);
  header.arp_data.arp_tha = FromMac(packet.target_mac);
  header.arp_data.arp_tip = ToV4(packet.target);
  Append(frame, ethernet);
  Append(frame, header);
  return frame;
}

Frame WriteIcmp(const IpPacket& packet) {
  constexpr size_t kChecksum = 2;  // where it stands in a message of either protocol
  const bool v6 = packet.source.family == AF_INET6;
  Frame frame;
  rte_ether_hdr ethernet{};
  ethernet.ether_type = rte_cpu_to_be_16(v6 ? RTE_ETHER_TYPE_IPV6 : RTE_ETHER_TYPE_IPV4);
  Append(frame, ethernet);
  v6 ? Append(frame, Ipv6Header(packet)) : Append(frame, Ipv4Header(packet));
  const size_t start = frame.size();
  frame.insert(frame.end(), packet.payload.begin(), packet.payload.end());
  const auto checksum = frame.begin() + static_cast<ptrdiff_t>(start + kChecksum);
  std::fill_n(checksum, 2, uint8_t{0});
  const auto sum = static_cast<uint16_t>(~IcmpSum(packet, Bytes(frame).subspan(start)));
  std::memcpy(&*checksum, &sum, sizeof(sum));
  return frame;
}

void SetMacs(Frame& frame, const MacAddress& destination, const MacAddress& source) {
  std::copy(source.begin(), source.end(),
            std::copy(destination.begin(), destination.end(), frame.begin()));
}

MacAddress Ipv6MulticastMac(const IpAddress& group) {
  return {0x33, 0x33, group.bytes[12], group.bytes[13], group.bytes[14], group.bytes[15]};
}

IpAddress AllNodes() {
  IpAddress group = IpAddress::Any(AF_INET6);
  group.bytes[0] = 0xff;
  group.bytes[1] = 0x02;
  group.bytes[15] = 0x01;
  return group;
}

IpAddress SolicitedNode(const IpAddress& address) {
  IpAddress group = AllNodes();
  group.bytes[11] = 0x01;
  group.bytes[12] = 0xff;
  std::copy_n(address.bytes.begin() + 13, 3, group.bytes.begin() + 13);
  return group;
}

}  // namespace vswitch
