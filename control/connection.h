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

  // `total_queued` sums the unread bytes of all connections.
  Connection(UniqueFd socket, size_t* total_queued)
      : socket_(std::move(socket)), total_queued_(total_queued) {}
  ~Connection() override { DropQueue(); }

  int fd() const { return socket_.get(); }
  // Set when the connection is to be closed at the end of the round.
  bool dead() const { return dead_; }
  void Kill() { dead_ = true; }

  void Send(Datagram datagram) override;
  // Dropped when the client reads too slowly.
  void SendNotification(const Datagram& datagram);

  // The next datagram, in `buffer`; nullopt when there is none for now or the connection is dead.
  std::optional<Bytes> Receive(std::vector<uint8_t>& buffer);

  // The network namespace that came with the datagram last received, until HandleControl; null for
  // none.
  const ClientNetns* announced_netns() const {
    return received_.netns.has_value() ? &*received_.netns : nullptr;
  }

  // Hello and Option of protocol.h. False when `datagram` is neither, and still to be executed.
  bool HandleControl(Bytes datagram, Registry& registry);

  // One more datagram executed: to be signalled by ShowReplies.
  void CountExecuted() { ++executed_; }
  // Writes what the socket takes, then signals the barrier. REQUIRES: the batch is committed.
  void ShowReplies(const EventSignal& signal);
  void Flush();
  bool wants_write() const { return !queue_.empty(); }

  // For the server: what epoll watches, and whether the connection is listed for this round.
  uint32_t watched = 0;
  bool listed = false;

 private:
  bool Overflowing(size_t times) const;
  void Hello(const HelloRequest& hello, ClientFds fds, Registry& registry);
  void SetOption(const OptionRequest& request);
  void SetGroupMask(uint32_t mask);
  void DropQueue();

  UniqueFd socket_;
  size_t* const total_queued_;
  UniqueFd eventfd_;
  ClientFds received_;  // with the datagram last received
  std::deque<Datagram> queue_;
  size_t queued_bytes_ = 0;
  uint32_t executed_ = 0;
  bool first_ = true;  // no datagram so far: descriptors are welcome
  bool deaf_ = false;  // the client will never read again
  bool dead_ = false;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CONNECTION_H_
