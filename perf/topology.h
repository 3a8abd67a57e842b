// SPDX-License-Identifier: BSD-3-Clause
// Which port sends to which.
#ifndef VSWITCH_PERF_TOPOLOGY_H_
#define VSWITCH_PERF_TOPOLOGY_H_

#include <cstdint>
#include <vector>

namespace vswitch {

enum class Pattern : uint8_t {
  kPairs,  // 0 to 1, 2 to 3, …
  kRing,   // 0 to 1, 1 to 2, …, the last to 0
  kMesh,   // every port to every other
};

// A way that packets go.
struct Way {
  uint16_t from = 0;
  uint16_t to = 0;
  // False: only announces the addresses of `from` to the switch, for packets that go to them.
  bool carries = true;

  friend bool operator==(const Way&, const Way&) = default;
};

// Each way once; the way back of each follows it and carries if `both`. REQUIRES: ports >= 2, even
// for kPairs.
std::vector<Way> Ways(Pattern pattern, uint16_t ports, bool both);

}  // namespace vswitch

#endif  // VSWITCH_PERF_TOPOLOGY_H_
