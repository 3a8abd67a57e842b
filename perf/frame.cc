// SPDX-License-Identifier: BSD-3-Clause
#include "perf/frame.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

namespace vswitch {
namespace {

constexpr size_t kIpAt = sizeof(rte_ether_hdr);
constexpr size_t kUdpAt = kIpAt + sizeof(rte_ipv4_hdr);
static_assert(FrameNumbers::kAt == kUdpAt + sizeof(rte_udp_hdr));
constexpr size_t kCheckAt = FrameNumbers::kAt + 18;
static_assert(kCheckAt + sizeof(uint32_t) == FrameCodec::kMinSize);

constexpr uint64_t kGolden = 0x9E3779B97F4A7C15;

template <typename T>
T Load(const uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

template <typename T>
void Store(uint8_t* at, T value) {
  std::memcpy(at, &value, sizeof(value));
}

rte_ether_addr MacOf(uint64_t number) {
  rte_ether_addr address;
  for (int i = 0; i < RTE_ETHER_ADDR_LEN; ++i) {
    address.addr_bytes[i] = static_cast<uint8_t>(number >> (8 * (RTE_ETHER_ADDR_LEN - 1 - i)));
  }
  return address;
}

rte_ether_hdr EtherHeader(const FlowHeader& flow) {
  return {.dst_addr = MacOf(flow.dst_mac),
          .src_addr = MacOf(flow.src_mac),
          .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
}

rte_ipv4_hdr Ipv4Header(const FlowHeader& flow, uint32_t frame_size) {
  rte_ipv4_hdr ip{};
  ip.version_ihl = RTE_IPV4_VHL_DEF;
  ip.total_length = rte_cpu_to_be_16(static_cast<uint16_t>(frame_size - sizeof(rte_ether_hdr)));
  ip.time_to_live = 64;
  ip.next_proto_id = IPPROTO_UDP;
  ip.src_addr = rte_cpu_to_be_32(flow.src_ip);
  ip.dst_addr = rte_cpu_to_be_32(flow.dst_ip);
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
  return ip;
}

// Without a checksum, which IPv4 allows: the frame carries a stronger one.
rte_udp_hdr UdpHeader(const FlowHeader& flow, uint32_t frame_size) {
  const size_t length = frame_size - sizeof(rte_ether_hdr) - sizeof(rte_ipv4_hdr);
  return {.src_port = rte_cpu_to_be_16(flow.src_port),
          .dst_port = RTE_BE16(9),
          .dgram_len = rte_cpu_to_be_16(static_cast<uint16_t>(length)),
          .dgram_cksum = 0};
}

// Word i after the head is (check + i + 1) * kGolden; the last word may be cut short.
uint64_t FirstWord(const uint8_t* frame) { return Load<uint32_t>(frame + kCheckAt) * kGolden; }

void FillTail(uint8_t* frame, uint32_t size) {
  uint64_t word = FirstWord(frame);
  uint32_t at = FrameCodec::kMinSize;
  for (; at + sizeof(word) <= size; at += sizeof(word)) Store(frame + at, word += kGolden);
  word += kGolden;
  std::memcpy(frame + at, &word, size - at);
}

}  // namespace

FrameCodec::FrameCodec(uint32_t tag, std::span<const uint32_t> sizes,
                       std::span<const FlowHeader> flows, Verify verify)
    : tag_(tag), flows_(static_cast<uint32_t>(flows.size())), verify_(verify) {
  std::ranges::copy(sizes, sizes_.begin());
  heads_.reserve(sizes.size() * flows_);
  for (const uint32_t size : sizes) {
    for (uint32_t i = 0; i < flows_; ++i) heads_.push_back(MakeHead(flows[i], i, size, tag_));
  }
}

FrameCodec::Head FrameCodec::MakeHead(const FlowHeader& flow, uint32_t number, uint32_t size,
                                      uint32_t tag) {
  Head head{};
  uint8_t* bytes = head.bytes.data();
  Store(bytes, EtherHeader(flow));
  Store(bytes + kIpAt, Ipv4Header(flow, size));
  Store(bytes + kUdpAt, UdpHeader(flow, size));
  FrameNumbers{.where = uint64_t{number} << 32 | tag}.Store(bytes);
  return head;
}

void FrameCodec::WriteNumber(uint8_t* frame, uint8_t kind, uint32_t flow, uint32_t probe,
                             uint64_t sequence, uint32_t stamp) const {
  std::memcpy(frame, HeadOf(kind, flow), kMinSize);
  FrameNumbers numbers{
      .where = uint64_t{flow | probe} << 32 | tag_,
      .sequence = uint64_t{stamp} << FrameNumbers::kSequenceBits | sequence,
      .stamp = stamp,
  };
  numbers.stamp |= uint64_t{numbers.Check()} << 32;
  numbers.Store(frame);
  if (verify_ == Verify::kFull) FillTail(frame, sizes_[kind]);
}

bool FrameCodec::TailMatches(std::span<const uint8_t> frame) const {
  uint64_t word = FirstWord(frame.data());
  uint64_t difference = 0;
  size_t at = kMinSize;
  for (; at + sizeof(word) <= frame.size(); at += sizeof(word)) {
    difference |= Load<uint64_t>(&frame[at]) ^ (word += kGolden);
  }
  word += kGolden;
  return difference == 0 && std::memcmp(frame.data() + at, &word, frame.size() - at) == 0;
}

}  // namespace vswitch
