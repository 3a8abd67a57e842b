// SPDX-License-Identifier: BSD-3-Clause
// How long a VMM may keep librte_vhost waiting.
#ifndef VSWITCH_PMD_VHOST_PATIENCE_H_
#define VSWITCH_PMD_VHOST_PATIENCE_H_

#include <chrono>
#include <string>

namespace vswitch {

// librte_vhost reads the rest of a message, and writes its answer, however long that takes, on the
// one thread that serves all guests; meanwhile no other can connect, and unregistering the socket
// spins. From now on connections of the socket at `path` fail when it takes longer than a moment:
// VMMs send a message in one piece, and read what they have asked for. Any thread, once a new
// connection is there. To a VMM that serves the socket under another name than `path` it does
// nothing.
void LimitPatience(const std::string& path);

// Stands for the time in which librte_vhost handles a message of a connection at `path`. When that
// took so long that an answer may have waited in vain, hangs up on whoever does not read: it could
// ask again and again.
class Patience {
 public:
  using Clock = std::chrono::steady_clock;

  void Begin() { began_ = Clock::now(); }
  void End(const std::string& path) const;

 private:
  Clock::time_point began_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_PATIENCE_H_
