// SPDX-License-Identifier: BSD-3-Clause
// Which network namespace a request means.
#ifndef VSWITCH_CONTROL_RTNL_NETNS_H_
#define VSWITCH_CONTROL_RTNL_NETNS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/client.h"
#include "control/netlink.h"
#include "control/registry.h"

namespace vswitch {

// EINVAL when a request names more than one namespace (rtnl_ensure_unique_netns).
absl::Status CheckOneNetns(const NlAttrs& attrs);

bool NamesNetns(const NlAttrs& attrs);

// What IFLA_NET_NS_PID or IFLA_NET_NS_FD mean, else `home` (rtnl_link_get_net).
absl::StatusOr<Namespace*> LinkNetns(const NlAttrs& attrs, Client& client, Namespace& home);
// The same, and IFLA_TARGET_NETNSID as an id in `home`: EINVAL for an unknown one
// (rtnl_link_get_net_by_nlattr).
absl::StatusOr<Namespace*> LinkNetnsOrId(const NlAttrs& attrs, Client& client, Namespace& home);

// EOPNOTSUPP for IFLA_NET_NS_PID and IFLA_NET_NS_FD.
absl::Status RefuseNetns(const NlAttrs& attrs);
// For requests that know only IFLA_TARGET_NETNSID; without it the client's own namespace. EINVAL
// for an unknown id, EACCES for who may not change things there.
absl::StatusOr<Namespace*> TargetNetns(const NlAttrs& attrs, const Client& client);
// By the id itself (rtnl_get_net_ns_capable).
absl::StatusOr<Namespace*> NetnsById(int32_t id, const Client& client);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RTNL_NETNS_H_
