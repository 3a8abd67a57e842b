// SPDX-License-Identifier: BSD-3-Clause
// Frames between the workers and the host stack, which lives on the control thread: in through one
// bounded ring, out through one bounded ring a worker.
#ifndef VSWITCH_DATAPLANE_HOST_QUEUE_H_
#define VSWITCH_DATAPLANE_HOST_QUEUE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/mailbox.h"

struct rte_mempool;

namespace vswitch {

// A frame for the host stack, copied out of its buffer: what the stack keeps costs the workers no
// buffer.
struct HostFrame {
  DeviceId device;  // that received it
  std::vector<uint8_t> bytes;
  bool checksum_pending = false;  // the sender left the transport checksum to others
};

// A packet of a device whose own stack leaves the way to another device (ipvlan in L3 mode), and to
// whose destination the workers know no way.
struct OutboundFrame {
  DeviceId sender;
  DeviceId lower;              // whose routes and neighbours count
  std::vector<uint8_t> bytes;  // from the MACs on, which are the sender's affair no more
  Offload offload;
};

class HostQueue {
 public:
  static constexpr uint32_t kCapacity = 1024;  // frames, each way

  explicit HostQueue(uint16_t workers, uint32_t capacity = kCapacity);

  // Any worker. Whether the stack understands the packet at all: ARP, ICMP, and IPv6 that may hold
  // ICMPv6. A flood of anything else ends on the worker.
  static bool Takes(const Packet& packet);
  // Any worker. As Mailbox::Post; `route.to` receives.
  uint16_t Post(const Route& route, std::span<const Packet> packets) {
    return inbox_.Post(route, packets);
  }
  // Any worker. As Mailbox::Post, for what comes out as OutboundFrame: `route.from` is its sender,
  // `route.to` the lower device. In a ring of its own: it may be a flood.
  uint16_t PostOutbound(const Route& route, std::span<const Packet> packets) {
    return outbound_.Post(route, packets);
  }
  // Any worker. The number of the control thread's turn at these: a share of the ring may be
  // counted by turns.
  uint32_t outbound_turn() const { return outbound_turn_.load(std::memory_order_relaxed); }
  // Control thread, after it took what it takes in a turn.
  void EndOutboundTurn() { outbound_turn_.fetch_add(1, std::memory_order_relaxed); }
  // For worker `worker` to drain: what the stack sends on device `route.from`, or what is for the
  // stack of `route.to`.
  Mailbox& Outbox(uint16_t worker) { return *outboxes_[worker]; }

  // Control thread. The next frame; false when there is none.
  bool Receive(HostFrame& frame);
  bool ReceiveOutbound(OutboundFrame& frame);
  // Control thread. Lets `worker` send the frame on `device` (Netdev::Transmit), in a buffer from
  // `pool`. False, and the frame is lost, when there is no buffer or the worker is behind.
  bool Send(uint16_t worker, DeviceId device, std::span<const uint8_t> bytes, rte_mempool* pool,
            const Offload& offload = {});
  // The same, for the stack of the device (Worker::HandIn), past what stands before that.
  bool HandIn(uint16_t worker, DeviceId device, std::span<const uint8_t> bytes, rte_mempool* pool,
              const Offload& offload);

 private:
  bool PostOut(uint16_t worker, const Route& route, std::span<const uint8_t> bytes,
               rte_mempool* pool, const Offload& offload);

  Mailbox inbox_;
  Mailbox outbound_;
  std::atomic<uint32_t> outbound_turn_{0};
  // Of their own, since a worker must not wait for a control thread that is preempted inside a ring
  // that both fill.
  std::vector<std::unique_ptr<Mailbox>> outboxes_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_HOST_QUEUE_H_
