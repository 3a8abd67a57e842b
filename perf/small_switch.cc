// SPDX-License-Identifier: BSD-3-Clause
#include "perf/small_switch.h"

#include <rte_eal.h>
#include <rte_ring.h>
#include <sched.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <utility>

#include "dataplane/veth.h"
#include "pmd/factory.h"

namespace vswitch {

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "perf: %s\n", what);
  std::exit(1);
}

void StartEal(char* program) {
  cpu_set_t allowed;
  Require(sched_getaffinity(0, sizeof(allowed), &allowed) == 0, "no CPU");
  std::vector<std::string> words = {"--no-huge",
                                    "--no-shconf",
                                    "--no-pci",
                                    "--no-telemetry",
                                    "--log-level=error",
                                    "-m",
                                    "64",
                                    "--lcores=0@" + std::to_string(sched_getcpu())};
  std::vector<char*> argv = {program};
  for (std::string& word : words) argv.push_back(word.data());
  Require(rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0, "EAL did not start");
  sched_setaffinity(0, sizeof(allowed), &allowed);
}

rte_mempool* PacketPool() {
  static rte_mempool* pool =
      rte_pktmbuf_pool_create("perf", 1023, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  Require(pool != nullptr, "no packet buffers");
  return pool;
}

std::vector<rte_mbuf*> NewFrames(uint32_t count) {
  std::vector<rte_mbuf*> frames(count);
  Require(rte_pktmbuf_alloc_bulk(PacketPool(), frames.data(), count) == 0, "no packet buffers");
  for (rte_mbuf* frame : frames) Require(rte_pktmbuf_append(frame, 64) != nullptr, "no room");
  return frames;
}

RingVeth::RingVeth(uint16_t workers, uint32_t pairs) : dataplane_(workers) {
  for (uint32_t i = 0; i < pairs; ++i) pairs_.push_back(MakePair(std::to_string(i)));
  dataplane_.Commit();
}

RingVeth::Rings RingVeth::MakePair(const std::string& number) {
  const DeviceId a = dataplane_.CreateDevice();
  const DeviceId b = dataplane_.CreateDevice();
  Publish(a, b);
  Publish(b, a);
  Attach(a, "a" + number);
  Attach(b, "b" + number);
  return {rte_ring_lookup(("a" + number + "_rx").c_str()),
          rte_ring_lookup(("b" + number + "_tx").c_str())};
}

void RingVeth::Publish(DeviceId self, DeviceId peer) {
  dataplane_.Publish(self, std::make_unique<Veth>(
                               VethState{.self = self, .peer = peer, .up = true, .carrier = true}));
}

// To the worker with the fewest queues: in turn.
void RingVeth::Attach(DeviceId device, const std::string& name) {
  const BackendSpec spec{.type = BackendType::kRing};
  auto backend = CreateBackend(spec, name, 1500, {.pool = PacketPool(), .rcu = &dataplane_.rcu()});
  Require(backend.ok(), "no ring backend");
  dataplane_.Attach(device, *std::move(backend));
}

void RingVeth::AddPort(const std::string& name) {
  Attach(dataplane_.CreateDevice(), name);
  dataplane_.Commit();
}

void RingVeth::Offer(std::span<rte_mbuf*> frames, uint32_t pair) {
  const auto count = static_cast<unsigned>(frames.size());
  rte_ring_enqueue_bulk(pairs_[pair].in, reinterpret_cast<void**>(frames.data()), count, nullptr);
}

void RingVeth::Collect(std::span<rte_mbuf*> frames, uint32_t pair) {
  const auto count = static_cast<unsigned>(frames.size());
  const unsigned got = rte_ring_dequeue_bulk(
      pairs_[pair].out, reinterpret_cast<void**>(frames.data()), count, nullptr);
  Require(got == count, "frames were lost");
}

}  // namespace vswitch
