// SPDX-License-Identifier: BSD-3-Clause
// Calls that send and receive. A connection keeps the borders of datagrams, MSG_PEEK, MSG_TRUNC and
// MSG_DONTWAIT by itself, so recv, read and readv need no replacement; what is left are addresses
// and the wait for execution.
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {

constinit Real<ssize_t(int, const msghdr*, int)> real_sendmsg("sendmsg");
constinit Real<ssize_t(int, msghdr*, int)> real_recvmsg("recvmsg");
constinit Real<ssize_t(int, void*, size_t)> real_read("read");

namespace {

constinit Real<ssize_t(int, const void*, size_t, int)> real_send("send");
constinit Real<ssize_t(int, const void*, size_t, int, const sockaddr*, socklen_t)> real_sendto(
    "sendto");
constinit Real<int(int, mmsghdr*, unsigned, int)> real_sendmmsg("sendmmsg");
constinit Real<ssize_t(int, const void*, size_t)> real_write("write");
constinit Real<ssize_t(int, const iovec*, int)> real_writev("writev");
constinit Real<ssize_t(int, void*, size_t, int, sockaddr*, socklen_t*)> real_recvfrom("recvfrom");
constinit Real<int(int, mmsghdr*, unsigned, int, timespec*)> real_recvmmsg("recvmmsg");
// The form that _FORTIFY_SOURCE makes of it.
constinit Real<ssize_t(int, void*, size_t, size_t, int, sockaddr*, socklen_t*)> real_recvfrom_chk(
    "__recvfrom_chk");

ssize_t Fail(int error) {
  errno = error;
  return -1;
}

ssize_t TotalLength(const msghdr& message) {
  size_t total = 0;
  for (size_t i = 0; i < message.msg_iovlen; ++i) total += message.msg_iov[i].iov_len;
  return total > kMaxDatagram ? Fail(EMSGSIZE) : static_cast<ssize_t>(total);
}

// Only the kernel's place (port id 0) listens; a sender to another process finds nobody.
int CheckDestination(const void* name, socklen_t length) {
  if (name == nullptr || length == 0) return 0;
  sockaddr_nl address;
  if (length < sizeof(address)) return EINVAL;
  memcpy(&address, name, sizeof(address));
  if (address.nl_family != AF_NETLINK) return EINVAL;
  return address.nl_pid == 0 ? 0 : ECONNREFUSED;
}

ssize_t Send(NetlinkSocket& socket, int fd, const msghdr& message, int flags) {
  const int error = CheckDestination(message.msg_name, message.msg_namelen);
  if (error != 0) return Fail(error);
  const ssize_t total = TotalLength(message);
  if (total <= 0) return total;  // an empty datagram asks for nothing, and means end-of-file here
  msghdr bare{};
  bare.msg_iov = message.msg_iov;
  bare.msg_iovlen = message.msg_iovlen;
  return SendAndWait(socket, fd, bare, flags);
}

ssize_t SendBuffer(NetlinkSocket& socket, int fd, const void* data, size_t length, int flags,
                   const sockaddr* name = nullptr, socklen_t name_length = 0) {
  iovec iov{const_cast<void*>(data), length};
  msghdr message{};
  message.msg_name = const_cast<sockaddr*>(name);
  message.msg_namelen = name_length;
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  return Send(socket, fd, message, flags);
}

// The sender of everything is the kernel: port id 0.
socklen_t FillSender(void* name, socklen_t room) {
  sockaddr_nl sender{};
  sender.nl_family = AF_NETLINK;
  memcpy(name, &sender, std::min<size_t>(room, sizeof(sender)));
  return sizeof(sender);
}

ssize_t Receive(int fd, msghdr* message, int flags) {
  const socklen_t room = message->msg_namelen;
  void* const name = message->msg_name;
  message->msg_name = nullptr;
  const ssize_t length = real_recvmsg(fd, message, flags);
  message->msg_name = name;
  message->msg_namelen = length > 0 && name != nullptr ? FillSender(name, room) : 0;
  return length;
}

ssize_t ReceiveBuffer(int fd, void* data, size_t length, int flags, sockaddr* name = nullptr,
                      socklen_t* name_length = nullptr) {
  iovec iov{data, length};
  msghdr message{};
  message.msg_name = name_length == nullptr ? nullptr : name;
  message.msg_namelen = name_length == nullptr ? 0 : *name_length;
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  const ssize_t received = Receive(fd, &message, flags);
  if (received >= 0 && name_length != nullptr) *name_length = message.msg_namelen;
  return received;
}

}  // namespace
}  // namespace vswitch::shim

