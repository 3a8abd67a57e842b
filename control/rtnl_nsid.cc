// SPDX-License-Identifier: BSD-3-Clause
// Numbers of network namespaces (RTM_NEWNSID, RTM_GETNSID), and the end of a namespace
// (net/core/net_namespace.c).
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr std::array<NlPolicy, NETNSA_MAX + 1> MakePolicy() {
  std::array<NlPolicy, NETNSA_MAX + 1> policy{};
  policy[NETNSA_NSID] = {.type = NlType::kS32};
  policy[NETNSA_PID] = {.type = NlType::kU32};
  policy[NETNSA_FD] = {.type = NlType::kU32};
  policy[NETNSA_TARGET_NSID] = {.type = NlType::kS32};
  return policy;
}
constexpr auto kPolicy = MakePolicy();

absl::StatusOr<NlAttrs> Parse(const NlMessage& message, bool strict, ExtAck& ack) {
  const size_t header = std::min<size_t>(NLMSG_ALIGN(sizeof(rtgenmsg)), message.payload().size());
  return ParseAttributes(message.payload().subspan(header),
                         static_cast<uint32_t>(sizeof(nlmsghdr) + header), kPolicy,
                         strict ? NlParse::kStrict : NlParse::kLegacy, &ack);
}

// Blames an attribute.
absl::Status Error(int error, const char* sentence, const NlAttrs& attrs, uint16_t type,
                   ExtAck& ack) {
  ack.offset = attrs.Find(type)->offset;
  return ErrnoStatus(error, sentence);
}

// The namespace that a request is about. `by_id`: it may be named by the id that it has.
absl::StatusOr<Namespace*> PeerOf(const NlAttrs& attrs, Client& client, bool by_id, ExtAck& ack) {
  absl::StatusOr<Namespace*> peer(nullptr);
  uint16_t named = 0;
  if (attrs.Has(named = NETNSA_PID)) {
    peer = client.FindNetns(NetnsHandle::kPid, attrs.U32(named));
  } else if (attrs.Has(named = NETNSA_FD)) {
    peer = client.FindNetns(NetnsHandle::kFd, attrs.U32(named));
  } else if (by_id && attrs.Has(named = NETNSA_NSID)) {
    peer = client.ns->FindById(attrs.S32(named));
    if (*peer == nullptr) peer = ErrnoStatus(ENOENT);
  } else {
    return ErrnoStatus(EINVAL, "Peer netns reference is missing");
  }
  if (peer.ok()) return peer;
  return Error(ErrnoOf(peer.status()), "Peer netns reference is invalid", attrs, named, ack);
}

struct NsidMessage {
  uint16_t type = RTM_NEWNSID;
  uint16_t flags = 0;
  uint32_t seq = 0, pid = 0;
  int32_t id = NETNSA_NSID_NOT_ASSIGNED;
  std::optional<int32_t> current_id;  // as numbered by the reader, who asked about another's ids
};

void Fill(const NsidMessage& message, Datagram& out) {
  NlWriter writer(out);
  writer.Begin(message.type, message.flags, message.seq, message.pid);
  writer.PutStruct(rtgenmsg{.rtgen_family = AF_UNSPEC});
  writer.PutS32(NETNSA_NSID, message.id);
  if (message.current_id.has_value()) writer.PutS32(NETNSA_CURRENT_NSID, *message.current_id);
  writer.End();
}

// The ids that one namespace gave, in order.
class NsidDump final : public DumpSource {
 public:
  NsidDump(const Registry& registry, const Namespace& target, const Namespace* reader,
           const NsidMessage& reply)
      : registry_(registry),
        target_(target.inode()),
        reader_(reader == nullptr ? 0 : reader->inode()),
        reply_(reply) {}

  bool Fill(DumpPage& page) override {
    const Namespace* target = registry_.FindNamespace(target_);
    if (target == nullptr) return true;
    for (auto next = target->ids().upper_bound(last_); next != target->ids().end(); ++next) {
      if (!page.Add([&](Datagram& out) { FillOne(next->first, *next->second, out); })) return false;
      last_ = next->first;
    }
    return true;
  }

  uint64_t version() const override { return 0; }  // the kernel keeps none

 private:
  void FillOne(int32_t id, const Namespace& peer, Datagram& out) const {
    NsidMessage message = reply_;
    message.id = id;
    const Namespace* reader = reader_ == 0 ? nullptr : registry_.FindNamespace(reader_);
    if (reader != nullptr) message.current_id = reader->IdOf(peer);
    vswitch::Fill(message, out);
  }

  const Registry& registry_;
  const uint64_t target_, reader_;  // 0: the same
  const NsidMessage reply_;
  int32_t last_ = -1;
};

}  // namespace

absl::Status Rtnl::NewNetnsId(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<NlAttrs> attrs = Parse(message, false, ack);
  if (!attrs.ok()) return attrs.status();
  if (!attrs->Has(NETNSA_NSID)) return ErrnoStatus(EINVAL, "nsid is missing");
  const absl::StatusOr<Namespace*> peer = PeerOf(*attrs, client, false, ack);
  if (!peer.ok()) return peer.status();
  if (client.ns->IdOf(**peer) >= 0) {
    return Error(EEXIST, "Peer netns already has a nsid assigned", *attrs,
                 attrs->Has(NETNSA_PID) ? NETNSA_PID : NETNSA_FD, ack);
  }
  const int32_t id = client.ns->AssignId(**peer, attrs->S32(NETNSA_NSID));
  if (id < 0) return Error(EEXIST, "The specified nsid is already used", *attrs, NETNSA_NSID, ack);
  notifier_.NetnsId(*client.ns, RTM_NEWNSID, id, {&client, &message.header});
  return absl::OkStatus();
}

