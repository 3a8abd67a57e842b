// SPDX-License-Identifier: BSD-3-Clause
// The directory with the sockets of one vswitch process, and the lock that keeps others out of it.
#ifndef VSWITCH_CONTROL_RUN_DIR_H_
#define VSWITCH_CONTROL_RUN_DIR_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "control/unique_fd.h"

namespace vswitch {

// DIR/vswitch.pid holds the pid and is locked (flock) for as long as the process lives, however it
// ends. What a killed process left behind (sockets that nobody listens on, EAL's directory) is
// removed when the directory is taken over; the files of others stay.
class RunDir {
 public:
  // Makes the directory (0755) if it is not there. Errors are one line that names the directory: in
  // use (with the pid), not writable, a path too long for a unix socket.
  static absl::StatusOr<std::unique_ptr<RunDir>> Take(const std::string& path);
  // Removes sockets and lock file, and the directory itself if a vswitch process made it.
  ~RunDir();
  RunDir(const RunDir&) = delete;
  RunDir& operator=(const RunDir&) = delete;

  const std::string& path() const { return path_; }
  std::string rtnl_socket() const { return path_ + "/rtnl.sock"; }

 private:
  RunDir(std::string path, UniqueFd lock, bool made)
      : path_(std::move(path)), lock_(std::move(lock)), made_(made) {}

  const std::string path_;
  const UniqueFd lock_;
  const bool made_;  // by this process or a killed one before it
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RUN_DIR_H_
