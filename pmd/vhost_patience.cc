// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_patience.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>

namespace vswitch {
namespace {

constexpr std::chrono::milliseconds kMoment(100);

using GetName = int (*)(int, sockaddr*, socklen_t*);

bool HasName(int fd, GetName get, const std::string& path) {
  sockaddr_un address = {};
  socklen_t size = sizeof(address);
  if (get(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return false;
  const std::string_view name(address.sun_path,
                              strnlen(address.sun_path, sizeof(address.sun_path)));
  return address.sun_family == AF_UNIX && path == name;
}

// use(fd) for every descriptor of the path: librte_vhost tells nobody which it has.
template <typename Use>
void ForEachConnection(const std::string& path, const Use& use) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    const int fd = std::atoi(entry->path().filename().c_str());
    // A server's connection has the path itself, a client's has it at the other end.
    if (HasName(fd, getsockname, path) || HasName(fd, getpeername, path)) use(fd);
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
