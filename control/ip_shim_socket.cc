// SPDX-License-Identifier: BSD-3-Clause
// Calls that make, name, configure, copy and close sockets.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>

#include "control/ip_shim.h"

namespace vswitch::shim {

constinit Real<int(int, int, int)> real_socket("socket");
constinit Real<int(int, const sockaddr*, socklen_t)> real_connect("connect");
constinit Real<int(int, int, int, const void*, socklen_t)> real_setsockopt("setsockopt");
constinit Real<int(int, int, ...)> real_fcntl("fcntl");
constinit Real<int(int)> real_close("close");

namespace {

constinit Real<int(int, const sockaddr*, socklen_t)> real_bind("bind");
constinit Real<int(int, sockaddr*, socklen_t*)> real_getsockname("getsockname");
constinit Real<int(int, sockaddr*, socklen_t*)> real_getpeername("getpeername");
constinit Real<int(int, int, int, void*, socklen_t*)> real_getsockopt("getsockopt");
constinit Real<int(int)> real_dup("dup");
constinit Real<int(int, int)> real_dup2("dup2");
constinit Real<int(int, int, int)> real_dup3("dup3");
constinit Real<int(int, int, ...)> real_fcntl64("fcntl64");

int Fail(int error) {
  errno = error;
  return -1;
}

// Fills in an address or option as the kernel does: cut to the caller's room, real length told.
int Answer(const void* value, socklen_t length, void* out, socklen_t* room) {
  if (out == nullptr || room == nullptr) return Fail(EFAULT);
  memcpy(out, value, std::min(length, *room));
  *room = length;
  return 0;
}

int AnswerAddress(uint32_t port_id, uint32_t groups, sockaddr* out, socklen_t* room) {
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_pid = port_id;
  address.nl_groups = groups;
  return Answer(&address, sizeof(address), out, room);
}

int Bind(NetlinkSocket& socket, int fd, const sockaddr* address, socklen_t length) {
  sockaddr_nl wanted;
  if (address == nullptr || length < sizeof(wanted)) return Fail(EINVAL);
  memcpy(&wanted, address, sizeof(wanted));
  if (wanted.nl_family != AF_NETLINK) return Fail(EINVAL);
  if (wanted.nl_pid != 0 && wanted.nl_pid != socket.port_id) {
    if (SendOption(socket, fd, SocketOption::kPortId, wanted.nl_pid) != 0) return -1;
    socket.port_id = wanted.nl_pid;
  }
  if (wanted.nl_groups == socket.groups[0].load()) return 0;
  if (SendOption(socket, fd, SocketOption::kGroups, wanted.nl_groups) != 0) return -1;
  socket.groups[0].store(wanted.nl_groups);
  return 0;
}

int SetMembership(NetlinkSocket& socket, int fd, SocketOption option, uint32_t group) {
  if (group == 0 || group > kMaxGroup) return Fail(EINVAL);
  const uint32_t bit = 1u << ((group - 1) % 32);
  std::atomic<uint32_t>& word = socket.groups[(group - 1) / 32];
  if (SendOption(socket, fd, option, group) != 0) return -1;
  if (option == SocketOption::kAddMembership) {
    word.fetch_or(bit);
  } else {
    word.fetch_and(~bit);
  }
  return 0;
}

int SetNetlinkOption(NetlinkSocket& socket, int fd, int name, const void* value, socklen_t length) {
  uint32_t number = 0;
  if (value == nullptr || length < sizeof(number)) return Fail(EINVAL);
  memcpy(&number, value, sizeof(number));
  switch (name) {
    case NETLINK_ADD_MEMBERSHIP:
      return SetMembership(socket, fd, SocketOption::kAddMembership, number);
    case NETLINK_DROP_MEMBERSHIP:
      return SetMembership(socket, fd, SocketOption::kDropMembership, number);
    case NETLINK_EXT_ACK:
    case NETLINK_CAP_ACK:
    case NETLINK_GET_STRICT_CHK:
    case NETLINK_NO_ENOBUFS:
    case NETLINK_LISTEN_ALL_NSID:
      if (SendOption(socket, fd, static_cast<SocketOption>(name), number != 0) != 0) return -1;
      break;
    case NETLINK_PKTINFO:
    case NETLINK_BROADCAST_ERROR:
      break;
    default:
      return Fail(ENOPROTOOPT);
  }
  if (number != 0) {
    socket.flags.fetch_or(1u << name);
  } else {
    socket.flags.fetch_and(~(1u << name));
  }
  return 0;
}

int GetNetlinkOption(const NetlinkSocket& socket, int name, void* value, socklen_t* length) {
  if (name == NETLINK_LIST_MEMBERSHIPS) {
    uint32_t groups[kMaxGroup / 32];
    for (size_t i = 0; i < kMaxGroup / 32; ++i) groups[i] = socket.groups[i].load();
    return Answer(groups, sizeof(groups), value, length);
  }
  constexpr uint32_t kKnown = 1u << NETLINK_PKTINFO | 1u << NETLINK_BROADCAST_ERROR |
                              1u << NETLINK_NO_ENOBUFS | 1u << NETLINK_LISTEN_ALL_NSID |
                              1u << NETLINK_CAP_ACK | 1u << NETLINK_EXT_ACK |
                              1u << NETLINK_GET_STRICT_CHK;
  if (name < 0 || name > 31 || (kKnown >> name & 1) == 0) return Fail(ENOPROTOOPT);
  const int on = socket.flags.load() >> name & 1;
  return Answer(&on, sizeof(on), value, length);
}

// Packet filters were written for netlink messages of the kernel's making; nothing is filtered.
bool IsFilter(int name) {
  return name == SO_ATTACH_FILTER || name == SO_ATTACH_BPF || name == SO_DETACH_FILTER ||
         name == SO_LOCK_FILTER;
}

// Registers what dup() and its kin returned.
int Copied(int original, int fd) {
  if (fd >= 0) TrackCopy(original, fd);
  return fd;
}

bool Duplicates(int command) { return command == F_DUPFD || command == F_DUPFD_CLOEXEC; }

}  // namespace
}  // namespace vswitch::shim

