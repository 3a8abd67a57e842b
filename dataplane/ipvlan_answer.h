// SPDX-License-Identifier: BSD-3-Clause
// Neighbours for guests behind an L3 slave. The kernel's slave is NOARP and asks for none; a
// guest's NIC does, and everything it can reach is behind the lower device's MAC.
#ifndef VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_
#define VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_

#include "dataplane/address_table.h"
#include "dataplane/ethernet.h"
#include "dataplane/netdev.h"
#include "dataplane/packet.h"

namespace vswitch {

// Turns an ARP request or a neighbour solicitation that `slave` sent into the answer to it, which
// says `mac`. False, and nothing is changed, for anything else, for what asks whether an address is
// free (ARP probes, duplicate address detection), and for the slave's own addresses.
bool AnswerNeighbour(Packet& packet, const EthernetAddress& mac, DeviceId slave,
                     const AddressTable& addresses);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_
