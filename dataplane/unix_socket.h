// SPDX-License-Identifier: BSD-3-Clause
// Files of unix sockets: addresses, and sockets that dead processes left behind.
#ifndef VSWITCH_DATAPLANE_UNIX_SOCKET_H_
#define VSWITCH_DATAPLANE_UNIX_SOCKET_H_

#include <sys/un.h>

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vswitch {

// ENAMETOOLONG for a path that does not fit.
absl::StatusOr<sockaddr_un> UnixAddress(const std::string& path);

// Removes the file of a socket, of whatever type, that nobody listens on any more. OK as well when
// there is no file. EADDRINUSE for a socket that somebody may serve, EEXIST for what is not a
// socket: both stay where they are.
absl::Status RemoveStaleSocket(const std::string& path);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_UNIX_SOCKET_H_
