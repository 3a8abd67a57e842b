// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/queue_bell.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <utility>

namespace vswitch {

QueueBell::QueueBell()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)), own_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  Add(own_);
}

QueueBell::~QueueBell() {
  if (own_ >= 0) close(own_);
  if (epoll_ >= 0) close(epoll_);
}

void QueueBell::Ring() const { eventfd_write(own_, 1); }

void QueueBell::Hear() const {
  std::array<epoll_event, 8> events;
  while (epoll_wait(epoll_, events.data(), events.size(), 0) == std::ssize(events)) continue;
}

bool QueueBell::Add(int kick_fd) const {
  epoll_event event{.events = EPOLLIN | EPOLLET, .data = {}};
  return epoll_ctl(epoll_, EPOLL_CTL_ADD, kick_fd, &event) == 0;
}

void QueueBell::Remove(int kick_fd) const { epoll_ctl(epoll_, EPOLL_CTL_DEL, kick_fd, nullptr); }

}  // namespace vswitch
