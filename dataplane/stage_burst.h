// SPDX-License-Identifier: BSD-3-Clause
// Takes a burst apart by where its packets go.
#ifndef VSWITCH_DATAPLANE_STAGE_BURST_H_
#define VSWITCH_DATAPLANE_STAGE_BURST_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/packet.h"

namespace vswitch {

// A burst about to be filled: to initialise its packets costs more than to move one.
union BlankBurst {
  BlankBurst() { burst.count = 0; }
  Burst burst;
};

// Moves the packets whose exit is `exit` to `taken`; the others, and their exits, close ranks. Both
// stay in order.
template <typename Exit>
void MoveOut(const Exit& exit, std::span<Exit> exits, Burst& burst, Burst& taken) {
  uint16_t kept = 0;
  taken.count = 0;
  for (uint16_t i = 0; i < burst.count; ++i) {
    if (exits[i] == exit) {
      taken.packets[taken.count++] = burst.packets[i];
    } else {
      burst.packets[kept] = burst.packets[i];
      exits[kept++] = exits[i];
    }
  }
  burst.count = kept;
}

// Gives all packets to take(exit, packets), those of one exit together. exits[i] is that of
// burst.packets[i]. The burst is empty on return.
template <typename Exit, typename Take>
void StageBurst(std::span<Exit> exits, Burst& burst, const Take& take) {
  BlankBurst taken;
  while (burst.count > 0) {
    const Exit exit = exits[0];
    const auto present = exits.first(burst.count);
    if (std::all_of(present.begin(), present.end(), [&](const Exit& e) { return e == exit; })) {
      take(exit, burst);
      break;
    }
    MoveOut(exit, exits, burst, taken.burst);
    take(exit, taken.burst);
  }
  burst.count = 0;
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_STAGE_BURST_H_
