// SPDX-License-Identifier: BSD-3-Clause
// A run: brings the paths up, sends, waits for the last packets, counts.
#ifndef VSWITCH_PERF_TRAFFIC_H_
#define VSWITCH_PERF_TRAFFIC_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "perf/generator_load.h"
#include "perf/histogram.h"
#include "perf/options.h"
#include "perf/receiver.h"
#include "perf/recorder.h"
#include "perf/stream.h"

namespace vswitch {

using Ports = std::vector<std::unique_ptr<PerfPort>>;

enum class RunEnd : uint8_t {
  kDone,         // everything was offered, and what was coming has come
  kStalled,      // a second went by in which nothing could be offered and nothing arrived
  kInterrupted,  // `stop` was set
};

// One way from port to port, all queues together.
struct DirectionResult {
  Way way;
  StreamCounts counts;
  Histogram latency;     // in units of Stream::StampOf; of busy ports nothing
  uint64_t foreign = 0;  // frames of no stream at the receiving port
};

struct RunResult {
  RunEnd end = RunEnd::kDone;
  double seconds = 0;  // from the first packet offered to the last that moved
  // Seconds that this thread and options.watch were ready to run but not running while this one was
  // sending: how far others disturbed the two.
  double waited = 0;
  GeneratorLoad load;
  std::vector<DirectionResult> directions;  // that carry
  std::vector<PhaseCounts> phases;
  std::vector<Sample> samples;
};

// One thread drives it. `stop` ends any phase early. All arguments outlive it.
class Traffic {
 public:
  Traffic(const TrafficOptions& options, const std::vector<Way>& ways, Ports& ports,
          const std::atomic<bool>& stop);

  // Sends probes until one has come through each way, then announces all addresses;
  // DeadlineExceeded after options.wait seconds.
  absl::Status BringUp();

  // Warms up, calls `counting_starts`, sends and receives to the end; a progress line on standard
  // error every `progress` seconds unless 0.
  RunResult Run(double progress, const std::function<void()>& counting_starts = {});

 private:
  // Something to be done every so often.
  struct Timer {
    uint64_t period = 0;  // TSC ticks, 0 for never
    uint64_t next = UINT64_MAX;

    void Start(uint64_t now) { next = period == 0 ? UINT64_MAX : now + period; }
    bool Due(uint64_t now);
  };

  uint64_t Ticks(double seconds) const { return static_cast<uint64_t>(seconds * hz_); }
  double Seconds(uint64_t ticks) const { return static_cast<double>(ticks) / hz_; }
  void AddStreams(const Way& way, uint32_t first_tag, uint16_t queues, PerfPort& from);
  uint32_t Step();
  absl::Status AwaitProbes(uint64_t deadline);
  absl::Status Announce(Stream& stream);

  void SetRate(double rate);
  void TakeTurns();
  void StartCounting();
  void RunPhases(RunEnd& end);
  // False when it ended before its time.
  bool SendUntil(uint64_t end_at, RunEnd& end);
  bool Going(uint64_t now, RunEnd& end) const;
  void Drain(RunEnd& end);
  bool Silent(uint64_t now, double seconds) const;
  double Waited() const;
  void Rest() const;
  void DoTimers(uint64_t now);
  void PrintProgress(uint64_t now) const;
  GeneratorLoad Load() const;
  std::vector<DirectionResult> Directions() const;

  const TrafficOptions& options_;
  const std::atomic<bool>& stop_;
  const double hz_;  // TSC
  Streams streams_;  // by tag; those of one way stand together
  std::vector<Receiver> receivers_;
  Recorder recorder_;
  Timer progress_;
  Timer sample_;
  bool sending_ = false;
  uint64_t start_ = 0;     // TSC when counting started
  uint64_t moved_at_ = 0;  // TSC of the last step that moved a packet
  uint64_t busy_ = 0;      // TSC ticks of steps that moved a packet, since start_
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_TRAFFIC_H_
