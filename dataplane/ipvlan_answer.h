// SPDX-License-Identifier: BSD-3-Clause
// Neighbours for guests behind an L3 slave. The kernel's slave is NOARP and asks for none; a
// guest's NIC does, and everything it can reach is behind the lower device's MAC.
#ifndef VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_
#define VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_

#include <cstdint>

#include "dataplane/address_table.h"
#include "dataplane/ethernet.h"
#include "dataplane/netdev.h"
#include "dataplane/packet.h"

namespace vswitch {

enum class NeighbourAnswer : uint8_t {
  kNone,   // it is not ours to answer, and not changed
  kReady,  // the packet is the answer now
  kOwn,    // about an address that the slave itself has: nobody else needs to know
};

// Turns an ARP request or a neighbour solicitation that `slave` sent into the answer to it, which
// says `mac`. What asks whether an address is free (ARP probes, duplicate address detection) is not
// answered: who has the address does that. Nor does a guest get back what it asks or announces
// about its own, which it would take for a conflict (RFC 5227, 2.1.1; RFC 4862, 5.4.3).
NeighbourAnswer AnswerNeighbour(Packet& packet, const EthernetAddress& mac, DeviceId slave,
                                const AddressTable& addresses);

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_ANSWER_H_
