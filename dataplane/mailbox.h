// SPDX-License-Identifier: BSD-3-Clause
// Packets on their way to a backend that another worker owns: one bounded MPSC ring per worker.
#ifndef VSWITCH_DATAPLANE_MAILBOX_H_
#define VSWITCH_DATAPLANE_MAILBOX_H_

#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/netdev.h"
#include "dataplane/packet.h"
#include "dataplane/waker.h"

namespace vswitch {

// The kernel counts what comes out of an ipvlan in its own way (ipvlan_count_rx).
enum RouteMark : uint16_t {
  kCountHeaderTwice = 1,  // rx_bytes
  kCountMulticast = 2,
  kCountNothing = 4,  // the frame is from an upper device, for the stack of its lower one
  kPastHandler = 8,   // nor do upper devices get it: it was routed to an address of the lower one
};

// Where a packet goes and whose counters move. From a device to itself: out of its own backend, the
// wire, where nobody of ours receives it.
struct Route {
  DeviceId from;  // transmitting device: tx_packets, tx_bytes, tx_dropped
  DeviceId to;    // receiving device: its backend takes the packet
  uint16_t queue = 0;
  uint16_t marks = 0;  // how the receiver takes it: RouteMark

  friend bool operator==(const Route&, const Route&) = default;
};

// Aligned to the element size of the mailbox's ring.
struct alignas(16) Letter {
  Packet packet;
  Route route;
};

class Mailbox {
 public:
  static constexpr uint32_t kCapacity = 4096;

  // Works before rte_eal_init. One letter fewer than `capacity` fits.
  explicit Mailbox(uint32_t capacity = kCapacity);
  // Frees the packets that were never drained. No other thread may use the mailbox any more.
  ~Mailbox();
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  // Any worker. Takes the first n packets, in order, and returns n; the rest stays the caller's
  // (the mailbox is full, or there are no buffers for what is still in a guest's memory).
  uint16_t Post(const Route& route, std::span<const Packet> packets);

  // Before anything is posted. Whom Post wakes: the owner, if that may sleep.
  void set_waker(Waker* waker) { waker_ = waker; }

  // The owning worker. Moves up to letters.size() letters out, in posting order per sender; returns
  // how many.
  uint16_t Drain(std::span<Letter> letters);

  // Any thread. For the owner at least what was posted before is there.
  bool empty() const {
    return __atomic_load_n(&ring_->prod.tail, __ATOMIC_ACQUIRE) ==
           __atomic_load_n(&ring_->cons.tail, __ATOMIC_RELAXED);
  }
  uint32_t depth() const { return rte_ring_count(ring_.get()) / kElements; }

 private:
  // rte_ring copies elements of 16 bytes whole, larger ones word by word: so a letter is several
  // elements. Nothing but whole letters is ever put in or taken out.
  static constexpr uint32_t kElementSize = 16;
  static constexpr uint32_t kElements = sizeof(Letter) / kElementSize;

  static uint16_t Write(const Route& route, std::span<const Packet> packets,
                        std::span<Letter> letters);
  static void Unwrite(std::span<const Letter> letters, std::span<const Packet> packets);

  struct Free {
    void operator()(rte_ring* ring) const;
  };
  std::unique_ptr<rte_ring, Free> ring_;
  Waker* waker_ = nullptr;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_MAILBOX_H_
