// SPDX-License-Identifier: BSD-3-Clause
// File descriptors that came from a client: hostile until looked at.
#ifndef VSWITCH_CONTROL_CLIENT_FDS_H_
#define VSWITCH_CONTROL_CLIENT_FDS_H_

#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "control/protocol.h"
#include "control/unique_fd.h"

namespace vswitch {

// A network namespace. To keep `fd` keeps the namespace alive after its last process: be quick.
struct ClientNetns {
  UniqueFd fd;
  uint64_t inode = 0;
};

struct ClientFds {
  UniqueFd eventfd;  // invalid: none came
  std::vector<ClientNetns> netns;
  bool foreign = false;  // something else came, too
};

inline constexpr size_t kMaxClientFds = kMaxNetnsEntries;

// Takes every descriptor out of the control messages of a received message. What is neither an
// eventfd nor a network namespace is closed elsewhere: closing a file of a hostile FUSE server can
// take for ever. Never blocks.
ClientFds TakeClientFds(msghdr& message);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CLIENT_FDS_H_
