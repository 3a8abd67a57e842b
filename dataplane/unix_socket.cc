// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

absl::Status Fail(int error, const std::string& what, const std::string& path) {
  return ErrnoStatus(error, absl::StrCat(what, " ", path, ": ", std::strerror(error)));
}

int Connect(const sockaddr_un& address) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  const bool connected =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error = connected ? 0 : errno;
  close(fd);
  return error;
}

// Nobody listening answers ECONNREFUSED; whatever else the kernel says (EPROTOTYPE for a socket of
// another type), somebody may be there.
absl::Status CheckDead(const std::string& path) {
  const absl::StatusOr<sockaddr_un> address = UnixAddress(path);
  if (!address.ok()) return address.status();
  const int error = Connect(*address);
  if (error == ECONNREFUSED || error == ENOENT) return absl::OkStatus();
  if (error == EACCES) return Fail(EACCES, "cannot look behind socket", path);
  return ErrnoStatus(EADDRINUSE, absl::StrCat("socket ", path, " is in use by another process"));
}

}  // namespace

absl::StatusOr<sockaddr_un> UnixAddress(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  constexpr size_t kLimit = sizeof(address.sun_path) - 1;
  if (path.size() > kLimit) {
    return ErrnoStatus(ENAMETOOLONG,
                       absl::StrCat("socket path ", path, " is longer than ", kLimit, " bytes"));
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

absl::Status RemoveStaleSocket(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) < 0) {
    return errno == ENOENT ? absl::OkStatus() : Fail(errno, "cannot look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return ErrnoStatus(EEXIST, absl::StrCat(path, " exists and is not a socket"));
  }
  if (const absl::Status dead = CheckDead(path); !dead.ok()) return dead;
  if (unlink(path.c_str()) < 0 && errno != ENOENT) {
    return Fail(errno, "cannot remove the stale socket", path);
  }
  return absl::OkStatus();
}

}  // namespace vswitch
