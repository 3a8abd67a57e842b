// SPDX-License-Identifier: BSD-3-Clause
#include "control/client_fds.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/nsfs.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

namespace vswitch {
namespace {

// What the kernel calls the open file. Asks no file system: files that have one start with '/'
// (d_path), only the pseudo file systems make up names of the form "type:[inode]".
std::string FileIdentity(int fd) {
  char link[64], text[PATH_MAX];
  snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
  const ssize_t length = readlink(link, text, sizeof(text));
  return length < 0 ? std::string() : std::string(text, static_cast<size_t>(length));
}

struct FileId {
  uint32_t major = 0, minor = 0;
  uint64_t inode = 0;
};

// From what the kernel has at hand: a file system is not asked (AT_STATX_DONT_SYNC).
std::optional<FileId> IdOf(int directory, const char* path) {
  struct statx info;
  const int flags = AT_EMPTY_PATH | AT_STATX_DONT_SYNC;
  if (statx(directory, path, flags, STATX_INO, &info) != 0) return std::nullopt;
  return FileId{info.stx_dev_major, info.stx_dev_minor, info.stx_ino};
}

// A namespace may be open through a mount of anybody's, so its name says nothing; that it is in the
// one file system of namespaces does.
std::optional<uint64_t> NetnsInode(int fd) {
  static const std::optional<FileId> own = IdOf(AT_FDCWD, "/proc/self/ns/net");
  const std::optional<FileId> id = IdOf(fd, "");
  if (!own.has_value() || !id.has_value()) return std::nullopt;
  if (id->major != own->major || id->minor != own->minor) return std::nullopt;
  if (ioctl(fd, NS_GET_NSTYPE) != CLONE_NEWNET) return std::nullopt;
  return id->inode;
}

void* CloseMain(void* fd) {
  close(static_cast<int>(reinterpret_cast<intptr_t>(fd)));
  return nullptr;
}

// Without a thread to spare the descriptor stays open: better than a stuck control thread.
void CloseElsewhere(int fd) {
  pthread_t thread;
  void* const argument = reinterpret_cast<void*>(static_cast<intptr_t>(fd));
  if (pthread_create(&thread, nullptr, CloseMain, argument) == 0) pthread_detach(thread);
}

void Sort(int fd, ClientFds& fds) {
  if (FileIdentity(fd) == "anon_inode:[eventfd]" && !fds.eventfd.valid()) {
    fds.eventfd.reset(fd);
    return;
  }
  if (const auto inode = NetnsInode(fd); inode.has_value()) {
    fds.netns.push_back({.fd = UniqueFd(fd), .inode = *inode});
    return;
  }
  fds.foreign = true;
  CloseElsewhere(fd);
}

}  // namespace

ClientFds TakeClientFds(msghdr& message) {
  ClientFds fds;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd;
      memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(fd));
      Sort(fd, fds);
    }
  }
  return fds;
}

}  // namespace vswitch
