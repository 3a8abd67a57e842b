// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_socket_file.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

class Socket {
 public:
  Socket() : fd_(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {}
  ~Socket() {
    if (fd_ >= 0) close(fd_);
  }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  int fd() const { return fd_; }

 private:
  const int fd_;
};

// REQUIRES: CheckSocketPath(path).ok()
sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

absl::Status Fail(int error, const std::string& what, const std::string& path) {
  return ErrnoStatus(error, absl::StrCat(what, " ", path, ": ", std::strerror(error)));
}

absl::Status InUse(const std::string& path) {
  return ErrnoStatus(EADDRINUSE, absl::StrCat("socket ", path, " is in use by another process"));
}

// Nobody listening answers ECONNREFUSED; whatever else the kernel says, somebody may be there.
absl::Status CheckDead(const std::string& path) {
  const Socket probe;
  const sockaddr_un address = AddressOf(path);
  const int result =
      connect(probe.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  if (result < 0 && (errno == ECONNREFUSED || errno == ENOENT)) return absl::OkStatus();
  if (result < 0 && errno == EACCES) return Fail(EACCES, "cannot look behind socket", path);
  return InUse(path);
}

absl::Status RemoveStale(const std::string& path) {
  struct stat info;
  if (lstat(path.c_str(), &info) < 0) {
    return errno == ENOENT ? absl::OkStatus() : Fail(errno, "cannot look at", path);
  }
  if (!S_ISSOCK(info.st_mode)) {
    return ErrnoStatus(EEXIST, absl::StrCat(path, " exists and is not a socket"));
  }
  const absl::Status dead = CheckDead(path);
  if (!dead.ok()) return dead;
  if (unlink(path.c_str()) < 0 && errno != ENOENT) {
    return Fail(errno, "cannot remove the stale socket", path);
  }
  return absl::OkStatus();
}

absl::StatusOr<uid_t> UserId(const std::string& user) {
  uint32_t number;
  if (absl::SimpleAtoi(user, &number)) return number;
  std::vector<char> buffer(16384);
  passwd entry;
  passwd* found = nullptr;
  getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return ErrnoStatus(EINVAL, absl::StrCat("unknown user \"", user, "\" for the vhost socket"));
  }
  return entry.pw_uid;
}

absl::StatusOr<gid_t> GroupId(const std::string& group) {
  uint32_t number;
  if (absl::SimpleAtoi(group, &number)) return number;
  std::vector<char> buffer(65536);
  struct group entry;
  struct group* found = nullptr;
  getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found == nullptr) {
    return ErrnoStatus(EINVAL, absl::StrCat("unknown group \"", group, "\" for the vhost socket"));
  }
  return entry.gr_gid;
}

absl::Status MakeDirectory(const std::string& directory) {
  if (mkdir(directory.c_str(), 0755) == 0) {
    chmod(directory.c_str(), 0755);
    return absl::OkStatus();
  }
  if (errno != EEXIST) return Fail(errno, "cannot create directory", directory);
  struct stat info;
  if (stat(directory.c_str(), &info) == 0 && S_ISDIR(info.st_mode)) return absl::OkStatus();
  return ErrnoStatus(ENOTDIR, absl::StrCat(directory, " exists and is not a directory"));
}

}  // namespace

absl::StatusOr<SocketOwnership> ParseOwnership(const std::string& user, const std::string& group,
                                               uint32_t mode) {
  SocketOwnership ownership;
  ownership.mode = mode & 0777;
  if (!user.empty()) {
    const absl::StatusOr<uid_t> id = UserId(user);
    if (!id.ok()) return id.status();
    ownership.user = *id;
  }
  if (!group.empty()) {
    const absl::StatusOr<gid_t> id = GroupId(group);
    if (!id.ok()) return id.status();
    ownership.group = *id;
  }
  return ownership;
}

absl::Status CheckSocketPath(const std::string& path) {
  constexpr size_t kLimit = sizeof(sockaddr_un::sun_path) - 1;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return ErrnoStatus(EINVAL, "a vhost-user socket needs a path");
  }
  if (path.size() > kLimit) {
    return ErrnoStatus(ENAMETOOLONG,
                       absl::StrCat("socket path ", path, " is longer than ", kLimit, " bytes"));
  }
  return absl::OkStatus();
}

absl::Status MakeSocketDirectory(const std::string& directory) {
  const size_t slash = directory.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    const absl::Status parent = MakeDirectory(directory.substr(0, slash));
    if (!parent.ok()) return parent;
  }
  return MakeDirectory(directory);
}

absl::Status ClaimSocketPath(const std::string& path) {
  const absl::Status free = RemoveStale(path);
  if (!free.ok()) return free;
  const Socket trial;
  const sockaddr_un address = AddressOf(path);
  if (bind(trial.fd(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    if (errno == EADDRINUSE) return InUse(path);
    return Fail(errno, "cannot create socket", path);
  }
  unlink(path.c_str());
  return absl::OkStatus();
}

absl::Status ApplyOwnership(const std::string& path, const SocketOwnership& ownership) {
  if (chown(path.c_str(), ownership.user, ownership.group) < 0) {
    return Fail(errno, "cannot set owner and group of", path);
  }
  if (chmod(path.c_str(), ownership.mode) < 0) return Fail(errno, "cannot set mode of", path);
  return absl::OkStatus();
}

}  // namespace vswitch
