// SPDX-License-Identifier: BSD-3-Clause
// Takes what arrives at one port and hands it to the streams it belongs to.
#ifndef VSWITCH_PERF_RECEIVER_H_
#define VSWITCH_PERF_RECEIVER_H_

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "perf/port.h"
#include "perf/stream.h"

namespace vswitch {

using Streams = std::vector<std::unique_ptr<Stream>>;

struct ReceiveCounts {
  uint64_t foreign = 0;  // frames of no stream
  uint64_t polls = 0;    // of a queue
  uint64_t full = 0;     // of these, brought a whole burst
};

// One thread; ports and streams outlive it.
class Receiver {
 public:
  // streams[i] has tag `first_tag` + i. Takes at least a burst at a
  // time, and more up to about `at_once`.
  Receiver(PerfPort& port, uint16_t number, const Streams& streams, uint32_t first_tag,
           uint32_t at_once = 0)
      : port_(port), number_(number), streams_(streams), first_tag_(first_tag), at_once_(at_once) {}

  // Some stream sends to this port.
  bool expects() const;

  // Bursts from each queue, until one is not full or there were enough; returns how many frames.
  uint32_t Poll();
  void StartCounting();
  const ReceiveCounts& counts() const { return counts_; }

 private:
  uint32_t PollQueue(uint16_t queue);
  uint32_t PollBurst(uint16_t queue);
  void Take(uint32_t tag, std::span<rte_mbuf* const> packets, uint32_t now);

  PerfPort& port_;
  const uint16_t number_;
  const Streams& streams_;
  const uint32_t first_tag_;
  const uint32_t at_once_;
  ReceiveCounts counts_;
  Stream* only_ = nullptr;  // whose frames all are that come here, if they need not be looked at
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_RECEIVER_H_
