// SPDX-License-Identifier: BSD-3-Clause
// What the generator could do if there were no switch.
#ifndef VSWITCH_PERF_CEILING_H_
#define VSWITCH_PERF_CEILING_H_

#include <atomic>

#include "absl/status/statusor.h"
#include "perf/options.h"

namespace vswitch {

struct Ceiling {
  double pps = 0;
  double cycles_per_packet = 0;  // TSC
};

// Sends frames like those of `options` into a ring and takes them out again, flat out for
// `seconds`: makes, writes, checks and frees each. What a virtio device and the way between two
// cores cost comes on top, so a run never reaches it.
absl::StatusOr<Ceiling> MeasureCeiling(const TrafficOptions& options, double seconds,
                                       const std::atomic<bool>& stop);

}  // namespace vswitch

#endif  // VSWITCH_PERF_CEILING_H_
