// SPDX-License-Identifier: BSD-3-Clause
#include "control/rtnl_netns.h"

#include <linux/if_link.h>

#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

absl::Status CheckOneNetns(const NlAttrs& attrs) {
  const int named =
      attrs.Has(IFLA_NET_NS_PID) + attrs.Has(IFLA_NET_NS_FD) + attrs.Has(IFLA_TARGET_NETNSID);
  if (named <= 1) return absl::OkStatus();
  return ErrnoStatus(EINVAL, "multiple netns identifying attributes specified");
}

bool NamesNetns(const NlAttrs& attrs) {
  return attrs.Has(IFLA_NET_NS_PID) || attrs.Has(IFLA_NET_NS_FD) || attrs.Has(IFLA_TARGET_NETNSID);
}

absl::StatusOr<Namespace*> LinkNetns(const NlAttrs& attrs, Client& client, Namespace& home) {
  if (attrs.Has(IFLA_NET_NS_PID)) {
    return client.FindNetns(NetnsHandle::kPid, attrs.U32(IFLA_NET_NS_PID));
  }
  if (attrs.Has(IFLA_NET_NS_FD)) {
    return client.FindNetns(NetnsHandle::kFd, attrs.U32(IFLA_NET_NS_FD));
  }
  return &home;
}

absl::StatusOr<Namespace*> LinkNetnsOrId(const NlAttrs& attrs, Client& client, Namespace& home) {
  const bool by_id =
      attrs.Has(IFLA_TARGET_NETNSID) && !attrs.Has(IFLA_NET_NS_PID) && !attrs.Has(IFLA_NET_NS_FD);
  if (!by_id) return LinkNetns(attrs, client, home);
  Namespace* ns = home.FindById(attrs.S32(IFLA_TARGET_NETNSID));
  if (ns == nullptr) return ErrnoStatus(EINVAL);
  return ns;
}

absl::Status RefuseNetns(const NlAttrs& attrs) {
  if (!attrs.Has(IFLA_NET_NS_PID) && !attrs.Has(IFLA_NET_NS_FD)) return absl::OkStatus();
  return ErrnoStatus(EOPNOTSUPP, "specified netns attribute not supported");
}

absl::StatusOr<Namespace*> TargetNetns(const NlAttrs& attrs, const Client& client) {
  const absl::Status refused = RefuseNetns(attrs);
  if (!refused.ok()) return refused;
  if (!attrs.Has(IFLA_TARGET_NETNSID)) return client.ns;
  return NetnsById(attrs.S32(IFLA_TARGET_NETNSID), client);
}

absl::StatusOr<Namespace*> NetnsById(int32_t id, const Client& client) {
  Namespace* ns = client.ns->FindById(id);
  if (ns == nullptr) return ErrnoStatus(EINVAL);
  if (!client.admin) return ErrnoStatus(EACCES);
  return ns;
}

}  // namespace vswitch
