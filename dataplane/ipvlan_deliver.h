// SPDX-License-Identifier: BSD-3-Clause
// The last step of what is for an ipvlan slave.
#ifndef VSWITCH_DATAPLANE_IPVLAN_DELIVER_H_
#define VSWITCH_DATAPLANE_IPVLAN_DELIVER_H_

#include <cstdint>
#include <span>

#include "dataplane/netdev.h"
#include "dataplane/packet.h"

namespace vswitch {

class Worker;

// From another slave of the same lower device (dev_forward_skb): nothing but what a running slave's
// MTU allows. `marks` say how it counts, beyond what it counts in any case. The sender has sent
// whatever becomes of it. The burst is empty on return.
void ForwardToSlave(Worker& worker, DeviceId slave, uint16_t queue, uint16_t marks, Burst& burst);

// ipvlan_count_rx of frames that did not arrive.
void CountNotReceived(Worker& worker, DeviceId slave, uint16_t frames);

// Whether a device with that MTU takes the frame from another (is_skb_forwardable).
inline bool IsForwardable(const Packet& packet, uint32_t mtu) {
  return packet.length() <= mtu + kEthernetHeaderSize + kVlanTagSize || packet.IsGso();
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_DELIVER_H_
