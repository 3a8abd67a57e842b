// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWLINKPROP and RTM_DELLINKPROP: alternative names (rtnl_linkprop).
#include <linux/rtnetlink.h>

#include <cerrno>

#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// Each name is checked against the policy when its turn comes: those before it are done already.
absl::StatusOr<std::string> ReadAltname(const NlAttr& property, Bytes message, ExtAck& ack) {
  const Bytes attribute = message.subspan(property.offset, NLA_HDRLEN + property.value.size());
  const absl::StatusOr<NlAttrs> parsed =
      ParseAttributes(attribute, property.offset, LinkPolicy(), NlParse::kExact, &ack);
  if (!parsed.ok()) return parsed.status();
  return parsed->String(IFLA_ALT_IFNAME);
}

absl::Status ChangeAltname(Device& device, uint16_t type, const std::string& name) {
  return type == RTM_NEWLINKPROP ? device.ns->AddAltname(device, name)
                                 : device.ns->RemoveAltname(device, name);
}

}  // namespace

absl::Status Rtnl::LinkProp(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<LinkRequest> request = ParseLinkProp(message, client, ack);
  if (!request.ok()) return request.status();
  const absl::Status netns = RefuseNetns(request->attrs);
  if (!netns.ok()) return netns;
  if (!SelectsDevice(*request)) return ErrnoStatus(EINVAL);
  Device* device = SelectDevice(*request);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  const NlAttr* list = request->attrs.Find(IFLA_PROP_LIST);
  if (list == nullptr) return absl::OkStatus();
  bool changed = false;
  for (const NlAttr& property : ListAttributes(list->value, list->offset + NLA_HDRLEN)) {
    if (property.type != IFLA_ALT_IFNAME) continue;
    const absl::StatusOr<std::string> name = ReadAltname(property, message.bytes, ack);
    if (!name.ok()) return name.status();
    const absl::Status status = ChangeAltname(*device, message.header.nlmsg_type, *name);
    if (!status.ok()) return status;
    changed = true;
  }
  if (changed) NotifyState(*device);
  return absl::OkStatus();
}

}  // namespace vswitch
