// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/queue_bell.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace vswitch {

namespace {

// To ask any other descriptor whether it rings may take as long as its owner likes.
bool IsEventfd(int fd) {
  std::array<char, 64> name;
  const ssize_t length =
      readlink(absl::StrCat("/proc/self/fd/", fd).c_str(), name.data(), name.size());
  return length > 0 &&
         std::string_view(name.data(), static_cast<size_t>(length)) == "anon_inode:[eventfd]";
}

}  // namespace

QueueBell::QueueBell()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      own_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      rings_(Add(own_)) {}

QueueBell::~QueueBell() {
  if (own_ >= 0) close(own_);
  if (epoll_ >= 0) close(epoll_);
}

void QueueBell::Ring() const { eventfd_write(own_, 1); }

// Not for as long as guests like: what is left rings again.
void QueueBell::Hear() const {
  std::array<epoll_event, 64> events;
  epoll_wait(epoll_, events.data(), events.size(), 0);
}

bool QueueBell::Add(int kick_fd) const {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
  return IsEventfd(kick_fd) && epoll_ctl(epoll_, EPOLL_CTL_ADD, kick_fd, &event) == 0;
}

void QueueBell::Remove(int kick_fd) const { epoll_ctl(epoll_, EPOLL_CTL_DEL, kick_fd, nullptr); }

}  // namespace vswitch
