// SPDX-License-Identifier: BSD-3-Clause
// Makes the trace points known to DPDK. rte_trace_point_register.h gives them another meaning, so
// this is a file of its own, and the header comes first.
#include <rte_trace_point_register.h>

#include "dataplane/ipvlan_verdict_points.h"

namespace vswitch {

RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_transmit, vswitch.ipvlan.transmit)
RTE_TRACE_POINT_REGISTER(vswitch_ipvlan_receive, vswitch.ipvlan.receive)

}  // namespace vswitch
