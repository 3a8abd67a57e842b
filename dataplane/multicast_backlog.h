// SPDX-License-Identifier: BSD-3-Clause
// Frames for many slaves, which wait until a worker has time to copy them (the backlog of struct
// ipvl_port).
#ifndef VSWITCH_DATAPLANE_MULTICAST_BACKLOG_H_
#define VSWITCH_DATAPLANE_MULTICAST_BACKLOG_H_

#include <atomic>
#include <cstdint>
#include <span>

#include "dataplane/mailbox.h"

namespace vswitch {

// Any worker puts frames in; one at a time takes them out, so that they keep their order.
class MulticastBacklog {
 public:
  static constexpr uint32_t kCapacity = 1000;  // IPVLAN_QBACKLOG_LIMIT

  MulticastBacklog() : ring_(kCapacity + 1) {}
  ~MulticastBacklog();
  MulticastBacklog(const MulticastBacklog&) = delete;

  // Any worker. As Mailbox::Post; `route.from` is the slave that sends, invalid for what the lower
  // device received.
  uint16_t Post(const Route& route, std::span<const Packet> packets) {
    return ring_.Post(route, packets);
  }

  // The frame that is being copied, and the first place of SlaveList that it has not been to.
  struct Current {
    Letter letter;
    uint32_t place = 0;
  };

  // Worker thread. False when another worker is at it; else the caller has what follows to itself
  // until End.
  bool Begin() { return !busy_.exchange(true, std::memory_order_acq_rel); }
  // The frame to go on with; null when there is none.
  Current* Next();
  // It has been everywhere. The packet is the caller's.
  void Done() { active_ = false; }
  // Whether there is nothing left.
  bool End();

 private:
  Mailbox ring_;
  std::atomic<bool> busy_{false};
  Current current_;
  bool active_ = false;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_MULTICAST_BACKLOG_H_
