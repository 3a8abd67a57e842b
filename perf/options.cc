// SPDX-License-Identifier: BSD-3-Clause
#include "perf/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <map>

namespace vswitch {
namespace {

constexpr int kUsage = 2;
constexpr double kMaxRate = 1e9;

// A CPU this process may run on.
CLI::Validator CpuValidator() {
  return {[](std::string& text) {
            unsigned cpu = CPU_SETSIZE;
            cpu_set_t allowed;
            CPU_ZERO(&allowed);
            sched_getaffinity(0, sizeof(allowed), &allowed);
            const bool valid = CLI::detail::lexical_cast(text, cpu) && cpu < CPU_SETSIZE &&
                               CPU_ISSET(cpu, &allowed);
            return valid ? std::string() : text + " is no CPU this process may run on";
          },
          "CPU"};
}

void AddPortOptions(CLI::App& app, PortOptions& port) {
  app.add_option("--port", port.sockets, "vhost-user socket; give it twice, for port A and port B")
      ->expected(2)
      ->type_name("SOCK");
  app.add_flag("--packed", port.packed, "packed virtqueues instead of split ones");
  app.add_option("--queue-size", port.queue_size, "descriptors per virtqueue")
      ->check(CLI::IsMember({64, 128, 256, 512, 1024}))
      ->capture_default_str();
}

// A number of packets per second, or "max" for as many as possible (0).
CLI::Validator RateValidator() {
  return {[](std::string& text) {
            if (text == "max") text = "0";
            double rate = 0;
            const bool valid =
                CLI::detail::lexical_cast(text, rate) && rate >= 0 && rate <= kMaxRate;
            return valid ? std::string() : text + " is neither a rate nor max";
          },
          "PPS|max"};
}

void AddTrafficOptions(CLI::App& app, TrafficOptions& traffic) {
  app.add_option("--size", traffic.size, "frame size in bytes, without FCS")
      ->check(CLI::Range(FrameCodec::kMinSize, FrameCodec::kMaxSize))
      ->capture_default_str();
  app.add_option("--count", traffic.count, "packets to send per direction");
  app.add_option("--seconds", traffic.seconds, "time to send for")->check(CLI::NonNegativeNumber);
  app.add_option("--rate", traffic.rate, "packets per second and direction, an open loop")
      ->transform(RateValidator());
  app.add_option("--window", traffic.window, "at most so many packets in flight per direction");
  app.add_flag("--both", traffic.both, "send from B to A as well");
  app.add_option("--flows", traffic.flows, "flows per direction, taken in turn")
      ->check(CLI::Range(uint16_t{1}, FrameCodec::kMaxFlows))
      ->capture_default_str();
  app.add_option("--sleep-us", traffic.sleep_us, "rest so long when there is nothing to do");
  app.add_flag("--realtime", traffic.realtime,
               "let nothing else run on this CPU and that of --watch while sending (SCHED_FIFO)");
  app.add_option("--watch", traffic.watch,
                 "also report how long this thread (the switch's) waited for its CPU")
      ->type_name("TID");
  app.add_option("--wait", traffic.wait, "seconds to wait for the path to come up")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  const std::map<std::string, Verify> kinds{{"header", Verify::kHeader}, {"full", Verify::kFull}};
  app.add_option("--verify", traffic.verify, "bytes to write and check: header (64) or full")
      ->transform(CLI::CheckedTransformer(kinds).description("header|full"));
}

void AddRunOptions(CLI::App& app, PerfOptions& options) {
  app.add_option("--core", options.core, "CPU of the generator")
      ->check(CpuValidator())
      ->capture_default_str();
  app.add_option("--memory", options.memory_mib, "MiB for packets and rings")
      ->check(CLI::Range(64, 65536))
      ->capture_default_str();
  app.add_flag("--no-huge", options.no_huge, "without hugepages");
  app.add_flag("--json", options.json, "the result as one JSON object");
  app.add_option("--progress", options.progress, "seconds between progress lines, 0 for none")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--max-lost", options.max_lost,
                 "losses that still make a valid run (default: none with --rate or --window, "
                 "any otherwise)");
  app.add_option("--core-latency", options.core_latency,
                 "only measure how fast a cache line travels between two CPUs")
      ->check(CpuValidator())
      ->expected(2);
}

void CheckTogether(const PerfOptions& options) {
  if (!options.core_latency.empty()) return;
  if (options.port.sockets.size() != 2) throw CLI::RequiredError("--port A --port B");
  if (options.traffic.count == 0 && options.traffic.seconds == 0) {
    throw CLI::RequiredError("--count or --seconds");
  }
}

}  // namespace

std::optional<PerfOptions> ParsePerfOptions(int argc, char** argv, int& exit_code) {
  PerfOptions options;
  CLI::App app{"Sends checked traffic between two vhost-user ports of a switch, from one core."};
  AddPortOptions(app, options.port);
  AddTrafficOptions(app, options.traffic);
  AddRunOptions(app, options);
  try {
    app.parse(argc, argv);
    CheckTogether(options);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return std::nullopt;
  }
  return options;
}

}  // namespace vswitch
