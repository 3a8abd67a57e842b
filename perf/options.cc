// SPDX-License-Identifier: BSD-3-Clause
#include "perf/options.h"

#include <sched.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vswitch {
namespace {

constexpr int kUsage = 2;
constexpr double kMaxRate = 1e9;
constexpr double kMaxSeconds = 1e6;

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

void AddPortOptions(CLI::App& app, PerfOptions& options) {
  PortOptions& port = options.port;
  app.add_option("--port", port.sockets,
                 "vhost-user socket of a port, or kernel:IFACE; give it for each")
      ->expected(2, PortOptions::kMaxPorts)
      ->type_name("SOCK");
  app.add_option(
         "--idle-port", port.idle_sockets,
         "vhost-user socket of a guest that is connected and never sends; listen:SOCK where "
         "the switch connects to the guest; any number")
      ->type_name("SOCK");
  app.add_option("--ring-pairs", port.ring_pairs,
                 "instead of --port: so many veth pairs with rings behind them, in this process")
      ->check(CLI::Range(1U, Addresses::kMaxPairs));
  app.add_option("--switch-core", options.switch_core, "CPU of the worker behind --ring-pairs")
      ->check(CpuValidator());
  app.add_flag("--packed", port.packed, "packed virtqueues instead of split ones");
  app.add_flag("--in-order,!--no-in-order", port.in_order,
               "let the switch use buffers in order, if it can (default)");
  app.add_flag("--mergeable,!--no-mergeable", port.mergeable,
               "let the switch spread a frame over several buffers, if it can (default)");
  app.add_option("--queues", port.queues, "queue pairs of each port; flows take them in turn")
      ->check(CLI::Range(1, 16))
      ->capture_default_str();
  app.add_option("--queue-size", port.queue_size, "descriptors per virtqueue")
      ->check(CLI::IsMember({64, 128, 256, 512, 1024}))
      ->capture_default_str();
}

// True for packets per second, or "max" for as many as possible (0).
bool ParseRate(const std::string& text, double* rate) {
  *rate = 0;
  return text == "max" || (absl::SimpleAtod(text, rate) && *rate >= 0 && *rate <= kMaxRate);
}

// "RATE:SECONDS,RATE:SECONDS,…"; false when it is something else.
bool ParsePhases(const std::string& text, std::vector<Phase>* phases) {
  for (const auto part : absl::StrSplit(text, ',')) {
    const std::vector<std::string> words = absl::StrSplit(part, ':');
    Phase phase;
    if (words.size() != 2 || !ParseRate(words[0], &phase.rate) ||
        !absl::SimpleAtod(words[1], &phase.seconds) ||
        !(phase.seconds > 0 && phase.seconds <= kMaxSeconds)) {
      return false;
    }
    phases->push_back(phase);
  }
  return true;
}

template <typename T>
CLI::callback_t Into(T* value, absl::StatusOr<T> (*parse)(const std::string&)) {
  return [value, parse](const CLI::results_t& texts) {
    absl::StatusOr<T> parsed = parse(texts.front());
    if (!parsed.ok()) throw CLI::ValidationError(std::string(parsed.status().message()));
    *value = *std::move(parsed);
    return true;
  };
}

absl::StatusOr<SizeMix> ParseSize(const std::string& text) {
  uint32_t size = 0;
  if (text == "imix") return SizeMix::Imix();
  if (absl::SimpleAtoi(text, &size) && size >= FrameCodec::kMinSize &&
      size <= FrameCodec::kMaxSize) {
    return SizeMix::Fixed(size);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("--size: ", text, " is neither imix nor a number in [", FrameCodec::kMinSize,
                   ", ", FrameCodec::kMaxSize, "]"));
}

void AddAddressOptions(CLI::App& app, TrafficOptions& traffic) {
  constexpr const char* kForm = "ADDRESS[/COUNT[/STEP]]";
  Addresses& addresses = traffic.addresses;
  const auto add = [&](const char* name, AddressRange& range, auto parse, const char* what) {
    app.add_option(name, Into(&range, +parse), what)->type_name(kForm);
  };
  add("--src-mac", addresses.src_mac, ParseMacRange,
      "MAC addresses of ports 0, 2, …: COUNT from ADDRESS on, and STEP (COUNT) later for each "
      "further pair of ports");
  add("--dst-mac", addresses.dst_mac, ParseMacRange, "the same of ports 1, 3, …");
  add("--src-ip", addresses.src_ip, ParseIpv4Range, "IPv4 addresses of ports 0, 2, …");
  add("--dst-ip", addresses.dst_ip, ParseIpv4Range, "IPv4 addresses of ports 1, 3, …");
  app.add_option("--flows", traffic.flows,
                 "flows per direction, taken in turn; each takes the next address of every range "
                 "(default: the largest COUNT)")
      ->check(CLI::Range(1U, FrameCodec::kMaxFlows));
}

void AddTrafficOptions(CLI::App& app, TrafficOptions& traffic) {
  const std::map<std::string, Pattern> patterns{
      {"pairs", Pattern::kPairs}, {"ring", Pattern::kRing}, {"mesh", Pattern::kMesh}};
  app.add_option("--pattern", traffic.pattern,
                 "who sends to whom: 0 to 1, 2 to 3, …; or 0 to 1, 1 to 2, …; or all to all")
      ->transform(CLI::CheckedTransformer(patterns).description("pairs|ring|mesh"));
  app.add_flag("--both", traffic.both, "send the other way as well");
  app.add_option("--size", Into(&traffic.size, ParseSize),
                 "frame size in bytes, without FCS, or imix: 64, 570 and 1518 as 7:4:1 (64)")
      ->type_name("BYTES|imix");
  AddAddressOptions(app, traffic);
  const std::map<std::string, Verify> kinds{
      {"none", Verify::kNone}, {"header", Verify::kHeader}, {"full", Verify::kFull}};
  app.add_option(
         "--verify", traffic.verify,
         "bytes to write and check of each: header (64), full, or none: frames are written\n"
         "once, and counted")
      ->transform(CLI::CheckedTransformer(kinds).description("header|full"));
}

// Where --rate, --seconds and --phases are kept until they are phases.
struct Load {
  std::string rate;
  double seconds = 0;
  std::string phases;
};

void AddLoadOptions(CLI::App& app, TrafficOptions& traffic, Load& load) {
  auto* rate =
      app.add_option("--rate", load.rate, "packets per second and direction, an open loop (max)");
  auto* seconds = app.add_option("--seconds", load.seconds, "time to send for");
  app.add_option("--phases", load.phases, "instead: one rate after the other, each for its time")
      ->type_name("RATE:SECONDS,…")
      ->excludes(rate, seconds);
  rate->type_name("PPS|max");
  seconds->check(CLI::Range(0.0, kMaxSeconds));
  app.add_option("--count", traffic.count, "packets to send per direction");
  app.add_option("--warmup", traffic.warmup, "seconds to send before anything counts")
      ->check(CLI::Range(0.0, kMaxSeconds));
  app.add_option("--busy", traffic.busy,
                 "the first so many ports send as fast as possible; their packets are not timed");
  app.add_option("--window", traffic.window, "at most so many packets in flight per direction");
  app.add_option("--burst", traffic.burst,
                 "offer exactly so many packets of a stream at once, and take as many (default: "
                 "what is due, up to 32)")
      ->check(CLI::Range(1U, TrafficOptions::kMostAtOnce));
  app.add_option("--interval-ms", traffic.interval_ms, "report what went on every so often");
}

void AddMachineOptions(CLI::App& app, PerfOptions& options) {
  TrafficOptions& traffic = options.traffic;
  app.add_option("--sleep-us", traffic.sleep_us, "rest so long when there is nothing to do");
  app.add_flag("--realtime", traffic.realtime,
               "let nothing else run on this CPU and that of --watch while sending (SCHED_FIFO)");
  app.add_option("--watch", traffic.watch,
                 "also report how long this thread (the switch's) waited for its CPU")
      ->type_name("TID");
  app.add_option("--wait", traffic.wait, "seconds to wait for the path to come up")
      ->check(CLI::Range(0.0, kMaxSeconds))
      ->capture_default_str();
  app.add_option("--core", options.core, "CPU of the generator")
      ->check(CpuValidator())
      ->capture_default_str();
  app.add_option("--memory", options.memory_mib,
                 "MiB for packets and rings (default: what the ports need)")
      ->check(CLI::Range(64, 65536));
  app.add_flag("--no-huge", options.no_huge, "without hugepages");
}

void AddReportOptions(CLI::App& app, PerfOptions& options) {
  app.add_flag("--json", options.json, "the result as one JSON object");
  app.add_option("--progress", options.progress, "seconds between progress lines, 0 for none")
      ->check(CLI::Range(0.0, kMaxSeconds));
  app.add_option("--max-lost", options.max_lost,
                 "losses that still make a valid run (default: none with --rate or --window, "
                 "any otherwise)");
  app.add_flag("--ceiling", options.ceiling,
               "only measure how fast the generator is against nothing");
  app.add_option("--core-latency", options.core_latency,
                 "only measure how fast a cache line travels between two CPUs")
      ->check(CpuValidator())
      ->expected(2);
}

[[noreturn]] void Refuse(const std::string& why) { throw CLI::ValidationError(why); }

void FinishLoad(const Load& load, TrafficOptions& traffic) {
  Phase phase{.seconds = load.seconds};
  if (!load.rate.empty() && !ParseRate(load.rate, &phase.rate)) {
    Refuse(absl::StrCat("--rate: ", load.rate, " is neither a rate nor max"));
  }
  if (load.phases.empty()) traffic.phases.push_back(phase);
  if (!load.phases.empty() && !ParsePhases(load.phases, &traffic.phases)) {
    Refuse(absl::StrCat("--phases: ", load.phases, " is not RATE:SECONDS,RATE:SECONDS,…"));
  }
}

void CheckPorts(const PerfOptions& options) {
  const PortOptions& port = options.port;
  if (port.ring_pairs > 0 && !port.sockets.empty())
    Refuse("--port and --ring-pairs exclude each other");
  if (port.ring_pairs > 0 && !options.switch_core) Refuse("--ring-pairs needs --switch-core");
  if (port.ring_pairs > 0 && options.switch_core == options.core) {
    Refuse("--switch-core and --core must differ");
  }
  if (port.ring_pairs > 0 && port.queues > 1) Refuse("--ring-pairs have one queue each");
  if (port.ports() < 2) throw CLI::RequiredError("--port A --port B");
  if (options.traffic.pattern == Pattern::kPairs && port.ports() % 2 != 0) {
    Refuse("--pattern pairs needs an even number of ports");
  }
}

void CheckTraffic(const TrafficOptions& traffic, uint16_t queues) {
  if (traffic.count == 0 && traffic.phases.back().seconds == 0) {
    throw CLI::RequiredError("--count or --seconds");
  }
  if (traffic.flows > FrameCodec::kMaxFlows) {
    Refuse(absl::StrCat("there are at most ", FrameCodec::kMaxFlows, " flows"));
  }
  if (traffic.flows < queues) Refuse("--queues needs at least as many --flows");
  if (traffic.count != 0 && traffic.count < queues) Refuse("--count is less than one per queue");
  if (traffic.window != 0 && traffic.window < queues * traffic.burst) {
    Refuse("--window is less than a --burst per queue");
  }
  if (traffic.window != 0 && traffic.window < queues) Refuse("--window is less than one per queue");
}

void Finish(const Load& load, PerfOptions& options) {
  if (!options.core_latency.empty()) return;
  TrafficOptions& traffic = options.traffic;
  FinishLoad(load, traffic);
  if (traffic.flows == 0) {
    traffic.flows = std::max<uint32_t>(traffic.addresses.LargestCount(), options.port.queues);
  }
  if (options.ceiling) return;
  CheckPorts(options);
  CheckTraffic(traffic, options.port.queues);
}

}  // namespace

bool TrafficOptions::lossless() const {
  const auto limited = [](const Phase& phase) { return phase.rate > 0; };
  return window > 0 || (busy == 0 && std::ranges::all_of(phases, limited));
}

std::optional<PerfOptions> ParsePerfOptions(int argc, char** argv, int& exit_code) {
  PerfOptions options;
  Load load;
  CLI::App app{"Sends checked traffic between the ports of a switch, from one core."};
  AddPortOptions(app, options);
  AddTrafficOptions(app, options.traffic);
  AddLoadOptions(app, options.traffic, load);
  AddMachineOptions(app, options);
  AddReportOptions(app, options);
  try {
    app.parse(argc, argv);
    Finish(load, options);
  } catch (const CLI::ParseError& error) {
    exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return std::nullopt;
  }
  return options;
}

}  // namespace vswitch
