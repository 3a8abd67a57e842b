// SPDX-License-Identifier: BSD-3-Clause
#include "perf/core_latency.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vswitch {
namespace {

constexpr int kSeries = 101;
constexpr int kRoundTrips = 500;

bool RunOn(unsigned cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  return pthread_setaffinity_np(pthread_self(), sizeof(set), &set) == 0;
}

struct alignas(64) Ball {
  std::atomic<int> turn{0};
};

// Answers every odd value with the next even one.
void Return(Ball& ball) {
  for (int i = 0; i < kSeries * kRoundTrips; ++i) {
    while (ball.turn.load(std::memory_order_acquire) != 2 * i + 1) {
    }
    ball.turn.store(2 * i + 2, std::memory_order_release);
  }
}

double SeriesNanoseconds(Ball& ball, int first) {
  const auto start = std::chrono::steady_clock::now();
  for (int i = first; i < first + kRoundTrips; ++i) {
    ball.turn.store(2 * i + 1, std::memory_order_release);
    while (ball.turn.load(std::memory_order_acquire) != 2 * i + 2) {
    }
  }
  const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
  return took.count() / (2 * kRoundTrips);
}

}  // namespace

absl::StatusOr<double> CoreLatency(unsigned a, unsigned b) {
  if (a == b || a >= CPU_SETSIZE || b >= CPU_SETSIZE) {
    return absl::InvalidArgumentError("core latency needs two different CPUs");
  }
  cpu_set_t before;
  sched_getaffinity(0, sizeof(before), &before);
  if (!RunOn(b) || !RunOn(a)) {
    return absl::InvalidArgumentError(absl::StrCat("cannot run on CPUs ", a, " and ", b));
  }
  Ball ball;
  std::thread other([&ball, b] {
    RunOn(b);
    Return(ball);
  });
  std::vector<double> series;
  series.reserve(kSeries);
  for (int i = 0; i < kSeries; ++i) series.push_back(SeriesNanoseconds(ball, i * kRoundTrips));
  other.join();
  sched_setaffinity(0, sizeof(before), &before);
  std::ranges::nth_element(series, series.begin() + kSeries / 2);
  return series[kSeries / 2];
}

}  // namespace vswitch