absl::Status Rtnl::GetNetnsId(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<NlAttrs> attrs = Parse(message, client.strict_check, ack);
  if (!attrs.ok()) return attrs.status();
  if (client.strict_check && attrs->Has(NETNSA_CURRENT_NSID)) {
    return ErrnoStatus(EINVAL, "Unsupported attribute in peer netns getid request");
  }
  const absl::StatusOr<Namespace*> peer = PeerOf(*attrs, client, true, ack);
  if (!peer.ok()) return peer.status();
  NsidMessage reply{.seq = message.header.nlmsg_seq, .pid = client.port_id, .current_id = {}};
  const Namespace* target = client.ns;
  if (attrs->Has(NETNSA_TARGET_NSID)) {
    const auto other = NetnsById(attrs->S32(NETNSA_TARGET_NSID), client);
    if (!other.ok()) {
      return Error(ErrnoOf(other.status()), "Target netns reference is invalid", *attrs,
                   NETNSA_TARGET_NSID, ack);
    }
    target = *other;
    reply.current_id = client.ns->IdOf(**peer);
  }
  reply.id = target->IdOf(**peer);
  Datagram datagram;
  Fill(reply, datagram);
  client.Send(std::move(datagram));
  return absl::OkStatus();
}

// Only a strict dump looks at attributes, and takes one.
absl::StatusOr<std::unique_ptr<DumpSource>> Rtnl::DumpNetnsIds(const NlMessage& message,
                                                               Client& client, ExtAck& ack) {
  const NsidMessage reply{.flags = NLM_F_MULTI,
                          .seq = message.header.nlmsg_seq,
                          .pid = client.port_id,
                          .current_id = {}};
  if (!client.strict_check) {
    return std::make_unique<NsidDump>(registry_, *client.ns, nullptr, reply);
  }
  const absl::StatusOr<NlAttrs> attrs = Parse(message, true, ack);
  if (!attrs.ok()) return attrs.status();
  for (const uint16_t type : {NETNSA_NSID, NETNSA_PID, NETNSA_FD, NETNSA_CURRENT_NSID}) {
    if (!attrs->Has(type)) continue;
    return Error(EINVAL, "Unsupported attribute in dump request", *attrs, type, ack);
  }
  if (!attrs->Has(NETNSA_TARGET_NSID)) {
    return std::make_unique<NsidDump>(registry_, *client.ns, nullptr, reply);
  }
  const auto target = NetnsById(attrs->S32(NETNSA_TARGET_NSID), client);
  if (target.ok()) return std::make_unique<NsidDump>(registry_, **target, client.ns, reply);
  return Error(ErrnoOf(target.status()), "Invalid target network namespace id", *attrs,
               NETNSA_TARGET_NSID, ack);
}

void Notifier::NetnsId(const Namespace& ns, uint16_t type, int32_t id, const Cause& cause) {
  NsidMessage message{.type = type, .id = id, .current_id = {}};
  if (cause.header != nullptr) message.seq = cause.header->nlmsg_seq;
  if (cause.client != nullptr) message.pid = cause.client->port_id;
  Datagram datagram;
  Fill(message, datagram);
  Notify(multicast_, ns, RTNLGRP_NSID, datagram, cause);
}

int32_t Notifier::IdFor(Namespace& reader, Namespace& peer) {
  const int32_t known = reader.IdOf(peer);
  if (known >= 0) return known;
  const int32_t id = reader.AssignId(peer);
  NetnsId(reader, RTM_NEWNSID, id, {});
  return id;
}

void Rtnl::EndNamespace(Namespace& ns) {
  ForgetIds(ns);
  std::vector<Device*> devices = ns.DumpOrder();
  std::sort(devices.begin(), devices.end(),
            [](const Device* a, const Device* b) { return a->serial < b->serial; });
  for (Device* device : devices) {
    if (device->kind != nullptr && device->kind->netns_refund) SendHome(*device);
  }
  DeleteBatch batch;
  std::reverse(devices.begin(), devices.end());
  for (Device* device : devices) {
    const bool stays = device->ns == &ns && device->kind != nullptr;
    if (stays && !batch.Contains(*device)) device->kind->dellink(*this, *device, batch);
  }
  Unregister(batch, {});
  link_watch_.Run([this](Device& device) { NotifyState(device); });
  ForgetNamespace(ns);
}

// default_device_exit_net
void Rtnl::SendHome(Device& device) {
  Namespace& home = registry_.initial();
  const std::vector<std::string> altnames = device.altnames;
  for (const std::string& altname : altnames) {
    if (home.FindByName(altname) != nullptr) (void)device.ns->RemoveAltname(device, altname);
  }
  std::string fallback = "dev" + std::to_string(device.ifindex);
  if (home.FindByName(fallback) != nullptr) fallback = "dev%d";
  (void)MoveLink(device, home, fallback, 0);  // nothing stands in the way
}

void Rtnl::ForgetIds(Namespace& ns) {
  for (Namespace* other : registry_.namespaces()) {
    const int32_t id = other->ForgetId(ns);
    if (id >= 0) notifier_.NetnsId(*other, RTM_DELNSID, id, {});
  }
}

void Rtnl::ForgetNamespace(Namespace& ns) {
  for (const auto& [id, peer] : std::map<int32_t, Namespace*>(ns.ids())) ns.ForgetId(*peer);
  addresses_.LinkGone(ns.lo());
  router_.Forget(ns);
  registry_.RemoveNamespace(ns);
}

}  // namespace vswitch
