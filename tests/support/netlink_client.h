// SPDX-License-Identifier: BSD-3-Clause
// A raw client of a Server, and a Server with its thread, for tests with real sockets.
#ifndef VSWITCH_TESTS_SUPPORT_NETLINK_CLIENT_H_
#define VSWITCH_TESTS_SUPPORT_NETLINK_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "control/netlink.h"
#include "control/protocol.h"
#include "control/server.h"
#include "control/unique_fd.h"

namespace vswitch {

// One received message: type, flags, and the errno of an NLMSG_ERROR.
struct Reply {
  uint16_t type = 0;
  uint16_t flags = 0;
  uint32_t pid = 0;
  int error = 0;
  Datagram bytes;
};

// Blocking; gives up after some seconds by failing the call, so that a stuck server fails a test.
class NetlinkClient {
 public:
  explicit NetlinkClient(const std::string& path);

  bool connected() const { return socket_.valid(); }
  int fd() const { return socket_.get(); }
  int eventfd() const { return eventfd_.get(); }

  // Announces itself with an eventfd and, if given, a network namespace.
  void Hello(uint32_t port_id = 7, int netns = -1);
  // Any descriptors at all.
  void HelloWith(const std::vector<int>& fds);
  void SetOption(SocketOption option, uint32_t value);
  bool Send(const Datagram& datagram, const std::vector<int>& fds = {});
  // One signal of the barrier.
  bool WaitBarrier();

  // The messages of the next datagram; empty when the server hung up or is silent.
  std::vector<Reply> Receive(int flags = 0);
  // All up to and including the next NLMSG_ERROR or NLMSG_DONE.
  std::vector<Reply> ReceiveAnswer();
  // Send and ReceiveAnswer; the errno at the end, or -1.
  int Ask(const Datagram& datagram);
  // True once the server has closed the connection; reads and drops what came before.
  bool HungUp();

 private:
  UniqueFd socket_;
  UniqueFd eventfd_;
};

// A Server, its Rtnl and the thread that runs them, on a socket in a directory of its own.
class ServerThread {
 public:
  explicit ServerThread(const Access& access = {});
  ~ServerThread();
  const std::string& path() const { return path_; }
  // Ends the thread; the registry may be looked at afterwards, until it starts again.
  void Stop();
  void Start();
  Registry& registry() { return registry_; }

 private:
  std::string directory_;
  std::string path_;
  Registry registry_;
  Dataplane dataplane_{1};
  std::unique_ptr<Server> server_;
  std::unique_ptr<Rtnl> rtnl_;
  UniqueFd stop_;
  std::thread thread_;
};

// `ip link add NAME type dummy`, `ip link show dev NAME`, `ip link show`.
Datagram NewDummy(const std::string& name);
Datagram GetLinkByName(const std::string& name);
Datagram DumpLinks();

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_NETLINK_CLIENT_H_
