// SPDX-License-Identifier: BSD-3-Clause
// A switch inside a benchmark: workers are stepped by hand, and rings stand behind its devices.
#ifndef VSWITCH_PERF_SMALL_SWITCH_H_
#define VSWITCH_PERF_SMALL_SWITCH_H_

#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"

namespace vswitch {

// Ends the process with a message when a benchmark cannot work or does not do what it claims.
void Require(bool condition, const char* what);

// EAL without hugepages, devices or leftovers, as one thread that may run where it could before.
void StartEal(char* program);

// One pool for the process.
rte_mempool* PacketPool();
// `count` frames of 64 bytes without offload requests; to be freed by the caller.
std::vector<rte_mbuf*> NewFrames(uint32_t count);

// Puts rings NAME_rx and NAME_tx behind the device, of the worker with the fewest queues.
void AttachRing(Dataplane& dataplane, DeviceId device, const std::string& name);
rte_ring* FindRing(const std::string& name);
// All of them; it is an error when they do not fit, or are not there.
void EnqueueAll(rte_ring* ring, std::span<rte_mbuf*> frames);
void DequeueAll(rte_ring* ring, std::span<rte_mbuf*> frames);

// Veth pairs, of each the first end belongs to the first worker and the second to the last.
class RingVeth {
 public:
  explicit RingVeth(uint16_t workers, uint32_t pairs = 1);

  // Puts frames into the ring behind the pair's first end.
  void Offer(std::span<rte_mbuf*> frames, uint32_t pair = 0);
  // Takes the same number out of the ring behind its second end.
  void Collect(std::span<rte_mbuf*> frames, uint32_t pair = 0);
  // One round of every worker. By their clock a round takes a time that it may well take, so that
  // what is done now and then is done as often, whatever counts or times it.
  void RunOnce() {
    clock_ += kRoundNs;
    for (const auto& worker : dataplane_.workers()) worker->RunOnce(clock_);
  }
  void RunOnce(uint16_t worker) { dataplane_.workers()[worker]->RunOnce(clock_ += kRoundNs); }
  // A round in which every queue is looked at.
  void LookAtAll() {
    for (const auto& worker : dataplane_.workers()) worker->RunOnce();
  }
  // Another device with a silent ring behind it.
  void AddPort(const std::string& name);
  // Another device.
  void AddPort(std::unique_ptr<Backend> backend);
  const Worker& worker(uint16_t index) const { return *dataplane_.workers()[index]; }

 private:
  struct Rings {
    rte_ring* in;
    rte_ring* out;
  };

  Rings MakePair(const std::string& number);
  void Publish(DeviceId self, DeviceId peer);

  static constexpr uint64_t kRoundNs = 1000;

  Dataplane dataplane_;
  std::vector<Rings> pairs_;
  uint64_t clock_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_SMALL_SWITCH_H_
