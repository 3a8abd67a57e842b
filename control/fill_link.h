// SPDX-License-Identifier: BSD-3-Clause
// A device as RTM_NEWLINK or RTM_DELLINK, attribute for attribute as Linux 6.1 sends it
// (rtnl_fill_ifinfo).
#ifndef VSWITCH_CONTROL_FILL_LINK_H_
#define VSWITCH_CONTROL_FILL_LINK_H_

#include <linux/if_link.h>

#include <cstdint>
#include <optional>
#include <string>

#include "control/device.h"
#include "control/netlink.h"
#include "dataplane/counters.h"

namespace vswitch {

struct LinkMessage {
  uint16_t type;  // RTM_NEWLINK or RTM_DELLINK
  uint16_t flags = 0;
  uint32_t seq = 0;
  uint32_t pid = 0;
  uint32_t change = 0;            // ifi_change
  uint32_t ext_mask = 0;          // IFLA_EXT_MASK of the request
  std::optional<uint32_t> event;  // IFLA_EVENT, in notifications that carry it
  DeviceTotals totals;
  std::string parent_bus;  // backend type and path; empty: none
  std::string parent_name;

  // Namespaces as numbered in the receiver's: asked for by IFLA_TARGET_NETNSID, of the device
  // behind IFLA_LINK when that is another one, and where a moved device went.
  std::optional<int32_t> target_netnsid, link_netnsid, new_netnsid;
  std::optional<int32_t> new_ifindex;
};

// Flags as a reader sees them: RUNNING and LOWER_UP derived (dev_get_flags). DORMANT is never set:
// only drivers of hardware that authenticates make a device dormant.
uint32_t ReportedFlags(const Device& device);

// What IFLA_STATS64 and IFLA_STATS_LINK_64 hold.
rtnl_link_stats64 LinkStats(const DeviceTotals& totals);

// Appends one message. In RTM_DELLINK the protocols and the queueing discipline are gone already.
void FillLink(const Device& device, const LinkMessage& message, Datagram& out);

// The AF_INET6 form of a link dump entry (inet6_fill_ifinfo), 728/736 bytes. Appends nothing for a
// device without IPv6 state (HasInet6).
void FillLinkInet6(const Device& device, const LinkMessage& message, Datagram& out);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_LINK_H_
