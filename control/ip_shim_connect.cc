// SPDX-License-Identifier: BSD-3-Clause
// Connections to vswitch: Hello, options, and sends that return when the request was executed.
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "control/ip_shim.h"

namespace vswitch::shim {
namespace {

// The port id that is the process id, as the kernel gives it to a process's first socket.
std::atomic<uint32_t> first_port{0};
std::atomic<uint32_t> next_port{0x80000001u};

template <typename T>
struct Message {
  nlmsghdr header;
  T payload;
};

template <typename T>
Message<T> MakeMessage(uint16_t type, const T& payload) {
  static_assert(sizeof(Message<T>) == sizeof(nlmsghdr) + sizeof(T));
  Message<T> message{};
  message.header.nlmsg_len = sizeof(message);
  message.header.nlmsg_type = type;
  message.payload = payload;
  return message;
}

bool ServerAddress(sockaddr_un* address) {
  const char* run_dir = getenv("VSWITCH_RUN_DIR");
  if (run_dir == nullptr || *run_dir == '\0') run_dir = "/run/vswitch";
  memset(address, 0, sizeof(*address));
  address->sun_family = AF_UNIX;
  const int length =
      snprintf(address->sun_path, sizeof(address->sun_path), "%s/rtnl.sock", run_dir);
  return length < static_cast<int>(sizeof(address->sun_path));
}

ssize_t SendHello(int fd, uint32_t port_id, int barrier, int netns) {
  HelloRequest hello;
  hello.port_id = port_id;
  auto message = MakeMessage(kMsgHello, hello);
  iovec iov{&message, sizeof(message)};
  const int fds[] = {netns, barrier};
  const size_t bytes = sizeof(int) * (barrier < 0 ? 1 : 2);
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(fds))] = {};
  msghdr header{};
  header.msg_iov = &iov;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(bytes);
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(bytes);
  memcpy(CMSG_DATA(rights), fds, bytes);
  return real_sendmsg(fd, &header, MSG_NOSIGNAL);
}

int OpenNetns() {
  const int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  return fd >= 0 ? fd : open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
}

// Waits for the server's signal; false when it hung up without giving one. A request cannot be
// taken back once it is sent, so signals do not end the wait.
bool WaitBarrier(int fd, int barrier) {
  pollfd fds[] = {{barrier, POLLIN, 0}, {fd, 0, 0}};
  while (poll(fds, 2, -1) < 0) {
    if (errno != EINTR) return false;
  }
  uint64_t count;
  return (fds[0].revents & POLLIN) != 0 &&
         real_read(barrier, &count, sizeof(count)) == sizeof(count);
}

uint32_t ChoosePort() {
  const auto pid = static_cast<uint32_t>(getpid());
  if (first_port.exchange(pid) != pid) return pid;
  return next_port.fetch_add(1) | 0x80000000u;
}

uint64_t InodeOf(int fd) {
  struct stat info;
  return fstat(fd, &info) == 0 ? info.st_ino : 0;
}

NetlinkSocket* NewSocket(int type) {
  void* memory = malloc(sizeof(NetlinkSocket));
  if (memory == nullptr) return nullptr;
  auto* socket = new (memory) NetlinkSocket;
  socket->type = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  socket->port_id = ChoosePort();
  socket->barrier = eventfd(0, EFD_CLOEXEC | EFD_SEMAPHORE | EFD_NONBLOCK);
  return socket;
}

void SetFlags(int fd, int type) {
  if ((type & SOCK_CLOEXEC) == 0) real_fcntl(fd, F_SETFD, 0);
  if ((type & SOCK_NONBLOCK) != 0) real_fcntl(fd, F_SETFL, O_NONBLOCK);
}

int Refuse(NetlinkSocket* socket, int fd) {
  if (fd >= 0) real_close(fd);
  if (socket != nullptr) {
    if (socket->barrier >= 0) real_close(socket->barrier);
    free(socket);
  }
  errno = EPROTONOSUPPORT;
  return -1;
}

}  // namespace

int Connect(uint32_t port_id, int barrier) {
  sockaddr_un address;
  if (!ServerAddress(&address)) {
    errno = ENAMETOOLONG;
    return -1;
  }
  const int netns = OpenNetns();
  const int fd = real_socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
  const bool greeted =
      netns >= 0 && fd >= 0 &&
      real_connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      SendHello(fd, port_id, barrier, netns) > 0;
  const int saved = errno;
  if (netns >= 0) real_close(netns);
  if (greeted) return fd;
  if (fd >= 0) real_close(fd);
  errno = saved;
  return -1;
}

int OpenNetlink(int type) {
  NetlinkSocket* socket = NewSocket(type);
  if (socket == nullptr || socket->barrier < 0) return Refuse(socket, -1);
  const int fd = Connect(socket->port_id, socket->barrier);
  // The answer to Hello also tells a server that serves from one that refuses.
  if (fd < 0 || !WaitBarrier(fd, socket->barrier)) return Refuse(socket, fd);
  socket->inode = InodeOf(fd);
  SetFlags(fd, type);
  Track(fd, socket);
  return fd;
}

ssize_t SendAndWait(NetlinkSocket& socket, int fd, const msghdr& message, int flags) {
  pthread_mutex_lock(&socket.send_lock);
  const ssize_t sent = real_sendmsg(fd, &message, flags | MSG_NOSIGNAL);
  int error = errno;
  if (sent > 0) WaitBarrier(fd, socket.barrier);
  pthread_mutex_unlock(&socket.send_lock);
  // What the kernel says when nobody listens on the other side of a netlink socket.
  if (sent < 0 && (error == EPIPE || error == ECONNRESET || error == ENOTCONN)) {
    error = ECONNREFUSED;
  }
  errno = error;
  return sent;
}

int SendOption(NetlinkSocket& socket, int fd, SocketOption option, uint32_t value) {
  auto message = MakeMessage(kMsgOption, OptionRequest{option, value});
  iovec iov{&message, sizeof(message)};
  msghdr header{};
  header.msg_iov = &iov;
  header.msg_iovlen = 1;
  return SendAndWait(socket, fd, header, 0) < 0 ? -1 : 0;
}

}  // namespace vswitch::shim
