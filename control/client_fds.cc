// SPDX-License-Identifier: BSD-3-Clause
#include "control/client_fds.h"

#include <limits.h>
#include <pthread.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/strip.h"

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

std::optional<uint64_t> NetnsInode(absl::string_view identity) {
  uint64_t inode;
  if (!absl::ConsumePrefix(&identity, "net:[") || !absl::ConsumeSuffix(&identity, "]") ||
      !absl::SimpleAtoi(identity, &inode)) {
    return std::nullopt;
  }
  return inode;
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
  const std::string identity = FileIdentity(fd);
  if (identity == "anon_inode:[eventfd]" && !fds.eventfd.valid()) {
    fds.eventfd.reset(fd);
    return;
  }
  if (const auto inode = NetnsInode(identity); inode.has_value()) {
    fds.foreign |= fds.netns.has_value();
    fds.netns = ClientNetns{.fd = UniqueFd(fd), .inode = *inode};
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
