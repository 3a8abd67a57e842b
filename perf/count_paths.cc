// SPDX-License-Identifier: BSD-3-Clause
// count_paths --list: the names of all paths.
// count_paths PATH STEPS: goes the path so often, for callgrind to count the instructions of Run
// (--collect-atstart=no), and prints how many packets or requests went through meanwhile.
#include <valgrind/callgrind.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

void List() {
  for (const PathFamily& family : PathFamilies()) {
    for (const uint32_t size : family.sizes) {
      std::printf("%s/%u\t%s\n", family.name.c_str(), size, family.description.c_str());
    }
  }
}

std::unique_ptr<Path> MakePath(std::string_view name) {
  for (const PathFamily& family : PathFamilies()) {
    for (const uint32_t size : family.sizes) {
      if (name == family.name + "/" + std::to_string(size)) return family.make(size);
    }
  }
  return nullptr;
}

void Step(Path& path) {
  path.Before();
  path.Run();
  path.After();
}

void CountedStep(Path& path) {
  path.Before();
  CALLGRIND_TOGGLE_COLLECT;
  path.Run();
  CALLGRIND_TOGGLE_COLLECT;
  path.After();
}

int Count(Path& path, uint32_t steps) {
  // Symbols are bound, caches and tables are filled.
  constexpr uint32_t kWarmUp = 64;
  for (uint32_t i = 0; i < kWarmUp; ++i) Step(path);
  for (uint32_t i = 0; i < steps; ++i) CountedStep(path);
  std::printf("%u\n", steps * path.units());
  return 0;
}

int Main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "--list") return List(), 0;
  const int steps = argc == 3 ? std::atoi(argv[2]) : 0;
  if (steps <= 0) {
    std::fprintf(stderr, "usage: %s --list | PATH STEPS\n", argv[0]);
    return 2;
  }
  StartEal(argv[0]);
  const std::unique_ptr<Path> path = MakePath(argv[1]);
  Require(path != nullptr, "there is no such path: see --list");
  return Count(*path, static_cast<uint32_t>(steps));
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) { return vswitch::Main(argc, argv); }
