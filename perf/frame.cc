// SPDX-License-Identifier: BSD-3-Clause
#include "perf/frame.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_udp.h>

#include <cstring>

namespace vswitch {
namespace {

constexpr size_t kRunAt = sizeof(rte_ether_hdr) + sizeof(rte_ipv4_hdr) + sizeof(rte_udp_hdr);
constexpr size_t kTagAt = kRunAt + sizeof(uint32_t);
constexpr size_t kSequenceAt = kTagAt + sizeof(uint16_t);
constexpr size_t kCheckAt = kSequenceAt + sizeof(uint64_t);
static_assert(kCheckAt + sizeof(uint64_t) == FrameCodec::kMinSize);

constexpr uint16_t kDirectionShift = 15;
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

// The finalizer of SplitMix64: every input bit changes about half of the output bits.
uint64_t Mix(uint64_t value) {
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EB;
  return value ^ (value >> 31);
}

uint64_t CheckOf(const uint8_t* head) {
  const uint64_t where =
      uint64_t{Load<uint32_t>(head + kRunAt)} << 16 | Load<uint16_t>(head + kTagAt);
  return Mix(Load<uint64_t>(head + kSequenceAt) * kGolden + where);
}

rte_ether_addr Station(uint8_t number) { return {{0x02, 0, 0, 0, 0, number}}; }

rte_ether_hdr EtherHeader(uint8_t direction) {
  return {.dst_addr = Station(2 - direction),
          .src_addr = Station(1 + direction),
          .ether_type = RTE_BE16(RTE_ETHER_TYPE_IPV4)};
}

// 198.18.0.0/15 is set aside for benchmarks (RFC 2544, C.2.2).
rte_ipv4_hdr Ipv4Header(uint32_t frame_size, uint8_t direction) {
  rte_ipv4_hdr ip{};
  ip.version_ihl = RTE_IPV4_VHL_DEF;
  ip.total_length = rte_cpu_to_be_16(static_cast<uint16_t>(frame_size - sizeof(rte_ether_hdr)));
  ip.time_to_live = 64;
  ip.next_proto_id = IPPROTO_UDP;
  ip.src_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 1 + direction));
  ip.dst_addr = rte_cpu_to_be_32(RTE_IPV4(198, 18, 0, 2 - direction));
  ip.hdr_checksum = rte_ipv4_cksum(&ip);
  return ip;
}

// Without a checksum, which IPv4 allows: the frame carries a stronger one.
rte_udp_hdr UdpHeader(uint32_t frame_size, uint16_t flow) {
  const size_t length = frame_size - sizeof(rte_ether_hdr) - sizeof(rte_ipv4_hdr);
  return {.src_port = rte_cpu_to_be_16(static_cast<uint16_t>(49152 + flow)),
          .dst_port = RTE_BE16(9),
          .dgram_len = rte_cpu_to_be_16(static_cast<uint16_t>(length)),
          .dgram_cksum = 0};
}

// Word i after the head is check + (i + 1) * kGolden; the last word may be cut short.
void FillTail(uint8_t* frame, uint32_t size) {
  uint64_t word = Load<uint64_t>(frame + kCheckAt);
  uint32_t at = FrameCodec::kMinSize;
  for (; at + sizeof(word) <= size; at += sizeof(word)) Store(frame + at, word += kGolden);
  word += kGolden;
  std::memcpy(frame + at, &word, size - at);
}

bool TailMatches(const uint8_t* frame, uint32_t size) {
  uint64_t word = Load<uint64_t>(frame + kCheckAt);
  uint64_t difference = 0;
  uint32_t at = FrameCodec::kMinSize;
  for (; at + sizeof(word) <= size; at += sizeof(word)) {
    difference |= Load<uint64_t>(frame + at) ^ (word += kGolden);
  }
  word += kGolden;
  return difference == 0 && std::memcmp(frame + at, &word, size - at) == 0;
}

}  // namespace

FrameCodec::FrameCodec(uint32_t size, uint32_t run, uint8_t direction, uint16_t flows,
                       Verify verify)
    : size_(size), tag_base_(static_cast<uint16_t>(direction << kDirectionShift)), verify_(verify) {
  for (uint16_t flow = 0; flow <= flows; ++flow) heads_.push_back(MakeHead(run, flow));
}

FrameCodec::Head FrameCodec::MakeHead(uint32_t run, uint16_t flow) const {
  const auto direction = static_cast<uint8_t>(tag_base_ >> kDirectionShift);
  Head head{};
  Store(head.data(), EtherHeader(direction));
  Store(head.data() + sizeof(rte_ether_hdr), Ipv4Header(size_, direction));
  Store(head.data() + kRunAt - sizeof(rte_udp_hdr), UdpHeader(size_, flow));
  Store(head.data() + kRunAt, run);
  Store(head.data() + kTagAt, static_cast<uint16_t>(tag_base_ | flow));
  return head;
}

void FrameCodec::FillHead(uint8_t* out, uint16_t flow, uint64_t sequence) const {
  std::memcpy(out, heads_[flow].data(), kMinSize);
  Store(out + kSequenceAt, sequence);
  Store(out + kCheckAt, CheckOf(out));
}

void FrameCodec::Write(uint8_t* frame, uint16_t flow, uint64_t sequence) const {
  FillHead(frame, flow, sequence);
  if (verify_ == Verify::kFull) FillTail(frame, size_);
}

FrameCheck FrameCodec::Check(std::span<const uint8_t> frame) const {
  if (frame.size() < kMinSize) return {};
  const uint8_t* own = heads_[0].data();
  if (Load<uint32_t>(frame.data() + kRunAt) != Load<uint32_t>(own + kRunAt)) return {};
  const auto flow = static_cast<uint16_t>(Load<uint16_t>(frame.data() + kTagAt) - tag_base_);
  if (flow > flows()) return {};
  const auto sequence = Load<uint64_t>(frame.data() + kSequenceAt);
  return {CheckBytes(frame, flow, sequence), flow, sequence};
}

FrameVerdict FrameCodec::CheckBytes(std::span<const uint8_t> frame, uint16_t flow,
                                    uint64_t sequence) const {
  Head expected;
  FillHead(expected.data(), flow, sequence);
  if (frame.size() != size_ || std::memcmp(frame.data(), expected.data(), kMinSize) != 0) {
    return FrameVerdict::kCorrupt;
  }
  if (verify_ == Verify::kFull && !TailMatches(frame.data(), size_)) return FrameVerdict::kCorrupt;
  return flow == flows() ? FrameVerdict::kProbe : FrameVerdict::kIntact;
}

}  // namespace vswitch
