// SPDX-License-Identifier: BSD-3-Clause
#include "control/notify.h"

#include <linux/rtnetlink.h>

#include "control/registry.h"

namespace vswitch {

LinkMessage Notifier::Describe(const Device& device, uint16_t type) const {
  LinkMessage message{.type = type};
  if (!device.id.valid()) return message;
  message.totals = dataplane_.Totals(device.id);
  if (const Port* port = dataplane_.PortOf(device.id)) {
    const BackendStatus status = port->backend->Status();
    message.parent_bus = status.type;
    message.parent_name = status.path;
  }
  return message;
}

void Notifier::NewLink(const Device& device, uint32_t change) {
  if (!multicast_.HasMembers(*device.ns, RTNLGRP_LINK)) return;
  LinkMessage message = Describe(device, RTM_NEWLINK);
  message.change = change;
  Datagram datagram;
  FillLink(device, message, datagram);
  multicast_.Notify(*device.ns, RTNLGRP_LINK, datagram);
}

void Notifier::StateChanged(const Device& device) {
  if (device.up()) NewLink(device, 0);
}

void Notifier::DelLink(const Device& device, const Cause& cause) {
  const bool echo = cause.header != nullptr && (cause.header->nlmsg_flags & NLM_F_ECHO) != 0;
  if (!echo && !multicast_.HasMembers(*device.ns, RTNLGRP_LINK)) return;
  LinkMessage message = Describe(device, RTM_DELLINK);
  message.change = UINT32_MAX;
  if (cause.header != nullptr) message.seq = cause.header->nlmsg_seq;
  if (cause.client != nullptr) message.pid = cause.client->port_id;
  Datagram datagram;
  FillLink(device, message, datagram);
  multicast_.Notify(*device.ns, RTNLGRP_LINK, datagram);
  const bool member =
      echo && cause.client->ns == device.ns && cause.client->groups.count(RTNLGRP_LINK) > 0;
  if (echo && !member) cause.client->Send(datagram);
}

}  // namespace vswitch
