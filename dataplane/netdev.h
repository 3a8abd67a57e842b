// SPDX-License-Identifier: BSD-3-Clause
// A virtual NIC as the poll-mode cores see it.
#ifndef VSWITCH_DATAPLANE_NETDEV_H_
#define VSWITCH_DATAPLANE_NETDEV_H_

#include <bit>
#include <cstdint>
#include <utility>

#include "dataplane/counters.h"
#include "dataplane/packet.h"

namespace vswitch {

class Worker;
struct Route;

// Names a device in the DeviceTable. The generation tells a device from a later one in the same
// slot, so that a packet that crosses cores can outlive its destination without harm.
struct DeviceId {
  uint32_t slot = kNone;
  uint32_t generation = 0;

  static constexpr uint32_t kNone = UINT32_MAX;
  bool valid() const { return slot != kNone; }
  // At once: it is asked of every letter.
  friend bool operator==(const DeviceId& a, const DeviceId& b) {
    return std::bit_cast<uint64_t>(a) == std::bit_cast<uint64_t>(b);
  }
  template <typename H>
  friend H AbslHashValue(H state, const DeviceId& id) {
    return H::combine(std::move(state), id.slot, id.generation);
  }
};

// Answers one question: where do the packets that came out of my backend go?
//
// A published Netdev is const: a change (MTU, flags, peer) publishes a new object and retires the
// old one after a grace period. Objects hold DeviceIds of others, never pointers to them.
class Netdev {
 public:
  virtual ~Netdev() = default;

  // Worker thread, inside an RCU read section. Takes every packet of `burst` (received from queue
  // `queue` of this device's backend): Worker::Deliver or Worker::Drop; the burst is empty on
  // return.
  virtual void Forward(Worker& worker, uint16_t queue, Burst& burst) const = 0;

  // The same for what the host stack and upper devices send on this device (ndo_start_xmit); a flow
  // keeps to one `queue`. Where the stack stands in the place of a backend there is no difference.
  virtual void Transmit(Worker& worker, uint16_t queue, Burst& burst) const {
    Forward(worker, queue, burst);
  }

  // The same for what reaches the stack of this device, `route.to`, from inside the switch
  // (netif_rx). By default the backend stands in the place of that stack.
  virtual void HandIn(Worker& worker, const Route& route, Burst& burst) const;

  // Worker thread. What frames count as that the backend refused while it received: by default the
  // stack behind the device failed to send them.
  virtual void CountMalformed(DeviceCounters& counters, uint16_t frames) const {
    counters.tx_dropped.Add(frames);
  }
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_NETDEV_H_
