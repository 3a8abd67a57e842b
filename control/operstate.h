// SPDX-License-Identifier: BSD-3-Clause
// Carrier and the operational state that follows from it (RFC 2863, net/core/link_watch.c).
#ifndef VSWITCH_CONTROL_OPERSTATE_H_
#define VSWITCH_CONTROL_OPERSTATE_H_

#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"
#include "control/device.h"

namespace vswitch {

// What carrier and link mode make of the device's stored state (rfc2863_policy).
void SettleOperState(Device& device);

// A client's IFLA_OPERSTATE: takes only the transitions of set_operstate. True if it changed.
bool RequestOperState(Device& device, uint8_t wanted);

// Carrier events, which the kernel works off asynchronously. Here Run is called after every
// request, so that a reader always sees the settled state.
class LinkWatch {
 public:
  // netif_carrier_on and netif_carrier_off: nothing happens if that is the carrier already.
  void SetCarrier(Device& device, bool on);
  // The same for netif_dormant_on and netif_testing_on, and their opposites.
  void SetDormant(Device& device, bool on);
  void SetTesting(Device& device, bool on);
  // Settles the state of every device with an event, in the order of the events, and calls
  // `settled` for it. Events that come of that are settled, too.
  void Run(absl::FunctionRef<void(Device&)> settled);
  // Drops the events of devices that are unregistering.
  void ForgetUnregistering();

 private:
  void Fire(Device& device);

  std::vector<Device*> pending_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_OPERSTATE_H_
