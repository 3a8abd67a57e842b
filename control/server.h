// SPDX-License-Identifier: BSD-3-Clause
// The netlink server: a listening AF_UNIX SOCK_SEQPACKET socket and the loop of the control thread.
#ifndef VSWITCH_CONTROL_SERVER_H_
#define VSWITCH_CONTROL_SERVER_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "control/access.h"
#include "control/connection.h"
#include "control/event_signal.h"
#include "control/netns_watch.h"
#include "control/rtnl.h"
#include "control/unique_fd.h"

namespace vswitch {

// Everything runs on the control thread. Listen, then make the Rtnl (it needs the Multicast), then
// Run.
class Server final : public Multicast {
 public:
  // A socket file of a process that is gone is replaced. Everybody who may open the socket may
  // read; who may change things is checked by itself, so the default mode is open. Errors are one
  // line with the path.
  static absl::StatusOr<std::unique_ptr<Server>> Listen(const std::string& path, Registry& registry,
                                                        mode_t mode = 0666);
  // For clients that connect from now on; at first only root and the user of this process may
  // change things.
  void set_access(const Access& access) { access_ = access; }
  // Hangs up on every client and removes the socket file.
  ~Server() override;

  void Notify(const Namespace& ns, uint32_t group, const Datagram& datagram) override;
  bool HasMembers(const Namespace& ns, uint32_t group) const override;

  // Serves until `stop_fd` becomes readable. Each round reads a bounded number of datagrams per
  // client and executes them, ends the batch with one Rtnl::Commit, and only then shows replies
  // and signals the clients' barriers.
  void Run(Rtnl& rtnl, int stop_fd);

  size_t clients() const { return connections_.size(); }

 private:
  using ConnectionMap = absl::flat_hash_map<int, std::unique_ptr<Connection>>;

  Server(std::string path, UniqueFd listener, UniqueFd epoll, EventSignal signal,
         Registry& registry);

  void Watch(int fd, uint32_t events, int operation) const;
  void Accept();
  void Admit(UniqueFd socket);
  void RefuseForLackOfFds();
  void Serve(Connection& connection, Rtnl& rtnl);
  void KeepOrRelease(const ClientNetns& netns, Rtnl& rtnl);
  void EndNamespaces(Rtnl& rtnl);
  void EndNamespace(Namespace& ns, Rtnl& rtnl);
  void Execute(Connection& connection, Bytes datagram, Rtnl& rtnl);
  void ExecuteRequests(Connection& connection, Bytes requests, Rtnl& rtnl);
  void RefreshMembers(Connection& connection);
  void MarkDirty(Connection& connection);
  void FinishRound(Rtnl& rtnl);
  void WatchForRoom(Connection& connection);
  void Remove(Connection& connection, Rtnl& rtnl);

  const std::string path_;
  UniqueFd listener_;
  UniqueFd epoll_;
  UniqueFd spare_;  // given up for a moment to refuse a client when there are no more fds
  EventSignal signal_;
  NetnsWatch netns_watch_;
  Registry& registry_;
  Access access_;
  std::vector<uint8_t> buffer_;       // for the datagram being executed
  size_t total_queued_ = 0;           // bytes, of all connections
  ConnectionMap connections_;         // by socket
  std::vector<Connection*> members_;  // connections with group memberships
  std::vector<Connection*> dirty_;    // with something to do at the end of the round
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_SERVER_H_
