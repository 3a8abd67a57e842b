// SPDX-License-Identifier: BSD-3-Clause
// Addresses as the data path compares them.
#ifndef VSWITCH_CONTROL_IPVLAN_KEY_H_
#define VSWITCH_CONTROL_IPVLAN_KEY_H_

#include "control/ip_address.h"
#include "dataplane/address_key.h"

namespace vswitch {

// REQUIRES: address.valid().
inline AddressKey KeyOf(const IpAddress& address) {
  const std::span<const uint8_t, 16> bytes(address.bytes);
  return address.family == AF_INET ? AddressKey::Ipv4(bytes.first<4>()) : AddressKey::Ipv6(bytes);
}

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IPVLAN_KEY_H_
