// SPDX-License-Identifier: BSD-3-Clause
#include "control/connection.h"

#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "control/protocol.h"

namespace vswitch {
namespace {

struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kMaxClientFds * sizeof(int))];
};

// The message, if it is of `type`, alone in the datagram and flagless: rtnetlink has no use for one
// (types below NLMSG_MIN_TYPE are never executed), but acknowledges one that asks for it.
template <typename T>
std::optional<T> OnlyMessage(Bytes datagram, uint16_t type) {
  const auto header = ReadStruct<nlmsghdr>(datagram);
  if (datagram.size() != sizeof(header) + sizeof(T) || header.nlmsg_len != datagram.size() ||
      header.nlmsg_type != type || header.nlmsg_flags != 0) {
    return std::nullopt;
  }
  return ReadStruct<T>(datagram.subspan(sizeof(header)));
}

}  // namespace

// Whether the queue holds more than `times` its limits.
bool Connection::Overflowing(size_t times) const {
  if (queue_.size() > times * kMaxQueuedDatagrams) return true;
  if (queued_bytes_ > times * kMaxQueuedBytes) return true;
  return !admin && queued_bytes_ > 0 && *total_queued_ > kMaxTotalQueuedBytes;
}

void Connection::Send(Datagram datagram) {
  if (deaf_ || dead_) return;
  queued_bytes_ += datagram.size();
  *total_queued_ += datagram.size();
  queue_.push_back(std::move(datagram));
}

void Connection::SendNotification(const Datagram& datagram) {
  if (!Overflowing(1)) Send(datagram);
}

std::optional<Bytes> Connection::Receive(std::vector<uint8_t>& buffer) {
  received_ = ClientFds();
  ControlBuffer control;
  iovec iov{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  // Without room for them the kernel drops descriptors unseen; only a Hello, which is first, may
  // bring any.
  message.msg_control = first_ ? control.bytes : nullptr;
  message.msg_controllen = first_ ? sizeof(control.bytes) : 0;
  ssize_t length;
  do {
    // ECONNRESET (the client closed without reading everything) is reported once, before what it
    // sent: netlink executes all that was sent.
    length = recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
  if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (length >= 0) received_ = TakeClientFds(message);
  received_.foreign |= (message.msg_flags & MSG_CTRUNC) != 0;
  if (length <= 0 || (message.msg_flags & MSG_TRUNC) != 0 || Overflowing(2)) {
    Kill();
    return std::nullopt;
  }
  return Bytes(buffer.data(), static_cast<size_t>(length));
}

bool Connection::HandleControl(Bytes datagram, Registry& registry) {
  const bool first = std::exchange(first_, false);
  ClientFds fds = std::exchange(received_, ClientFds());
  if (const auto hello = OnlyMessage<HelloRequest>(datagram, kMsgHello); hello && first) {
    Hello(*hello, std::move(fds), registry);
    return true;
  }
  if (const auto option = OnlyMessage<OptionRequest>(datagram, kMsgOption)) {
    SetOption(*option);
    return true;
  }
  return false;
}

void Connection::Hello(const HelloRequest& hello, ClientFds fds, Registry& registry) {
  if (hello.version != 1 || fds.foreign) return Kill();
  port_id = hello.port_id;
  eventfd_ = std::move(fds.eventfd);
  if (fds.netns.has_value()) ns = &registry.NamespaceFor(fds.netns->inode);
}

void Connection::SetGroupMask(uint32_t mask) {
  groups.erase(groups.begin(), groups.upper_bound(32));
  for (uint32_t group = 1; group <= 32; ++group) {
    if ((mask >> (group - 1) & 1) != 0) groups.insert(group);
  }
}

void Connection::SetOption(const OptionRequest& request) {
  const bool on = request.value != 0;
  switch (request.option) {
    case SocketOption::kGroups:
      return SetGroupMask(request.value);
    case SocketOption::kAddMembership:
      if (request.value <= kMaxGroup) groups.insert(request.value);
      return;
    case SocketOption::kDropMembership:
      groups.erase(request.value);
      return;
    case SocketOption::kExtAck:
      ext_ack = on;
      return;
    case SocketOption::kCapAck:
      cap_ack = on;
      return;
    case SocketOption::kStrictCheck:
      strict_check = on;
      return;
    case SocketOption::kPortId:
      port_id = request.value;
      return;
    case SocketOption::kNoEnobufs:
    case SocketOption::kListenAllNsid:
      return;  // nothing here depends on them
  }
}

void Connection::Flush() {
  while (!queue_.empty()) {
    const Datagram& front = queue_.front();
    if (send(fd(), front.data(), front.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      deaf_ = true;  // what it sent before it left is still to be executed
      return DropQueue();
    }
    queued_bytes_ -= front.size();
    *total_queued_ -= front.size();
    queue_.pop_front();
  }
}

void Connection::DropQueue() {
  *total_queued_ -= queued_bytes_;
  queued_bytes_ = 0;
  queue_.clear();
}

void Connection::ShowReplies(const EventSignal& signal) {
  Flush();
  for (; executed_ > 0; --executed_) {
    // A client that waits for a signal that cannot come would rather see a hang-up.
    if (eventfd_.valid() && !signal.Signal(eventfd_.get())) Kill();
  }
}

}  // namespace vswitch
