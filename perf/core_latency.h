// SPDX-License-Identifier: BSD-3-Clause
// How fast a cache line travels between two cores. On a virtual machine it changes while one
// measures, and with it everything else; a sample is worth something only if it did not.
#ifndef VSWITCH_PERF_CORE_LATENCY_H_
#define VSWITCH_PERF_CORE_LATENCY_H_

#include "absl/status/statusor.h"

namespace vswitch {

// Nanoseconds for one way between CPUs `a` and `b`, the median of many short series.
absl::StatusOr<double> CoreLatency(unsigned a, unsigned b);

}  // namespace vswitch

#endif  // VSWITCH_PERF_CORE_LATENCY_H_
