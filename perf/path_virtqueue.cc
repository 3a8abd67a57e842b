// SPDX-License-Identifier: BSD-3-Clause
// Frames from one guest's ring to another's, copied once, without a decision in between.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "perf/path.h"
#include "perf/small_switch.h"
#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/write_frames.h"
#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

constexpr uint16_t kRingSize = 256;
constexpr uint16_t kHeaderSize = 12;
constexpr uint32_t kBufferSize = 2048;  // as an mbuf of the guest's DPDK has
constexpr uint32_t kBufferStride = 2048 + 256;

// One guest's ring and as many buffers as it has descriptors.
template <typename Driver>
class Guest {
 public:
  explicit Guest(bool receives)
      : ram_(4u << 20), driver_(ram_, kRingSize), ring_(driver_.MakeRing(Setup(receives))) {
    driver_.SetCalls(false);
    for (uint64_t& buffer : buffers_) buffer = ram_.Allocate(kBufferStride) + 128;
  }

  typename Driver::Ring& ring() { return ring_; }

  void Send(uint32_t length) {
    std::vector<GuestBuffer> chain;
    for (uint32_t left = length + kHeaderSize; left > 0;) {
      const uint32_t piece = std::min(left, kBufferSize);
      chain.push_back({NextBuffer(), piece});
      left -= piece;
    }
    driver_.Add(chain);
  }
  void PostBuffers() {
    while (driver_.HasRoom(1)) {
      const GuestBuffer buffer{NextBuffer(), kBufferSize, true};
      driver_.Add({&buffer, 1});
    }
  }
  // Bytes of all chains that came back.
  uint64_t Reap() {
    uint64_t bytes = 0;
    while (const auto used = driver_.TakeUsed()) bytes += used->length;
    return bytes;
  }
  bool AllBack() const { return driver_.HasRoom(kRingSize); }

 private:
  RingSetup Setup(bool receives) const {
    RingSetup setup = driver_.Setup();
    setup.mergeable = receives;
    return setup;
  }
  uint64_t NextBuffer() { return buffers_[next_++ % kRingSize]; }

  GuestRam ram_;
  Driver driver_;
  typename Driver::Ring ring_;
  std::array<uint64_t, kRingSize> buffers_;
  uint32_t next_ = 0;
};

template <typename Driver>
class GuestToGuest final : public Path {
 public:
  explicit GuestToGuest(uint32_t length)
      : Path(Burst::kCapacity), length_(length), sender_(false), receiver_(true) {}

  void Before() override {
    for (uint32_t i = 0; i < units(); ++i) sender_.Send(length_);
    receiver_.PostBuffers();
  }
  void Run() override {
    ReadFrames(sender_.ring(), store_, burst_);
    WriteFrames(receiver_.ring(), burst_.view(), store_.buffers);
    sender_.ring().Publish();
    std::atomic_thread_fence(std::memory_order_seq_cst);
    receiver_.ring().Notify();
    sender_.ring().Notify();
  }
  void After() override {
    sender_.Reap();
    Require(sender_.AllBack(), "frames were not taken");
    Require(receiver_.Reap() == uint64_t{units()} * (length_ + kHeaderSize), "frames were lost");
  }

 private:
  const uint32_t length_;
  Guest<Driver> sender_;
  Guest<Driver> receiver_;
  FrameStore store_;
  Burst burst_;
};

}  // namespace

std::unique_ptr<Path> MakeSplitGuests(uint32_t size) {
  return std::make_unique<GuestToGuest<SplitDriver>>(size);
}

std::unique_ptr<Path> MakePackedGuests(uint32_t size) {
  return std::make_unique<GuestToGuest<PackedDriver>>(size);
}

}  // namespace vswitch
