// SPDX-License-Identifier: BSD-3-Clause
#include "perf/traffic.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"

namespace vswitch {
namespace {

constexpr double kProbeInterval = 0.02;
// Nothing moved for so long: what has not arrived is lost, and a full window will not open again.
constexpr double kSilence = 1.0;
// How long to rest outside the time that is measured: the switch's control threads may need the
// CPU.
constexpr unsigned kIdleMicroseconds = 50;

// Raises a thread (0: this one) above all that do not ask for the same, while it exists.
class RealtimePriority {
 public:
  explicit RealtimePriority(pid_t thread) : thread_(thread) { Set(SCHED_FIFO, 1); }
  ~RealtimePriority() { Set(SCHED_OTHER, 0); }
  RealtimePriority(const RealtimePriority&) = delete;
  RealtimePriority& operator=(const RealtimePriority&) = delete;

 private:
  void Set(int policy, int priority) const {
    const sched_param parameters{.sched_priority = priority};
    if (sched_setscheduler(thread_, policy, &parameters) != 0) {
      std::perror("vswitch-perf: scheduling priority");
    }
  }

  const pid_t thread_;
};

// Seconds a thread has waited for its CPU (Documentation/scheduler/sched-stats); 0 where the kernel
// does not tell.
double RunQueueWait(const std::string& thread) {
  std::ifstream file("/proc/" + thread + "/schedstat");
  double ran = 0;
  double waited = 0;
  return file >> ran >> waited ? waited / 1e9 : 0;
}

}  // namespace

Traffic::Traffic(const TrafficOptions& options, std::vector<Stream>& streams,
                 const std::atomic<bool>& stop)
    : options_(options),
      streams_(streams),
      stop_(stop),
      hz_(static_cast<double>(rte_get_tsc_hz())) {}

void Traffic::Rest() const {
  if (!sending_) {
    usleep(std::max(options_.sleep_us, kIdleMicroseconds));
  } else if (options_.sleep_us > 0) {
    usleep(options_.sleep_us);
  } else {
    rte_pause();
  }
}

uint32_t Traffic::Step(uint64_t now) {
  uint32_t moved = 0;
  for (Stream& stream : streams_) {
    moved += stream.Receive();
    if (sending_) moved += stream.Send(now);
  }
  if (moved > 0) moved_at_ = now;
  return moved;
}

absl::Status Traffic::BringUp() {
  const uint64_t start = rte_rdtsc();
  uint64_t next_probe = start;
  for (uint64_t now = start; !std::ranges::all_of(streams_, &Stream::up); now = rte_rdtsc()) {
    if (stop_) return absl::CancelledError("interrupted");
    if (now - start > Ticks(options_.wait)) {
      return absl::DeadlineExceededError(
          absl::StrCat("no packet came through within ", options_.wait, " s"));
    }
    if (now >= next_probe) {
      for (Stream& stream : streams_) stream.Probe();
      next_probe = now + Ticks(kProbeInterval);
    }
    if (Step(now) == 0) Rest();
  }
  return absl::OkStatus();
}

RunResult Traffic::Run(double progress) {
  std::optional<RealtimePriority> own;
  std::optional<RealtimePriority> watched;
  if (options_.realtime) own.emplace(0);
  if (options_.realtime && options_.watch != 0) watched.emplace(options_.watch);
  RunResult result;
  const double waited = Waited();
  Send(progress, result.end);
  result.waited = Waited() - waited;
  if (result.end == RunEnd::kDone) Drain(result.end);
  result.seconds = Seconds(moved_at_ - start_);
  return result;
}

double Traffic::Waited() const {
  const double own = RunQueueWait("thread-self");
  return options_.watch == 0 ? own : own + RunQueueWait(absl::StrCat(options_.watch));
}

void Traffic::Send(double progress, RunEnd& end) {
  start_ = moved_at_ = rte_rdtsc();
  sending_ = true;
  uint64_t next_line = progress > 0 ? start_ + Ticks(progress) : UINT64_MAX;
  for (uint64_t now = start_; StillSending(now, end); now = rte_rdtsc()) {
    if (Step(now) == 0) Rest();
    if (now < next_line) continue;
    PrintProgress(now);
    next_line += Ticks(progress);
  }
  sending_ = false;
}

void Traffic::Drain(RunEnd& end) {
  for (uint64_t now = rte_rdtsc(); !Silent(now); now = rte_rdtsc()) {
    if (stop_) end = RunEnd::kInterrupted;
    if (stop_ || std::ranges::all_of(streams_, [](auto& s) { return s.in_flight() == 0; })) break;
    if (Step(now) == 0) Rest();
  }
}

bool Traffic::Silent(uint64_t now) const {
  return now > moved_at_ && now - moved_at_ > Ticks(kSilence);
}

bool Traffic::StillSending(uint64_t now, RunEnd& end) const {
  if (stop_) end = RunEnd::kInterrupted;
  if (Silent(now)) end = RunEnd::kStalled;
  if (end != RunEnd::kDone) return false;
  if (options_.seconds > 0 && now - start_ > Ticks(options_.seconds)) return false;
  return !std::ranges::all_of(streams_, &Stream::sent_all);
}

void Traffic::PrintProgress(uint64_t now) const {
  const double seconds = Seconds(now - start_);
  for (const Stream& stream : streams_) {
    const StreamCounts counts = stream.Counts();
    std::fprintf(stderr, "%6.1f s  %s  offered %lu  received %lu  corrupted %lu  %.3f Mpps\n",
                 seconds, &stream == &streams_.front() ? "A to B" : "B to A", counts.offered,
                 counts.received, counts.corrupted,
                 static_cast<double>(counts.received) / seconds / 1e6);
  }
}

}  // namespace vswitch
