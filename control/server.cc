// SPDX-License-Identifier: BSD-3-Clause
#include "control/server.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/protocol.h"
#include "control/switch_requests.h"
#include "dataplane/errno_status.h"
#include "dataplane/unix_socket.h"

namespace vswitch {
namespace {

constexpr size_t kMaxClients = 1024;
constexpr size_t kClientsForAdmins = 64;  // of them
// Of one client, so that none starves the others.
constexpr int kDatagramsPerRound = 64;
constexpr std::chrono::milliseconds kTimePerRound{2};
constexpr int kSendBuffer = 1 << 20;  // a program that reads without waiting finds this much

absl::Status PathError(const std::string& path, const char* what, int error) {
  return ErrnoStatus(error, absl::StrCat(path, ": ", what, ": ", strerror(error)));
}

absl::Status BindAndListen(int fd, const std::string& path, const sockaddr_un& address,
                           mode_t mode) {
  if (bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    return PathError(path, "bind", errno);
  }
  // Nobody can connect before listen: the mode is never wider than it should be.
  if (chmod(path.c_str(), mode) != 0) return PathError(path, "chmod", errno);
  if (listen(fd, SOMAXCONN) != 0) return PathError(path, "listen", errno);
  return absl::OkStatus();
}

constexpr uint32_t kNobody = 65534;

// The user that the process at the other end had when it connected.
uint32_t PeerUid(int fd) {
  ucred peer{};
  socklen_t length = sizeof(peer);
  return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? peer.uid : kNobody;
}

void EnlargeSendBuffer(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &kSendBuffer, sizeof(kSendBuffer)) != 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &kSendBuffer, sizeof(kSendBuffer));
  }
}

// Milliseconds for epoll_wait: -1 when there is no timer. Rounded up, so that the timer is due
// then.
int UntilTimer(const Rtnl& rtnl) {
  using std::chrono::ceil;
  using std::chrono::milliseconds;
  const std::optional<MonotonicTime> timer = rtnl.NextTimer();
  if (!timer.has_value()) return -1;
  const auto wait = ceil<milliseconds>(*timer - std::chrono::steady_clock::now());
  return static_cast<int>(std::clamp<int64_t>(wait.count(), 0, std::numeric_limits<int>::max()));
}

UniqueFd OpenSpare() { return UniqueFd(open("/dev/null", O_RDONLY | O_CLOEXEC)); }

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Listen(const std::string& path, Registry& registry,
                                                       mode_t mode) {
  const absl::StatusOr<sockaddr_un> address = UnixAddress(path);
  if (!address.ok()) return address.status();
  UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  UniqueFd epoll(epoll_create1(EPOLL_CLOEXEC));
  if (!listener.valid() || !epoll.valid()) return PathError(path, "socket", errno);
  absl::StatusOr<EventSignal> signal = EventSignal::Create();
  if (!signal.ok()) return signal.status();
  if (absl::Status status = RemoveStaleSocket(path); !status.ok()) return status;
  if (absl::Status status = BindAndListen(listener.get(), path, *address, mode); !status.ok()) {
    return status;
  }
  return std::unique_ptr<Server>(
      new Server(path, std::move(listener), std::move(epoll), *std::move(signal), registry));
}

Server::Server(std::string path, UniqueFd listener, UniqueFd epoll, EventSignal signal,
               Registry& registry)
    : path_(std::move(path)),
      listener_(std::move(listener)),
      epoll_(std::move(epoll)),
      spare_(OpenSpare()),
      signal_(std::move(signal)),
      registry_(registry),
      buffer_(kMaxDatagram) {
  Watch(listener_.get(), EPOLLIN, EPOLL_CTL_ADD);
  if (netns_watch_.fd() >= 0) Watch(netns_watch_.fd(), EPOLLIN, EPOLL_CTL_ADD);
}

Server::~Server() { unlink(path_.c_str()); }

void Server::Watch(int fd, uint32_t events, int operation) const {
  epoll_event event{};
  event.events = events;
  event.data.fd = fd;
  epoll_ctl(epoll_.get(), operation, fd, &event);
}

void Server::Notify(const Namespace& ns, uint32_t group, const Datagram& datagram) {
  for (Connection* member : members_) {
    if (!member->IsMember(ns, group)) continue;
    member->SendNotification(ns, datagram);
    MarkDirty(*member);
  }
}

bool Server::HasMembers(const Namespace& ns, uint32_t group) const {
  return std::any_of(members_.begin(), members_.end(),
                     [&](const Connection* member) { return member->IsMember(ns, group); });
}

void Server::MarkDirty(Connection& connection) {
  if (std::exchange(connection.listed, true)) return;
  dirty_.push_back(&connection);
}

void Server::Run(Rtnl& rtnl, int stop_fd) {
  Watch(stop_fd, EPOLLIN, EPOLL_CTL_ADD);
  std::array<epoll_event, 64> events;
  for (bool stop = false; !stop;) {
    const int count = epoll_wait(epoll_.get(), events.data(), events.size(), UntilTimer(rtnl));
    for (int i = 0; i < count; ++i) {
      const int fd = events[i].data.fd;
      if (fd == stop_fd) {
        stop = true;
      } else if (fd == listener_.get()) {
        Accept();
      } else if (fd == netns_watch_.fd()) {
        EndNamespaces(rtnl);
      } else {
        Serve(*connections_.at(fd), rtnl);
      }
    }
    rtnl.RunTimers();
    FinishRound(rtnl);
  }
  Watch(stop_fd, 0, EPOLL_CTL_DEL);
}

