// SPDX-License-Identifier: BSD-3-Clause
// `vsctl show` and `vsctl workers` for people.
#ifndef VSWITCH_CONTROL_VSCTL_PRINT_H_
#define VSWITCH_CONTROL_VSCTL_PRINT_H_

#include <nlohmann/json.hpp>
#include <string>

namespace vswitch {

// One block per device; drop reasons that never happened are left out.
std::string FormatDevices(const nlohmann::ordered_json& devices);
// A table, one line per worker; below, the devices it polls and what it dropped.
std::string FormatWorkers(const nlohmann::ordered_json& workers);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_VSCTL_PRINT_H_
