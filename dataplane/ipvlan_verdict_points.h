// SPDX-License-Identifier: BSD-3-Clause
// The points of rte_trace. What this defines records, except in the one file that registers them.
#ifndef VSWITCH_DATAPLANE_IPVLAN_VERDICT_POINTS_H_
#define VSWITCH_DATAPLANE_IPVLAN_VERDICT_POINTS_H_

#include <rte_trace_point.h>

namespace vswitch {

// Not of the kind for fast paths, which DPDK as distributions build it leaves out. One is passed
// once or a few times a burst.
RTE_TRACE_POINT(vswitch_ipvlan_transmit,
                RTE_TRACE_POINT_ARGS(uint32_t slave, uint8_t way, uint8_t reason, uint32_t sibling,
                                     uint16_t packets),
                rte_trace_point_emit_u32(slave);
                rte_trace_point_emit_u8(way); rte_trace_point_emit_u8(reason);
                rte_trace_point_emit_u32(sibling); rte_trace_point_emit_u16(packets);)
RTE_TRACE_POINT(vswitch_ipvlan_receive,
                RTE_TRACE_POINT_ARGS(uint32_t phy, uint32_t slave, uint16_t packets),
                rte_trace_point_emit_u32(phy);
                rte_trace_point_emit_u32(slave); rte_trace_point_emit_u16(packets);)

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_VERDICT_POINTS_H_
