// SPDX-License-Identifier: BSD-3-Clause
// The points of rte_trace. What this defines records, except in the one file that registers them.
#ifndef VSWITCH_CONTROL_IPVLAN_TRACE_POINTS_H_
#define VSWITCH_CONTROL_IPVLAN_TRACE_POINTS_H_

#include <rte_trace_point.h>

namespace vswitch {

RTE_TRACE_POINT(vswitch_ipvlan_setup, RTE_TRACE_POINT_ARGS(const char* name),
                rte_trace_point_emit_string(name);)
RTE_TRACE_POINT(vswitch_ipvlan_newlink,
                RTE_TRACE_POINT_ARGS(const char* name, int32_t ifindex, uint32_t slot,
                                     const char* phy, uint32_t phy_slot),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_i32(ifindex); rte_trace_point_emit_u32(slot);
                rte_trace_point_emit_string(phy); rte_trace_point_emit_u32(phy_slot);)
RTE_TRACE_POINT(vswitch_ipvlan_dellink,
                RTE_TRACE_POINT_ARGS(const char* name, int32_t ifindex, const char* phy),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_i32(ifindex); rte_trace_point_emit_string(phy);)
RTE_TRACE_POINT(vswitch_ipvlan_address,
                RTE_TRACE_POINT_ARGS(const char* name, uint8_t family, uint64_t high, uint64_t low),
                rte_trace_point_emit_string(name);
                rte_trace_point_emit_u8(family); rte_trace_point_emit_u64(high);
                rte_trace_point_emit_u64(low);)

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IPVLAN_TRACE_POINTS_H_
