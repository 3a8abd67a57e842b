// SPDX-License-Identifier: BSD-3-Clause
// A file descriptor with one owner.
#ifndef VSWITCH_CONTROL_UNIQUE_FD_H_
#define VSWITCH_CONTROL_UNIQUE_FD_H_

#include <unistd.h>

#include <utility>

namespace vswitch {

class UniqueFd {
 public:
  explicit UniqueFd(int fd = -1) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    reset(other.release());
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  bool valid() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) close(fd_);
    fd_ = fd;
  }

 private:
  int fd_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_UNIQUE_FD_H_
