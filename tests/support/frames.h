// SPDX-License-Identifier: BSD-3-Clause
// Frames and a backend for unit tests of forwarding.
#ifndef VSWITCH_TESTS_SUPPORT_FRAMES_H_
#define VSWITCH_TESTS_SUPPORT_FRAMES_H_

#include <rte_mbuf.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "dataplane/backend.h"
#include "dataplane/packet_buffer.h"

namespace vswitch {

// One pool for all tests of a process; needs EAL.
rte_mempool* TestPool();
// Buffers of TestPool() in use: a test that ends where it started has leaked nothing.
unsigned BuffersInUse();

// A frame of `length` bytes (chained when larger than a buffer) whose byte i is (seed + i) & 0xff.
Packet MakeFrame(uint32_t length, uint8_t seed = 0, const Offload& offload = {});
std::vector<uint8_t> FrameBytes(const Packet& packet);

// What a backend sent to its far end.
struct SentFrame {
  std::vector<uint8_t> bytes;
  Offload offload;
};

// A far end in memory: `input` comes out of Receive, what Send takes lands in `sent`, at most
// `room` more frames.
struct FarEnd {
  std::deque<Packet> input;
  std::vector<SentFrame> sent;
  uint32_t bursts = 0;  // that brought them
  uint32_t room = UINT32_MAX;
  DropReason refusal = DropReason::kBackendFull;
  uint16_t malformed = 0;  // frames that the next Receive refuses
  bool destroyed = false;

  ~FarEnd();
};

class FakeBackend final : public Backend {
 public:
  explicit FakeBackend(FarEnd& far, uint16_t queues = 1) : far_(far), queues_(queues) {}
  ~FakeBackend() override { far_.destroyed = true; }

  uint16_t queues() const override { return queues_; }
  void Receive(uint16_t queue, Burst& burst) override;
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override { return {"fake", "up", "", queues_}; }

 private:
  FarEnd& far_;
  const uint16_t queues_;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_FRAMES_H_
