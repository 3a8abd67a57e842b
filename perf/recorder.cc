// SPDX-License-Identifier: BSD-3-Clause
#include "perf/recorder.h"

namespace vswitch {
namespace {

Interval Between(const Interval& before, const Interval& now) {
  return {now.seconds, now.offered - before.offered, now.received - before.received,
          now.missed - before.missed};
}

}  // namespace

Interval Recorder::Now(double seconds) const {
  Interval now{.seconds = seconds};
  for (const auto& stream : streams_) {
    now.offered += stream->offered();
    now.received += stream->received();
    now.missed += stream->missed();
  }
  return now;
}

Histogram Recorder::Latency() const {
  Histogram latency;
  for (const auto& stream : streams_) {
    if (stream->way().carries) latency.Add(stream->latency());
  }
  return latency;
}

void Recorder::TakeSample(double seconds) {
  const Interval now = Now(seconds);
  const Histogram all = Latency();
  const Histogram latency = all.Since(last_latency_);
  samples_.push_back(
      {Between(last_sample_, now), latency.Quantile(0.5), latency.Quantile(0.99), latency.max()});
  last_sample_ = now;
  last_latency_ = all;
}

void Recorder::EndPhase(const Phase& phase, double seconds) {
  const Interval now = Now(seconds);
  phases_.push_back({phase, Between(last_phase_, now)});
  last_phase_ = now;
}

}  // namespace vswitch
