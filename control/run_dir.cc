// SPDX-License-Identifier: BSD-3-Clause
#include "control/run_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "dataplane/unix_socket.h"

namespace vswitch {
namespace {

namespace fs = std::filesystem;

constexpr char kVhostDir[] = "/vhost";
constexpr char kLockFile[] = "/vswitch.pid";
constexpr char kRtnlSocket[] = "/rtnl.sock";
constexpr char kEalDir[] = "/dpdk";
constexpr char kEalPrefix[] = "/vswitch-";  // EalArguments' --file-prefix, before the pid
constexpr char kMadeMark[] = "made";        // second word of the lock file

// The longest path in it is DIR/vhost/<15 bytes>.sock.
constexpr size_t kMaxPath =
    sizeof(sockaddr_un::sun_path) - 1 - std::size("/vhost/.sock") - (IFNAMSIZ - 1) + 1;

absl::Status Failure(const std::string& path, const std::string& what) {
  return absl::FailedPreconditionError(absl::StrCat("run dir ", path, ": ", what));
}

absl::Status SystemFailure(const std::string& path, int error) {
  return Failure(path, absl::StrCat(std::strerror(error), " (choose another with --run-dir)"));
}

std::string ReadAll(int fd) {
  char text[64];
  const ssize_t length = pread(fd, text, sizeof(text), 0);
  return std::string(text, length > 0 ? static_cast<size_t>(length) : 0);
}

// What the lock file says of the process that holds or held it.
struct Holder {
  std::string pid = "unknown";
  bool made = false;  // vswitch made the directory
};

Holder ReadHolder(int fd) {
  const std::string text = ReadAll(fd);
  const std::string pid = text.substr(0, text.find_first_of(" \n"));
  int value = 0;
  return {.pid = absl::SimpleAtoi(pid, &value) ? pid : "unknown",
          .made = text.find(kMadeMark) != std::string::npos};
}

// Another process may unlink the file between our open and our flock; then the lock is worthless.
bool IsStillAt(int fd, const std::string& path) {
  struct stat mine, current;
  return fstat(fd, &mine) == 0 && stat(path.c_str(), &current) == 0 &&
         mine.st_ino == current.st_ino && mine.st_dev == current.st_dev;
}

// One attempt to make the directory and to lock it. Nothing when another process that was just
// leaving took it away underneath.
struct Attempt {
  UniqueFd lock;
  bool made = false;
};

absl::StatusOr<std::optional<Attempt>> TryLock(const std::string& path) {
  Attempt attempt;
  attempt.made = mkdir(path.c_str(), 0755) == 0;
  if (!attempt.made && errno != EEXIST) return SystemFailure(path, errno);
  // Below the umask the sockets would be out of reach of those who may use them.
  if (attempt.made && chmod(path.c_str(), 0755) != 0) return SystemFailure(path, errno);

  const std::string file = path + kLockFile;
  attempt.lock.reset(open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!attempt.lock.valid()) {
    if (errno == ENOENT) return std::nullopt;
    return SystemFailure(path, errno);
  }
  if (flock(attempt.lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return SystemFailure(path, errno);
    return Failure(path, absl::StrCat("in use by the vswitch process with pid ",
                                      ReadHolder(attempt.lock.get()).pid));
  }
  if (!IsStillAt(attempt.lock.get(), file)) return std::nullopt;
  return attempt;
}

absl::StatusOr<Attempt> Lock(const std::string& path) {
  constexpr int kAttempts = 10;
  for (int i = 0; i < kAttempts; ++i) {
    absl::StatusOr<std::optional<Attempt>> attempt = TryLock(path);
    if (!attempt.ok()) return attempt.status();
    if (attempt->has_value()) return *std::move(*attempt);
  }
  return Failure(path, "other processes keep making and removing it");
}

absl::Status WriteHolder(const std::string& path, int fd, bool made) {
  const std::string text = absl::StrCat(getpid(), made ? " " : "", made ? kMadeMark : "", "\n");
  if (ftruncate(fd, 0) != 0 ||
      pwrite(fd, text.data(), text.size(), 0) != static_cast<ssize_t>(text.size())) {
    return SystemFailure(path, errno);
  }
  return absl::OkStatus();
}

// What a vswitch process of that pid, now dead, made in here. Whatever else is in the directory,
// which may be one like /run, is none of our business.
void RemoveLeftovers(const std::string& path, const std::string& pid) {
  const std::string vhost = path + kVhostDir;
  std::error_code ignored;
  RemoveStaleSocket(path + kRtnlSocket).IgnoreError();
  for (const fs::directory_entry& entry : fs::directory_iterator(vhost, ignored)) {
    if (entry.path().extension() == ".sock") RemoveStaleSocket(entry.path()).IgnoreError();
  }
  rmdir(vhost.c_str());
  fs::remove_all(absl::StrCat(path, kEalDir, kEalPrefix, pid), ignored);
  rmdir((path + kEalDir).c_str());
}

// Where attached devices have their sockets.
absl::Status MakeVhostDir(const std::string& path) {
  const std::string vhost = path + kVhostDir;
  if (mkdir(vhost.c_str(), 0755) != 0) {
    return errno == EEXIST ? absl::OkStatus() : SystemFailure(path, errno);
  }
  return chmod(vhost.c_str(), 0755) == 0 ? absl::OkStatus() : SystemFailure(path, errno);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RunDir>> RunDir::Take(const std::string& path) {
  if (path.size() > kMaxPath) {
    return Failure(path, absl::StrCat("too long for the path of a unix socket: ", path.size(),
                                      " bytes, at most ", kMaxPath, " are possible"));
  }
  absl::StatusOr<Attempt> attempt = Lock(path);
  if (!attempt.ok()) return attempt.status();
  const Holder last = ReadHolder(attempt->lock.get());
  const bool made = attempt->made || last.made;
  std::unique_ptr<RunDir> run_dir(new RunDir(path, std::move(attempt->lock), made));
  RemoveLeftovers(path, last.pid);
  if (absl::Status status = WriteHolder(path, run_dir->lock_.get(), made); !status.ok()) {
    return status;
  }
  if (absl::Status status = MakeVhostDir(path); !status.ok()) return status;
  return run_dir;
}

RunDir::~RunDir() {
  RemoveLeftovers(path_, std::to_string(getpid()));
  // The lock file goes last, and before the lock: nobody else can be in here.
  unlink((path_ + kLockFile).c_str());
  if (made_) rmdir(path_.c_str());
}

}  // namespace vswitch
