// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_socket_file.h"

#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "dataplane/unix_socket.h"

namespace vswitch {
namespace {

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::Status Fail(int error, const std::string& what, const std::string& path) {
  return ErrnoStatus(error, absl::StrCat(what, " ", path, ": ", std::strerror(error)));
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
  if (path.empty() || path.find('\0') != std::string::npos) {
    return ErrnoStatus(EINVAL, "a vhost-user socket needs a path");
  }
  return UnixAddress(path).status();
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
  const absl::Status free = RemoveStaleSocket(path);
  if (!free.ok()) return free;
  const absl::StatusOr<sockaddr_un> address = UnixAddress(path);
  if (!address.ok()) return address.status();
  const Descriptor trial(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (bind(trial.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof(*address)) < 0) {
    return Fail(errno, "cannot create socket", path);
  }
  unlink(path.c_str());
  return absl::OkStatus();
}

// By descriptor: whoever may write to the directory may put a link in the socket's place.
absl::Status ApplyOwnership(const std::string& path, const SocketOwnership& ownership) {
  const Descriptor file(open(path.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
  struct stat info;
  if (file.get() < 0 || fstat(file.get(), &info) < 0) return Fail(errno, "cannot look at", path);
  if (!S_ISSOCK(info.st_mode)) {
    return ErrnoStatus(EEXIST, absl::StrCat(path, " is not the socket that was made there"));
  }
  if (fchownat(file.get(), "", ownership.user, ownership.group, AT_EMPTY_PATH) < 0) {
    return Fail(errno, "cannot set owner and group of", path);
  }
  // fchmod takes no O_PATH descriptor.
  const std::string itself = absl::StrCat("/proc/self/fd/", file.get());
  if (chmod(itself.c_str(), ownership.mode) < 0) return Fail(errno, "cannot set mode of", path);
  return absl::OkStatus();
}

}  // namespace vswitch
