// SPDX-License-Identifier: BSD-3-Clause
// What stands between a device and its stack and takes what it wants of the frames that the device
// receives: its upper devices (rx_handler of struct net_device; one a device).
#ifndef VSWITCH_DATAPLANE_RX_HANDLER_H_
#define VSWITCH_DATAPLANE_RX_HANDLER_H_

#include "dataplane/mailbox.h"
#include "dataplane/packet.h"

namespace vswitch {

class Worker;

// Published beside the Netdev of the lower device and const like it: a change publishes a new one
// and retires the old one after a grace period.
class RxHandler {
 public:
  virtual ~RxHandler() = default;

  // Worker thread, inside an RCU read section, before the stack of `route.to` sees the frames.
  // Takes from `burst` what belongs to upper devices (Worker::CountReceived, then Deliver or Drop);
  // what it leaves is in order, and goes to the stack as if there were no handler.
  virtual void Receive(Worker& worker, const Route& route, Burst& burst) const = 0;

  // Worker thread, once a round while it returns true, after Worker::Defer: a small piece of what
  // must not delay a burst.
  virtual bool Work(Worker& worker) const = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_RX_HANDLER_H_
