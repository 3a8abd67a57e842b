// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWLINK: an existing device is changed, another one is created (__rtnl_newlink).
#include <linux/rtnetlink.h>

#include <cerrno>
#include <utility>

#include "control/link_check.h"
#include "control/link_create.h"
#include "control/modify_link.h"
#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// Where a new link will live, and where it is made: the two differ with IFLA_LINK_NETNSID, an id as
// seen from the first that says where the links are that it stands on. `source` is where names and
// indexes in the request belong.
struct Destination {
  Namespace* home;
  Namespace* birthplace;
  Namespace* source;
};

absl::StatusOr<Destination> FindDestination(const LinkRequest& request) {
  Namespace& source = *request.client->ns;
  const auto home = LinkNetnsOrId(request.attrs, *request.client, source);
  if (!home.ok()) return home.status();
  if (!request.attrs.Has(IFLA_LINK_NETNSID)) return Destination{*home, *home, &source};
  Namespace* link_netns = (*home)->FindById(request.attrs.S32(IFLA_LINK_NETNSID));
  if (link_netns == nullptr) return ErrnoStatus(EINVAL, "Unknown network namespace id");
  return Destination{*home, link_netns, link_netns};
}

std::string NewName(const LinkRequest& request) {
  if (request.attrs.Has(IFLA_IFNAME)) return request.attrs.String(IFLA_IFNAME);
  return std::string(request.kind->name) + "%d";
}

// What is checked before it is known whether the device exists.
absl::Status CheckRequest(LinkRequest& request, const Device* device, ExtAck& ack) {
  absl::Status status = CheckLinkMessage(device, request.attrs, ack);
  if (status.ok()) status = ParseLinkInfo(request, ack);
  if (!status.ok() || request.kind == nullptr || request.kind->validate == nullptr) return status;
  return request.kind->validate(request.attrs, request.data.has_value() ? &*request.data : nullptr,
                                ack);
}

}  // namespace

absl::Status Rtnl::NewLink(const NlMessage& message, Client& client, ExtAck& ack) {
  absl::StatusOr<LinkRequest> request = ParseLinkRequest(message, client, ack);
  if (!request.ok()) return request.status();
  const absl::Status netns = CheckOneNetns(request->attrs);
  if (!netns.ok()) return netns;
  if (request->header.ifi_index < 0) return ErrnoStatus(EINVAL, "ifindex can't be negative");
  Device* device = SelectDevice(*request);
  const absl::Status checked = CheckRequest(*request, device, ack);
  if (!checked.ok()) return checked;
  if (device != nullptr) return ChangeExisting(*request, *device, ack);
  if ((message.header.nlmsg_flags & NLM_F_CREATE) != 0) return Create(*request, ack);
  return ChangeGroup(*request, ack);
}

absl::Status Rtnl::ChangeExisting(LinkRequest& request, Device& device, ExtAck& ack) {
  const uint16_t flags = request.message.header.nlmsg_flags;
  if ((flags & NLM_F_EXCL) != 0) return ErrnoStatus(EEXIST);
  if ((flags & NLM_F_REPLACE) != 0) return ErrnoStatus(EOPNOTSUPP);
  if (request.info_data != nullptr) {
    const LinkKind* kind = request.kind;
    const bool changeable = kind != nullptr && kind == device.kind && kind->changelink != nullptr;
    if (!changeable || !request.data.has_value()) return ErrnoStatus(EOPNOTSUPP);
    const absl::Status status = kind->changelink(*this, device, *request.data, ack);
    if (!status.ok()) return status;
  }
  if (request.slave_data != nullptr) return ErrnoStatus(EOPNOTSUPP);  // no kind has slaves
  return ModifyLink(*this, request, device, request.info_data != nullptr, ack);
}

// Neither created nor there: a request without index and name may be for a group
// (rtnl_group_changelink).
absl::Status Rtnl::ChangeGroup(const LinkRequest& request, ExtAck& ack) {
  if (SelectsDevice(request) || !request.attrs.Has(IFLA_GROUP)) return ErrnoStatus(ENODEV);
  for (Device* device : request.client->ns->InGroup(request.attrs.U32(IFLA_GROUP))) {
    const absl::Status status = ModifyLink(*this, request, *device, false, ack);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Rtnl::Create(LinkRequest& request, ExtAck& ack) {
  if (request.attrs.Has(IFLA_MAP) || request.attrs.Has(IFLA_PROTINFO)) {
    return ErrnoStatus(EOPNOTSUPP);
  }
  if (request.kind == nullptr) return ErrnoStatus(EOPNOTSUPP, "Unknown device type");
  const absl::StatusOr<Destination> destination = FindDestination(request);
  if (!destination.ok()) return destination.status();
  request.source = destination->source;
  auto device =
      CreateLink(*destination->birthplace, NewName(request), *request.kind, request.attrs, ack);
  if (!device.ok()) return device.status();
  (*device)->ifindex = request.header.ifi_index;
  const auto registered = request.kind->newlink == nullptr
                              ? Register(*std::move(device))
                              : request.kind->newlink(*this, request, *std::move(device), ack);
  if (!registered.ok()) return registered.status();
  return FinishCreation(request, **registered, *destination->home);
}

// Flags, place and master come last; if they fail, the device goes again.
absl::Status Rtnl::FinishCreation(const LinkRequest& request, Device& device, Namespace& home) {
  absl::Status status = ConfigureLink(device, &request.header);
  if (status.ok()) status = MoveLink(device, home, NewName(request), 0);
  if (status.ok() && request.attrs.Has(IFLA_MASTER)) {
    status = SetMaster(device, request.attrs.S32(IFLA_MASTER));
  }
  if (status.ok()) return status;
  DeleteBatch batch;
  device.kind->dellink(*this, device, batch);
  Unregister(batch, {});
  return status;
}

}  // namespace vswitch
