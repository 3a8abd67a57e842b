// SPDX-License-Identifier: BSD-3-Clause
// main() of unit tests that need mbufs: EAL without hugepages, devices or leftovers (--no-huge
// excludes
// --in-memory in DPDK 22.11).
#include <gtest/gtest.h>
#include <rte_eal.h>
#include <rte_log.h>
#include <sched.h>

#include <array>
#include <cstdio>

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  std::array<char*, 7> eal = {argv[0],
                              const_cast<char*>("--no-huge"),
                              const_cast<char*>("--no-shconf"),
                              const_cast<char*>("--no-pci"),
                              const_cast<char*>("--no-telemetry"),
                              const_cast<char*>("-m"),
                              const_cast<char*>("128")};
  cpu_set_t cpus;
  sched_getaffinity(0, sizeof(cpus), &cpus);
  if (rte_eal_init(static_cast<int>(eal.size()), eal.data()) < 0) {
    std::fprintf(stderr, "EAL did not start\n");
    return 1;
  }
  // EAL ties this thread to one CPU, and those that tests start would be on it, too.
  sched_setaffinity(0, sizeof(cpus), &cpus);
  const int result = RUN_ALL_TESTS();
  rte_eal_cleanup();
  return result;
}
