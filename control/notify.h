// SPDX-License-Identifier: BSD-3-Clause
// Link notifications (rtmsg_ifinfo) and what messages about a link have in common.
#ifndef VSWITCH_CONTROL_NOTIFY_H_
#define VSWITCH_CONTROL_NOTIFY_H_

#include <linux/netlink.h>

#include <cstdint>

#include "control/client.h"
#include "control/device.h"
#include "control/fill_link.h"
#include "dataplane/dataplane.h"

namespace vswitch {

// Delivers notifications to the members of a group in a namespace. The server implements it.
class Multicast {
 public:
  virtual ~Multicast() = default;
  // Queues a copy for every client of `ns` that is a member of `group`.
  virtual void Notify(const Namespace& ns, uint32_t group, const Datagram& datagram) = 0;
  // False when Notify would reach nobody; composing the message is saved then.
  virtual bool HasMembers(const Namespace& ns, uint32_t group) const {
    (void)ns, (void)group;
    return true;
  }
};

// The request that caused a deletion. Null: none.
struct Cause {
  Client* client = nullptr;
  const nlmsghdr* header = nullptr;
};

// A notification to a group. With NLM_F_ECHO the client that caused it gets a copy, member of the
// group or not (nlmsg_notify).
void Notify(Multicast& multicast, const Namespace& ns, uint32_t group, const Datagram& datagram,
            const Cause& cause);
// False when that would reach nobody.
bool WantsNotification(const Multicast& multicast, const Namespace& ns, uint32_t group,
                       const Cause& cause);

// Control thread.
class Notifier {
 public:
  Notifier(const Dataplane& dataplane, Multicast& multicast)
      : dataplane_(dataplane), multicast_(multicast) {}

  // `message` with the device's counters and backend filled in.
  // Namespaces are numbered as seen from `reader`, where one that has no number yet gets one.
  LinkMessage Describe(const Device& device, LinkMessage message, Namespace& reader);

  // RTM_NEWLINK to RTNLGRP_LINK; `change` is ifi_change.
  void NewLink(const Device& device, uint32_t change);
  // RTM_DELLINK. It carries sequence number and port id of the request that caused it; a request
  // with NLM_F_ECHO gets a copy, member of the group or not (nlmsg_notify).
  void DelLink(const Device& device, const Cause& cause);
  // RTM_DELLINK of a device that goes on in `to` as `ifindex` (rtmsg_ifinfo_newnet).
  void MovedLink(const Device& device, Namespace& to, int32_t ifindex);

  // RTM_NEWNSID or RTM_DELNSID to RTNLGRP_NSID in `ns`.
  void NetnsId(const Namespace& ns, uint16_t type, int32_t id, const Cause& cause);
  // The id of a namespace as seen from another; announced if it is new (peernet2id_alloc).
  int32_t IdFor(Namespace& reader, Namespace& peer);

 private:
  // Whether a message about the device in its namespace reaches anybody.
  bool Listens(const Device& device, const Cause& cause);
  void Tell(const Device& device, const LinkMessage& message, const Cause& cause);

  const Dataplane& dataplane_;
  Multicast& multicast_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NOTIFY_H_
