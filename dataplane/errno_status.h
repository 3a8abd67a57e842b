// SPDX-License-Identifier: BSD-3-Clause
// An absl::Status that carries the exact errno and the sentence the kernel would send.
#ifndef VSWITCH_DATAPLANE_ERRNO_STATUS_H_
#define VSWITCH_DATAPLANE_ERRNO_STATUS_H_

#include <string>

#include "absl/status/status.h"

namespace vswitch {

// REQUIRES: error > 0. An empty message means the kernel sends none (the client prints strerror).
absl::Status ErrnoStatus(int error, const std::string& message = "");

// The positive errno of a status made by ErrnoStatus; 0 for OK, EINVAL for any other status.
int ErrnoOf(const absl::Status& status);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_ERRNO_STATUS_H_
