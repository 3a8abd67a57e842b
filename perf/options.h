// SPDX-License-Identifier: BSD-3-Clause
// What vswitch-perf is asked to do.
#ifndef VSWITCH_PERF_OPTIONS_H_
#define VSWITCH_PERF_OPTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perf/addresses.h"
#include "perf/frame.h"
#include "perf/size_mix.h"
#include "perf/topology.h"

namespace vswitch {

// The ports and how they are opened.
struct PortOptions {
  static constexpr uint16_t kMaxPorts = 2 * Addresses::kMaxPairs;  // DPDK's limit is 32, too

  std::vector<std::string> sockets;       // vhost-user sockets of the ports
  std::vector<std::string> idle_sockets;  // and of guests that never send
  uint16_t ring_pairs = 0;                // instead: so many veth pairs in this process
  bool packed = false;
  bool in_order = true;
  bool mergeable = true;
  uint16_t queues = 1;
  uint16_t queue_size = 256;  // as QEMU's

  uint16_t ports() const {
    return static_cast<uint16_t>(ring_pairs > 0 ? 2 * ring_pairs : sockets.size());
  }
};

// A rate for some time.
struct Phase {
  double rate = 0;     // packets per second and direction, 0 for as fast as possible
  double seconds = 0;  // 0 for no limit
};

struct TrafficOptions {
  static constexpr uint32_t kMostAtOnce = 512;  // what a rate makes up for after a pause

  Pattern pattern = Pattern::kPairs;
  bool both = false;  // the way back as well
  SizeMix size;
  uint32_t flows = 0;  // per direction, at least 1 once the options are parsed
  Addresses addresses;
  uint64_t count = 0;         // packets per direction, 0 for no limit
  double warmup = 0;          // seconds before anything counts
  std::vector<Phase> phases;  // at least one once the options are parsed
  uint32_t busy = 0;          // so many ports send as fast as possible whatever the rate
  uint32_t window = 0;        // packets in flight per direction, 0 for no limit
  uint32_t burst = 0;         // offer exactly so many at once, 0 for what is due
  uint32_t interval_ms = 0;   // time between two samples, 0 for none
  uint32_t sleep_us = 0;      // rest when there is nothing to do, for a CPU that is shared
  bool realtime = false;      // let nothing else on the CPUs of this thread and of `watch`
  pid_t watch = 0;            // a thread of the switch whose waiting for its CPU counts as well
  double wait = 10;           // seconds to wait for the path to come up
  Verify verify = Verify::kFull;

  // Nothing may be lost: every phase has a rate, or there is a window.
  bool lossless() const;
  bool IsBusy(uint16_t port) const { return port < busy; }
};

struct PerfOptions {
  PortOptions port;
  TrafficOptions traffic;
  unsigned core = 0;
  std::optional<unsigned> switch_core;  // with ring_pairs: CPU of the worker
  uint32_t memory_mib = 0;              // 0: what the ports need
  bool no_huge = false;
  bool json = false;
  double progress = 1;                 // seconds between progress lines, 0 for none
  std::optional<uint64_t> max_lost;    // valid up to this many lost; unset: see ReportOf
  bool ceiling = false;                // measure only the generator
  std::vector<unsigned> core_latency;  // measure only the latency between these two cores
};

// The command line. Null with `exit_code` set when there is nothing to run (--help, a usage error:
// 2).
std::optional<PerfOptions> ParsePerfOptions(int argc, char** argv, int& exit_code);

}  // namespace vswitch

#endif  // VSWITCH_PERF_OPTIONS_H_
