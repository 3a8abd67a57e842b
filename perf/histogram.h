// SPDX-License-Identifier: BSD-3-Clause
// How latencies are distributed.
#ifndef VSWITCH_PERF_HISTOGRAM_H_
#define VSWITCH_PERF_HISTOGRAM_H_

#include <array>
#include <bit>
#include <cstdint>

namespace vswitch {

// Counts per bucket; each power of two is divided into kDivisions buckets of the same width (as in
// HdrHistogram), so that any 32-bit value is known to 1/kDivisions of itself. Recording costs one
// increment.
class Histogram {
 public:
  static constexpr uint32_t kDivisions = 64;

  void Record(uint32_t value) {
    ++buckets_[IndexOf(value)];
    if (value > max_) max_ = value;
  }
  void Add(const Histogram& other);
  // What was recorded since `before`, an earlier copy of this one.
  Histogram Since(const Histogram& before) const;

  uint64_t count() const;
  // Of the values recorded; 0 when there are none.
  uint32_t max() const { return max_; }
  uint32_t min() const;
  double mean() const;
  // The smallest value that at least `share` of the values do not exceed, rounded up to the end of
  // its bucket, but not above max(). 0 < share <= 1.
  uint32_t Quantile(double share) const;

 private:
  static constexpr int kBits = std::bit_width(kDivisions) - 1;
  static constexpr uint32_t kBuckets = (32 - kBits + 1) * kDivisions;

  // Values below 2 * kDivisions have a bucket each.
  static int ShiftOf(uint32_t value) { return std::bit_width(value | kDivisions) - 1 - kBits; }
  static uint32_t IndexOf(uint32_t value) {
    const int shift = ShiftOf(value);
    return (static_cast<uint32_t>(shift) << kBits) + (value >> shift);
  }
  static uint32_t LastOf(uint32_t index);
  static uint32_t FirstOf(uint32_t index) { return index == 0 ? 0 : LastOf(index - 1) + 1; }

  std::array<uint64_t, kBuckets> buckets_{};
  uint32_t max_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_HISTOGRAM_H_
