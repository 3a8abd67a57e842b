// SPDX-License-Identifier: BSD-3-Clause
// Packets from one ring to another through a veth pair, and rounds without packets.
#include <rte_mbuf.h>
#include <sys/resource.h>

#include <algorithm>
#include <deque>
#include <span>
#include <string>
#include <vector>

#include "perf/path.h"
#include "perf/small_switch.h"
#include "tests/support/bell_backend.h"

namespace vswitch {
namespace {

class Hop : public Path {
 public:
  Hop(uint16_t workers, uint32_t burst) : Path(burst), veth_(workers), frames_(NewFrames(burst)) {}
  ~Hop() override { rte_pktmbuf_free_bulk(frames_.data(), units()); }

  void Before() override { veth_.Offer(frames_); }
  // A round takes one burst out of a ring.
  void Run() override {
    for (uint32_t moved = 0; moved < units(); moved += Burst::kCapacity) veth_.RunOnce();
  }
  void After() override { veth_.Collect(frames_); }

 protected:
  RingVeth veth_;

 private:
  std::vector<rte_mbuf*> frames_;
};

// The same beside ports where nothing happens.
class BesideIdle : public Hop {
 protected:
  BesideIdle() : Hop(1, Burst::kCapacity) {}

  // Until the worker knows that they are silent.
  void Settle() {
    constexpr int kRounds = 2000;
    for (int round = 0; round < kRounds; ++round) {
      Before();
      Run();
      After();
    }
  }
};

class BesideSilent final : public BesideIdle {
 public:
  explicit BesideSilent(uint32_t ports) {
    for (uint32_t i = 0; i < ports; ++i) veth_.AddPort("silent" + std::to_string(i));
    Settle();
  }
};

class BesideResting final : public BesideIdle {
 public:
  explicit BesideResting(uint32_t ports) : guests_(ports) {
    const rlim_t files = 4096;
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = std::max(limit.rlim_cur, std::min(files, limit.rlim_max));
    setrlimit(RLIMIT_NOFILE, &limit);
    for (BellGuest& guest : guests_) veth_.AddPort(std::make_unique<BellBackend>(guest));
    Settle();
    Require(veth_.worker(0).resting() == ports, "ports do not rest");
  }

 private:
  std::deque<BellGuest> guests_;
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
  void Run() override { veth_.LookAtAll(); }

 private:
  RingVeth veth_;
};

}  // namespace

std::unique_ptr<Path> MakeVethHop(uint32_t size) { return std::make_unique<Hop>(1, size); }

std::unique_ptr<Path> MakeCrossCoreHop(uint32_t size) { return std::make_unique<Hop>(2, size); }

std::unique_ptr<Path> MakeStaging(uint32_t size) { return std::make_unique<Staging>(size); }

std::unique_ptr<Path> MakeBesideSilent(uint32_t size) {
  return std::make_unique<BesideSilent>(size);
}

std::unique_ptr<Path> MakeBesideResting(uint32_t size) {
  return std::make_unique<BesideResting>(size);
}

std::unique_ptr<Path> MakeIdleRound(uint32_t size) { return std::make_unique<IdleRound>(size); }

}  // namespace vswitch
