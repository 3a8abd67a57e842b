// SPDX-License-Identifier: BSD-3-Clause
// How long the frames are: all the same, or a mix.
#ifndef VSWITCH_PERF_SIZE_MIX_H_
#define VSWITCH_PERF_SIZE_MIX_H_

#include <cstdint>
#include <vector>

namespace vswitch {

// Bytes from the destination MAC on, without FCS.
struct SizeMix {
  std::vector<uint32_t> sizes{64};  // the different ones, ascending
  std::vector<uint8_t> pattern{0};  // indices into sizes, repeated over and over

  static SizeMix Fixed(uint32_t size) { return {{size}, {0}}; }
  // The "simple IMIX" of 64, 570 and 1518 bytes as 7 to 4 to 1, spread evenly.
  static SizeMix Imix() { return {{64, 570, 1518}, {0, 1, 0, 0, 1, 0, 2, 0, 1, 0, 0, 1}}; }

  bool mixed() const { return sizes.size() > 1; }
  uint32_t largest() const { return sizes.back(); }
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_SIZE_MIX_H_
