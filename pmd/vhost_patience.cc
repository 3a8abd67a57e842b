// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_patience.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace vswitch {
namespace {

constexpr std::chrono::milliseconds kMoment(100);

// Descriptors are given out from the lowest on: behind so many that are free there is none.
constexpr int kGap = 1024;

enum class Kind : uint8_t { kFree, kOther, kOurs };

std::string_view NameOf(const sockaddr_un& address) {
  return {address.sun_path, strnlen(address.sun_path, sizeof(address.sun_path))};
}

// A server's connection has the path itself, a client's has it at the other end.
Kind KindOf(int fd, const std::string& path) {
  sockaddr_un address = {};
  socklen_t size = sizeof(address);
  auto* name = reinterpret_cast<sockaddr*>(&address);
  if (getsockname(fd, name, &size) < 0) return errno == EBADF ? Kind::kFree : Kind::kOther;
  if (address.sun_family != AF_UNIX) return Kind::kOther;
  if (NameOf(address).empty()) {
    size = sizeof(address);
    if (getpeername(fd, name, &size) < 0) return Kind::kOther;
  }
  return NameOf(address) == path ? Kind::kOurs : Kind::kOther;
}

// use(fd) for every descriptor of the path: librte_vhost tells nobody which it has. There may be
// thousands of others.
template <typename Use>
void ForEachConnection(const std::string& path, const Use& use) {
  for (int fd = 0, free = 0; free < kGap; ++fd) {
    const Kind kind = KindOf(fd, path);
    free = kind == Kind::kFree ? free + 1 : 0;
    if (kind == Kind::kOurs) use(fd);
  }
}

bool IsListener(int fd) {
  int listens = 0;
  socklen_t size = sizeof(listens);
  return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) == 0 && listens != 0;
}

bool HasRoom(int fd) {
  pollfd one = {.fd = fd, .events = POLLOUT, .revents = 0};
  return poll(&one, 1, 0) > 0;
}

}  // namespace

void LimitPatience(const std::string& path) {
  const timeval limit = {.tv_sec = 0, .tv_usec = std::chrono::microseconds(kMoment).count()};
  ForEachConnection(path, [&](int fd) {
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
  });
}

void Patience::End(const std::string& path) const {
  if (Clock::now() - began_ < kMoment) return;
  ForEachConnection(path, [](int fd) {
    if (!IsListener(fd) && !HasRoom(fd)) shutdown(fd, SHUT_RDWR);
  });
}

}  // namespace vswitch
