// SPDX-License-Identifier: BSD-3-Clause
#include "perf/report.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vswitch {
namespace {

uint64_t LossAllowed(const PerfOptions& options) {
  if (options.max_lost) return *options.max_lost;
  return options.traffic.rate > 0 || options.traffic.window > 0 ? 0 : UINT64_MAX;
}

void AddCountFaults(const StreamCounts& counts, uint64_t loss_allowed, const std::string& name,
                    std::vector<std::string>& faults) {
  const auto add = [&](uint64_t count, const char* what) {
    if (count > 0) faults.push_back(absl::StrCat(name, ": ", count, " ", what));
  };
  add(counts.lost > loss_allowed ? counts.lost : 0, "lost");
  add(counts.duplicated, "duplicated");
  add(counts.reordered, "reordered");
  add(counts.corrupted, "corrupted");
}

const char* DirectionName(size_t direction) { return direction == 0 ? "A to B" : "B to A"; }

nlohmann::ordered_json CountsJson(const StreamCounts& counts, double seconds) {
  return {{"offered", counts.offered},
          {"received", counts.received},
          {"lost", counts.lost},
          {"duplicated", counts.duplicated},
          {"reordered", counts.reordered},
          {"corrupted", counts.corrupted},
          {"foreign", counts.foreign},
          {"missed", counts.missed},
          {"probes_offered", counts.probes_offered},
          {"probes_received", counts.probes_received},
          {"pps", seconds > 0 ? static_cast<double>(counts.received) / seconds : 0.0}};
}

}  // namespace

Report ReportOf(const PerfOptions& options, const RunResult& run,
                const std::vector<StreamCounts>& directions) {
  Report report{{}, directions, run};
  if (run.end == RunEnd::kStalled) report.faults.push_back("stalled: nothing moved for a second");
  if (run.end == RunEnd::kInterrupted) report.faults.push_back("interrupted");
  for (size_t i = 0; i < directions.size(); ++i) {
    AddCountFaults(directions[i], LossAllowed(options), DirectionName(i), report.faults);
  }
  return report;
}

std::string ReportText(const Report& report) {
  std::string text;
  for (size_t i = 0; i < report.directions.size(); ++i) {
    const StreamCounts& counts = report.directions[i];
    absl::StrAppendFormat(
        &text,
        "%s: %.3f Mpps, offered %d, received %d, lost %d, duplicated %d, "
        "reordered %d, corrupted %d, foreign %d, missed %d\n",
        DirectionName(i),
        static_cast<double>(counts.received) / std::max(report.run.seconds, 1e-9) / 1e6,
        counts.offered, counts.received, counts.lost, counts.duplicated, counts.reordered,
        counts.corrupted, counts.foreign, counts.missed);
  }
  return text +
         (report.faults.empty() ? "valid" : "not valid: " + absl::StrJoin(report.faults, "; "));
}

std::string ReportJson(const PerfOptions& options, const Report& report) {
  nlohmann::ordered_json directions = nlohmann::ordered_json::array();
  for (const StreamCounts& counts : report.directions) {
    directions.push_back(CountsJson(counts, report.run.seconds));
  }
  const TrafficOptions& traffic = options.traffic;
  const nlohmann::ordered_json json = {
      {"valid", report.faults.empty()}, {"faults", report.faults},  {"seconds", report.run.seconds},
      {"waited", report.run.waited},    {"size", traffic.size},     {"packed", options.port.packed},
      {"rate", traffic.rate},           {"window", traffic.window}, {"flows", traffic.flows},
      {"directions", directions}};
  return json.dump();
}

}  // namespace vswitch
