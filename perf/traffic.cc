// SPDX-License-Identifier: BSD-3-Clause
#include "perf/traffic.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/strings/str_cat.h"

namespace vswitch {
namespace {

constexpr double kProbeInterval = 0.02;
// Nothing moved for so long: what has not arrived is lost, and a full window will not open again.
constexpr double kSilence = 1.0;

}  // namespace

Traffic::Traffic(const TrafficOptions& options, std::vector<Stream>& streams,
                 const std::atomic<bool>& stop)
    : options_(options), streams_(streams), stop_(stop), hz_(rte_get_tsc_hz()) {}

void Traffic::Rest() const {
  if (options_.sleep_us == 0) {
    rte_pause();
  } else {
    usleep(options_.sleep_us);
  }
}

absl::Status Traffic::BringUp() {
  const auto up = [this] { return std::ranges::all_of(streams_, &Stream::up); };
  const auto interval = static_cast<uint64_t>(kProbeInterval * static_cast<double>(hz_));
  const uint64_t start = rte_rdtsc();
  uint64_t next_probe = start;
  for (uint64_t now = start; !up(); now = rte_rdtsc()) {
    if (stop_) return absl::CancelledError("interrupted");
    if (static_cast<double>(now - start) > options_.wait * static_cast<double>(hz_)) {
      return absl::DeadlineExceededError(
          absl::StrCat("no packet came through within ", options_.wait, " s"));
    }
    if (now >= next_probe) {
      for (Stream& stream : streams_) {
        if (!stream.up()) stream.Probe();
      }
      next_probe = now + interval;
    }
    if (Step(now, false) == 0) Rest();
  }
  return absl::OkStatus();
}

uint32_t Traffic::Step(uint64_t now, bool send) {
  uint32_t moved = 0;
  for (Stream& stream : streams_) {
    moved += stream.Receive();
    if (send) moved += stream.Send(now);
  }
  return moved;
}

bool Traffic::SendingOver(uint64_t now, uint64_t start) const {
  if (options_.seconds > 0 &&
      static_cast<double>(now - start) > options_.seconds * static_cast<double>(hz_)) {
    return true;
  }
  return std::ranges::all_of(streams_, &Stream::sent_all);
}

RunResult Traffic::Run(double progress) {
  const auto ticks = [this](double seconds) { return static_cast<uint64_t>(seconds * hz_); };
  const uint64_t start = rte_rdtsc();
  uint64_t moved_at = start;
  uint64_t next_line = progress > 0 ? start + ticks(progress) : UINT64_MAX;
  bool sending = true;
  RunEnd end = RunEnd::kDone;
  for (uint64_t now = start;; now = rte_rdtsc()) {
    if (stop_) end = RunEnd::kInterrupted;
    if (end != RunEnd::kDone) break;
    if (Step(now, sending) != 0) {
      moved_at = now;
    } else if (now - moved_at > ticks(kSilence)) {
      if (!sending) break;
      end = RunEnd::kStalled;
    } else {
      Rest();
    }
    if (sending) sending = !SendingOver(now, start);
    if (!sending && std::ranges::all_of(streams_, [](auto& s) { return s.in_flight() == 0; })) {
      break;
    }
    if (now >= next_line) {
      Progress(static_cast<double>(now - start) / static_cast<double>(hz_));
      next_line += ticks(progress);
    }
  }
  return {end, static_cast<double>(moved_at - start) / static_cast<double>(hz_)};
}

void Traffic::Progress(double seconds) const {
  for (const Stream& stream : streams_) {
    const StreamCounts counts = stream.Counts();
    std::fprintf(stderr, "%6.1f s  %s  offered %lu  received %lu  corrupted %lu  %.3f Mpps\n",
                 seconds, &stream == &streams_.front() ? "A to B" : "B to A", counts.offered,
                 counts.received, counts.corrupted,
                 static_cast<double>(counts.received) / seconds / 1e6);
  }
}

}  // namespace vswitch
