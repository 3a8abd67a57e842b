// SPDX-License-Identifier: BSD-3-Clause
// vswitch-perf: sends checked traffic between two ports of a switch. Exit status: 0 the run was
// valid, 1 it was not (or could not start), 2 usage.
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "perf/core_latency.h"
#include "perf/options.h"
#include "perf/port.h"
#include "perf/report.h"
#include "perf/stream.h"
#include "perf/traffic.h"

namespace vswitch {
namespace {

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

int Fail(const std::string& message) {
  std::fprintf(stderr, "vswitch-perf: %s\n", message.c_str());
  return 1;
}

// Preallocated memory in one file: a virtio-user port cannot describe anything else to a switch.
absl::Status StartEal(const PerfOptions& options) {
  std::vector<std::string> words = {"vswitch-perf", "--no-pci", "--no-telemetry"};
  if (options.no_huge) {
    words.insert(words.end(), {"--no-huge", "--no-shconf"});  // is one file, leaves none behind
  } else {
    words.insert(words.end(), {"--in-memory", "--single-file-segments"});
  }
  words.insert(words.end(),
               {"--log-level=lib.eal:error", absl::StrCat("--file-prefix=vswitch-perf-", getpid()),
                absl::StrCat("--lcores=0@", options.core), "-m", absl::StrCat(options.memory_mib)});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot start DPDK with ", options.memory_mib,
                                             " MiB on CPU ", options.core, ": ",
                                             rte_strerror(rte_errno)));
}

using Ports = std::vector<std::unique_ptr<PerfPort>>;

absl::StatusOr<Ports> OpenPorts(const PerfOptions& options) {
  Ports ports;
  for (const std::string& socket : options.port.sockets) {
    auto port = PerfPort::Open(options.port, socket, static_cast<uint16_t>(ports.size()),
                               options.traffic.size);
    if (!port.ok()) return port.status();
    ports.push_back(*std::move(port));
  }
  return ports;
}

std::vector<Stream> MakeStreams(const TrafficOptions& options, Ports& ports) {
  const uint32_t run = std::random_device()();
  std::vector<Stream> streams;
  streams.emplace_back(options, 0, run, *ports[0], *ports[1]);
  if (options.both) streams.emplace_back(options, 1, run, *ports[1], *ports[0]);
  return streams;
}

absl::StatusOr<Report> RunTraffic(const PerfOptions& options) {
  auto ports = OpenPorts(options);
  if (!ports.ok()) return ports.status();
  std::vector<Stream> streams = MakeStreams(options.traffic, *ports);
  Traffic traffic(options.traffic, streams, g_stop);
  if (absl::Status up = traffic.BringUp(); !up.ok()) return up;
  const RunResult run = traffic.Run(options.progress);
  std::vector<StreamCounts> directions;
  for (const Stream& stream : streams) directions.push_back(stream.Counts());
  return ReportOf(options, run, directions);
}

int PrintCoreLatency(unsigned a, unsigned b) {
  const auto latency = CoreLatency(a, b);
  if (!latency.ok()) return Fail(std::string(latency.status().message()));
  std::printf("%.1f\n", *latency);
  return 0;
}

int Main(int argc, char** argv) {
  int exit_code = 0;
  const auto options = ParsePerfOptions(argc, argv, exit_code);
  if (!options) return exit_code;
  if (!options->core_latency.empty()) {
    return PrintCoreLatency(options->core_latency[0], options->core_latency[1]);
  }
  std::signal(SIGINT, [](int) { g_stop = true; });
  std::signal(SIGTERM, [](int) { g_stop = true; });
  if (absl::Status eal = StartEal(*options); !eal.ok()) return Fail(std::string(eal.message()));
  const auto report = RunTraffic(*options);
  rte_eal_cleanup();
  if (!report.ok()) return Fail(std::string(report.status().message()));
  const std::string text = options->json ? ReportJson(*options, *report) : ReportText(*report);
  std::printf("%s\n", text.c_str());
  return report->faults.empty() ? 0 : 1;
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) { return vswitch::Main(argc, argv); }
