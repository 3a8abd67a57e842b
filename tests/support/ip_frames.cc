// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/ip_frames.h"

#include <rte_mbuf.h>

#include <algorithm>

#include "dataplane/packet_buffer.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

using Bytes = std::vector<uint8_t>;

void Put16(Bytes& bytes, size_t at, uint16_t value) {
  bytes[at] = static_cast<uint8_t>(value >> 8);
  bytes[at + 1] = static_cast<uint8_t>(value);
}

void Append16(Bytes& bytes, uint16_t value) {
  bytes.resize(bytes.size() + 2);
  Put16(bytes, bytes.size() - 2, value);
}

void Append32(Bytes& bytes, uint32_t value) {
  Append16(bytes, static_cast<uint16_t>(value >> 16));
  Append16(bytes, static_cast<uint16_t>(value));
}

void AppendEthernet(Bytes& bytes, const IpFrameSpec& spec) {
  for (uint8_t i = 0; i < 12; ++i) bytes.push_back(i < 6 ? 0x02 : i);
  for (int i = 0; i < spec.vlan_tags; ++i) {
    Append16(bytes, i + 1 < spec.vlan_tags ? 0x88a8 : 0x8100);
    Append16(bytes, static_cast<uint16_t>(100 + i));
  }
  Append16(bytes, spec.ipv6 ? 0x86dd : 0x0800);
}

void AppendIpv4(Bytes& bytes, const IpFrameSpec& spec, uint8_t protocol, uint32_t inner) {
  const size_t at = bytes.size();
  const uint16_t size = 20 + spec.network_extra;
  bytes.push_back(static_cast<uint8_t>(0x40 | size / 4));
  bytes.push_back(0);
  Append16(bytes, static_cast<uint16_t>(size + inner));
  Append16(bytes, spec.ip_id);
  Append16(bytes, 0x4000);  // don't fragment
  bytes.push_back(64);
  bytes.push_back(protocol);
  Append16(bytes, 0);
  Append32(bytes, 0xc0a80001);
  Append32(bytes, 0xc0a800fe);
  bytes.resize(bytes.size() + spec.network_extra, 1);  // no-operation options
  Put16(bytes, at + 10, static_cast<uint16_t>(~ReferenceSum({bytes.data() + at, size})));
}

void AppendIpv6(Bytes& bytes, const IpFrameSpec& spec, uint8_t protocol, uint32_t inner) {
  Append32(bytes, 0x60000000);
  Append16(bytes, static_cast<uint16_t>(spec.network_extra + inner));
  bytes.push_back(spec.network_extra > 0 ? 60 : protocol);
  bytes.push_back(64);
  for (uint32_t word : {0xfd000000u, 0u, 0u, 1u, 0xfd00abcdu, 0u, 0x12345678u, 2u}) {
    Append32(bytes, word);
  }
  if (spec.network_extra == 0) return;
  const size_t at = bytes.size();
  bytes.resize(at + spec.network_extra, 0);  // Pad1 options
  bytes[at] = protocol;
  bytes[at + 1] = static_cast<uint8_t>(spec.network_extra / 8 - 1);
}

void AppendTcp(Bytes& bytes, const IpFrameSpec& spec) {
  Append16(bytes, 40000);
  Append16(bytes, 5001);
  Append32(bytes, spec.sequence);
  Append32(bytes, 0x0a0b0c0d);
  bytes.push_back(static_cast<uint8_t>((20 + spec.tcp_options) / 4 << 4));
  bytes.push_back(spec.tcp_flags);
  Append16(bytes, 0xffff);
  Append32(bytes, 0);  // checksum, urgent pointer
  bytes.resize(bytes.size() + spec.tcp_options, 1);
}

void AppendUdp(Bytes& bytes, const IpFrameSpec& spec) {
  Append16(bytes, 40000);
  Append16(bytes, 5001);
  Append16(bytes, static_cast<uint16_t>(8 + spec.payload));
  Append16(bytes, 0);
}

uint16_t ChecksumField(const IpFrame& frame) { return frame.protocol == 6 ? 16 : 6; }

}  // namespace

uint16_t Be16(std::span<const uint8_t> bytes, size_t at) {
  return static_cast<uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}

uint32_t Be32(std::span<const uint8_t> bytes, size_t at) {
  return uint32_t{Be16(bytes, at)} << 16 | Be16(bytes, at + 2);
}