using namespace vswitch::shim;  // NOLINT: the definitions below are C

VSWITCH_SHIM int socket(int domain, int type, int protocol) noexcept {
  const int kind = type & ~(SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (domain != AF_NETLINK || protocol != NETLINK_ROUTE ||
      (kind != SOCK_RAW && kind != SOCK_DGRAM)) {
    return real_socket(domain, type, protocol);
  }
  return OpenNetlink(type);
}

VSWITCH_SHIM int bind(int fd, const sockaddr* address, socklen_t length) noexcept {
  SocketRef socket(fd);
  return socket ? Bind(*socket, fd, address, length) : real_bind(fd, address, length);
}

// The only peer there is, is the kernel's place.
VSWITCH_SHIM int connect(int fd, const sockaddr* address, socklen_t length) {
  SocketRef socket(fd);
  return socket ? 0 : real_connect(fd, address, length);
}

VSWITCH_SHIM int getsockname(int fd, sockaddr* address, socklen_t* length) noexcept {
  SocketRef socket(fd);
  if (!socket) return real_getsockname(fd, address, length);
  return AnswerAddress(socket->port_id, socket->groups[0].load(), address, length);
}

VSWITCH_SHIM int getpeername(int fd, sockaddr* address, socklen_t* length) noexcept {
  SocketRef socket(fd);
  if (!socket) return real_getpeername(fd, address, length);
  return AnswerAddress(0, 0, address, length);
}

VSWITCH_SHIM int setsockopt(int fd, int level, int name, const void* value,
                            socklen_t length) noexcept {
  SocketRef socket(fd);
  if (socket && level == SOL_NETLINK) return SetNetlinkOption(*socket, fd, name, value, length);
  if (socket && level == SOL_SOCKET && IsFilter(name)) return 0;
  return real_setsockopt(fd, level, name, value, length);
}

VSWITCH_SHIM int getsockopt(int fd, int level, int name, void* value, socklen_t* length) noexcept {
  SocketRef socket(fd);
  if (socket && level == SOL_NETLINK) return GetNetlinkOption(*socket, name, value, length);
  if (socket && level == SOL_SOCKET) {
    const int domain = AF_NETLINK, protocol = NETLINK_ROUTE;
    if (name == SO_DOMAIN) return Answer(&domain, sizeof(domain), value, length);
    if (name == SO_PROTOCOL) return Answer(&protocol, sizeof(protocol), value, length);
    if (name == SO_TYPE) return Answer(&socket->type, sizeof(socket->type), value, length);
  }
  return real_getsockopt(fd, level, name, value, length);
}

VSWITCH_SHIM int close(int fd) {
  // Before: as soon as it is closed, another thread may get the number for a new socket.
  if (SocketRef(fd)) Track(fd, nullptr);
  return real_close(fd);
}

VSWITCH_SHIM int dup(int fd) noexcept { return Copied(fd, real_dup(fd)); }
VSWITCH_SHIM int dup2(int fd, int wanted) noexcept { return Copied(fd, real_dup2(fd, wanted)); }
VSWITCH_SHIM int dup3(int fd, int wanted, int flags) noexcept {
  return Copied(fd, real_dup3(fd, wanted, flags));
}

VSWITCH_SHIM int fcntl(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  const int result = real_fcntl(fd, command, argument);
  return Duplicates(command) ? Copied(fd, result) : result;
}

VSWITCH_SHIM int fcntl64(int fd, int command, ...) {
  va_list list;
  va_start(list, command);
  void* const argument = va_arg(list, void*);
  va_end(list);
  const int result = real_fcntl64(fd, command, argument);
  return Duplicates(command) ? Copied(fd, result) : result;
}
