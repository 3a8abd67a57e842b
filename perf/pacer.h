// SPDX-License-Identifier: BSD-3-Clause
// Turns elapsed time into packets that are due.
#ifndef VSWITCH_PERF_PACER_H_
#define VSWITCH_PERF_PACER_H_

#include <algorithm>
#include <cstdint>

namespace vswitch {

// An open loop: what is due does not depend on what came back. After a pause (the generator was
// preempted) at most `burst` packets are made up for; the others are missed, since sending them all
// at once would be a burst nobody asked for.
class Pacer {
 public:
  // No limit until SetRate. `hz` ticks per second.
  Pacer(uint64_t hz, uint32_t burst) : hz_(static_cast<double>(hz)), burst_(burst) {}

  // Packets per second, 0 for no limit. What is due from before stays due.
  void SetRate(double rate) { per_tick_ = rate / hz_; }
  bool unlimited() const { return per_tick_ == 0; }

  // The next packets become due later by the time that so many take.
  void Delay(double packets) { credit_ -= packets; }

  // Packets due at tick `now`, not counting those taken.
  uint32_t Due(uint64_t now) {
    if (last_ != 0) credit_ += static_cast<double>(now - last_) * per_tick_;
    last_ = now;
    if (unlimited()) return UINT32_MAX;
    const double excess = std::max(0.0, credit_ - burst_);
    credit_ -= excess;
    missed_ += excess;
    return static_cast<uint32_t>(std::max(0.0, credit_));
  }
  void Take(uint32_t packets) {
    if (!unlimited()) credit_ -= packets;
  }

  uint64_t missed() const { return static_cast<uint64_t>(missed_); }
  void ForgetMissed() { missed_ = 0; }

 private:
  const double hz_;
  const uint32_t burst_;
  double per_tick_ = 0;
  uint64_t last_ = 0;
  double credit_ = 0;
  double missed_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_PACER_H_
