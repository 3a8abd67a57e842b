// SPDX-License-Identifier: BSD-3-Clause
// The socket file of a vhost-user server: whose it may be, and whose it becomes.
#ifndef VSWITCH_PMD_VHOST_SOCKET_FILE_H_
#define VSWITCH_PMD_VHOST_SOCKET_FILE_H_

#include <sys/types.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vswitch {

// chown's arguments; -1 leaves the owner or group alone.
struct SocketOwnership {
  uid_t user = static_cast<uid_t>(-1);
  gid_t group = static_cast<gid_t>(-1);
  mode_t mode = 0660;
};

// Names or numbers; empty leaves. EINVAL for a user or group that does not exist.
absl::StatusOr<SocketOwnership> ParseOwnership(const std::string& user, const std::string& group,
                                               uint32_t mode);

// ENAMETOOLONG for a path that does not fit sockaddr_un, EINVAL for an empty one.
absl::Status CheckSocketPath(const std::string& path);

// Makes the directory and its missing parent with mode 0755, whatever the umask says.
absl::Status MakeSocketDirectory(const std::string& directory);

// Makes sure that a server can bind `path`: removes the socket of a dead process, refuses a live
// one (EADDRINUSE) and what is not a socket (EEXIST), and tries a bind, which leaves nothing
// behind.
absl::Status ClaimSocketPath(const std::string& path);

// Opens the socket to those who may use it. EEXIST for a link, or whatever else is not a socket,
// which stays as it is.
absl::Status ApplyOwnership(const std::string& path, const SocketOwnership& ownership);

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_SOCKET_FILE_H_
