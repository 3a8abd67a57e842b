// SPDX-License-Identifier: BSD-3-Clause
// Makes the trace points known to DPDK. rte_trace_point_register.h gives them another meaning, so
// this is a file of its own, and the header comes first.
#include <rte_trace_point_register.h>

#include "control/ipvlan_trace_points.h"

namespace vswitch {

RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_setup, vswitch.ipvlan.setup)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_newlink, vswitch.ipvlan.newlink)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_dellink, vswitch.ipvlan.dellink)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_address, vswitch.ipvlan.address)

}  // namespace vswitch
