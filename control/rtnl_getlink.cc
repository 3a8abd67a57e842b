// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETLINK: one link, and dumps (rtnl_getlink, rtnl_dump_ifinfo, inet6_dump_ifinfo).
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "control/fill_af_spec.h"
#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// What fits a page-sized socket buffer of the kernel (NLMSG_GOODSIZE): a reader with small buffers
// must not lose messages.
constexpr size_t kDumpDatagramSize = 3776;
constexpr uint32_t kNoMaster = UINT32_MAX;

struct DumpFilter {
  uint32_t master = 0;             // ifindex; kNoMaster: devices without; 0: any
  const LinkKind* kind = nullptr;  // null: any

  bool active() const { return master != 0 || kind != nullptr; }

  // link_dump_filtered
  bool Passes(const Device& device) const {
    if (kind != nullptr && device.kind != kind) return false;
    if (master == 0) return true;
    if (device.master == nullptr) return master == kNoMaster;
    return device.master->ifindex == static_cast<int32_t>(master);
  }
};

// An unknown kind, or a LINKINFO that makes no sense, filters nothing: clients look again
// themselves.
DumpFilter FilterOf(LinkRequest& request) {
  ExtAck ignored;
  (void)ParseLinkInfo(request, ignored);
  DumpFilter filter{.kind = request.kind};
  if (request.attrs.Has(IFLA_MASTER)) filter.master = request.attrs.U32(IFLA_MASTER);
  return filter;
}

LinkMessage Reply(const Notifier& notifier, const LinkRequest& request, const Device& device) {
  LinkMessage reply = notifier.Describe(device, RTM_NEWLINK);
  reply.seq = request.message.header.nlmsg_seq;
  reply.pid = request.client->port_id;
  if (request.attrs.Has(IFLA_EXT_MASK)) reply.ext_mask = request.attrs.U32(IFLA_EXT_MASK);
  return reply;
}

// Packs messages into datagrams; a message is never split.
class DumpPacker {
 public:
  explicit DumpPacker(std::vector<Datagram>& datagrams) : datagrams_(datagrams) {}

  void Add(const Datagram& message) {
    const bool fits =
        !datagrams_.empty() && datagrams_.back().size() + message.size() <= kDumpDatagramSize;
    if (!fits) datagrams_.emplace_back().reserve(kDumpDatagramSize);
    datagrams_.back().insert(datagrams_.back().end(), message.begin(), message.end());
  }

 private:
  std::vector<Datagram>& datagrams_;
};

}  // namespace

absl::Status Rtnl::GetLink(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<LinkRequest> request = ParseGetLink(message, client, false, ack);
  if (!request.ok()) return request.status();
  const absl::Status netns = RefuseNetnsAndId(request->attrs);
  if (!netns.ok()) return netns;
  if (!SelectsDevice(*request)) return ErrnoStatus(EINVAL);
  const Device* device = SelectDevice(*request);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  Datagram reply;
  FillLink(*device, Reply(notifier_, *request, *device), reply);
  client.Send(std::move(reply));
  return absl::OkStatus();
}

absl::Status Rtnl::DumpLinks(const NlMessage& message, Client& client, ExtAck& ack,
                             std::vector<Datagram>& dump) {
  const uint8_t family = ReadStruct<rtgenmsg>(message.payload()).rtgen_family;
  if (family == AF_BRIDGE) return absl::OkStatus();  // ports of bridges only: there are none
  absl::StatusOr<LinkRequest> request = ParseGetLink(message, client, true, ack);
  if (!request.ok()) return request.status();
  if (request->attrs.Has(IFLA_TARGET_NETNSID)) {
    return ErrnoStatus(EINVAL, "Invalid target network namespace id");
  }
  const DumpFilter filter = FilterOf(*request);
  DumpPacker packer(dump);
  Datagram entry;
  for (const Device* device : client.ns->DumpOrder()) {
    if (!filter.Passes(*device)) continue;
    if (family == AF_INET6 && !HasInet6(*device)) continue;
    LinkMessage reply = Reply(notifier_, *request, *device);
    reply.flags = NLM_F_MULTI | (filter.active() ? NLM_F_DUMP_FILTERED : 0);
    entry.clear();
    (family == AF_INET6 ? FillLinkInet6 : FillLink)(*device, reply, entry);
    packer.Add(entry);
  }
  return absl::OkStatus();
}

}  // namespace vswitch
