// SPDX-License-Identifier: BSD-3-Clause
// Google Benchmark of every path: `meson test --benchmark`, or by hand. Compares code with code on
// one machine, nothing else. A step's time contains what the world outside does; `tsc` is cycles of
// Run alone, in the best step, for a packet or request, and some dozens for reading the clock.
#include <benchmark/benchmark.h>
#include <rte_cycles.h>

#include <algorithm>
#include <cstdint>
#include <memory>

#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

void Time(benchmark::State& state, PathMaker make) {
  const std::unique_ptr<Path> path = make(static_cast<uint32_t>(state.range(0)));
  uint64_t cycles = UINT64_MAX;
  while (state.KeepRunning()) {
    path->Before();
    const uint64_t start = rte_rdtsc_precise();
    path->Run();
    cycles = std::min(cycles, rte_rdtsc_precise() - start);
    path->After();
  }
  state.counters["tsc"] = static_cast<double>(cycles) / path->units();
  state.SetItemsProcessed(state.iterations() * path->units());
}

void RegisterAll() {
  for (const PathFamily& family : PathFamilies()) {
    auto* bench = benchmark::RegisterBenchmark(family.name.c_str(), Time, family.make);
    for (const uint32_t size : family.sizes) bench->Arg(size);
  }
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  vswitch::RegisterAll();
  vswitch::StartEal(argv[0]);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
