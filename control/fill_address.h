// SPDX-License-Identifier: BSD-3-Clause
// An address as RTM_NEWADDR or RTM_DELADDR (inet_fill_ifaddr, inet6_fill_ifaddr).
#ifndef VSWITCH_CONTROL_FILL_ADDRESS_H_
#define VSWITCH_CONTROL_FILL_ADDRESS_H_

#include <cstdint>
#include <optional>

#include "control/inet_device.h"
#include "control/netlink.h"

namespace vswitch {

struct AddressMessage {
  uint16_t type;  // RTM_NEWADDR or RTM_DELADDR
  uint16_t flags = 0;
  uint32_t seq = 0;
  uint32_t pid = 0;
  MonotonicTime now;                      // lifetimes are told as what is left of them
  std::optional<int32_t> target_netnsid;  // as the request asked for it
};

// Appends one message. `ifindex` is the device's.
void FillAddress(int32_t ifindex, const InetAddress& address, const AddressMessage& message,
                 Datagram& out);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_ADDRESS_H_
