// SPDX-License-Identifier: BSD-3-Clause
// A switch in this process: the real data path with rings behind its devices, on a core of its own.
// (A vswitch process keeps its memory to itself, so no other process can reach its rings.)
#ifndef VSWITCH_PERF_RING_SWITCH_H_
#define VSWITCH_PERF_RING_SWITCH_H_

#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/dataplane.h"

namespace vswitch {

struct SwitchCounts {
  uint64_t packets = 0;
  uint64_t busy_cycles = 0;  // TSC, of rounds that moved a packet

  SwitchCounts Since(const SwitchCounts& before) const {
    return {packets - before.packets, busy_cycles - before.busy_cycles};
  }
};

// Lives on the thread that made it.
class RingSwitch {
 public:
  // `pairs` veth pairs: port 2k is connected to port 2k + 1. The worker runs on EAL lcore `lcore`.
  static absl::StatusOr<std::unique_ptr<RingSwitch>> Start(uint16_t pairs, unsigned lcore,
                                                           uint32_t frame_size);
  // Frees the rings and the packets in them, whose pools must still be there.
  ~RingSwitch() = default;

  // Where the packets of a port go in, and come out.
  static rte_ring* In(uint16_t port);
  static rte_ring* Out(uint16_t port);

  // Of all times; any thread.
  SwitchCounts Counts() const;

 private:
  RingSwitch() : dataplane_(1) {}
  absl::Status AddPort(uint16_t port, uint32_t mtu);
  void Connect(DeviceId self, DeviceId peer, uint32_t mtu);

  Dataplane dataplane_;
  std::vector<DeviceId> devices_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_RING_SWITCH_H_
