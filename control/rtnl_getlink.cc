// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETLINK: one link, and dumps (rtnl_getlink, rtnl_dump_ifinfo, inet6_dump_ifinfo).
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "control/fill_af_spec.h"
#include "control/mroute.h"
#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

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

// What all messages of an answer have in common.
LinkMessage Reply(const LinkRequest& request) {
  LinkMessage reply{.type = RTM_NEWLINK};
  reply.seq = request.message.header.nlmsg_seq;
  reply.pid = request.client->port_id;
  if (request.attrs.Has(IFLA_EXT_MASK)) reply.ext_mask = request.attrs.U32(IFLA_EXT_MASK);
  if (request.attrs.Has(IFLA_TARGET_NETNSID)) {
    reply.target_netnsid = request.attrs.S32(IFLA_TARGET_NETNSID);
  }
  return reply;
}

absl::StatusOr<Namespace*> DumpedNetns(const NlAttrs& attrs, const Client& client) {
  if (!attrs.Has(IFLA_TARGET_NETNSID)) return client.ns;
  const absl::StatusOr<Namespace*> ns = NetnsById(attrs.S32(IFLA_TARGET_NETNSID), client);
  if (ns.ok()) return ns;
  return ErrnoStatus(ErrnoOf(ns.status()), "Invalid target network namespace id");
}

// The links of one namespace.
class LinkDump final : public DumpSource {
 public:
  LinkDump(const Registry& registry, Notifier& notifier, const Namespace& ns,
           const Namespace& reader, DumpFilter filter, uint8_t family, const LinkMessage& reply)
      : registry_(registry),
        notifier_(notifier),
        netns_(ns.inode()),
        reader_(reader.inode()),
        filter_(filter),
        family_(family),
        reply_(reply) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    Namespace* reader = registry_.FindNamespace(reader_);
    if (ns == nullptr || reader == nullptr) return true;
    return cursor_.Walk(*ns, [&](const Device& device) {
      return !Wanted(device) || page.Add([&](Datagram& out) { Describe(device, *reader, out); });
    });
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    return ns == nullptr ? 0 : ns->changes();
  }

 private:
  bool Wanted(const Device& device) const {
    return filter_.Passes(device) && (family_ != AF_INET6 || HasInet6(device));
  }

  void Describe(const Device& device, Namespace& reader, Datagram& out) const {
    const LinkMessage message = notifier_.Describe(device, reply_, reader);
    (family_ == AF_INET6 ? FillLinkInet6 : FillLink)(device, message, out);
  }

  const Registry& registry_;
  Notifier& notifier_;
  const uint64_t netns_, reader_;
  const DumpFilter filter_;
  const uint8_t family_;
  const LinkMessage reply_;
  LinkCursor cursor_;
};

}  // namespace

absl::Status Rtnl::GetLink(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<LinkRequest> request = ParseGetLink(message, client, false, ack);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Namespace*> ns = TargetNetns(request->attrs, client);
  if (!ns.ok()) return ns.status();
  if (!SelectsDevice(*request)) return ErrnoStatus(EINVAL);
  const Device* device = SelectDevice(*request, **ns);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  Datagram reply;
  FillLink(*device, notifier_.Describe(*device, Reply(*request), *client.ns), reply);
  client.Send(std::move(reply));
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<DumpSource>> Rtnl::DumpLinks(const NlMessage& message,
                                                            Client& client, ExtAck& ack) {
  const uint8_t family = ReadStruct<rtgenmsg>(message.payload()).rtgen_family;
  absl::StatusOr<LinkRequest> request = ParseGetLink(message, client, true, ack);
  if (!request.ok()) return request.status();
  if (family == AF_BRIDGE) return nullptr;  // ports of bridges only: there are none
  if (family == RTNL_FAMILY_IPMR) return DumpMrouteLinks({message, client, ack});
  const absl::StatusOr<Namespace*> ns = DumpedNetns(request->attrs, client);
  if (!ns.ok()) return ns.status();
  const DumpFilter filter = FilterOf(*request);
  LinkMessage reply = Reply(*request);
  reply.flags = NLM_F_MULTI | (filter.active() ? NLM_F_DUMP_FILTERED : 0);
  return std::make_unique<LinkDump>(registry_, notifier_, **ns, *client.ns, filter, family, reply);
}

}  // namespace vswitch