void Server::Accept() {
  // At most what one round can be expected to hold; the rest makes the listener readable again.
  for (int i = 0; i < kDatagramsPerRound; ++i) {
    UniqueFd socket(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket.valid()) {
      Admit(std::move(socket));
    } else if (errno == EMFILE || errno == ENFILE) {
      return RefuseForLackOfFds();
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return;
    }
  }
}

void Server::Admit(UniqueFd socket) {
  const bool admin = MayChange(socket.get(), access_);
  // The refused client sees a hang-up.
  if (connections_.size() >= kMaxClients - (admin ? 0 : kClientsForAdmins)) return;
  EnlargeSendBuffer(socket.get());
  auto connection = std::make_unique<Connection>(std::move(socket), &total_queued_);
  connection->uid = PeerUid(connection->fd());
  connection->admin = admin;
  connection->Enter(registry_.initial());
  connection->watched = EPOLLIN;
  const int fd = connection->fd();
  Watch(fd, EPOLLIN, EPOLL_CTL_ADD);
  connections_[fd] = std::move(connection);
}

// A client that waits in the backlog would keep the listener readable and this thread spinning.
void Server::RefuseForLackOfFds() {
  spare_.reset();
  UniqueFd refused(accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  refused.reset();
  spare_ = OpenSpare();
}

void Server::Serve(Connection& connection, Rtnl& rtnl) {
  MarkDirty(connection);
  const auto end = std::chrono::steady_clock::now() + kTimePerRound;
  for (int i = 0; i < kDatagramsPerRound && !connection.dead(); ++i) {
    if (i > 0 && std::chrono::steady_clock::now() > end) return;
    const std::optional<Bytes> datagram = connection.Receive(buffer_);
    if (!datagram.has_value()) return;
    // What the client holds now must not be taken for a namespace that had the same inode.
    if (!connection.received_netns().empty()) EndNamespaces(rtnl);
    if (connection.dead()) return;  // its own namespace ended
    Execute(connection, *datagram, rtnl);
    for (const ClientNetns& netns : connection.received_netns()) KeepOrRelease(netns, rtnl);
  }
}

// To watch every namespace that is just asked about would be visible outside: it gets an id. What
// could not be watched is tried again when somebody shows it next.
void Server::KeepOrRelease(const ClientNetns& netns, Rtnl& rtnl) {
  Namespace* ns = registry_.FindNamespace(netns.inode);
  if (ns == nullptr || ns->watched) return;
  if (ns->idle()) return rtnl.ForgetNamespace(*ns);
  ns->watched = netns_watch_.Add(netns.fd.get(), netns.inode);
}

void Server::EndNamespaces(Rtnl& rtnl) {
  for (const uint64_t inode : netns_watch_.TakeEnded()) {
    if (Namespace* ns = registry_.FindNamespace(inode); ns != nullptr) EndNamespace(*ns, rtnl);
  }
}

// A client's own socket keeps its namespace alive, so only one that announced another's is in it.
void Server::EndNamespace(Namespace& ns, Rtnl& rtnl) {
  for (const auto& [fd, connection] : connections_) {
    if (connection->ns != &ns) continue;
    connection->Enter(registry_.initial());
    connection->Kill();
    MarkDirty(*connection);
  }
  rtnl.EndNamespace(ns);
  rtnl.Commit();
}

void Server::Execute(Connection& connection, Bytes datagram, Rtnl& rtnl) {
  connection.CountExecuted();
  if (connection.HandleControl(datagram, registry_)) {
    RefreshMembers(connection);
  } else {
    ExecuteRequests(connection, connection.ReadNetnsNames(datagram, registry_), rtnl);
  }
}

void Server::ExecuteRequests(Connection& connection, Bytes requests, Rtnl& rtnl) {
  if (IsSwitchRequest(requests)) {
    HandleSwitchRequests(rtnl, requests, connection);
  } else {
    rtnl.Handle(requests, connection);
  }
}

void Server::RefreshMembers(Connection& connection) {
  const auto place = std::find(members_.begin(), members_.end(), &connection);
  const bool member = !connection.groups.empty();
  if (member && place == members_.end()) members_.push_back(&connection);
  if (!member && place != members_.end()) members_.erase(place);
}

void Server::FinishRound(Rtnl& rtnl) {
  if (dirty_.empty()) return;
  rtnl.Commit();
  for (Connection* connection : std::exchange(dirty_, {})) {
    connection->listed = false;
    connection->ShowReplies(signal_);
    if (connection->dead()) {
      Remove(*connection, rtnl);
    } else {
      WatchForRoom(*connection);
    }
  }
}

void Server::WatchForRoom(Connection& connection) {
  const uint32_t wanted = EPOLLIN | (connection.wants_write() ? EPOLLOUT : 0u);
  if (std::exchange(connection.watched, wanted) == wanted) return;
  Watch(connection.fd(), wanted, EPOLL_CTL_MOD);
}

void Server::Remove(Connection& connection, Rtnl& rtnl) {
  Namespace& ns = *connection.ns;
  std::erase(members_, &connection);
  connections_.erase(connection.fd());  // closing the socket ends its watch
  if (ns.idle()) rtnl.ForgetNamespace(ns);
}

}  // namespace vswitch
