// SPDX-License-Identifier: BSD-3-Clause
// Devices that keep what they get: dummy transmits into nothing, what an ethdev without rx handler
// receives is for the host stack.
#ifndef VSWITCH_DATAPLANE_SINK_H_
#define VSWITCH_DATAPLANE_SINK_H_

#include "dataplane/netdev.h"

namespace vswitch {

// drivers/net/dummy.c: every frame counts as transmitted and is freed.
class Dummy final : public Netdev {
 public:
  Dummy(DeviceId self, bool up) : self_(self), up_(up) {}
  void Forward(Worker& worker, uint16_t queue, Burst& burst) const override;

 private:
  const DeviceId self_;
  const bool up_;
};

// A device whose backend is the wire: its frames count as received, and go to the host stack.
class Wire final : public Netdev {
 public:
  Wire(DeviceId self, bool up) : self_(self), up_(up) {}
  void Forward(Worker& worker, uint16_t queue, Burst& burst) const override;
  void Transmit(Worker& worker, uint16_t queue, Burst& burst) const override;
  void HandIn(Worker& worker, const Route& route, Burst& burst) const override;
  void CountMalformed(DeviceCounters& counters, uint16_t frames) const override {
    counters.rx_errors.Add(frames);
  }

 private:
  const DeviceId self_;
  const bool up_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_SINK_H_
