// SPDX-License-Identifier: BSD-3-Clause
#ifndef VSWITCH_TESTS_HOSTILE_RANDOM_H_
#define VSWITCH_TESTS_HOSTILE_RANDOM_H_

#include <cstdint>
#include <random>

namespace vswitch {

// What hostile programs do next: the same for the same seed. One thread.
class Random {
 public:
  explicit Random(uint64_t seed) : engine_(seed) {}
  // In [0, below).
  uint64_t Below(uint64_t below) { return engine_() % below; }
  bool Percent(uint32_t percent) { return Below(100) < percent; }
  uint64_t Any() { return engine_(); }

 private:
  std::mt19937_64 engine_;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_HOSTILE_RANDOM_H_
