// SPDX-License-Identifier: BSD-3-Clause
// A run: brings the path up, sends, waits for the last packets, counts.
#ifndef VSWITCH_PERF_TRAFFIC_H_
#define VSWITCH_PERF_TRAFFIC_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "perf/options.h"
#include "perf/stream.h"

namespace vswitch {

enum class RunEnd : uint8_t {
  kDone,         // everything was offered, and what was coming has come
  kStalled,      // a second went by in which nothing could be offered and nothing arrived
  kInterrupted,  // `stop` was set
};

struct RunResult {
  RunEnd end = RunEnd::kDone;
  double seconds = 0;  // from the first packet offered to the last that moved
  // Seconds that this thread and options.watch were ready to run but not running while this one was
  // sending: how far others disturbed the two.
  double waited = 0;
};

// One thread drives it. `stop` ends any phase early; both outlive it.
class Traffic {
 public:
  Traffic(const TrafficOptions& options, std::vector<Stream>& streams,
          const std::atomic<bool>& stop);

  // Sends probes until one has come through in each direction; DeadlineExceeded after
  // options.wait seconds.
  absl::Status BringUp();

  // Sends and receives to the end; a progress line on standard error every `progress` seconds
  // unless 0.
  RunResult Run(double progress);

 private:
  uint64_t Ticks(double seconds) const { return static_cast<uint64_t>(seconds * hz_); }
  double Seconds(uint64_t ticks) const { return static_cast<double>(ticks) / hz_; }
  uint32_t Step(uint64_t now);
  void Send(double progress, RunEnd& end);
  void Drain(RunEnd& end);
  // False when sending is over; `end` says when it is so for a bad reason.
  bool StillSending(uint64_t now, RunEnd& end) const;
  bool Silent(uint64_t now) const;
  double Waited() const;
  void Rest() const;
  void PrintProgress(uint64_t now) const;

  const TrafficOptions& options_;
  std::vector<Stream>& streams_;
  const std::atomic<bool>& stop_;
  const double hz_;  // TSC
  bool sending_ = false;
  uint64_t start_ = 0;     // TSC at the start of Run
  uint64_t moved_at_ = 0;  // TSC of the last step that moved a packet
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_TRAFFIC_H_
