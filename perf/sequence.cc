// SPDX-License-Identifier: BSD-3-Clause
#include "perf/sequence.h"

#include <algorithm>
#include <bit>

namespace vswitch {

uint32_t SequenceChecker::WindowFor(uint32_t flows) {
  return std::max(kMinWindow, std::bit_floor(kWindow / flows));
}

void SequenceChecker::Restart(uint64_t first) {
  first_ = next_ = first;
  unique_ = duplicated_ = reordered_ = 0;
  std::ranges::fill(seen_, 0);
}

Arrival SequenceChecker::TakeUnexpected(uint64_t sequence) {
  if (sequence < first_) return Arrival::kEarlier;
  if (sequence > next_) {
    SkipTo(sequence);
    next_ = sequence + 1;
  } else if (next_ - sequence > window() || Seen(sequence)) {
    ++duplicated_;
    return Arrival::kRepeated;
  } else {
    ++reordered_;
  }
  Mark(sequence);
  ++unique_;
  return Arrival::kFirst;
}

// Forgets what older numbers left in the window at [next_, sequence).
void SequenceChecker::SkipTo(uint64_t sequence) {
  if (sequence - next_ >= window()) {
    std::ranges::fill(seen_, 0);
    return;
  }
  for (uint64_t skipped = next_; skipped < sequence; ++skipped) Clear(skipped);
}

}  // namespace vswitch
