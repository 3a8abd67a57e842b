// SPDX-License-Identifier: BSD-3-Clause
#include "control/hugepages.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace vswitch {
namespace {

namespace fs = std::filesystem;

uint64_t ReadNumber(const fs::path& path) {
  uint64_t value = 0;
  std::ifstream(path) >> value;
  return value;
}

// "hugepages-2048kB" is 2048; 0 for another name.
uint64_t PageKib(const std::string& name) {
  unsigned long kib = 0;
  return std::sscanf(name.c_str(), "hugepages-%lukB", &kib) == 1 ? kib : 0;
}

}  // namespace

uint64_t FreeHugepageMib(const std::string& sysfs) {
  uint64_t kib = 0;
  std::error_code error;
  for (const fs::directory_entry& size : fs::directory_iterator(sysfs, error)) {
    const uint64_t free = ReadNumber(size.path() / "free_hugepages");
    const uint64_t reserved = ReadNumber(size.path() / "resv_hugepages");
    if (free > reserved) kib += (free - reserved) * PageKib(size.path().filename());
  }
  return kib / 1024;
}

uint64_t ReservedHugepages(const std::string& sysfs) {
  return ReadNumber(fs::path(sysfs) / "hugepages-2048kB" / "nr_hugepages");
}

uint64_t AvailableMib(const std::string& meminfo) {
  std::ifstream stream(meminfo);
  for (std::string line; std::getline(stream, line);) {
    unsigned long kib = 0;
    if (std::sscanf(line.c_str(), "MemAvailable: %lu kB", &kib) == 1) return kib / 1024;
  }
  return 0;
}

}  // namespace vswitch
