// SPDX-License-Identifier: BSD-3-Clause
// Goes through the segments of a chain as if they were one piece.
#ifndef VSWITCH_PMD_VIRTQUEUE_SEGMENT_CURSOR_H_
#define VSWITCH_PMD_VIRTQUEUE_SEGMENT_CURSOR_H_

#include <algorithm>
#include <cstdint>
#include <span>

#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/copy.h"

namespace vswitch {

class SegmentCursor {
 public:
  explicit SegmentCursor(std::span<const Segment> segments)
      : next_(segments.data() + 1), at_(segments.front()) {}

  // REQUIRES, both: there are so many bytes left.
  void Read(uint8_t* to, uint32_t length) {
    Go(length, [&](uint8_t* here, uint32_t piece) {
      CopyBytes(to, here, piece);
      to += piece;
    });
  }
  void Write(const uint8_t* from, uint32_t length) {
    Go(length, [&](uint8_t* here, uint32_t piece) {
      CopyBytes(here, from, piece);
      from += piece;
    });
  }

  // The segments that are left of `all`, the first of which loses what was gone through.
  std::span<Segment> Rest(std::span<Segment> all) const {
    const size_t behind = next_ - all.data();
    if (at_.length == 0) return all.subspan(behind);
    all[behind - 1].data = at_.data;
    all[behind - 1].length = at_.length;
    return all.subspan(behind - 1);
  }

 private:
  template <typename Copy>
  void Go(uint32_t length, const Copy& copy) {
    while (length > 0) {
      if (at_.length == 0) at_ = *next_++;
      const uint32_t piece = std::min(length, at_.length);
      copy(at_.data, piece);
      at_.data += piece;
      at_.length -= piece;
      length -= piece;
    }
  }

  const Segment* next_;
  Segment at_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_SEGMENT_CURSOR_H_