using namespace vswitch::shim;  // NOLINT: the definitions below are C

VSWITCH_SHIM ssize_t send(int fd, const void* data, size_t length, int flags) {
  SocketRef socket(fd);
  return socket ? SendBuffer(*socket, fd, data, length, flags) : real_send(fd, data, length, flags);
}

VSWITCH_SHIM ssize_t sendto(int fd, const void* data, size_t length, int flags,
                            const sockaddr* name, socklen_t name_length) {
  SocketRef socket(fd);
  return socket ? SendBuffer(*socket, fd, data, length, flags, name, name_length)
                : real_sendto(fd, data, length, flags, name, name_length);
}

VSWITCH_SHIM ssize_t sendmsg(int fd, const msghdr* message, int flags) {
  SocketRef socket(fd);
  if (!socket) return real_sendmsg(fd, message, flags);
  return message == nullptr ? Fail(EFAULT) : Send(*socket, fd, *message, flags);
}

VSWITCH_SHIM int sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
  SocketRef socket(fd);
  if (!socket) return real_sendmmsg(fd, messages, count, flags);
  for (unsigned i = 0; i < count; ++i) {
    const ssize_t sent = Send(*socket, fd, messages[i].msg_hdr, flags);
    if (sent < 0) return i == 0 ? -1 : static_cast<int>(i);
    messages[i].msg_len = static_cast<unsigned>(sent);
  }
  return static_cast<int>(count);
}

VSWITCH_SHIM ssize_t write(int fd, const void* data, size_t length) {
  SocketRef socket(fd);
  return socket ? SendBuffer(*socket, fd, data, length, 0) : real_write(fd, data, length);
}

VSWITCH_SHIM ssize_t writev(int fd, const iovec* iov, int count) {
  SocketRef socket(fd);
  if (!socket) return real_writev(fd, iov, count);
  if (count < 0) return Fail(EINVAL);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(iov);
  message.msg_iovlen = static_cast<size_t>(count);
  return Send(*socket, fd, message, 0);
}

VSWITCH_SHIM ssize_t recvfrom(int fd, void* data, size_t length, int flags, sockaddr* name,
                              socklen_t* name_length) {
  SocketRef socket(fd);
  return socket ? ReceiveBuffer(fd, data, length, flags, name, name_length)
                : real_recvfrom(fd, data, length, flags, name, name_length);
}

// NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's name
VSWITCH_SHIM ssize_t __recvfrom_chk(int fd, void* data, size_t length, size_t room, int flags,
                                    sockaddr* name, socklen_t* name_length) {
  SocketRef socket(fd);
  if (!socket || length > room) {  // too long: the C library ends the program
    return real_recvfrom_chk(fd, data, length, room, flags, name, name_length);
  }
  return ReceiveBuffer(fd, data, length, flags, name, name_length);
}

VSWITCH_SHIM ssize_t recvmsg(int fd, msghdr* message, int flags) {
  SocketRef socket(fd);
  if (!socket || message == nullptr) return real_recvmsg(fd, message, flags);
  return Receive(fd, message, flags);
}

VSWITCH_SHIM int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  SocketRef socket(fd);
  if (!socket) return real_recvmmsg(fd, messages, count, flags, timeout);
  for (unsigned i = 0; i < count; ++i) {
    // After the first, with MSG_WAITFORONE, only what is there already.
    const bool wait = i == 0 || (flags & MSG_WAITFORONE) == 0;
    const int mode = (flags & ~MSG_WAITFORONE) | (wait ? 0 : MSG_DONTWAIT);
    const ssize_t length = Receive(fd, &messages[i].msg_hdr, mode);
    if (length < 0) return i == 0 ? -1 : static_cast<int>(i);
    messages[i].msg_len = static_cast<unsigned>(length);
  }
  return static_cast<int>(count);
}
