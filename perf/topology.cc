// SPDX-License-Identifier: BSD-3-Clause
#include "perf/topology.h"

#include <algorithm>

namespace vswitch {
namespace {

void Add(std::vector<Way>& ways, const Way& way) {
  const auto same = std::ranges::find_if(
      ways, [&](const Way& r) { return r.from == way.from && r.to == way.to; });
  if (same == ways.end()) {
    ways.push_back(way);
  } else {
    same->carries |= way.carries;
  }
}

}  // namespace

std::vector<Way> Ways(Pattern pattern, uint16_t ports, bool both) {
  std::vector<Way> ways;
  const auto add = [&](uint16_t from, uint16_t to) {
    Add(ways, {from, to, true});
    Add(ways, {to, from, both});
  };
  for (uint16_t from = 0; from < ports; ++from) {
    const auto next = static_cast<uint16_t>((from + 1) % ports);
    if (pattern == Pattern::kPairs && from % 2 == 0) add(from, next);
    if (pattern == Pattern::kRing) add(from, next);
    for (uint16_t to = 0; pattern == Pattern::kMesh && to < ports; ++to) {
      if (to != from) add(from, to);
    }
  }
  return ways;
}

}  // namespace vswitch
