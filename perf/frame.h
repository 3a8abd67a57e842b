// SPDX-License-Identifier: BSD-3-Clause
// Test frames: valid Ethernet/IPv4/UDP, every byte of which the receiver can check.
#ifndef VSWITCH_PERF_FRAME_H_
#define VSWITCH_PERF_FRAME_H_

#include <nmmintrin.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace vswitch {

enum class Verify : uint8_t {
  kNone,    // nothing: they are counted, and written once
  kHeader,  // the first 64 bytes, which also hold sequence number, time stamp and a check of them
  kFull,    // every byte
};

enum class FrameVerdict : uint8_t {
  kIntact,
  kProbe,    // intact, sent to find out whether the path is up and to announce addresses
  kCorrupt,  // ours, but not as it was sent
  kForeign,  // not a frame of this codec: another run's, another stream's or a stranger's
};

struct FrameCheck {
  FrameVerdict verdict = FrameVerdict::kForeign;
  uint32_t flow = 0;      // intact frames
  uint32_t stamp = 0;     // intact frames
  uint64_t sequence = 0;  // intact frames
};

// What tells a flow from another. Numbers as in addresses.h.
struct FlowHeader {
  uint64_t src_mac = 0;
  uint64_t dst_mac = 0;
  uint32_t src_ip = 0;
  uint32_t dst_ip = 0;
  uint16_t src_port = 0;
};

// What stands behind the 42 bytes of headers. Stored and loaded as words that overlap.
struct FrameNumbers {
  static constexpr size_t kAt = 42;
  static constexpr int kSequenceBits = 48;

  uint64_t where = 0;     // tag, flow
  uint64_t sequence = 0;  // and above it the low 16 bits of the time stamp
  uint64_t stamp = 0;     // and above it the check

  static FrameNumbers Load(const uint8_t* frame) {
    FrameNumbers numbers;
    std::memcpy(&numbers.where, frame + kAt, 8);
    std::memcpy(&numbers.sequence, frame + kAt + 8, 8);
    std::memcpy(&numbers.stamp, frame + kAt + 14, 8);
    return numbers;
  }
  void Store(uint8_t* frame) const {
    std::memcpy(frame + kAt, &where, 8);
    std::memcpy(frame + kAt + 8, &sequence, 8);
    std::memcpy(frame + kAt + 14, &stamp, 8);
  }
  // CRC-32C of the others, which notices any error within 32 bits.
  uint32_t Check() const {
    const uint64_t crc = _mm_crc32_u64(_mm_crc32_u64(UINT32_MAX, where), sequence);
    return static_cast<uint32_t>(_mm_crc32_u64(crc, static_cast<uint32_t>(stamp)));
  }
};

// Writes and checks the frames of one stream. After the 42 header bytes come: tag (4), flow (4),
// sequence (6), time stamp (4), check (4), then 8-byte words that follow from the check, so that no
// part of one frame passes for a part of another. The header of every flow is kept ready, a cache
// line for each size: flows are taken in turn, so reading ahead works.
class FrameCodec {
 public:
  static constexpr uint32_t kMinSize = 64;
  static constexpr uint32_t kMaxSize = 9216;
  static constexpr uint32_t kMaxFlows = 1 << 20;
  static constexpr size_t kMaxSizes = 3;
  static constexpr uint64_t kMaxSequence = (uint64_t{1} << FrameNumbers::kSequenceBits) - 1;

  // `tag` is unique among the streams of this and of earlier runs. REQUIRES: 1 to kMaxSizes sizes,
  // ascending within [kMinSize, kMaxSize], and 1 to kMaxFlows flows.
  FrameCodec(uint32_t tag, std::span<const uint32_t> sizes, std::span<const FlowHeader> flows,
             Verify verify);

  uint32_t flows() const { return flows_; }
  uint32_t size(uint8_t kind) const { return sizes_[kind]; }
  // Whether more than the first kMinSize bytes are written and checked.
  bool whole() const { return verify_ == Verify::kFull; }

