// SPDX-License-Identifier: BSD-3-Clause
#include "perf/small_switch.h"

#include <rte_eal.h>
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
                                    "256",
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

void AttachRing(Dataplane& dataplane, DeviceId device, const std::string& name) {
  const BackendSpec spec{.type = BackendType::kRing};
  auto backend = CreateBackend(spec, name, 1500, {.pool = PacketPool(), .rcu = &dataplane.rcu()});
  Require(backend.ok(), "no ring backend");
  dataplane.Attach(device, *std::move(backend));
}

rte_ring* FindRing(const std::string& name) {
  rte_ring* ring = rte_ring_lookup(name.c_str());
  Require(ring != nullptr, "there is no such ring");
  return ring;
}

void EnqueueAll(rte_ring* ring, std::span<rte_mbuf*> frames) {
  const auto count = static_cast<unsigned>(frames.size());
  const unsigned put =
      rte_ring_enqueue_bulk(ring, reinterpret_cast<void**>(frames.data()), count, nullptr);
  Require(put == count, "a ring is full");
}

void DequeueAll(rte_ring* ring, std::span<rte_mbuf*> frames) {
  const auto count = static_cast<unsigned>(frames.size());
  const unsigned got =
      rte_ring_dequeue_bulk(ring, reinterpret_cast<void**>(frames.data()), count, nullptr);
  Require(got == count, "frames were lost");
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
  AttachRing(dataplane_, a, "a" + number);
  AttachRing(dataplane_, b, "b" + number);
  return {FindRing("a" + number + "_rx"), FindRing("b" + number + "_tx")};
}

void RingVeth::Publish(DeviceId self, DeviceId peer) {
  dataplane_.Publish(self, std::make_unique<Veth>(
                               VethState{.self = self, .peer = peer, .up = true, .carrier = true}));
}

void RingVeth::AddPort(const std::string& name) {
  AttachRing(dataplane_, dataplane_.CreateDevice(), name);
  dataplane_.Commit();
}

void RingVeth::AddPort(std::unique_ptr<Backend> backend) {
  dataplane_.Attach(dataplane_.CreateDevice(), std::move(backend));
  dataplane_.Commit();
}

void RingVeth::Offer(std::span<rte_mbuf*> frames, uint32_t pair) {
  EnqueueAll(pairs_[pair].in, frames);
}

void RingVeth::Collect(std::span<rte_mbuf*> frames, uint32_t pair) {
  DequeueAll(pairs_[pair].out, frames);
}

}  // namespace vswitch
