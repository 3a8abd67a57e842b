// SPDX-License-Identifier: BSD-3-Clause
// The message loop: which requests are executed, by whom, and how they are answered.
#include "control/rtnl.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/handler_family.h"
#include "control/link_stats.h"
#include "control/netconf.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// What this kernel calls RTNL_KIND_*: the two low bits of every rtnetlink type.
enum class Verb { kNew = 0, kDel = 1, kGet = 2, kSet = 3 };

uint8_t FamilyOf(const NlMessage& message) {
  return ReadStruct<rtgenmsg>(message.payload()).rtgen_family;
}

Verb VerbOf(uint16_t type) { return static_cast<Verb>(type & 3); }

bool IsDump(const nlmsghdr& header) {
  return VerbOf(header.nlmsg_type) == Verb::kGet && (header.nlmsg_flags & NLM_F_DUMP) != 0;
}

// Bridge ports have handlers of their own for these (rtnl_bridge_setlink, rtnl_bridge_dellink); no
// link is a port of a bridge.
absl::Status ChangeBridgePort(const NlMessage& message, const Client& client) {
  if (message.payload().size() < sizeof(ifinfomsg)) return ErrnoStatus(EINVAL);
  const auto header = ReadStruct<ifinfomsg>(message.payload());
  if (client.ns->FindByIndex(header.ifi_index) == nullptr) {
    return ErrnoStatus(ENODEV, "unknown ifindex");
  }
  return ErrnoStatus(EOPNOTSUPP);
}

}  // namespace

Rtnl::Rtnl(Registry& registry, Dataplane& dataplane, Multicast& multicast, BackendEnv backend_env,
           Clock clock)
    : registry_(registry),
      dataplane_(dataplane),
      multicast_(multicast),
      backend_env_(std::move(backend_env)),
      notifier_(dataplane, multicast),
      clock_(std::move(clock)),
      addresses_(registry, multicast, clock_),
      router_(registry, multicast),
      host_port_(dataplane, router_, backend_env_.pool,
                 [this](Device& device, const IpAddress& address) {
                   addresses_.DadFailed(device, address);
                 }) {
  router_.SetMacFollower([this](Device& device) {
    SetRxMode(device);
    Republish(device);
  });
  addresses_.Observe(router_);
  addresses_.Observe(host_port_);
  addresses_.Observe(ipvlan_addresses_);
}

Rtnl::~Rtnl() {
  for (Namespace* ns : registry_.namespaces()) {
    for (Device* device : ns->DumpOrder()) {
      if (device == &ns->lo()) continue;
      dataplane_.RemoveDevice(device->id);
      ns->Remove(*device);
      registry_.Forget(*device);
    }
  }
  Commit();
}

void Rtnl::Commit() { dataplane_.Commit(); }

void Rtnl::Handle(Bytes datagram, Client& client) {
  if (client.ns == nullptr) client.ns = &registry_.initial();
  NlReader reader(datagram);
  while (const std::optional<NlMessage> message = reader.Next()) {
    HandleOne(*message, client);
    link_watch_.Run([this](Device& device) { NotifyState(device); });
    addresses_.Settle();
  }
  client.ContinueDump();
}

void Rtnl::HandleOne(const NlMessage& message, Client& client) {
  ExtAck ack;
  const bool execute = (message.header.nlmsg_flags & NLM_F_REQUEST) != 0 &&
                       message.header.nlmsg_type >= NLMSG_MIN_TYPE;
  const Outcome outcome = execute ? Execute(message, client, ack) : Outcome{};
  const bool wanted = (message.header.nlmsg_flags & NLM_F_ACK) != 0 || !outcome.status.ok();
  if (outcome.answered || !wanted) return;
  client.Send(
      EncodeAck(message, outcome.status, ack, client.port_id, client.cap_ack, client.ext_ack));
}

Rtnl::Outcome Rtnl::Execute(const NlMessage& message, Client& client, ExtAck& ack) {
  const uint16_t type = message.header.nlmsg_type;
  if (type > RTM_MAX) return {ErrnoStatus(EOPNOTSUPP)};
  if (message.payload().empty()) return {};
  if (VerbOf(type) != Verb::kGet && !client.admin) return {ErrnoStatus(EPERM)};
  if (VerbOf(type) != Verb::kGet) client.ns->touched = true;
  if (!IsDump(message.header)) return {Do(message, client, ack)};
  return Dump(message, client, ack);
}

