// SPDX-License-Identifier: BSD-3-Clause
#include "perf/sequence.h"

#include <algorithm>

namespace vswitch {

void SequenceChecker::TakeUnexpected(uint64_t sequence) {
  if (sequence > next_) {
    SkipTo(sequence);
    Mark(sequence);
    next_ = sequence + 1;
    ++unique_;
  } else if (next_ - sequence > kWindow || Seen(sequence)) {
    ++duplicated_;
  } else {
    Mark(sequence);
    ++unique_;
    ++reordered_;
  }
}

// Forgets what older numbers left in the window at [next_, sequence).
void SequenceChecker::SkipTo(uint64_t sequence) {
  if (sequence - next_ >= kWindow) {
    seen_.fill(0);
    return;
  }
  for (uint64_t skipped = next_; skipped < sequence; ++skipped) Clear(skipped);
}

}  // namespace vswitch
