// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/ipvlan_port.h"

#include <bit>

namespace vswitch {

// The generation of a device is never 0, nor is thus the value.
bool IpvlanPort::AddAddress(const AddressKey& address, DeviceId slave) {
  return addresses_.Insert(address, std::bit_cast<uint64_t>(slave));
}

}  // namespace vswitch
