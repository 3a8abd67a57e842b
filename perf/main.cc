// SPDX-License-Identifier: BSD-3-Clause
// vswitch-perf: sends checked traffic between the ports of a switch. Exit status: 0 the run was
// valid, 1 it was not (or could not start), 2 usage.
#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "perf/ceiling.h"
#include "perf/core_latency.h"
#include "perf/idle_guest.h"
#include "perf/options.h"
#include "perf/port.h"
#include "perf/report.h"
#include "perf/ring_switch.h"
#include "perf/topology.h"
#include "perf/traffic.h"

namespace vswitch {
namespace {

constexpr unsigned kSwitchLcore = 1;
constexpr double kCeilingSeconds = 0.1;

std::atomic<bool> g_stop{false};
static_assert(std::atomic<bool>::is_always_lock_free);

int Fail(const std::string& message) {
  std::fprintf(stderr, "vswitch-perf: %s\n", message.c_str());
  return 1;
}

uint64_t MemoryMib(const PerfOptions& options) {
  if (options.memory_mib != 0) return options.memory_mib;
  // One more for the port that measures the ceiling; twice as much without hugepages, where a
  // buffer does not cross pages.
  const uint64_t bytes = (options.port.ports() + 1U) *
                         PerfPort::MemoryFor(options.port, options.traffic.size.largest());
  return 64 + (bytes >> 20) * (options.no_huge ? 2 : 1);
}

std::string Lcores(const PerfOptions& options) {
  std::string lcores = absl::StrCat("--lcores=0@", options.core);
  if (options.switch_core) absl::StrAppend(&lcores, ",", kSwitchLcore, "@", *options.switch_core);
  return lcores;
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
                Lcores(options), "-m", absl::StrCat(MemoryMib(options))});
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  if (rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0) return absl::OkStatus();
  return absl::UnavailableError(absl::StrCat("cannot start DPDK with ", MemoryMib(options),
                                             " MiB on CPU ", options.core, ": ",
                                             rte_strerror(rte_errno)));
}

absl::StatusOr<Ports> ConnectPorts(const PerfOptions& options) {
  Ports ports;
  for (const std::string& socket : options.port.sockets) {
    const auto index = static_cast<uint16_t>(ports.size());
    auto port =
        PerfPort::Connect(options.port, socket, index, options.traffic.addresses.Mac(index, 0),
                          options.traffic.size.largest());
    if (!port.ok()) return port.status();
    ports.push_back(*std::move(port));
  }
  return ports;
}

absl::StatusOr<Ports> RingPorts(const PerfOptions& options) {
  Ports ports;
  for (uint16_t i = 0; i < options.port.ports(); ++i) {
    auto port =
        PerfPort::OverRings(RingSwitch::In(i), RingSwitch::Out(i), options.traffic.size.largest());
    if (!port.ok()) return port.status();
    ports.push_back(*std::move(port));
  }
  return ports;
}

using IdleGuests = std::vector<std::unique_ptr<IdleGuest>>;

absl::StatusOr<IdleGuests> ConnectIdle(const std::vector<std::string>& sockets) {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  IdleGuests guests;
  for (const std::string& socket : sockets) {
    auto guest = IdleGuest::Open(socket);
    if (!guest.ok()) return guest.status();
    guests.push_back(*std::move(guest));
  }
  for (const auto& guest : guests) {
    if (absl::Status started = guest->Start(); !started.ok()) return started;
  }
  return guests;
}

// Runs with what is connected; `ring_switch` may be null.
absl::StatusOr<Report> RunTraffic(const PerfOptions& options, const Ceiling& ceiling, Ports& ports,
                                  const RingSwitch* ring_switch) {
  const TrafficOptions& traffic_options = options.traffic;
  const std::vector<Way> ways =
      Ways(traffic_options.pattern, options.port.ports(), traffic_options.both);
  Traffic traffic(traffic_options, ways, ports, g_stop);
  if (absl::Status up = traffic.BringUp(); !up.ok()) return up;
  SwitchCounts before;
  const RunResult run = traffic.Run(options.progress, [&] {
    if (ring_switch != nullptr) before = ring_switch->Counts();
  });
  Report report = ReportOf(options, run, ceiling);
  if (ring_switch != nullptr) report.ring_switch = ring_switch->Counts().Since(before);
  return report;
}

absl::StatusOr<Report> RunOverVhost(const PerfOptions& options, const Ceiling& ceiling) {
  auto idle = ConnectIdle(options.port.idle_sockets);
  if (!idle.ok()) return idle.status();
  auto ports = ConnectPorts(options);
  if (!ports.ok()) return ports.status();
  return RunTraffic(options, ceiling, *ports, nullptr);
}

absl::StatusOr<Report> RunOverRings(const PerfOptions& options, const Ceiling& ceiling) {
  absl::StatusOr<Ports> ports;  // their pools outlive what is left in the rings
  auto ring_switch =
      RingSwitch::Start(options.port.ring_pairs, kSwitchLcore, options.traffic.size.largest());
  if (!ring_switch.ok()) return ring_switch.status();
  ports = RingPorts(options);
  if (!ports.ok()) return ports.status();
  return RunTraffic(options, ceiling, *ports, ring_switch->get());
}

int Print(const PerfOptions& options, const Report& report) {
  const std::string text = options.json ? ReportJson(options, report) : ReportText(report);
  std::printf("%s\n", text.c_str());
  if (options.json && !report.limited_by_generator.empty()) {
    std::fprintf(stderr, "vswitch-perf: warning: the generator was the limit: %s\n",
                 report.limited_by_generator.c_str());
  }
  return report.faults.empty() ? 0 : 1;
}

int Measure(const PerfOptions& options) {
  const double seconds = options.ceiling ? 1 : kCeilingSeconds;
  const auto ceiling = MeasureCeiling(options.traffic, seconds, g_stop);
  if (!ceiling.ok()) return Fail(std::string(ceiling.status().message()));
  if (options.ceiling) {
    std::printf("%s\n", CeilingJson(*ceiling).c_str());
    return 0;
  }
  const auto report = options.port.ring_pairs > 0 ? RunOverRings(options, *ceiling)
                                                  : RunOverVhost(options, *ceiling);
  if (!report.ok()) return Fail(std::string(report.status().message()));
  return Print(options, *report);
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
  const int status = Measure(*options);
  rte_eal_cleanup();
  return status;
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) { return vswitch::Main(argc, argv); }
