// SPDX-License-Identifier: BSD-3-Clause
// Calls that send and receive. A connection keeps the borders of datagrams, MSG_PEEK, MSG_TRUNC and
// MSG_DONTWAIT by itself; what is left are addresses, the wait for execution, and messages that
// were lost.
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

constexpr size_t kMaxParts = 1024;  // UIO_MAXIOV

constinit Real<ssize_t(int, const void*, size_t, int)> real_send("send");
constinit Real<ssize_t(int, const void*, size_t, int, const sockaddr*, socklen_t)> real_sendto(
    "sendto");
constinit Real<int(int, mmsghdr*, unsigned, int)> real_sendmmsg("sendmmsg");
constinit Real<ssize_t(int, const void*, size_t)> real_write("write");
constinit Real<ssize_t(int, const iovec*, int)> real_writev("writev");
constinit Real<ssize_t(int, void*, size_t, int)> real_recv("recv");
constinit Real<ssize_t(int, const iovec*, int)> real_readv("readv");
constinit Real<ssize_t(int, void*, size_t, int, sockaddr*, socklen_t*)> real_recvfrom("recvfrom");
constinit Real<int(int, mmsghdr*, unsigned, int, timespec*)> real_recvmmsg("recvmmsg");
// The forms that _FORTIFY_SOURCE makes of them.
constinit Real<ssize_t(int, void*, size_t, size_t)> real_read_chk("__read_chk");
constinit Real<ssize_t(int, void*, size_t, size_t, int)> real_recv_chk("__recv_chk");
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

ssize_t SendWithNames(NetlinkSocket& socket, int fd, const msghdr& message, const NetnsNames& names,
                      int flags) {
  nlmsghdr header{};
  const size_t entries = names.count() * sizeof(NetnsEntry);
  header.nlmsg_len = static_cast<uint32_t>(sizeof(header) + entries);
  header.nlmsg_type = kMsgNetns;
  if (message.msg_iovlen > kMaxParts - 2) return Fail(EMSGSIZE);
  iovec parts[kMaxParts] = {{&header, sizeof(header)},
                            {const_cast<NetnsEntry*>(names.entries()), entries}};
  std::copy_n(message.msg_iov, message.msg_iovlen, parts + 2);
  alignas(cmsghdr) char control[NetnsNames::kControlSize] = {};
  msghdr whole{};
  whole.msg_iov = parts;
  whole.msg_iovlen = message.msg_iovlen + 2;
  whole.msg_controllen = names.Write(control);
  whole.msg_control = whole.msg_controllen == 0 ? nullptr : control;
  const ssize_t sent = SendAndWait(socket, fd, whole, flags);
  return sent < 0 ? sent : sent - static_cast<ssize_t>(header.nlmsg_len);
}

