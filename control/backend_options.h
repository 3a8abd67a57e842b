// SPDX-License-Identifier: BSD-3-Clause
// The words of `vsctl attach` and of a config file's backend table, checked and made a BackendSpec.
#ifndef VSWITCH_CONTROL_BACKEND_OPTIONS_H_
#define VSWITCH_CONTROL_BACKEND_OPTIONS_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "pmd/factory.h"

namespace vswitch {

// `type` is "vhost", "tap", "ring" or "ethdev". EINVAL with a sentence that names the option and
// what it may be.
absl::StatusOr<BackendSpec> ParseBackendSpec(const std::string& type,
                                             const std::map<std::string, std::string>& options);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_BACKEND_OPTIONS_H_
