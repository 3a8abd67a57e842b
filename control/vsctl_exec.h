// SPDX-License-Identifier: BSD-3-Clause
// Runs another program with libvswitch-ip.so loaded into it.
#ifndef VSWITCH_CONTROL_VSCTL_EXEC_H_
#define VSWITCH_CONTROL_VSCTL_EXEC_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace vswitch {

// Replaces this process by argv[0] (looked up in PATH, then in the system's sbin directories, which
// are not in everybody's PATH). Returns only on failure.
absl::Status ExecWithShim(const std::string& run_dir, const std::vector<std::string>& argv);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_VSCTL_EXEC_H_
