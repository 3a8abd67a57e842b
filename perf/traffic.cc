// SPDX-License-Identifier: BSD-3-Clause
#include "perf/traffic.h"

#include <rte_cycles.h>
#include <rte_pause.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <random>

#include "absl/strings/str_cat.h"
#include "perf/scheduling.h"

namespace vswitch {
namespace {

constexpr double kProbeInterval = 0.02;
// Probes of one stream in flight, and how long to wait for them.
constexpr uint64_t kProbeWindow = 256;
constexpr double kProbeSilence = 0.001;
// Nothing moved for so long: what has not arrived is lost, and a full window will not open again.
constexpr double kSilence = 1.0;
// The same where losses are expected, after the last packet was sent.
constexpr double kShortSilence = 0.2;
// How long to rest outside the time that is measured: the switch's control threads may need the
// CPU.
constexpr unsigned kIdleMicroseconds = 50;

// The first of a run's tags: no other run has them, they do not wrap, and 0 is none of them.
uint32_t RandomTag() {
  std::random_device random;
  return (random() & INT32_MAX) + 1;
}

}  // namespace

bool Traffic::Timer::Due(uint64_t now) {
  if (now < next) return false;
  next += period;
  return true;
}

Traffic::Traffic(const TrafficOptions& options, const std::vector<Way>& ways, Ports& ports,
                 const std::atomic<bool>& stop)
    : options_(options),
      stop_(stop),
      hz_(static_cast<double>(rte_get_tsc_hz())),
      recorder_(streams_) {
  const uint32_t first_tag = RandomTag();
  for (const Way& way : ways) {
    PerfPort& from = *ports[way.from];
    AddStreams(way, first_tag, from.queues(), from);
  }
  for (uint16_t i = 0; i < ports.size(); ++i) {
    receivers_.emplace_back(*ports[i], i, streams_, first_tag, options.burst);
  }
}

void Traffic::AddStreams(const Way& way, uint32_t first_tag, uint16_t queues, PerfPort& from) {
  for (uint16_t queue = 0; queue < queues; ++queue) {
    const StreamSpec spec{first_tag + static_cast<uint32_t>(streams_.size()), way, queue};
    streams_.push_back(std::make_unique<Stream>(options_, spec, queues, from));
  }
}

void Traffic::Rest() const {
  if (!sending_) {
    usleep(std::max(options_.sleep_us, kIdleMicroseconds));
  } else if (options_.sleep_us > 0) {
    usleep(options_.sleep_us);
  } else {
    rte_pause();
  }
}

uint32_t Traffic::Step() {
  uint32_t moved = 0;
  for (Receiver& receiver : receivers_) moved += receiver.Poll();
  if (!sending_) return moved;
  for (const auto& stream : streams_) {
    if (stream->way().carries) moved += stream->Send();
  }
  return moved;
}

absl::Status Traffic::BringUp() {
  const uint64_t deadline = rte_rdtsc() + Ticks(options_.wait);
  if (absl::Status up = AwaitProbes(deadline); !up.ok()) return up;
  if (options_.flows <= 1) return absl::OkStatus();
  for (const auto& stream : streams_) {
    if (absl::Status done = Announce(*stream); !done.ok()) return done;
  }
  return absl::OkStatus();
}

absl::Status Traffic::AwaitProbes(uint64_t deadline) {
  uint64_t next_probe = 0;
  const auto up = [](const auto& stream) { return stream->up(); };
  for (uint64_t now = rte_rdtsc(); !std::ranges::all_of(streams_, up); now = rte_rdtsc()) {
    if (stop_) return absl::CancelledError("interrupted");
    if (now > deadline) {
      return absl::DeadlineExceededError(
          absl::StrCat("no packet came through within ", options_.wait, " s"));
    }
    if (now >= next_probe) {
      for (const auto& stream : streams_) stream->Probe(0, 1);
      next_probe = now + Ticks(kProbeInterval);
    }
    if (Step() == 0) Rest();
  }
  return absl::OkStatus();
}

// A window keeps probes from being lost, but they need not arrive: where everything goes one way
// only, the switch has nothing to learn.
absl::Status Traffic::Announce(Stream& stream) {
  moved_at_ = rte_rdtsc();
  uint64_t gone = 0;
  for (uint32_t flow = 0; flow < stream.flows();) {
    const uint64_t in_flight = stream.probes_in_flight();
    uint32_t taken = 0;
    if (in_flight < gone + kProbeWindow) {
      taken = stream.Probe(flow, std::min<uint32_t>(PerfPort::kBurst, stream.flows() - flow));
    }
    flow += taken;
    const uint64_t now = rte_rdtsc();
    if (Step() + taken > 0) moved_at_ = now;
    if (stop_) return absl::CancelledError("interrupted");
    if (Silent(now, kProbeSilence)) gone = in_flight;
    if (Silent(now, kSilence)) return absl::UnavailableError("the switch takes no more packets");
  }
  return absl::OkStatus();
}

RunResult Traffic::Run(double progress, const std::function<void()>& counting_starts) {
  std::optional<RealtimePriority> own;
  std::optional<RealtimePriority> watched;
  if (options_.realtime) own.emplace(0);
  if (options_.realtime && options_.watch != 0) watched.emplace(options_.watch);
  RunResult result;
  sending_ = true;
  moved_at_ = rte_rdtsc();
  SetRate(options_.phases.front().rate);
  TakeTurns();
  if (options_.warmup > 0) SendUntil(moved_at_ + Ticks(options_.warmup), result.end);
  if (counting_starts) counting_starts();
  progress_.period = Ticks(progress);
  StartCounting();
  const double waited = Waited();
  RunPhases(result.end);
  result.waited = Waited() - waited;
  result.load = Load();
  sending_ = false;
  if (result.end == RunEnd::kDone) Drain(result.end);
  result.seconds = Seconds(moved_at_ - start_);
  result.directions = Directions();
  result.phases = recorder_.phases();
  result.samples = recorder_.samples();
  return result;
}

double Traffic::Waited() const {
  return RunQueueWait(0) + (options_.watch == 0 ? 0 : RunQueueWait(options_.watch));
}

void Traffic::SetRate(double rate) {
  for (const auto& stream : streams_) {
    stream->SetRate(options_.IsBusy(stream->way().from) ? 0 : rate);
  }
}

void Traffic::TakeTurns() {
  const auto count = static_cast<double>(streams_.size());
  for (size_t i = 0; i < streams_.size(); ++i) streams_[i]->Delay(static_cast<double>(i) / count);
}

void Traffic::StartCounting() {
  for (const auto& stream : streams_) stream->StartCounting();
  for (Receiver& receiver : receivers_) receiver.StartCounting();
  busy_ = 0;
  start_ = moved_at_ = rte_rdtsc();
  sample_.period = Ticks(options_.interval_ms / 1e3);
  sample_.Start(start_);
  progress_.Start(start_);
}

void Traffic::RunPhases(RunEnd& end) {
  uint64_t end_at = start_;
  for (const Phase& phase : options_.phases) {
    SetRate(phase.rate);
    end_at = phase.seconds > 0 ? end_at + Ticks(phase.seconds) : UINT64_MAX;
    const bool whole = SendUntil(end_at, end);
    recorder_.EndPhase(phase, Seconds(rte_rdtsc() - start_));
    if (!whole) return;
  }
}

bool Traffic::SendUntil(uint64_t end_at, RunEnd& end) {
  uint64_t now = rte_rdtsc();
  while (now < end_at) {
    if (!Going(now, end)) return false;
    const uint32_t moved = Step();
    const uint64_t before = now;
    now = rte_rdtsc();
    if (moved == 0) {
      Rest();
    } else {
      busy_ += now - before;
      moved_at_ = now;
    }
    DoTimers(now);
  }
  return true;
}

bool Traffic::Going(uint64_t now, RunEnd& end) const {
  if (stop_) end = RunEnd::kInterrupted;
  if (Silent(now, kSilence)) end = RunEnd::kStalled;
  return end == RunEnd::kDone &&
         !std::ranges::all_of(streams_, [](const auto& stream) { return stream->sent_all(); });
}

void Traffic::Drain(RunEnd& end) {
  const double patience = options_.lossless() ? kSilence : kShortSilence;
  const auto empty = [](const auto& stream) { return stream->in_flight() == 0; };
  for (uint64_t now = rte_rdtsc(); !Silent(now, patience); now = rte_rdtsc()) {
    if (stop_) end = RunEnd::kInterrupted;
    if (stop_ || std::ranges::all_of(streams_, empty)) break;
    if (Step() == 0) {
      Rest();
    } else {
      moved_at_ = rte_rdtsc();
    }
    DoTimers(now);
  }
}

bool Traffic::Silent(uint64_t now, double seconds) const {
  return now > moved_at_ && now - moved_at_ > Ticks(seconds);
}

void Traffic::DoTimers(uint64_t now) {
  if (sample_.Due(now)) recorder_.TakeSample(Seconds(now - start_));
  if (progress_.Due(now)) PrintProgress(now);
}

void Traffic::PrintProgress(uint64_t now) const {
  const double seconds = Seconds(now - start_);
  uint64_t offered = 0;
  uint64_t received = 0;
  for (const auto& stream : streams_) {
    offered += stream->offered();
    received += stream->received();
  }
  std::fprintf(stderr, "%6.1f s  offered %lu  received %lu  %.3f Mpps\n", seconds, offered,
               received, static_cast<double>(received) / seconds / 1e6);
}

GeneratorLoad Traffic::Load() const {
  GeneratorLoad load{.cycles = rte_rdtsc() - start_, .busy_cycles = busy_};
  for (const auto& stream : streams_) {
    load.offered += stream->offered();
    load.received += stream->received();
    load.missed += stream->missed();
    load.send_bursts += stream->sends().bursts;
    load.sends_cut_short += stream->sends().cut_short;
  }
  for (const Receiver& receiver : receivers_) {
    if (!receiver.expects()) continue;
    load.receive_polls += receiver.counts().polls;
    load.full_receives += receiver.counts().full;
  }
  return load;
}

std::vector<DirectionResult> Traffic::Directions() const {
  std::vector<DirectionResult> directions;
  for (const auto& stream : streams_) {
    if (!stream->way().carries) continue;
    if (directions.empty() || directions.back().way != stream->way()) {
      const uint64_t foreign = receivers_[stream->way().to].counts().foreign;
      directions.push_back({.way = stream->way(), .foreign = foreign});
    }
    directions.back().counts.Add(stream->Counts());
    if (!options_.IsBusy(stream->way().from)) directions.back().latency.Add(stream->latency());
  }
  return directions;
}

}  // namespace vswitch
