// SPDX-License-Identifier: BSD-3-Clause
#include "perf/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace vswitch {

uint32_t Histogram::LastOf(uint32_t index) {
  if (index < 2 * kDivisions) return index;
  const uint32_t shift = (index >> kBits) - 1;
  const uint64_t end = uint64_t{index - (shift << kBits) + 1} << shift;
  return static_cast<uint32_t>(end - 1);
}

void Histogram::Add(const Histogram& other) {
  for (uint32_t i = 0; i < kBuckets; ++i) buckets_[i] += other.buckets_[i];
  max_ = std::max(max_, other.max_);
}

Histogram Histogram::Since(const Histogram& before) const {
  Histogram result;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    result.buckets_[i] = buckets_[i] - before.buckets_[i];
    if (result.buckets_[i] > 0) result.max_ = std::min(LastOf(i), max_);
  }
  return result;
}

uint64_t Histogram::count() const {
  return std::accumulate(buckets_.begin(), buckets_.end(), uint64_t{0});
}

uint32_t Histogram::min() const {
  for (uint32_t i = 0; i < kBuckets; ++i) {
    if (buckets_[i] > 0) return FirstOf(i);
  }
  return 0;
}

double Histogram::mean() const {
  double sum = 0;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    const double middle = (static_cast<double>(FirstOf(i)) + std::min(LastOf(i), max_)) / 2;
    if (buckets_[i] > 0) sum += static_cast<double>(buckets_[i]) * middle;
  }
  const uint64_t values = count();
  return values == 0 ? 0 : sum / static_cast<double>(values);
}

uint32_t Histogram::Quantile(double share) const {
  const double wanted = std::ceil(share * static_cast<double>(count()));
  double below = 0;
  for (uint32_t i = 0; i < kBuckets; ++i) {
    below += static_cast<double>(buckets_[i]);
    if (buckets_[i] > 0 && below >= wanted) return std::min(LastOf(i), max_);
  }
  return max_;
}

}  // namespace vswitch