Rtnl::Outcome Rtnl::Dump(const NlMessage& message, Client& client, ExtAck& ack) {
  const uint16_t type = message.header.nlmsg_type;
  if (!HandlerFamily(FamilyOf(message), type, true)) return {ErrnoStatus(EOPNOTSUPP)};
  if (client.dump != nullptr) return {ErrnoStatus(EBUSY)};
  absl::StatusOr<std::unique_ptr<DumpSource>> source(nullptr);
  if (type == RTM_GETLINK) source = DumpLinks(message, client, ack);
  if (Router::Handles(type)) source = router_.Dump({message, client, ack});
  if (type == RTM_GETADDR) source = addresses_.Dump({message, client, ack});
  if (type == RTM_GETNETCONF) source = DumpNetconf(registry_, {message, client, ack});
  if (type == RTM_GETSTATS) source = DumpStats(registry_, dataplane_, {message, client, ack});
  if (type == RTM_GETNSID) source = DumpNetnsIds(message, client, ack);
  auto dump = std::make_unique<vswitch::Dump>(message.header, client.port_id, client.ext_ack,
                                              source.status(), ack,
                                              source.ok() ? *std::move(source) : nullptr);
  client.Send(*dump->Next());
  client.dump = std::move(dump);
  return {.status = {}, .answered = true};
}

absl::Status Rtnl::Do(const NlMessage& message, Client& client, ExtAck& ack) {
  const uint16_t type = message.header.nlmsg_type;
  const std::optional<uint8_t> family = HandlerFamily(FamilyOf(message), type, false);
  if (!family.has_value()) return ErrnoStatus(EOPNOTSUPP);
  const bool bridge = family == AF_BRIDGE;
  const bool bulk = (message.header.nlmsg_flags & NLM_F_BULK) != 0;
  if (VerbOf(type) == Verb::kDel && bulk && !(bridge && type == RTM_DELNEIGH)) {
    return ErrnoStatus(EOPNOTSUPP, "Bulk delete is not supported");
  }
  if (bridge && (type == RTM_SETLINK || type == RTM_DELLINK)) {
    return ChangeBridgePort(message, client);
  }
  if (Router::Handles(type)) return router_.Execute({message, client, ack});
  switch (type) {
    case RTM_NEWLINK:
      return NewLink(message, client, ack);
    case RTM_SETLINK:
      return SetLink(message, client, ack);
    case RTM_DELLINK:
      return DelLink(message, client, ack);
    case RTM_GETLINK:
      return GetLink(message, client, ack);
    case RTM_NEWLINKPROP:
    case RTM_DELLINKPROP:
      return LinkProp(message, client, ack);
    case RTM_NEWADDR:
    case RTM_DELADDR:
    case RTM_GETADDR:
      return addresses_.Execute({message, client, ack});
    case RTM_GETNETCONF:
      return GetNetconf({message, client, ack});
    case RTM_GETSTATS:
      return GetStats(dataplane_, {message, client, ack});
    case RTM_SETSTATS:
      return SetStats(multicast_, {message, client, ack});
    case RTM_NEWNSID:
      return NewNetnsId(message, client, ack);
    case RTM_GETNSID:
      return GetNetnsId(message, client, ack);
    default:
      return ErrnoStatus(EOPNOTSUPP);
  }
}

std::optional<MonotonicTime> Rtnl::NextTimer() const {
  std::optional<MonotonicTime> next;
  if (!wired_.empty()) next = wires_due_;
  for (const auto& deadline :
       {addresses_.NextDeadline(), router_.NextDeadline(), host_port_.NextDeadline()}) {
    if (deadline.has_value() && (!next.has_value() || *deadline < *next)) next = deadline;
  }
  return next;
}

void Rtnl::RunTimers() {
  const MonotonicTime now = clock_();
  FollowWires(now);
  addresses_.Settle();
  addresses_.Run(now);
  router_.Run(now);
  host_port_.Run(now);
}

bool SelectsDevice(const LinkRequest& request) {
  return request.header.ifi_index > 0 || request.attrs.Has(IFLA_IFNAME) ||
         request.attrs.Has(IFLA_ALT_IFNAME);
}

Device* SelectDevice(const LinkRequest& request) {
  return SelectDevice(request, *request.client->ns);
}

Device* SelectDevice(const LinkRequest& request, const Namespace& ns) {
  if (request.header.ifi_index > 0) return ns.FindByIndex(request.header.ifi_index);
  if (request.attrs.Has(IFLA_IFNAME)) return ns.FindByName(request.attrs.String(IFLA_IFNAME));
  if (!request.attrs.Has(IFLA_ALT_IFNAME)) return nullptr;
  return ns.FindByName(request.attrs.String(IFLA_ALT_IFNAME));
}

}  // namespace vswitch
