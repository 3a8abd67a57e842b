// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces in requests: which one is meant, and RTM_GETNSID.
#ifndef VSWITCH_CONTROL_RTNL_NETNS_H_
#define VSWITCH_CONTROL_RTNL_NETNS_H_

#include "absl/status/status.h"
#include "control/client.h"
#include "control/netlink.h"
#include "control/registry.h"

namespace vswitch {

// EINVAL when a request names more than one namespace (rtnl_ensure_unique_netns).
absl::Status CheckOneNetns(const NlAttrs& attrs);

// For requests that know only IFLA_TARGET_NETNSID: EOPNOTSUPP for the others.
absl::Status RefuseNetns(const NlAttrs& attrs);
// The same, and EINVAL for the id: no namespace has one.
absl::Status RefuseNetnsAndId(const NlAttrs& attrs);

bool NamesNetns(const NlAttrs& attrs);

// OK when IFLA_NET_NS_PID or IFLA_NET_NS_FD mean `ns` or are absent. ESRCH for an unknown process,
// EBADF for what cannot be a descriptor, else EOPNOTSUPP: links stay where they were created.
absl::Status CheckSameNetns(const NlAttrs& attrs, const Namespace& ns);
// The same, and IFLA_TARGET_NETNSID: EINVAL, since no namespace has an id.
absl::Status CheckSameNetnsById(const NlAttrs& attrs, const Namespace& ns);

// RTM_GETNSID: -1, the answer for a namespace without id, to whoever asks about a process or a
// descriptor (rtnl_net_getid).
absl::Status GetNetnsId(const NlMessage& message, Client& client, ExtAck& ack);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RTNL_NETNS_H_
