// SPDX-License-Identifier: BSD-3-Clause
// Checks of attributes that need a device but not the kind.
#ifndef VSWITCH_CONTROL_LINK_CHECK_H_
#define VSWITCH_CONTROL_LINK_CHECK_H_

#include <cstdint>

#include "absl/status/status.h"
#include "control/device.h"
#include "control/netlink.h"

namespace vswitch {

inline constexpr size_t kAddressLength = 6;  // addr_len of every kind

// Neither zero nor multicast (is_valid_ether_addr). REQUIRES: kAddressLength bytes.
bool IsUnicastAddress(Bytes address);

// IFLA_ADDRESS and IFLA_BROADCAST long enough, IFLA_AF_SPEC understood (validate_linkmsg). A null
// device is one that does not exist yet.
absl::Status CheckLinkMessage(const Device* device, const NlAttrs& attrs, ExtAck& ack);

// EINVAL with the kernel's sentence (dev_validate_mtu).
absl::Status CheckMtu(const Device& device, uint32_t mtu);

// IFLA_ADDRESS as veth and dummy want it: EINVAL or EADDRNOTAVAIL, no sentence.
absl::Status CheckNewAddress(const NlAttrs& attrs);

// The first kAddressLength bytes. REQUIRES: CheckLinkMessage succeeded.
MacAddress ReadAddress(Bytes bytes);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_CHECK_H_
