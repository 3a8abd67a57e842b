// SPDX-License-Identifier: BSD-3-Clause
// A parsed RTM_NEWLINK, RTM_SETLINK, RTM_DELLINK or RTM_GETLINK.
#ifndef VSWITCH_CONTROL_LINK_REQUEST_H_
#define VSWITCH_CONTROL_LINK_REQUEST_H_

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <optional>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "control/client.h"
#include "control/netlink.h"

namespace vswitch {

struct LinkKind;
class Namespace;

// The IFLA_* policy of the kernel (ifla_policy), by attribute type.
std::span<const NlPolicy> LinkPolicy();

// The policy of IFLA_LINKINFO (ifla_info_policy).
std::span<const NlPolicy> LinkInfoPolicy();

// Views into the request's bytes. May be moved; a copy would point into the original.
struct LinkRequest {
  NlMessage message;
  Client* client = nullptr;
  Namespace* source = nullptr;  // of names and indexes in what creates a link
  ifinfomsg header{};
  NlAttrs attrs;  // IFLA_*

  // From IFLA_LINKINFO; filled by ParseLinkInfo.
  std::string kind_name;              // empty: none
  const LinkKind* kind = nullptr;     // null: none or unknown
  const NlAttr* info_data = nullptr;  // raw INFO_DATA, present even if the kind is unknown
  std::optional<NlAttrs> data;        // INFO_DATA parsed against the kind's policy
  const NlAttr* slave_data = nullptr;
  NlAttrs link_info;
};

// Header and attributes, legacy mode. Errors as the kernel: EINVAL "Invalid header length", policy
// errors.
absl::StatusOr<LinkRequest> ParseLinkRequest(const NlMessage& message, Client& client, ExtAck& ack);
// The same for RTM_NEWLINKPROP and RTM_DELLINKPROP, which are new enough to be parsed exactly.
absl::StatusOr<LinkRequest> ParseLinkProp(const NlMessage& message, Client& client, ExtAck& ack);

// KIND, DATA, SLAVE_DATA. LINKINFO itself is parsed without sentences, INFO_DATA with them
// (rtnl_newlink).
absl::Status ParseLinkInfo(LinkRequest& request, ExtAck& ack);

// The strict checks of RTM_GETLINK (semantics of rtnl_valid_getlink_req,
// rtnl_valid_dump_ifinfo_req, inet6_valid_dump_ifinfo) when the client asked for them, else the
// legacy parse, which for a dump never fails and then leaves the attributes out. `dump` selects the
// table. The attributes of an AF_INET6 dump are always left out.
absl::StatusOr<LinkRequest> ParseGetLink(const NlMessage& message, Client& client, bool dump,
                                         ExtAck& ack);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_REQUEST_H_
