// SPDX-License-Identifier: BSD-3-Clause
// Test frames: valid Ethernet/IPv4/UDP, every byte of which the receiver can check.
#ifndef VSWITCH_PERF_FRAME_H_
#define VSWITCH_PERF_FRAME_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace vswitch {

enum class Verify : uint8_t {
  kHeader,  // the first 64 bytes, which also hold the sequence number and a mix of it
  kFull,    // every byte
};

enum class FrameVerdict : uint8_t {
  kIntact,
  kProbe,    // intact, sent to find out whether the path is up
  kCorrupt,  // ours, but not as it was sent
  kForeign,  // not a frame of this codec: another run's, another direction's or a stranger's
};

struct FrameCheck {
  FrameVerdict verdict = FrameVerdict::kForeign;
  uint16_t flow = 0;      // intact frames
  uint64_t sequence = 0;  // intact frames
};

// Writes and checks the frames of one direction. Flows differ in their UDP source port. After the
// 42 header bytes come: run (4), tag (2: direction and flow), sequence (8), check (8), then 8-byte
// words that follow from the check, so that no part of one frame passes for a part of another.
class FrameCodec {
 public:
  static constexpr uint32_t kMinSize = 64;
  static constexpr uint32_t kMaxSize = 9216;
  static constexpr uint16_t kMaxFlows = 4096;

  // `run` tells this run's frames from an earlier run's that were still under way. REQUIRES:
  // kMinSize <= size <= kMaxSize, 1 <= flows <= kMaxFlows, direction <= 1.
  FrameCodec(uint32_t size, uint32_t run, uint8_t direction, uint16_t flows, Verify verify);

  uint32_t size() const { return size_; }
  uint16_t flows() const { return static_cast<uint16_t>(heads_.size() - 1); }

  // Fills size() bytes. REQUIRES: flow < flows(). With Verify::kHeader only the first kMinSize
  // bytes are written.
  void Write(uint8_t* frame, uint16_t flow, uint64_t sequence) const;
  void WriteProbe(uint8_t* frame, uint64_t sequence) const { Write(frame, flows(), sequence); }

  // Any bytes of any length.
  FrameCheck Check(std::span<const uint8_t> frame) const;

 private:
  using Head = std::array<uint8_t, kMinSize>;

  Head MakeHead(uint32_t run, uint16_t flow) const;
  void FillHead(uint8_t* out, uint16_t flow, uint64_t sequence) const;
  FrameVerdict CheckBytes(std::span<const uint8_t> frame, uint16_t flow, uint64_t sequence) const;

  const uint32_t size_;
  const uint16_t tag_base_;
  const Verify verify_;
  std::vector<Head> heads_;  // by flow, the last one for probes
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_FRAME_H_
