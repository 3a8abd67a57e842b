// SPDX-License-Identifier: BSD-3-Clause
// How a run went over time: by phase of the load, and by interval.
#ifndef VSWITCH_PERF_RECORDER_H_
#define VSWITCH_PERF_RECORDER_H_

#include <cstdint>
#include <vector>

#include "perf/histogram.h"
#include "perf/options.h"
#include "perf/receiver.h"

namespace vswitch {

// Of all streams. What is in flight at the end of an interval is received in the next.
struct Interval {
  double seconds = 0;  // since the start of the run, at the end of the interval
  uint64_t offered = 0;
  uint64_t received = 0;
  uint64_t missed = 0;
};

struct Sample {
  Interval interval;
  // In units of Stream::StampOf, of what was received; all 0 for nothing.
  uint32_t p50 = 0;
  uint32_t p99 = 0;
  uint32_t max = 0;
};

struct PhaseCounts {
  Phase phase;
  Interval interval;
};

// One thread; the streams outlive it.
class Recorder {
 public:
  explicit Recorder(const Streams& streams) : streams_(streams) {}

  void TakeSample(double seconds);
  void EndPhase(const Phase& phase, double seconds);

  const std::vector<Sample>& samples() const { return samples_; }
  const std::vector<PhaseCounts>& phases() const { return phases_; }

 private:
  Interval Now(double seconds) const;
  Histogram Latency() const;

  const Streams& streams_;
  Interval last_sample_;
  Histogram last_latency_;
  std::vector<Sample> samples_;
  Interval last_phase_;
  std::vector<PhaseCounts> phases_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_RECORDER_H_
