// SPDX-License-Identifier: BSD-3-Clause
// A device as RTM_NEWLINK or RTM_DELLINK, attribute for attribute as Linux 6.1 sends it
// (rtnl_fill_ifinfo).
#ifndef VSWITCH_CONTROL_FILL_LINK_H_
#define VSWITCH_CONTROL_FILL_LINK_H_

#include <cstdint>
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
};

// Flags as a reader sees them: RUNNING, LOWER_UP and DORMANT derived (dev_get_flags).
uint32_t ReportedFlags(const Device& device);

// Appends one message.
void FillLink(const Device& device, const LinkMessage& message, Datagram& out);

// The AF_INET6 form of a link dump entry (inet6_fill_ifinfo), 728/736 bytes.
void FillLinkInet6(const Device& device, const LinkMessage& message, Datagram& out);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_LINK_H_
