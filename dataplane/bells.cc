// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/bells.h"

#include <poll.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace vswitch {
namespace {

constexpr int64_t kSecond = 1'000'000'000;

bool Control(int epoll, int operation, int fd, uint32_t events, PollEntry* entry) {
  epoll_event event{};
  event.events = events;
  event.data.ptr = entry;
  return epoll_ctl(epoll, operation, fd, &event) == 0;
}

}  // namespace

Bells::Bells() : epoll_(epoll_create1(EPOLL_CLOEXEC)) {}

Bells::~Bells() {
  if (epoll_ >= 0) close(epoll_);
}

void Bells::Add(PollEntry& entry) {
  if (entry.bell < 0) return;
  if (!Control(epoll_, EPOLL_CTL_ADD, entry.bell, EPOLLONESHOT, &entry)) entry.bell = -1;
}

void Bells::Remove(const PollEntry& entry) {
  if (entry.bell >= 0) Control(epoll_, EPOLL_CTL_DEL, entry.bell, 0, nullptr);
}

bool Bells::Arm(PollEntry& entry) {
  return Control(epoll_, EPOLL_CTL_MOD, entry.bell, EPOLLIN | EPOLLONESHOT, &entry);
}

size_t Bells::Rung(std::span<PollEntry*> entries) {
  std::array<epoll_event, 64> events;
  const auto most = static_cast<int>(std::min(events.size(), entries.size()));
  const int count = epoll_wait(epoll_, events.data(), most, 0);
  for (int i = 0; i < count; ++i) entries[i] = static_cast<PollEntry*>(events[i].data.ptr);
  return static_cast<size_t>(std::max(count, 0));
}

// By poll, which takes no event: one that is taken outside of an RCU read section may be of an
// entry that is gone before it is looked at.
void Bells::Wait(int other_fd, int64_t timeout_ns) {
  std::array<pollfd, 2> fds = {pollfd{epoll_, POLLIN, 0}, pollfd{other_fd, POLLIN, 0}};
  const timespec timeout{timeout_ns / kSecond, timeout_ns % kSecond};
  ppoll(fds.data(), fds.size(), timeout_ns < 0 ? nullptr : &timeout, nullptr);
}

}  // namespace vswitch
