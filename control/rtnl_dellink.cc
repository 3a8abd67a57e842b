// SPDX-License-Identifier: BSD-3-Clause
// RTM_DELLINK (rtnl_dellink).
#include <linux/rtnetlink.h>

#include <cerrno>

#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

bool CanDelete(const Device& device) {
  return device.kind != nullptr && device.kind->dellink != nullptr;
}

Cause CauseOf(const LinkRequest& request) { return {request.client, &request.message.header}; }

}  // namespace

absl::Status Rtnl::DelLink(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<LinkRequest> request = ParseLinkRequest(message, client, ack);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Namespace*> ns = TargetNetns(request->attrs, client);
  if (!ns.ok()) return ns.status();
  (*ns)->touched = true;
  if (SelectsDevice(*request)) return DelOne(*request, **ns);
  if (!request->attrs.Has(IFLA_GROUP)) return ErrnoStatus(EINVAL);
  return DelGroup(*request, **ns);
}

absl::Status Rtnl::DelOne(const LinkRequest& request, const Namespace& ns) {
  Device* device = SelectDevice(request, ns);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!CanDelete(*device)) return ErrnoStatus(EOPNOTSUPP);
  DeleteBatch batch;
  device->kind->dellink(*this, *device, batch);
  Unregister(batch, CauseOf(request));
  return absl::OkStatus();
}

// All or nothing: one member that cannot be deleted saves the others.
absl::Status Rtnl::DelGroup(const LinkRequest& request, const Namespace& ns) {
  const uint32_t group = request.attrs.U32(IFLA_GROUP);
  if (group == 0) return ErrnoStatus(EPERM);
  const std::vector<Device*> members = ns.InGroup(group);
  if (members.empty()) return ErrnoStatus(ENODEV);
  for (const Device* device : members) {
    if (!CanDelete(*device)) return ErrnoStatus(EOPNOTSUPP);
  }
  DeleteBatch batch;
  for (Device* device : members) device->kind->dellink(*this, *device, batch);
  Unregister(batch, {});
  return absl::OkStatus();
}

}  // namespace vswitch
