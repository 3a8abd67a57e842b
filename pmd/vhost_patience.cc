// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_patience.h"

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

constexpr timeval kMoment = {.tv_sec = 0, .tv_usec = 100'000};

using GetName = int (*)(int, sockaddr*, socklen_t*);

bool HasName(int fd, GetName get, const std::string& path) {
  sockaddr_un address = {};
  socklen_t size = sizeof(address);
  if (get(fd, reinterpret_cast<sockaddr*>(&address), &size) < 0) return false;
  const std::string_view name(address.sun_path,
                              strnlen(address.sun_path, sizeof(address.sun_path)));
  return address.sun_family == AF_UNIX && path == name;
}

}  // namespace

// librte_vhost tells nobody which descriptors it has.
void LimitPatience(const std::string& path) {
  std::error_code error;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end;
       !error && entry != end; entry.increment(error)) {
    const int fd = std::atoi(entry->path().filename().c_str());
    // A server's connection has the path itself, a client's has it at the other end.
    if (!HasName(fd, getsockname, path) && !HasName(fd, getpeername, path)) continue;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kMoment, sizeof(kMoment));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kMoment, sizeof(kMoment));
  }
}

}  // namespace vswitch
