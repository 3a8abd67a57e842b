// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/errno_status.h"

#include <cerrno>
#include <cstdlib>

#include "absl/strings/cord.h"

namespace vswitch {
namespace {

constexpr char kPayloadUrl[] = "vswitch/errno";

}  // namespace

absl::Status ErrnoStatus(int error, const std::string& message) {
  absl::Status status(absl::ErrnoToStatusCode(error), message);
  // Some errnos (EPIPE and friends apart) map to no code of their own; the payload keeps the exact
  // one.
  if (status.ok()) status = absl::UnknownError(message);
  status.SetPayload(kPayloadUrl, absl::Cord(std::to_string(error)));
  return status;
}

int ErrnoOf(const absl::Status& status) {
  if (status.ok()) return 0;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  return payload.has_value() ? std::atoi(std::string(*payload).c_str()) : EINVAL;
}

}  // namespace vswitch
