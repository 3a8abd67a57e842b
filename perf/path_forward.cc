// SPDX-License-Identifier: BSD-3-Clause
// Packets from one ring to another through a veth pair, and rounds without packets.
#include <rte_mbuf.h>

#include <span>
#include <string>
#include <vector>

#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

class Hop final : public Path {
 public:
  Hop(uint16_t workers, uint32_t burst) : Path(burst), veth_(workers), frames_(NewFrames(burst)) {}
  ~Hop() override { rte_pktmbuf_free_bulk(frames_.data(), units()); }

  void Before() override { veth_.Offer(frames_); }
  // A round takes one burst out of a ring.
  void Run() override {
    for (uint32_t moved = 0; moved < units(); moved += Burst::kCapacity) veth_.RunOnce();
  }
  void After() override { veth_.Collect(frames_); }

 private:
  RingVeth veth_;
  std::vector<rte_mbuf*> frames_;
};

// The first worker posts a frame of each pair in turn; what counts is the second worker's part.
class Staging final : public Path {
 public:
  explicit Staging(uint32_t pairs)
      : Path(Burst::kCapacity), veths_(2, pairs), pairs_(pairs), frames_(NewFrames(units())) {}
  ~Staging() override { rte_pktmbuf_free_bulk(frames_.data(), units()); }

  void Before() override {
    for (uint32_t i = 0; i < units(); i += pairs_) {
      for (uint32_t pair = 0; pair < pairs_; ++pair) veths_.Offer(Frames(i + pair, 1), pair);
      veths_.RunOnce(0);
    }
  }
  void Run() override { veths_.RunOnce(1); }
  void After() override {
    const uint32_t each = units() / pairs_;
    for (uint32_t pair = 0; pair < pairs_; ++pair) {
      veths_.Collect(Frames(pair * each, each), pair);
    }
  }

 private:
  std::span<rte_mbuf*> Frames(uint32_t first, uint32_t count) {
    return std::span(frames_).subspan(first, count);
  }

  RingVeth veths_;
  const uint32_t pairs_;
  std::vector<rte_mbuf*> frames_;
};

// The pair's own two ports are the first two.
class IdleRound final : public Path {
 public:
  explicit IdleRound(uint32_t ports) : Path(ports), veth_(1) {
    for (uint32_t i = 2; i < ports; ++i) veth_.AddPort("idle" + std::to_string(i));
  }
  void Run() override { veth_.RunOnce(); }

 private:
  RingVeth veth_;
};

}  // namespace

std::unique_ptr<Path> MakeVethHop(uint32_t size) { return std::make_unique<Hop>(1, size); }

std::unique_ptr<Path> MakeCrossCoreHop(uint32_t size) { return std::make_unique<Hop>(2, size); }

std::unique_ptr<Path> MakeStaging(uint32_t size) { return std::make_unique<Staging>(size); }

std::unique_ptr<Path> MakeIdleRound(uint32_t size) { return std::make_unique<IdleRound>(size); }

}  // namespace vswitch
