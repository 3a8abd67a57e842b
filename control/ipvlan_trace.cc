// SPDX-License-Identifier: BSD-3-Clause
#include "control/ipvlan_trace.h"

#include <sys/sdt.h>

#include <cstring>

#include "control/ipvlan_trace_points.h"

namespace vswitch {

void TraceIpvlanSetup(const Device& device) {
  vswitch_ipvlan_setup(device.name.c_str());
  DTRACE_PROBE1(vswitch, ipvlan_setup, device.name.c_str());
}

void TraceIpvlanNewlink(const Device& device, const Device& phy) {
  vswitch_ipvlan_newlink(device.name.c_str(), device.ifindex, device.id.slot, phy.name.c_str(),
                         phy.id.slot);
  DTRACE_PROBE5(vswitch, ipvlan_newlink, device.name.c_str(), device.ifindex, device.id.slot,
                phy.name.c_str(), phy.id.slot);
}

void TraceIpvlanDellink(const Device& device, const Device& phy) {
  vswitch_ipvlan_dellink(device.name.c_str(), device.ifindex, phy.name.c_str());
  DTRACE_PROBE3(vswitch, ipvlan_dellink, device.name.c_str(), device.ifindex, phy.name.c_str());
}

void TraceIpvlanAddress(const Device& device, const IpAddress& address) {
  uint64_t words[2];  // in network order, as they lie in memory
  std::memcpy(words, address.bytes.data(), sizeof(words));
  vswitch_ipvlan_address(device.name.c_str(), address.family, words[0], words[1]);
  DTRACE_PROBE3(vswitch, ipvlan_address, device.name.c_str(), address.family, address.bytes.data());
}

}  // namespace vswitch
