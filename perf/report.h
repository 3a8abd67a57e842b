// SPDX-License-Identifier: BSD-3-Clause
// What a run is worth, for people and for programs.
#ifndef VSWITCH_PERF_REPORT_H_
#define VSWITCH_PERF_REPORT_H_

#include <optional>
#include <string>
#include <vector>

#include "perf/ceiling.h"
#include "perf/options.h"
#include "perf/ring_switch.h"
#include "perf/traffic.h"

namespace vswitch {

struct Report {
  std::vector<std::string> faults;   // why the run is not valid; empty when it is
  std::string limited_by_generator;  // why; empty when it is not
  RunResult run;
  Ceiling ceiling;
  std::optional<SwitchCounts> ring_switch;  // during the run
};

// A run is valid when it ended by itself, nothing arrived corrupted, twice or out of order, and no
// more was lost than allowed: options.max_lost, or without it none when a rate or a window was set
// (flat out, losing is what an overloaded switch must do).
Report ReportOf(const PerfOptions& options, const RunResult& run, const Ceiling& ceiling);

std::string ReportText(const Report& report);
// One JSON object.
std::string ReportJson(const PerfOptions& options, const Report& report);
std::string CeilingJson(const Ceiling& ceiling);

}  // namespace vswitch

#endif  // VSWITCH_PERF_REPORT_H_
