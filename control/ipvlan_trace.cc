// SPDX-License-Identifier: BSD-3-Clause
#include "control/ipvlan_trace.h"

#include <rte_trace_point_register.h>
#include <sys/sdt.h>

#include <cstring>

namespace vswitch {

RTE_TRACE_POINT(vswitch_ipvlan_setup, RTE_TRACE_POINT_ARGS(const char* name),
                rte_trace_point_emit_string(name);)
RTE_TRACE_POINT(vswitch_ipvlan_newlink,
                RTE_TRACE_POINT_ARGS(const char* name, int32_t ifindex, const char* phy),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_i32(ifindex); rte_trace_point_emit_string(phy);)
RTE_TRACE_POINT(vswitch_ipvlan_dellink,
                RTE_TRACE_POINT_ARGS(const char* name, int32_t ifindex, const char* phy),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_i32(ifindex); rte_trace_point_emit_string(phy);)
RTE_TRACE_POINT(vswitch_ipvlan_address,
                RTE_TRACE_POINT_ARGS(const char* name, uint8_t family, uint64_t high, uint64_t low),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_u8(family); rte_trace_point_emit_u64(high);
                rte_trace_point_emit_u64(low);)

RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_setup, vswitch.ipvlan.setup)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_newlink, vswitch.ipvlan.newlink)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_dellink, vswitch.ipvlan.dellink)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_address, vswitch.ipvlan.address)

void TraceIpvlanSetup(const Device& device) {
  vswitch_ipvlan_setup(device.name.c_str());
  DTRACE_PROBE1(vswitch, ipvlan_setup, device.name.c_str());
}

void TraceIpvlanNewlink(const Device& device, const Device& phy) {
  vswitch_ipvlan_newlink(device.name.c_str(), device.ifindex, phy.name.c_str());
  DTRACE_PROBE3(vswitch, ipvlan_newlink, device.name.c_str(), device.ifindex, phy.name.c_str());
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
