// SPDX-License-Identifier: BSD-3-Clause
// libvswitch-ip.so: an LD_PRELOAD library that turns the rtnetlink sockets of a program into
// connections to vswitch. Everything below may be called from any thread. It lives inside other
// people's programs: no exceptions, no C++ library, no output, nothing that needs destruction.
#ifndef VSWITCH_CONTROL_IP_SHIM_H_
#define VSWITCH_CONTROL_IP_SHIM_H_

#include <dlfcn.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "control/protocol.h"

// A function that programs call instead of the C library's.
#define VSWITCH_SHIM extern "C" __attribute__((visibility("default")))

namespace vswitch::shim {

// The C library's own function behind one that is replaced here, looked up at the first call: calls
// come before any constructor of this library has run.
template <typename F>
class Real {
 public:
  explicit constexpr Real(const char* name) : name_(name) {}

  template <typename... Args>
  auto operator()(Args... args) {
    F* function = function_.load(std::memory_order_acquire);
    if (function == nullptr) {
      function = reinterpret_cast<F*>(dlsym(RTLD_NEXT, name_));
      function_.store(function, std::memory_order_release);
    }
    return function(args...);
  }

 private:
  std::atomic<F*> function_{nullptr};
  const char* const name_;
};

// Constant-initialised: see Real.
// NOLINTBEGIN(bugprone-dynamic-static-initializers)
extern Real<int(int, int, int)> real_socket;
extern Real<int(int, const sockaddr*, socklen_t)> real_connect;
extern Real<int(int, int, int, const void*, socklen_t)> real_setsockopt;
extern Real<int(int, int, ...)> real_fcntl;
extern Real<int(int)> real_close;
extern Real<ssize_t(int, void*, size_t)> real_read;
extern Real<ssize_t(int, const msghdr*, int)> real_sendmsg;
extern Real<ssize_t(int, msghdr*, int)> real_recvmsg;
// NOLINTEND(bugprone-dynamic-static-initializers)

inline constexpr uint32_t kMaxGroup = 1024;

// What a program believes to be a netlink socket. Shared by the descriptors that dup() made of it.
struct NetlinkSocket {
  std::atomic<int> references{1};
  uint64_t inode = 0;  // of the unix socket: tells whether a descriptor still is this socket
  pthread_mutex_t send_lock = PTHREAD_MUTEX_INITIALIZER;  // one barrier wait at a time
  int barrier = -1;                                       // eventfd
  uint32_t port_id = 0;
  int type = SOCK_RAW;
  std::atomic<uint32_t> flags{0};                     // NETLINK_* options that are on, by number
  std::atomic<uint32_t> groups[kMaxGroup / 32] = {};  // memberships
};

// A counted reference to the socket behind `fd`, null if the program's descriptor is none of ours.
// Descriptors that were closed or replaced behind our back (close_range, stdio) are noticed.
class SocketRef {
 public:
  explicit SocketRef(int fd);
  ~SocketRef();
  SocketRef(const SocketRef&) = delete;
  SocketRef& operator=(const SocketRef&) = delete;

  explicit operator bool() const { return socket_ != nullptr; }
  NetlinkSocket* operator->() const { return socket_; }
  NetlinkSocket& operator*() const { return *socket_; }

 private:
  NetlinkSocket* socket_;
};

// Makes `fd` one of the socket's descriptors (takes over one reference), or none of ours (null).
void Track(int fd, NetlinkSocket* socket);
// For dup(): `fd` becomes one more descriptor of what `original` is.
void TrackCopy(int original, int fd);

// A connection to vswitch that has said Hello for the calling thread's network namespace: a
// blocking SEQPACKET socket, or -1 with errno. `barrier` may be -1.
int Connect(uint32_t port_id, int barrier);

// A new netlink socket for the program, or -1 with errno EPROTONOSUPPORT. `type` as for socket().
int OpenNetlink(int type);

// The namespaces that the requests of a datagram name by numbers of this process, ready to be sent
// along (kMsgNetns).
class NetnsNames {
 public:
  static constexpr size_t kControlSize = CMSG_SPACE(kMaxNetnsEntries * sizeof(int));

  NetnsNames() = default;
  NetnsNames(const NetnsNames&) = delete;
  ~NetnsNames();

  void Search(const msghdr& message);
  // As many as the protocol takes; the others mean nothing to vswitch.
  void Add(NetnsHandle handle, uint32_t number);

  const NetnsEntry* entries() const { return entries_; }
  size_t count() const { return count_; }
  // Fills in `control`, of kControlSize bytes, and returns how many it needs.
  size_t Write(char* control) const;

 private:
  struct Fd {
    int fd;
    bool ours;  // to be closed
  };

  NetnsEntry entries_[kMaxNetnsEntries];
  Fd fds_[kMaxNetnsEntries];
  size_t count_ = 0, fd_count_ = 0;
};

// Sends one datagram and returns when the server has executed it, as the kernel would. -1 with
// errno.
ssize_t SendAndWait(NetlinkSocket& socket, int fd, const msghdr& message, int flags);
// Tells the server about a socket option.
int SendOption(NetlinkSocket& socket, int fd, SocketOption option, uint32_t value);

// A link as the if_* functions and interface ioctls need it.
struct Link {
  int index;
  uint32_t flags;
  uint32_t mtu;
  uint32_t txqlen;
  uint16_t type;
  uint8_t address_length;
  uint8_t address[32];
  uint8_t broadcast[32];
  char name[16];
};

// One link of the calling thread's namespace by `name`, or by `index` when name is null. 0 or an
// errno.
int QueryLink(const char* name, int index, Link* link);
// All of them, in a malloc'ed array. 0 or an errno.
int QueryLinks(Link** links, size_t* count);

}  // namespace vswitch::shim

#endif  // VSWITCH_CONTROL_IP_SHIM_H_
