// SPDX-License-Identifier: BSD-3-Clause
#include "perf/report.h"

#include <rte_cycles.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vswitch {
namespace {

using Json = nlohmann::ordered_json;

uint64_t LossAllowed(const PerfOptions& options) {
  if (options.max_lost) return *options.max_lost;
  return options.traffic.lossless() ? 0 : UINT64_MAX;
}

bool FlatOut(const TrafficOptions& traffic) {
  return traffic.window == 0 &&
         std::ranges::all_of(traffic.phases, [](const Phase& phase) { return phase.rate == 0; });
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

// Letters for the first ports, as people call the two ends of a pair.
std::string PortName(uint16_t port) {
  return port < 26 ? std::string(1, static_cast<char>('A' + port)) : absl::StrCat(port);
}

std::string NameOf(const Way& way) {
  return absl::StrCat(PortName(way.from), " to ", PortName(way.to));
}

double PerSecond(uint64_t count, double seconds) {
  return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

double Nanoseconds(double stamps) {
  return stamps * (1 << Stream::kStampShift) / static_cast<double>(rte_get_tsc_hz()) * 1e9;
}

Json LatencyJson(const Histogram& latency) {
  if (latency.count() == 0) return nullptr;
  return {{"count", latency.count()},
          {"min", Nanoseconds(latency.min())},
          {"mean", Nanoseconds(latency.mean())},
          {"p50", Nanoseconds(latency.Quantile(0.5))},
          {"p99", Nanoseconds(latency.Quantile(0.99))},
          {"p99_9", Nanoseconds(latency.Quantile(0.999))},
          {"max", Nanoseconds(latency.max())}};
}

Json DirectionJson(const DirectionResult& direction, double seconds) {
  const StreamCounts& counts = direction.counts;
  return {{"from", direction.way.from},
          {"to", direction.way.to},
          {"offered", counts.offered},
          {"received", counts.received},
          {"lost", counts.lost},
          {"duplicated", counts.duplicated},
          {"reordered", counts.reordered},
          {"corrupted", counts.corrupted},
          {"foreign", direction.foreign},
          {"misdelivered", counts.misdelivered},
          {"missed", counts.missed},
          {"probes_offered", counts.probes_offered},
          {"probes_received", counts.probes_received},
          {"bytes", counts.bytes},
          {"pps", PerSecond(counts.received, seconds)},
          {"latency_ns", LatencyJson(direction.latency)}};
}

Json IntervalJson(const Interval& interval) {
  return {{"seconds", interval.seconds},
          {"offered", interval.offered},
          {"received", interval.received},
          {"missed", interval.missed}};
}

Json PhaseJson(const PhaseCounts& phase) {
  Json json = IntervalJson(phase.interval);
  json["rate"] = phase.phase.rate;
  return json;
}

Json SampleJson(const Sample& sample) {
  Json json = IntervalJson(sample.interval);
  json["latency_ns"] = nullptr;
  if (sample.interval.received > 0) {
    json["latency_ns"] = {{"p50", Nanoseconds(sample.p50)},
                          {"p99", Nanoseconds(sample.p99)},
                          {"max", Nanoseconds(sample.max)}};
  }
  return json;
}

template <typename T>
Json ListJson(const std::vector<T>& list, Json (*to_json)(const T&)) {
  Json json = Json::array();
  for (const T& item : list) json.push_back(to_json(item));
  return json;
}

Json OptionsJson(const PerfOptions& options) {
  const TrafficOptions& traffic = options.traffic;
  const Json size = traffic.size.mixed() ? Json("imix") : Json(traffic.size.largest());
  return {{"size", size},
          {"packed", options.port.packed},
          {"in_order", options.port.in_order},
          {"mergeable", options.port.mergeable},
          {"queues", options.port.queues},
          {"queue_size", options.port.queue_size},
          {"ports", options.port.ports()},
          {"idle_ports", options.port.idle_sockets.size()},
          {"rate", traffic.phases.front().rate},
          {"window", traffic.window},
          {"flows", traffic.flows},
          {"warmup", traffic.warmup}};
}

Json GeneratorJson(const GeneratorLoad& load) {
  return {{"cycles_per_packet", load.CyclesPerPacket()},
          {"busy", load.Busy()},
          {"ring_full", load.RingFull()},
          {"receive_full", load.ReceiveFull()}};
}

Json JsonOf(const Ceiling& ceiling) {
  return {{"pps", ceiling.pps}, {"cycles_per_packet", ceiling.cycles_per_packet}};
}

Json SwitchJson(const SwitchCounts& counts) {
  const double cycles = counts.packets == 0 ? 0
                                            : static_cast<double>(counts.busy_cycles) /
                                                  static_cast<double>(counts.packets);
  return {{"packets", counts.packets},
          {"busy_cycles", counts.busy_cycles},
          {"cycles_per_packet", cycles}};
}

Histogram Latency(const RunResult& run) {
  Histogram latency;
  for (const DirectionResult& direction : run.directions) latency.Add(direction.latency);
  return latency;
}

StreamCounts Sum(const RunResult& run) {
  StreamCounts sum;
  for (const DirectionResult& direction : run.directions) sum.Add(direction.counts);
  return sum;
}

Json RunJson(const RunResult& run) {
  const StreamCounts sum = Sum(run);
  Json directions = Json::array();
  for (const auto& direction : run.directions) {
    directions.push_back(DirectionJson(direction, run.seconds));
  }
  return {{"seconds", run.seconds},
          {"waited", run.waited},
          {"pps", PerSecond(sum.received, run.seconds)},
          {"bits_per_second", PerSecond(8 * sum.bytes, run.seconds)},
          {"latency_ns", LatencyJson(Latency(run))},
          {"directions", directions},
          {"phases", ListJson(run.phases, PhaseJson)},
          {"samples", ListJson(run.samples, SampleJson)},
          {"generator", GeneratorJson(run.load)}};
}

std::string DirectionText(const DirectionResult& direction, double seconds) {
  const StreamCounts& counts = direction.counts;
  return absl::StrFormat(
      "%s: %.3f Mpps, offered %d, received %d, lost %d, duplicated %d, reordered %d, "
      "corrupted %d, foreign %d, misdelivered %d, missed %d\n",
      NameOf(direction.way), PerSecond(counts.received, seconds) / 1e6, counts.offered,
      counts.received, counts.lost, counts.duplicated, counts.reordered, counts.corrupted,
      direction.foreign, counts.misdelivered, counts.missed);
}

std::string LatencyText(const Histogram& latency) {
  if (latency.count() == 0) return "";
  return absl::StrFormat(
      "latency in us: p50 %.1f, p99 %.1f, p99.9 %.1f, max %.1f\n",
      Nanoseconds(latency.Quantile(0.5)) / 1e3, Nanoseconds(latency.Quantile(0.99)) / 1e3,
      Nanoseconds(latency.Quantile(0.999)) / 1e3, Nanoseconds(latency.max()) / 1e3);
}

}  // namespace

Report ReportOf(const PerfOptions& options, const RunResult& run, const Ceiling& ceiling) {
  Report report{.run = run, .ceiling = ceiling};
  report.limited_by_generator = run.load.WhyLimited(FlatOut(options.traffic));
  if (run.end == RunEnd::kStalled) report.faults.push_back("stalled: nothing moved for a second");
  if (run.end == RunEnd::kInterrupted) report.faults.push_back("interrupted");
  for (const DirectionResult& direction : run.directions) {
    AddCountFaults(direction.counts, LossAllowed(options), NameOf(direction.way), report.faults);
  }
  return report;
}

std::string ReportText(const Report& report) {
  std::string text;
  for (const DirectionResult& direction : report.run.directions) {
    absl::StrAppend(&text, DirectionText(direction, report.run.seconds));
  }
  absl::StrAppend(&text, LatencyText(Latency(report.run)));
  absl::StrAppendFormat(&text, "generator: %.0f cycles per packet, %.0f against nothing\n",
                        report.run.load.CyclesPerPacket(), report.ceiling.cycles_per_packet);
  if (!report.limited_by_generator.empty()) {
    absl::StrAppend(&text, "the generator was the limit: ", report.limited_by_generator, "\n");
  }
  return text +
         (report.faults.empty() ? "valid" : "not valid: " + absl::StrJoin(report.faults, "; "));
}

std::string ReportJson(const PerfOptions& options, const Report& report) {
  Json json = {{"valid", report.faults.empty()}, {"faults", report.faults}};
  json.update(OptionsJson(options));
  json.update(RunJson(report.run));
  json["ceiling"] = JsonOf(report.ceiling);
  json["generator_limited"] = !report.limited_by_generator.empty();
  json["generator_limited_why"] = report.limited_by_generator;
  if (report.ring_switch) json["switch"] = SwitchJson(*report.ring_switch);
  return json.dump();
}

std::string CeilingJson(const Ceiling& ceiling) {
  return Json{{"ceiling", JsonOf(ceiling)}}.dump();
}

}  // namespace vswitch
