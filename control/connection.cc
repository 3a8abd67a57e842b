// SPDX-License-Identifier: BSD-3-Clause
#include "control/connection.h"

#include <linux/net_namespace.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/protocol.h"
#include "dataplane/errno_status.h"

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

Connection::~Connection() {
  DropQueue();
  if (ns != nullptr) --ns->clients;
}

// Whether the queue holds more than `times` its limits.
bool Connection::Overflowing(size_t times) const {
  if (queue_.size() > times * kMaxQueuedDatagrams) return true;
  if (queued_bytes_ > times * kMaxQueuedBytes) return true;
  return !admin && queued_bytes_ > 0 && *total_queued_ > kMaxTotalQueuedBytes;
}

void Connection::Send(Datagram datagram) { Queue(std::move(datagram), NETNSA_NSID_NOT_ASSIGNED); }

void Connection::Queue(Datagram datagram, int32_t nsid) {
  if (deaf_ || dead_) return;
  if (all_nsid_) {
    NsidPrefix prefix;
    prefix.id = nsid;
    const auto* bytes = reinterpret_cast<const uint8_t*>(&prefix);
    datagram.insert(datagram.begin(), bytes, bytes + sizeof(prefix));
  }
  queued_bytes_ += datagram.size();
  *total_queued_ += datagram.size();
  queue_.push_back(std::move(datagram));
}

void Connection::SendNotification(const Namespace& from, const Datagram& datagram) {
  if (!Overflowing(1)) {
    losing_ = false;
    return Queue(datagram, ns == &from ? NETNSA_NSID_NOT_ASSIGNED : ns->IdOf(from));
  }
  if (std::exchange(losing_, true) || no_enobufs_) return;
  Datagram lost;
  NlWriter writer(lost);
  writer.Begin(NLMSG_OVERRUN, 0, 0, 0);
  writer.End();
  Send(std::move(lost));
}

std::optional<Bytes> Connection::Receive(std::vector<uint8_t>& buffer) {
  received_ = ClientFds();
  names_.clear();
  ControlBuffer control;
  iovec iov{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes;
  message.msg_controllen = sizeof(control.bytes);
  ssize_t length;
  do {
    // ECONNRESET (the client closed without reading everything) is reported once, before what it
    // sent: netlink executes all that was sent.
    length = recvmsg(fd(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length < 0 && (errno == EINTR || errno == ECONNRESET));
  if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) return std::nullopt;
  if (length >= 0) received_ = TakeClientFds(message);
  received_.foreign |= (message.msg_flags & MSG_CTRUNC) != 0;
  if (length <= 0 || (message.msg_flags & MSG_TRUNC) != 0 || received_.foreign || Overflowing(2)) {
    Kill();
    return std::nullopt;
  }
  return Bytes(buffer.data(), static_cast<size_t>(length));
}

bool Connection::HandleControl(Bytes datagram, Registry& registry) {
  const bool first = std::exchange(first_, false);
  if (const auto hello = OnlyMessage<HelloRequest>(datagram, kMsgHello); hello && first) {
    Hello(*hello, registry);
    return true;
  }
  if (const auto option = OnlyMessage<OptionRequest>(datagram, kMsgOption)) {
    SetOption(*option);
    return true;
  }
  return false;
}

void Connection::Hello(const HelloRequest& hello, Registry& registry) {
  if (hello.version != 1 || received_.netns.size() > 1) return Kill();
  port_id = hello.port_id;
  eventfd_ = std::move(received_.eventfd);
  if (!received_.netns.empty()) Enter(registry.NamespaceFor(received_.netns[0].inode));
}

void Connection::Enter(Namespace& to) {
  if (ns != nullptr) --ns->clients;
  ns = &to;
  ++ns->clients;
}

Bytes Connection::ReadNetnsNames(Bytes datagram, Registry& registry) {
  const std::optional<NlMessage> message = NlReader(datagram).Next();
  if (!message.has_value() || message->header.nlmsg_type != kMsgNetns) return datagram;
  size_t used = 0;
  Bytes entries = message->payload();
  for (; entries.size() >= sizeof(NetnsEntry); entries = entries.subspan(sizeof(NetnsEntry))) {
    NetnsName name{.entry = ReadStruct<NetnsEntry>(entries), .ns = nullptr};
    if (name.entry.error == 0) {
      if (used == received_.netns.size()) return Kill(), Bytes();
      name.ns = &registry.NamespaceFor(received_.netns[used++].inode);
    }
    names_.push_back(name);
  }
  const size_t length = NLMSG_ALIGN(message->bytes.size());
  return datagram.subspan(std::min(length, datagram.size()));
}

absl::StatusOr<Namespace*> Connection::FindNetns(NetnsHandle handle, uint32_t number) {
  for (const NetnsName& name : names_) {
    if (name.entry.handle != handle || name.entry.number != number) continue;
    if (name.ns != nullptr) return name.ns;
    return ErrnoStatus(name.entry.error);
  }
  return Client::FindNetns(handle, number);
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
      no_enobufs_ = on;
      return;
    case SocketOption::kListenAllNsid:
      all_nsid_ = on && admin;
      return;
  }
}

// A dump goes on only when all before it is on its way: what it tells is as fresh as can be then,
// and no more of it is in memory than the socket's buffer takes.
bool Connection::Refill() {
  if (deaf_) dump.reset();
  if (!queue_.empty() || dump == nullptr) return !queue_.empty();
  std::optional<Datagram> datagram = dump->Next();
  if (!datagram.has_value()) return dump.reset(), false;
  Send(*std::move(datagram));
  return true;
}

void Connection::Flush() {
  for (int i = 0; i < kDatagramsPerFlush && Refill(); ++i) {
    if (!SendFront()) return;
  }
}

// False when the socket takes no more.
bool Connection::SendFront() {
  const Datagram& front = queue_.front();
  while (send(fd(), front.data(), front.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return false;
    deaf_ = true;  // what it sent before it left is still to be executed
    DropQueue();
    return false;
  }
  queued_bytes_ -= front.size();
  *total_queued_ -= front.size();
  queue_.pop_front();
  return true;
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
