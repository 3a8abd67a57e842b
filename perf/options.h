// SPDX-License-Identifier: BSD-3-Clause
// The command line of vswitch-perf.
#ifndef VSWITCH_PERF_OPTIONS_H_
#define VSWITCH_PERF_OPTIONS_H_

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "perf/frame.h"

namespace vswitch {

// How the two ports are opened.
struct PortOptions {
  std::vector<std::string> sockets;  // two vhost-user sockets: port A and port B
  bool packed = false;
  uint16_t queue_size = 1024;
};

struct TrafficOptions {
  uint32_t size = 64;     // frame bytes without FCS
  uint64_t count = 0;     // packets per direction, 0 for no limit
  double seconds = 0;     // time to send, 0 for no limit
  double rate = 0;        // packets per second and direction, 0 for as fast as possible
  uint32_t window = 0;    // packets in flight per direction, 0 for no limit
  bool both = false;      // B to A as well as A to B
  uint16_t flows = 1;     // per direction
  uint32_t sleep_us = 0;  // rest when there is nothing to do, for a CPU that is shared
  bool realtime = false;  // let nothing else on the CPUs of this thread and of `watch`
  pid_t watch = 0;        // a thread of the switch whose waiting for its CPU counts as well
  double wait = 10;       // seconds to wait for the path to come up
  Verify verify = Verify::kFull;
};

struct PerfOptions {
  PortOptions port;
  TrafficOptions traffic;
  unsigned core = 0;
  uint32_t memory_mib = 256;
  bool no_huge = false;
  bool json = false;
  double progress = 1;                 // seconds between progress lines, 0 for none
  std::optional<uint64_t> max_lost;    // valid up to this many lost; unset: see ReportOf
  std::vector<unsigned> core_latency;  // measure only the latency between these two cores
};

// Null with `exit_code` set when there is nothing to run (--help, a usage error: 2).
std::optional<PerfOptions> ParsePerfOptions(int argc, char** argv, int& exit_code);

}  // namespace vswitch

#endif  // VSWITCH_PERF_OPTIONS_H_
