// SPDX-License-Identifier: BSD-3-Clause
// One client of the server: its socket, the queue of what it has not read yet, and its barrier.
#ifndef VSWITCH_CONTROL_CONNECTION_H_
#define VSWITCH_CONTROL_CONNECTION_H_

#include <deque>
#include <optional>
#include <vector>

#include "control/client.h"
#include "control/client_fds.h"
#include "control/event_signal.h"
#include "control/protocol.h"
#include "control/registry.h"
#include "control/unique_fd.h"

namespace vswitch {

// Control thread. Nothing here blocks: output waits in user space, because a client in the middle
// of sending a request is not reading (semantics of NETLINK sockets need the barrier, the barrier
// needs this).
class Connection final : public Client {
 public:
  // Beyond this much unread output notifications are dropped; beyond twice as much a further
  // request ends the connection. The answers to one request are always queued whole.
  static constexpr size_t kMaxQueuedBytes = 64 << 20;
  static constexpr size_t kMaxQueuedDatagrams = 16384;

  // Beyond this much unread output of all connections together, the same goes for every client that
  // is not an admin and has any.
  static constexpr size_t kMaxTotalQueuedBytes = 256 << 20;
  static constexpr uint32_t kMaxGroup = 1024;
  // A client that reads as fast as we write does not keep us from the others for longer.
  static constexpr int kDatagramsPerFlush = 256;

  // `total_queued` sums the unread bytes of all connections.
  Connection(UniqueFd socket, size_t* total_queued)
      : socket_(std::move(socket)), total_queued_(total_queued) {}
  ~Connection() override;

  int fd() const { return socket_.get(); }
  // Set when the connection is to be closed at the end of the round.
  bool dead() const { return dead_; }
  void Kill() { dead_ = true; }

  void Send(Datagram datagram) override;
  void ContinueDump() override {}  // Flush does
  // Dropped when the client reads too slowly, which it is told. REQUIRES: IsMember.
  void SendNotification(const Namespace& from, const Datagram& datagram);

  // The next datagram, in `buffer`; nullopt when there is none for now or the connection is dead.
  std::optional<Bytes> Receive(std::vector<uint8_t>& buffer);

  // The network namespaces that came with the datagram last received.
  const std::vector<ClientNetns>& received_netns() const { return received_.netns; }

  // Hello and Option of protocol.h. False when `datagram` is neither, and still to be executed.
  bool HandleControl(Bytes datagram, Registry& registry);
  // The requests of a datagram, behind what it says about namespaces (kMsgNetns): FindNetns knows
  // that until the next one is received.
  Bytes ReadNetnsNames(Bytes datagram, Registry& registry);
  absl::StatusOr<Namespace*> FindNetns(NetnsHandle handle, uint32_t number) override;

  // Whether notifications of the group in that namespace come here.
  bool IsMember(const Namespace& of, uint32_t group) const {
    const bool hears = ns == &of || (all_nsid_ && ns->IdOf(of) >= 0);
    return hears && groups.count(group) > 0;
  }
  // Makes `to` the client's namespace.
  void Enter(Namespace& to);

  // One more datagram executed: to be signalled by ShowReplies.
  void CountExecuted() { ++executed_; }
  // Writes what the socket takes, then signals the barrier. REQUIRES: the batch is committed.
  void ShowReplies(const EventSignal& signal);
  void Flush();
  bool wants_write() const { return !queue_.empty() || dump != nullptr; }

  // For the server: what epoll watches, and whether the connection is listed for this round.
  uint32_t watched = 0;
  bool listed = false;

 private:
  bool Overflowing(size_t times) const;
  void Queue(Datagram datagram, int32_t nsid);
  bool Refill();
  bool SendFront();
  void Hello(const HelloRequest& hello, Registry& registry);
  void SetOption(const OptionRequest& request);
  void SetGroupMask(uint32_t mask);
  void DropQueue();

  struct NetnsName {
    NetnsEntry entry;
    Namespace* ns;  // null: entry.error says why
  };

  UniqueFd socket_;
  size_t* const total_queued_;
  UniqueFd eventfd_;
  ClientFds received_;  // with the datagram last received
  std::vector<NetnsName> names_;
  std::deque<Datagram> queue_;
  size_t queued_bytes_ = 0;
  uint32_t executed_ = 0;
  bool losing_ = false;      // notifications, since the client was told
  bool all_nsid_ = false;    // listens to other namespaces, too
  bool no_enobufs_ = false;  // it does not want to know
  bool first_ = true;        // no datagram so far: descriptors are welcome
  bool deaf_ = false;        // the client will never read again
  bool dead_ = false;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CONNECTION_H_
