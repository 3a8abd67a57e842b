// SPDX-License-Identifier: BSD-3-Clause
#include "perf/ceiling.h"

#include <rte_errno.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "perf/traffic.h"

namespace vswitch {
namespace {

constexpr unsigned kRingSize = 1024;

struct RingFree {
  void operator()(rte_ring* ring) const { rte_ring_free(ring); }
};

TrafficOptions FlatOut(TrafficOptions options, double seconds) {
  options.phases = {{.rate = 0, .seconds = seconds}};
  options.count = 0;
  options.warmup = seconds / 10;
  options.window = 0;
  options.interval_ms = 0;
  options.watch = 0;
  return options;
}

}  // namespace

absl::StatusOr<Ceiling> MeasureCeiling(const TrafficOptions& options, double seconds,
                                       const std::atomic<bool>& stop) {
  const std::unique_ptr<rte_ring, RingFree> ring(
      rte_ring_create("ceiling", kRingSize, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ));
  if (ring == nullptr) return absl::UnavailableError(rte_strerror(rte_errno));
  auto port = PerfPort::OverRings(ring.get(), ring.get(), options.size.largest());
  if (!port.ok()) return port.status();
  Ports ports;
  ports.push_back(*std::move(port));
  const TrafficOptions flat_out = FlatOut(options, seconds);
  Traffic traffic(flat_out, {{.from = 0, .to = 0}}, ports, stop);
  if (absl::Status up = traffic.BringUp(); !up.ok()) return up;
  const RunResult run = traffic.Run(0);
  return Ceiling{static_cast<double>(run.load.received) / run.seconds, run.load.CyclesPerPacket()};
}

}  // namespace vswitch
