// SPDX-License-Identifier: BSD-3-Clause
// What memory the machine has to give.
#ifndef VSWITCH_CONTROL_HUGEPAGES_H_
#define VSWITCH_CONTROL_HUGEPAGES_H_

#include <cstdint>
#include <string>

namespace vswitch {

// MiB in free hugepages of all sizes that nobody has reserved. `sysfs` is
// /sys/kernel/mm/hugepages but in tests.
uint64_t FreeHugepageMib(const std::string& sysfs = "/sys/kernel/mm/hugepages");

// How many 2 MiB hugepages the system keeps, free or not.
uint64_t ReservedHugepages(const std::string& sysfs = "/sys/kernel/mm/hugepages");

// MiB of ordinary memory that can be had without swapping (MemAvailable); 0 when unknown.
uint64_t AvailableMib(const std::string& meminfo = "/proc/meminfo");

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HUGEPAGES_H_
