// SPDX-License-Identifier: BSD-3-Clause
// Google Benchmark of every path: `meson test --benchmark`, or by hand. Compares code with code on
// one machine, nothing else. A step's time contains what the world outside does.
#include <benchmark/benchmark.h>

#include <memory>

#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

void Time(benchmark::State& state, PathMaker make) {
  const std::unique_ptr<Path> path = make(static_cast<uint32_t>(state.range(0)));
  while (state.KeepRunning()) {
    path->Before();
    path->Run();
    path->After();
  }
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
