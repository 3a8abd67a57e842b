// SPDX-License-Identifier: BSD-3-Clause
// Which descriptors of the program are netlink sockets of ours.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <new>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

constexpr int kChunkSize = 1024;
constexpr int kChunks = 1024;  // descriptors above a million are left alone

using Entry = std::atomic<NetlinkSocket*>;

std::atomic<Entry*> chunks[kChunks];  // never freed
pthread_mutex_t table_lock = PTHREAD_MUTEX_INITIALIZER;
// The process that the table describes. A vfork() child shares our memory but not our descriptors:
// what it closes is still open here.
std::atomic<pid_t> owner{0};

Entry* FindEntry(int fd) {
  if (fd < 0 || fd >= kChunks * kChunkSize) return nullptr;
  Entry* chunk = chunks[fd / kChunkSize].load(std::memory_order_acquire);
  return chunk == nullptr ? nullptr : &chunk[fd % kChunkSize];
}

// REQUIRES: table_lock held.
Entry* MakeEntry(int fd) {
  if (fd < 0 || fd >= kChunks * kChunkSize) return nullptr;
  std::atomic<Entry*>& chunk = chunks[fd / kChunkSize];
  if (chunk.load() == nullptr) {
    void* memory = calloc(kChunkSize, sizeof(Entry));
    if (memory == nullptr) return nullptr;
    chunk.store(static_cast<Entry*>(memory), std::memory_order_release);
  }
  return FindEntry(fd);
}

void Release(NetlinkSocket* socket) {
  if (socket == nullptr || socket->references.fetch_sub(1) != 1) return;
  const int saved = errno;
  real_close(socket->barrier);
  free(socket);
  errno = saved;
}

NetlinkSocket* Acquire(int fd) {
  Entry* entry = FindEntry(fd);
  if (entry == nullptr || entry->load(std::memory_order_relaxed) == nullptr) return nullptr;
  pthread_mutex_lock(&table_lock);
  NetlinkSocket* socket = entry->load();
  if (socket != nullptr) socket->references.fetch_add(1);
  pthread_mutex_unlock(&table_lock);
  return socket;
}

bool IsStill(int fd, uint64_t inode) {
  const int saved = errno;
  struct stat info;
  const bool same = fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode) && info.st_ino == inode;
  errno = saved;
  return same;
}

void BeforeFork() { pthread_mutex_lock(&table_lock); }
void AfterForkInParent() { pthread_mutex_unlock(&table_lock); }

// Other threads, which may have been inside SendAndWait, do not exist in the child.
void AfterForkInChild() {
  owner.store(getpid());
  for (const std::atomic<Entry*>& chunk : chunks) {
    Entry* entries = chunk.load();
    for (int i = 0; entries != nullptr && i < kChunkSize; ++i) {
      NetlinkSocket* socket = entries[i].load();
      if (socket != nullptr) pthread_mutex_init(&socket->send_lock, nullptr);
    }
  }
  pthread_mutex_unlock(&table_lock);
}

__attribute__((constructor)) void Start() {
  owner.store(getpid());
  pthread_atfork(BeforeFork, AfterForkInParent, AfterForkInChild);
}

}  // namespace

SocketRef::SocketRef(int fd) : socket_(Acquire(fd)) {
  if (socket_ == nullptr || IsStill(fd, socket_->inode)) return;
  Track(fd, nullptr);
  Release(socket_);
  socket_ = nullptr;
}

// NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the table holds a reference of its own
SocketRef::~SocketRef() { Release(socket_); }

void Track(int fd, NetlinkSocket* socket) {
  if (owner.load() != 0 && owner.load() != getpid()) return Release(socket);
  pthread_mutex_lock(&table_lock);
  Entry* entry = socket == nullptr ? FindEntry(fd) : MakeEntry(fd);
  NetlinkSocket* old = entry == nullptr ? socket : entry->exchange(socket);
  pthread_mutex_unlock(&table_lock);
  Release(old);
}

void TrackCopy(int original, int fd) {
  SocketRef socket(original);
  if (!socket || original == fd) return;
  socket->references.fetch_add(1);
  Track(fd, &*socket);
}

}  // namespace vswitch::shim