ssize_t Send(NetlinkSocket& socket, int fd, const msghdr& message, int flags) {
  const int error = CheckDestination(message.msg_name, message.msg_namelen);
  if (error != 0) return Fail(error);
  const ssize_t total = TotalLength(message);
  if (total <= 0) return total;  // an empty datagram asks for nothing, and means end-of-file here
  NetnsNames names;
  names.Search(message);
  if (names.count() > 0) return SendWithNames(socket, fd, message, names, flags);
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

// Whether what was received says that messages were lost: an NLMSG_OVERRUN, which is shorter than
// anything else that is sent. A caller may have peeked at its length only.
bool IsOverrun(ssize_t length, const msghdr& message, int flags) {
  if (length != static_cast<ssize_t>(sizeof(nlmsghdr))) return false;
  nlmsghdr header{};
  char* end = reinterpret_cast<char*>(&header);
  size_t missing = sizeof(header);
  for (size_t i = 0; i < message.msg_iovlen && missing > 0; ++i) {
    const size_t part = std::min(missing, message.msg_iov[i].iov_len);
    end = std::copy_n(static_cast<const char*>(message.msg_iov[i].iov_base), part, end);
    missing -= part;
  }
  if (missing == sizeof(header)) return (flags & MSG_TRUNC) != 0;
  return header.nlmsg_len == sizeof(header) && header.nlmsg_type == NLMSG_OVERRUN;
}

// ENOBUFS, as a netlink socket that could not hold a message says once.
ssize_t ReportOverrun(int fd, int flags) {
  char sign[sizeof(NsidPrefix) + sizeof(nlmsghdr)];
  iovec iov{sign, sizeof(sign)};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  if ((flags & MSG_PEEK) != 0) real_recvmsg(fd, &message, MSG_DONTWAIT);
  return Fail(ENOBUFS);
}

// Which namespace a notification is from, as a control message (NETLINK_LISTEN_ALL_NSID).
size_t FillNsid(int32_t id, void* control, size_t room) {
  if (id < 0 || control == nullptr || room < CMSG_SPACE(sizeof(id))) return 0;
  auto* const header = static_cast<cmsghdr*>(control);
  header->cmsg_level = SOL_NETLINK;
  header->cmsg_type = NETLINK_LISTEN_ALL_NSID;
  header->cmsg_len = CMSG_LEN(sizeof(id));
  memcpy(CMSG_DATA(header), &id, sizeof(id));
  return CMSG_SPACE(sizeof(id));
}

// A datagram without the prefix that it may have.
ssize_t ReceiveWithNsid(int fd, msghdr* message, int flags) {
  NsidPrefix prefix;
  const ssize_t peeked = real_recv(fd, &prefix, sizeof(prefix), (flags & MSG_DONTWAIT) | MSG_PEEK);
  if (peeked < 0) return peeked;
  if (peeked < static_cast<ssize_t>(sizeof(prefix)) || prefix.header.nlmsg_type != kMsgNetns) {
    return real_recvmsg(fd, message, flags);
  }
  if (message->msg_iovlen >= kMaxParts) return Fail(EMSGSIZE);
  iovec parts[kMaxParts] = {{&prefix, sizeof(prefix)}};
  std::copy_n(message->msg_iov, message->msg_iovlen, parts + 1);
  msghdr whole{};
  whole.msg_iov = parts;
  whole.msg_iovlen = message->msg_iovlen + 1;
  const ssize_t length = real_recvmsg(fd, &whole, flags);
  if (length < 0) return length;
  message->msg_flags = whole.msg_flags;
  message->msg_controllen = FillNsid(prefix.id, message->msg_control, message->msg_controllen);
  return length - static_cast<ssize_t>(sizeof(prefix));
}

ssize_t Receive(const NetlinkSocket& socket, int fd, msghdr* message, int flags) {
  const socklen_t room = message->msg_namelen;
  void* const name = message->msg_name;
  message->msg_name = nullptr;
  const bool all_nsid = (socket.flags.load() >> NETLINK_LISTEN_ALL_NSID & 1) != 0;
  const ssize_t length =
      all_nsid ? ReceiveWithNsid(fd, message, flags) : real_recvmsg(fd, message, flags);
  message->msg_name = name;
  message->msg_namelen = length > 0 && name != nullptr ? FillSender(name, room) : 0;
  if (IsOverrun(length, *message, flags)) return ReportOverrun(fd, flags);
  return length;
}

ssize_t ReceiveBuffer(const NetlinkSocket& socket, int fd, void* data, size_t length, int flags,
                      sockaddr* name = nullptr, socklen_t* name_length = nullptr) {
  iovec iov{data, length};
  msghdr message{};
  message.msg_name = name_length == nullptr ? nullptr : name;
  message.msg_namelen = name_length == nullptr ? 0 : *name_length;
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  const ssize_t received = Receive(socket, fd, &message, flags);
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

VSWITCH_SHIM ssize_t read(int fd, void* data, size_t length) {
  SocketRef socket(fd);
  return socket ? ReceiveBuffer(*socket, fd, data, length, 0) : real_read(fd, data, length);
}

VSWITCH_SHIM ssize_t __read_chk(int fd, void* data, size_t length, size_t room) {
  SocketRef socket(fd);
  const bool ours = socket && length <= room;  // too long: the C library ends the program
  return ours ? ReceiveBuffer(*socket, fd, data, length, 0) : real_read_chk(fd, data, length, room);
}

VSWITCH_SHIM ssize_t readv(int fd, const iovec* iov, int count) {
  SocketRef socket(fd);
  if (!socket || count < 0) return real_readv(fd, iov, count);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(iov);
  message.msg_iovlen = static_cast<size_t>(count);
  return Receive(*socket, fd, &message, 0);
}

VSWITCH_SHIM ssize_t recv(int fd, void* data, size_t length, int flags) {
  SocketRef socket(fd);
  return socket ? ReceiveBuffer(*socket, fd, data, length, flags)
                : real_recv(fd, data, length, flags);
}

VSWITCH_SHIM ssize_t __recv_chk(int fd, void* data, size_t length, size_t room, int flags) {
  SocketRef socket(fd);
  const bool ours = socket && length <= room;
  return ours ? ReceiveBuffer(*socket, fd, data, length, flags)
              : real_recv_chk(fd, data, length, room, flags);
}

VSWITCH_SHIM ssize_t recvfrom(int fd, void* data, size_t length, int flags, sockaddr* name,
                              socklen_t* name_length) {
  SocketRef socket(fd);
  return socket ? ReceiveBuffer(*socket, fd, data, length, flags, name, name_length)
                : real_recvfrom(fd, data, length, flags, name, name_length);
}

// NOLINTNEXTLINE(bugprone-reserved-identifier): the C library's name
VSWITCH_SHIM ssize_t __recvfrom_chk(int fd, void* data, size_t length, size_t room, int flags,
                                    sockaddr* name, socklen_t* name_length) {
  SocketRef socket(fd);
  if (!socket || length > room) {
    return real_recvfrom_chk(fd, data, length, room, flags, name, name_length);
  }
  return ReceiveBuffer(*socket, fd, data, length, flags, name, name_length);
}

VSWITCH_SHIM ssize_t recvmsg(int fd, msghdr* message, int flags) {
  SocketRef socket(fd);
  if (!socket || message == nullptr) return real_recvmsg(fd, message, flags);
  return Receive(*socket, fd, message, flags);
}

VSWITCH_SHIM int recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
  SocketRef socket(fd);
  if (!socket) return real_recvmmsg(fd, messages, count, flags, timeout);
  for (unsigned i = 0; i < count; ++i) {
    // After the first, with MSG_WAITFORONE, only what is there already.
    const bool wait = i == 0 || (flags & MSG_WAITFORONE) == 0;
    const int mode = (flags & ~MSG_WAITFORONE) | (wait ? 0 : MSG_DONTWAIT);
    const ssize_t length = Receive(*socket, fd, &messages[i].msg_hdr, mode);
    if (length < 0) return i == 0 ? -1 : static_cast<int>(i);
    messages[i].msg_len = static_cast<unsigned>(length);
  }
  return static_cast<int>(count);
}
