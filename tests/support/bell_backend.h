// SPDX-License-Identifier: BSD-3-Clause
// A guest that rings only when it was asked to, for tests of queues that rest. Its bell is an epoll
// descriptor with an eventfd in it, as that of a guest with several rings.
#ifndef VSWITCH_TESTS_SUPPORT_BELL_BACKEND_H_
#define VSWITCH_TESTS_SUPPORT_BELL_BACKEND_H_

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>

#include "dataplane/backend.h"
#include "dataplane/packet_buffer.h"

namespace vswitch {

// The guest's side; what the backend shares with the test. Packets have no buffers.
struct BellGuest {
  // Any thread. As a driver: first the packets, then whether the device wants to hear of them.
  void Offer(uint32_t packets) {
    offered.fetch_add(packets, std::memory_order_acq_rel);
    if (wants_kick.fetch_or(0, std::memory_order_acq_rel) != 0) Kick();
  }
  void Kick() { eventfd_write(kick, 1); }

  const int kick = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<uint32_t> offered{0}, wants_kick{0}, received{0};
  uint16_t malformed = 0;  // that the next Receive refuses
  bool may_rest = true;
  uint32_t receives = 0, rests = 0, wakes = 0;  // the worker's calls
  std::function<void()> in_rest = [] {};        // once it is drained and asked to kick

  ~BellGuest() { close(kick); }
};

class BellBackend final : public Backend {
 public:
  explicit BellBackend(BellGuest& guest) : guest_(guest) {
    epoll_event event{};
    event.events = EPOLLIN;
    epoll_ctl(bell_, EPOLL_CTL_ADD, guest_.kick, &event);
  }
  ~BellBackend() override { close(bell_); }

  uint16_t queues() const override { return 1; }
  void Receive(uint16_t /*queue*/, Burst& burst) override {
    ++guest_.receives;
    burst.malformed = std::exchange(guest_.malformed, uint16_t{0});
    const uint32_t there = guest_.offered.fetch_or(0, std::memory_order_acq_rel);
    burst.count = static_cast<uint16_t>(std::min<uint32_t>(there, Burst::kCapacity));
    std::fill_n(burst.packets.begin(), burst.count, Packet());
    guest_.offered.fetch_sub(burst.count, std::memory_order_acq_rel);
  }
  SendResult Send(uint16_t /*queue*/, Burst& burst) override {
    guest_.received.fetch_add(burst.count, std::memory_order_acq_rel);
    return {burst.count, DropReason::kBackendFull};
  }
  int Bell(uint16_t /*queue*/) const override { return bell_; }
  bool Rest(uint16_t /*queue*/) override {
    ++guest_.rests;
    eventfd_t kicks = 0;
    eventfd_read(guest_.kick, &kicks);
    guest_.wants_kick.exchange(1, std::memory_order_acq_rel);
    guest_.in_rest();
    return guest_.may_rest;
  }
  void Wake(uint16_t /*queue*/) override {
    ++guest_.wakes;
    guest_.wants_kick.exchange(0, std::memory_order_acq_rel);
  }
  BackendStatus Status() const override { return {"bell", "up", "", 1}; }

 private:
  BellGuest& guest_;
  const int bell_ = epoll_create1(EPOLL_CLOEXEC);
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_BELL_BACKEND_H_
