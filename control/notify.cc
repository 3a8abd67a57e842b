// SPDX-License-Identifier: BSD-3-Clause
#include "control/notify.h"

#include <linux/rtnetlink.h>

#include "control/registry.h"

namespace vswitch {

namespace {

bool WantsEcho(const Cause& cause) {
  return cause.header != nullptr && (cause.header->nlmsg_flags & NLM_F_ECHO) != 0;
}

// Of most messages about a link: growing to that step by step takes time.
constexpr size_t kUsualSize = 2048;

// The namespace of the device behind it, null if that is its own.
Namespace* OtherNetns(const Device& device) {
  const bool elsewhere = device.link != nullptr && device.link->ns != device.ns;
  return elsewhere ? device.link->ns : nullptr;
}

}  // namespace

void Notify(Multicast& multicast, const Namespace& ns, uint32_t group, const Datagram& datagram,
            const Cause& cause) {
  multicast.Notify(ns, group, datagram);
  if (!WantsEcho(cause)) return;
  const bool member = cause.client->ns == &ns && cause.client->groups.count(group) > 0;
  if (!member) cause.client->Send(datagram);
}

bool WantsNotification(const Multicast& multicast, const Namespace& ns, uint32_t group,
                       const Cause& cause) {
  return WantsEcho(cause) || multicast.HasMembers(ns, group);
}

LinkMessage Notifier::Describe(const Device& device, LinkMessage message, Namespace& reader) {
  if (Namespace* other = OtherNetns(device)) message.link_netnsid = IdFor(reader, *other);
  if (!device.id.valid()) return message;
  message.totals = dataplane_.Totals(device.id);
  if (const Port* port = dataplane_.PortOf(device.id)) {
    const BackendStatus status = port->backend->Status();
    message.parent_bus = status.type;
    message.parent_name = status.path;
  }
  return message;
}

// Also when nobody listens the kernel composes a message, which numbers the namespaces in it.
bool Notifier::Listens(const Device& device, const Cause& cause) {
  if (Namespace* other = OtherNetns(device)) IdFor(*device.ns, *other);
  return WantsNotification(multicast_, *device.ns, RTNLGRP_LINK, cause);
}

void Notifier::Tell(const Device& device, const LinkMessage& message, const Cause& cause) {
  Datagram datagram;
  datagram.reserve(kUsualSize);
  FillLink(device, Describe(device, message, *device.ns), datagram);
  Notify(multicast_, *device.ns, RTNLGRP_LINK, datagram, cause);
}

void Notifier::NewLink(const Device& device, uint32_t change) {
  if (Listens(device, {})) Tell(device, {.type = RTM_NEWLINK, .change = change}, {});
}

void Notifier::DelLink(const Device& device, const Cause& cause) {
  if (!Listens(device, cause)) return;
  LinkMessage message{.type = RTM_DELLINK, .change = UINT32_MAX};
  if (cause.header != nullptr) message.seq = cause.header->nlmsg_seq;
  if (cause.client != nullptr) message.pid = cause.client->port_id;
  Tell(device, message, cause);
}

void Notifier::MovedLink(const Device& device, Namespace& to, int32_t ifindex) {
  const int32_t id = IdFor(*device.ns, to);
  if (!Listens(device, {})) return;
  LinkMessage message{.type = RTM_DELLINK, .change = UINT32_MAX};
  message.new_netnsid = id;
  message.new_ifindex = ifindex;
  Tell(device, message, {});
}

}  // namespace vswitch
