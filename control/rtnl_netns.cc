// SPDX-License-Identifier: BSD-3-Clause
#include "control/rtnl_netns.h"

#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <string>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr char kNoMove[] = "moving links between network namespaces is not supported";

// get_net_ns_by_pid
absl::StatusOr<uint64_t> NetnsOfProcess(uint32_t pid) {
  struct stat info {};
  const std::string path = "/proc/" + std::to_string(pid) + "/ns/net";
  if (stat(path.c_str(), &info) == 0) return info.st_ino;
  return ErrnoStatus(errno == ENOENT ? ESRCH : errno);
}

absl::Status CheckProcess(uint32_t pid, const Namespace& ns) {
  const absl::StatusOr<uint64_t> inode = NetnsOfProcess(pid);
  if (!inode.ok()) return inode.status();
  return *inode == ns.inode() ? absl::OkStatus() : ErrnoStatus(EOPNOTSUPP, kNoMove);
}

constexpr std::array<NlPolicy, NETNSA_FD + 1> MakeNetnsPolicy() {
  std::array<NlPolicy, NETNSA_FD + 1> policy{};
  policy[NETNSA_NSID] = {.type = NlType::kS32};
  policy[NETNSA_PID] = {.type = NlType::kU32};
  policy[NETNSA_FD] = {.type = NlType::kU32};
  return policy;
}
constexpr auto kNetnsPolicy = MakeNetnsPolicy();

absl::Status CheckPeerNetns(const NlAttrs& attrs, ExtAck& ack) {
  constexpr char kInvalid[] = "Peer netns reference is invalid";
  if (attrs.Has(NETNSA_PID)) {
    if (NetnsOfProcess(attrs.U32(NETNSA_PID)).ok()) return absl::OkStatus();
    ack.offset = attrs.Find(NETNSA_PID)->offset;
    return ErrnoStatus(ESRCH, kInvalid);
  }
  if (attrs.Has(NETNSA_FD)) return absl::OkStatus();  // a number in the client's own table
  if (!attrs.Has(NETNSA_NSID)) return ErrnoStatus(EINVAL, "Peer netns reference is missing");
  ack.offset = attrs.Find(NETNSA_NSID)->offset;
  return ErrnoStatus(ENOENT, kInvalid);
}

}  // namespace

absl::Status CheckOneNetns(const NlAttrs& attrs) {
  const int named =
      attrs.Has(IFLA_NET_NS_PID) + attrs.Has(IFLA_NET_NS_FD) + attrs.Has(IFLA_TARGET_NETNSID);
  if (named <= 1) return absl::OkStatus();
  return ErrnoStatus(EINVAL, "multiple netns identifying attributes specified");
}

absl::Status RefuseNetns(const NlAttrs& attrs) {
  if (attrs.Has(IFLA_NET_NS_PID) || attrs.Has(IFLA_NET_NS_FD)) {
    return ErrnoStatus(EOPNOTSUPP, "specified netns attribute not supported");
  }
  return absl::OkStatus();
}

absl::Status RefuseNetnsAndId(const NlAttrs& attrs) {
  const absl::Status status = RefuseNetns(attrs);
  return status.ok() && attrs.Has(IFLA_TARGET_NETNSID) ? ErrnoStatus(EINVAL) : status;
}

bool NamesNetns(const NlAttrs& attrs) {
  return attrs.Has(IFLA_NET_NS_PID) || attrs.Has(IFLA_NET_NS_FD) || attrs.Has(IFLA_TARGET_NETNSID);
}

absl::Status CheckSameNetns(const NlAttrs& attrs, const Namespace& ns) {
  if (attrs.Has(IFLA_NET_NS_PID)) return CheckProcess(attrs.U32(IFLA_NET_NS_PID), ns);
  if (!attrs.Has(IFLA_NET_NS_FD)) return absl::OkStatus();
  if (attrs.S32(IFLA_NET_NS_FD) < 0) return ErrnoStatus(EBADF);
  return ErrnoStatus(EOPNOTSUPP, kNoMove);
}

absl::Status CheckSameNetnsById(const NlAttrs& attrs, const Namespace& ns) {
  if (attrs.Has(IFLA_TARGET_NETNSID)) return ErrnoStatus(EINVAL);
  return CheckSameNetns(attrs, ns);
}

absl::Status GetNetnsId(const NlMessage& message, Client& client, ExtAck& ack) {
  const size_t header = std::min<size_t>(NLMSG_ALIGN(sizeof(rtgenmsg)), message.payload().size());
  const absl::StatusOr<NlAttrs> attrs = ParseAttributes(
      message.payload().subspan(header), static_cast<uint32_t>(sizeof(nlmsghdr) + header),
      kNetnsPolicy, NlParse::kLegacy, &ack);
  if (!attrs.ok()) return attrs.status();
  const absl::Status valid = CheckPeerNetns(*attrs, ack);
  if (!valid.ok()) return valid;
  Datagram reply;
  NlWriter writer(reply);
  writer.Begin(RTM_NEWNSID, 0, message.header.nlmsg_seq, client.port_id);
  writer.PutStruct(rtgenmsg{.rtgen_family = AF_UNSPEC});
  writer.PutS32(NETNSA_NSID, NETNSA_NSID_NOT_ASSIGNED);
  writer.End();
  client.Send(std::move(reply));
  return absl::OkStatus();
}

}  // namespace vswitch