uint16_t ReferenceSum(std::span<const uint8_t> bytes) {
  uint64_t sum = 0;
  for (size_t i = 0; i < bytes.size(); ++i) sum += i % 2 == 0 ? bytes[i] << 8 : bytes[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}

uint16_t ReferencePseudoSum(const IpFrame& frame) {
  Bytes pseudo;
  const size_t addresses = frame.network + (frame.ipv6 ? 8 : 12);
  const size_t size = frame.ipv6 ? 32 : 8;
  pseudo.assign(frame.bytes.begin() + static_cast<ptrdiff_t>(addresses),
                frame.bytes.begin() + static_cast<ptrdiff_t>(addresses + size));
  Append32(pseudo, static_cast<uint32_t>(frame.bytes.size() - frame.transport));
  Append32(pseudo, frame.protocol);
  return ReferenceSum(pseudo);
}

Offload IpFrame::ChecksumRequest() const {
  Offload offload;
  offload.needs_checksum = true;
  offload.csum_start = transport;
  offload.csum_offset = ChecksumField(*this);
  return offload;
}

Offload IpFrame::GsoRequest(uint16_t gso_size) const {
  Offload offload = ChecksumRequest();
  offload.gso = ipv6 ? GsoType::kTcp6 : GsoType::kTcp4;
  offload.gso_size = gso_size;
  return offload;
}

IpFrame BuildIpFrame(const IpFrameSpec& spec) {
  IpFrame frame;
  frame.ipv6 = spec.ipv6;
  frame.protocol = spec.udp ? 17 : 6;
  const uint32_t inner = (spec.udp ? 8 : 20 + spec.tcp_options) + spec.payload;
  AppendEthernet(frame.bytes, spec);
  frame.network = static_cast<uint16_t>(frame.bytes.size());
  if (spec.ipv6) {
    AppendIpv6(frame.bytes, spec, frame.protocol, inner);
  } else {
    AppendIpv4(frame.bytes, spec, frame.protocol, inner);
  }
  frame.transport = static_cast<uint16_t>(frame.bytes.size());
  if (spec.udp) {
    AppendUdp(frame.bytes, spec);
  } else {
    AppendTcp(frame.bytes, spec);
  }
  frame.payload = static_cast<uint16_t>(frame.bytes.size());
  for (uint32_t i = 0; i < spec.payload; ++i) {
    frame.bytes.push_back(static_cast<uint8_t>(i * 7 + (i >> 8)));
  }
  Put16(frame.bytes, size_t{frame.transport} + ChecksumField(frame), ReferencePseudoSum(frame));
  return frame;
}

IpFrame ParseIpFrame(std::span<const uint8_t> bytes) {
  IpFrame frame;
  frame.bytes.assign(bytes.begin(), bytes.end());
  size_t at = 12;
  while (Be16(bytes, at) == 0x8100 || Be16(bytes, at) == 0x88a8) at += 4;
  frame.ipv6 = Be16(bytes, at) == 0x86dd;
  frame.network = static_cast<uint16_t>(at + 2);
  size_t transport = frame.network + (frame.ipv6 ? 40 : (bytes[frame.network] & 0xf) * 4);
  frame.protocol = bytes[frame.network + (frame.ipv6 ? 6 : 9)];
  if (frame.protocol == 60) {
    frame.protocol = bytes[transport];
    transport += (bytes[transport + 1] + size_t{1}) * 8;
  }
  frame.transport = static_cast<uint16_t>(transport);
  const size_t header = frame.protocol == 6 ? (bytes[transport + 12] >> 4) * 4 : 8;
  frame.payload = static_cast<uint16_t>(transport + header);
  return frame;
}

bool ChecksumsValid(const IpFrame& frame) {
  const std::span<const uint8_t> bytes(frame.bytes);
  if (!frame.ipv6) {
    const size_t size = (bytes[frame.network] & 0xf) * 4;
    if (ReferenceSum(bytes.subspan(frame.network, size)) != 0xffff) return false;
  }
  const uint32_t sum =
      uint32_t{ReferencePseudoSum(frame)} + ReferenceSum(bytes.subspan(frame.transport));
  return (sum & 0xffff) + (sum >> 16) == 0xffff;
}

Packet ToPacket(std::span<const uint8_t> bytes, const Offload& offload, uint16_t segment_size) {
  rte_mbuf* head = nullptr;
  rte_mbuf* tail = nullptr;
  for (size_t done = 0; done < bytes.size() || head == nullptr;) {
    rte_mbuf* segment = rte_pktmbuf_alloc(TestPool());
    const auto n = static_cast<uint16_t>(
        std::min<size_t>({bytes.size() - done, segment_size, rte_pktmbuf_tailroom(segment)}));
    std::copy_n(bytes.data() + done, n, rte_pktmbuf_mtod(segment, uint8_t*));
    segment->data_len = n;
    done += n;
    if (head == nullptr) {
      head = segment;
    } else {
      tail->next = segment;
      ++head->nb_segs;
    }
    tail = segment;
  }
  head->pkt_len = static_cast<uint32_t>(bytes.size());
  return PacketBuffer::FromMbuf(head, offload);
}

}  // namespace vswitch