  // Fills the size(kind) bytes at `frame`, or unless whole() only the first kMinSize.
  // REQUIRES: flow < flows(), sequence <= kMaxSequence.
  void Write(uint8_t* frame, uint8_t kind, uint32_t flow, uint64_t sequence, uint32_t stamp) const {
    WriteNumber(frame, kind, flow, 0, sequence, stamp);
  }
  // A probe has the smallest size.
  void WriteProbe(uint8_t* frame, uint32_t flow, uint64_t sequence) const {
    WriteNumber(frame, 0, flow, kProbeBit, sequence, 0);
  }

  // Any bytes of any length.
  FrameCheck Check(std::span<const uint8_t> frame) const { return Check(frame, frame.size()); }
  // A frame of `size` bytes that starts with `start`. Never intact when that is not enough.
  FrameCheck Check(std::span<const uint8_t> start, size_t size) const;
  // What a frame claims for its tag; 0 when it is too short for one.
  static uint32_t TagOf(std::span<const uint8_t> frame) {
    if (frame.size() < kMinSize) return 0;
    return static_cast<uint32_t>(FrameNumbers::Load(frame.data()).where);
  }

 private:
  struct alignas(64) Head {
    std::array<uint8_t, kMinSize> bytes;
  };
  static constexpr uint32_t kProbeBit = uint32_t{1} << 31;

  void WriteNumber(uint8_t* frame, uint8_t kind, uint32_t flow, uint32_t probe, uint64_t sequence,
                   uint32_t stamp) const;
  const uint8_t* HeadOf(size_t kind, uint32_t flow) const {
    return heads_[kind * flows_ + flow].bytes.data();
  }
  static Head MakeHead(const FlowHeader& flow, uint32_t number, uint32_t size, uint32_t tag);
  // kMaxSizes when there is no such size.
  size_t KindOf(size_t size) const {
    size_t kind = 0;
    while (kind < kMaxSizes && sizes_[kind] != size) ++kind;
    return kind;
  }
  static bool SameHeaders(const uint8_t* one, const uint8_t* other);
  bool TailMatches(std::span<const uint8_t> frame) const;

  uint32_t tag_;
  uint32_t flows_;
  Verify verify_;
  std::array<uint32_t, kMaxSizes> sizes_{};  // 0: no size
  std::vector<Head> heads_;                  // by size, then by flow
};

// The hot part of receiving, here so that it can be inlined.

// 42 bytes as vectors, the last two overlapping.
inline bool FrameCodec::SameHeaders(const uint8_t* one, const uint8_t* other) {
  const auto same = [&](size_t at) {
    return _mm_cmpeq_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(one + at)),
                          _mm_loadu_si128(reinterpret_cast<const __m128i*>(other + at)));
  };
  const __m128i all = _mm_and_si128(_mm_and_si128(same(0), same(16)), same(FrameNumbers::kAt - 16));
  return _mm_movemask_epi8(all) == 0xFFFF;
}

inline FrameCheck FrameCodec::Check(std::span<const uint8_t> start, size_t size) const {
  if (start.size() < kMinSize) return {};
  const FrameNumbers numbers = FrameNumbers::Load(start.data());
  const auto where = static_cast<uint32_t>(numbers.where >> 32);
  const uint32_t flow = where & ~kProbeBit;
  if (static_cast<uint32_t>(numbers.where) != tag_ || flow >= flows_) return {};
  const size_t kind = KindOf(size);
  const bool intact = kind < kMaxSizes && numbers.stamp >> 32 == numbers.Check() &&
                      SameHeaders(start.data(), HeadOf(kind, flow)) &&
                      (verify_ != Verify::kFull || (start.size() == size && TailMatches(start)));
  if (!intact) return {FrameVerdict::kCorrupt};
  return {where == flow ? FrameVerdict::kIntact : FrameVerdict::kProbe, flow,
          static_cast<uint32_t>(numbers.stamp), numbers.sequence & kMaxSequence};
}

}  // namespace vswitch

#endif  // VSWITCH_PERF_FRAME_H_
