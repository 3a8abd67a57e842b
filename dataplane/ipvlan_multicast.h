// SPDX-License-Identifier: BSD-3-Clause
// Frames for groups, which in L2 mode all slaves of a lower device that listen get
// (ipvlan_multicast_enqueue, ipvlan_process_multicast).
#ifndef VSWITCH_DATAPLANE_IPVLAN_MULTICAST_H_
#define VSWITCH_DATAPLANE_IPVLAN_MULTICAST_H_

#include "dataplane/ipvlan_port.h"
#include "dataplane/mailbox.h"

namespace vswitch {

class Worker;

// Worker thread. Takes the packet and puts it into the port's backlog, or drops it when that is
// full. `route.from` is the slave that sent it, invalid for what the lower device `route.to`
// received.
void PostToGroup(Worker& worker, IpvlanPort& port, const Route& route, const Packet& packet);

// Worker thread. A bounded piece of what the backlog asks for. Whether something is left.
bool WorkOffBacklog(Worker& worker, IpvlanPort& port);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_MULTICAST_H_
