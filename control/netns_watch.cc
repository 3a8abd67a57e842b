// SPDX-License-Identifier: BSD-3-Clause
#include "control/netns_watch.h"

#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <optional>
#include <utility>

#include "absl/functional/function_ref.h"
#include "control/netlink.h"

namespace vswitch {
namespace {

// Room for what ends while the control thread is busy: some thousands of namespaces.
constexpr int kEventBuffer = 8 << 20;

UniqueFd OpenKernelNetlink(uint32_t groups) {
  UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  address.nl_groups = groups;
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) fd.reset();
  return fd;
}

UniqueFd OpenEvents() {
  UniqueFd fd = OpenKernelNetlink(0);
  constexpr int kGroup = RTNLGRP_NSID;
  if (setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &kGroup, sizeof(kGroup)) != 0) {
    fd.reset();
  }
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kEventBuffer, sizeof(kEventBuffer));
  return fd;
}

Datagram NamespaceRequest(uint16_t type, int netns) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(type, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
  writer.PutStruct(uint32_t{0});  // rtgenmsg, padded
  writer.PutU32(NETNSA_FD, static_cast<uint32_t>(netns));
  if (type == RTM_NEWNSID) writer.PutS32(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED);
  writer.End();
  return datagram;
}

// NETNSA_NSID of RTM_NEWNSID and RTM_DELNSID.
std::optional<int32_t> IdIn(const NlMessage& message) {
  const Bytes payload = message.payload();
  if (payload.size() < NLMSG_ALIGN(sizeof(rtgenmsg))) return std::nullopt;
  for (const NlAttr& attr : ListAttributes(payload.subspan(NLMSG_ALIGN(sizeof(rtgenmsg))), 0)) {
    if (attr.type == NETNSA_NSID) return ReadStruct<int32_t>(attr.value);
  }
  return std::nullopt;
}

// Reads what there is. False when the kernel dropped some of it.
bool ForEachMessage(int fd, absl::FunctionRef<void(const NlMessage&)> call) {
  bool complete = true;
  std::array<uint8_t, 8192> buffer;
  while (true) {
    const ssize_t length = recv(fd, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (length < 0 && errno == ENOBUFS) complete = false;
    if (length < 0 && (errno == EINTR || errno == ENOBUFS)) continue;
    if (length <= 0) return complete;
    NlReader reader(Bytes(buffer.data(), static_cast<size_t>(length)));
    while (const std::optional<NlMessage> message = reader.Next()) call(*message);
  }
}

// Sends one request and returns the id in its answer. The kernel has executed it and queued the
// answer when send returns, so nothing here waits.
std::optional<int32_t> Ask(int fd, const Datagram& request) {
  if (send(fd, request.data(), request.size(), 0) < 0) return std::nullopt;
  std::optional<int32_t> id;
  ForEachMessage(fd, [&](const NlMessage& message) {
    if (message.header.nlmsg_type == RTM_NEWNSID) id = IdIn(message);
  });
  return id;
}

}  // namespace

NetnsWatch::NetnsWatch() : requests_(OpenKernelNetlink(0)), events_(OpenEvents()) {}

bool NetnsWatch::Add(int netns, uint64_t inode) {
  if (!requests_.valid() || !events_.valid()) return false;
  Ask(requests_.get(), NamespaceRequest(RTM_NEWNSID, netns));  // EEXIST when it has an id
  const std::optional<int32_t> id = Ask(requests_.get(), NamespaceRequest(RTM_GETNSID, netns));
  if (id.value_or(-1) < 0) return false;
  inodes_[*id] = inode;
  return true;
}

// The kernel goes on with a dump as it is read, so nothing here waits either.
std::optional<absl::flat_hash_set<int32_t>> NetnsWatch::ListIds() const {
  Datagram request;
  NlWriter writer(request);
  writer.Begin(RTM_GETNSID, NLM_F_REQUEST | NLM_F_DUMP, 1, 0);
  writer.PutStruct(uint32_t{0});  // rtgenmsg, padded
  writer.End();
  if (send(requests_.get(), request.data(), request.size(), 0) < 0) return std::nullopt;
  absl::flat_hash_set<int32_t> ids;
  bool done = false;
  ForEachMessage(requests_.get(), [&](const NlMessage& message) {
    if (message.header.nlmsg_type == RTM_NEWNSID) ids.insert(IdIn(message).value_or(-1));
    done |= message.header.nlmsg_type == NLMSG_DONE;
  });
  return done ? std::optional(std::move(ids)) : std::nullopt;
}

void NetnsWatch::TakeUnlisted(std::vector<uint64_t>& ended) {
  const auto ids = ListIds();
  if (!ids.has_value()) return;
  absl::erase_if(inodes_, [&](const auto& entry) {
    const bool gone = !ids->contains(entry.first);
    if (gone) ended.push_back(entry.second);
    return gone;
  });
}

std::vector<uint64_t> NetnsWatch::TakeEnded() {
  std::vector<uint64_t> ended;
  if (!events_.valid()) return ended;
  const bool complete = ForEachMessage(events_.get(), [&](const NlMessage& message) {
    if (message.header.nlmsg_type != RTM_DELNSID) return;
    const auto node = inodes_.extract(IdIn(message).value_or(-1));
    if (!node.empty()) ended.push_back(node.mapped());
  });
  if (!complete) TakeUnlisted(ended);
  return ended;
}

}  // namespace vswitch
