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

// Control thread.
class Notifier {
 public:
  Notifier(const Dataplane& dataplane, Multicast& multicast)
      : dataplane_(dataplane), multicast_(multicast) {}

  // A message about the device with its counters and backend filled in.
  LinkMessage Describe(const Device& device, uint16_t type) const;

  // RTM_NEWLINK to RTNLGRP_LINK; `change` is ifi_change.
  void NewLink(const Device& device, uint32_t change);
  // The same with change 0, only if the device is UP (netdev_state_change).
  void StateChanged(const Device& device);
  // RTM_DELLINK. It carries sequence number and port id of the request that caused it; a request
  // with NLM_F_ECHO gets a copy, member of the group or not (nlmsg_notify).
  void DelLink(const Device& device, const Cause& cause);

 private:
  const Dataplane& dataplane_;
  Multicast& multicast_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NOTIFY_H_
