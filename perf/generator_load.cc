// SPDX-License-Identifier: BSD-3-Clause
#include "perf/generator_load.h"

namespace vswitch {
namespace {

// Flat out against a switch that is slower the sending ring is nearly always full.
constexpr double kSwitchKeptUp = 0.05;
// Against a switch that is slower there is often nothing to receive.
constexpr double kBacklog = 0.9;
constexpr double kMissed = 1e-3;

}  // namespace

double GeneratorLoad::CyclesPerPacket() const { return 2 * Share(busy_cycles, offered + received); }

std::string GeneratorLoad::WhyLimited(bool flat_out) const {
  const bool switch_kept_up = RingFull() < kSwitchKeptUp;
  if (offered == 0) return "";
  if (flat_out && switch_kept_up) return "the switch took packets faster than they could be made";
  if (ReceiveFull() > kBacklog) return "packets came faster than they could be checked";
  if (switch_kept_up && Share(missed, offered + missed) > kMissed) {
    return "the generator did not keep up with the rate";
  }
  return "";
}

}  // namespace vswitch
