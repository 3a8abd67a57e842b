// SPDX-License-Identifier: BSD-3-Clause
// Where one can watch the control path of ipvlans: each is a point of rte_trace (vswitch.ipvlan.*)
// and a static probe that perf and bpftrace attach to (vswitch:ipvlan_*).
#ifndef VSWITCH_CONTROL_IPVLAN_TRACE_H_
#define VSWITCH_CONTROL_IPVLAN_TRACE_H_

#include "control/device.h"
#include "control/ip_address.h"

namespace vswitch {

// Control thread. They cost a load and a branch while nobody watches.

void TraceIpvlanSetup(const Device& device);  // has its defaults, but no name yet
// With the slots by which dataplane/ipvlan_verdict.h names them.
void TraceIpvlanNewlink(const Device& device, const Device& phy);
void TraceIpvlanDellink(const Device& device, const Device& phy);
// Packets find the address at the device from now on, if it is UP.
void TraceIpvlanAddress(const Device& device, const IpAddress& address);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IPVLAN_TRACE_H_
