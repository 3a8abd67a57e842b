// SPDX-License-Identifier: BSD-3-Clause
// Where one can watch what ipvlan decides: each verdict is a point of rte_trace (vswitch.ipvlan.*)
// and a static probe that perf and bpftrace attach to (vswitch:ipvlan_*).
#ifndef VSWITCH_DATAPLANE_IPVLAN_VERDICT_H_
#define VSWITCH_DATAPLANE_IPVLAN_VERDICT_H_

#include <sys/sdt.h>

#include <cstdint>

#include "dataplane/drop_reason.h"
#include "dataplane/ipvlan_verdict_points.h"
#include "dataplane/netdev.h"

namespace vswitch {

// Where a packet from a slave goes. Probes tell the number.
enum class IpvlanWay : uint8_t {
  kDrop = 0,
  kSibling = 1,
  kWire = 2,
  kLowerStack = 3,
  kGroup = 4,    // waits to be copied
  kControl = 5,  // the control thread knows the way, or finds it
  kAnswer = 6,   // asked for a neighbour, and is told
  kOwn = 7,      // asks or announces what is its own: nobody is to know
};

// Workers. While nobody watches, each costs a load and a branch, and a nop; it tells of all packets
// of a burst that go the same way. Devices are told by their slot, as ipvlan_newlink does.

// `reason` counts for kDrop, `sibling` for kSibling.
inline void TraceIpvlanTransmit(DeviceId slave, IpvlanWay way, DropReason reason, DeviceId sibling,
                                uint16_t packets) {
  vswitch_ipvlan_transmit(slave.slot, static_cast<uint8_t>(way), static_cast<uint8_t>(reason),
                          sibling.slot, packets);
  DTRACE_PROBE5(vswitch, ipvlan_transmit, slave.slot, static_cast<uint8_t>(way),
                static_cast<uint8_t>(reason), sibling.slot, packets);
}

// `slave` is not valid for what the lower device keeps.
inline void TraceIpvlanReceive(DeviceId phy, DeviceId slave, uint16_t packets) {
  vswitch_ipvlan_receive(phy.slot, slave.slot, packets);
  DTRACE_PROBE3(vswitch, ipvlan_receive, phy.slot, slave.slot, packets);
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_VERDICT_H_
