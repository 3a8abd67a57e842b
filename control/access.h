// SPDX-License-Identifier: BSD-3-Clause
// Who may change things.
#ifndef VSWITCH_CONTROL_ACCESS_H_
#define VSWITCH_CONTROL_ACCESS_H_

#include <sys/types.h>

#include <optional>
#include <string>

#include "absl/status/statusor.h"

namespace vswitch {

// Beside root and the user that vswitch runs as.
struct Access {
  std::optional<uid_t> owner;
  std::optional<gid_t> group;
};

// Names or numbers; empty for none. Errors are one line that says which is unknown.
absl::StatusOr<Access> FindAccess(const std::string& owner, const std::string& group);

// Whether the process that connected the unix socket was allowed to change things when it did
// (SO_PEERCRED, SO_PEERGROUPS). Capabilities of the process in its network namespace cannot be
// seen from here.
bool MayChange(int socket, const Access& access);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ACCESS_H_
