// SPDX-License-Identifier: BSD-3-Clause
// One direction of traffic: sends numbered frames into one port and checks what leaves another.
#ifndef VSWITCH_PERF_STREAM_H_
#define VSWITCH_PERF_STREAM_H_

#include <cstdint>
#include <vector>

#include "perf/frame.h"
#include "perf/pacer.h"
#include "perf/port.h"
#include "perf/sequence.h"

namespace vswitch {

struct StreamCounts {
  uint64_t offered = 0;   // frames the sending port's ring took
  uint64_t received = 0;  // distinct frames that arrived intact
  uint64_t lost = 0, duplicated = 0, reordered = 0, corrupted = 0;
  uint64_t foreign = 0;  // frames of somebody else at the receiving port
  uint64_t missed = 0;   // due by the rate, but not offered in time
  uint64_t probes_offered = 0, probes_received = 0;  // in none of the counts above
};

// One thread drives it; the ports outlive it.
class Stream {
 public:
  Stream(const TrafficOptions& options, uint8_t direction, uint32_t run, PerfPort& from,
         PerfPort& to);

  // Offers the packets that are due at TSC `now`, at most a burst; returns how many were taken.
  uint32_t Send(uint64_t now);
  // Takes and checks what arrived, at most a burst; returns how many.
  uint32_t Receive();
  // Offers one probe unless up().
  void Probe();

  bool up() const { return counts_.probes_received > 0; }
  bool sent_all() const { return limit_ != 0 && counts_.offered == limit_; }
  uint64_t in_flight() const { return counts_.offered - received_; }
  StreamCounts Counts() const;
  const PerfPort& from() const { return from_; }
  const PerfPort& to() const { return to_; }

 private:
  uint32_t Allowed(uint64_t now);
  void Stamp(rte_mbuf* packet, uint64_t number) const;
  void Check(const rte_mbuf& packet);

  PerfPort& from_;
  PerfPort& to_;
  const FrameCodec codec_;
  const uint64_t limit_;   // packets to offer, 0 for no limit
  const uint32_t window_;  // 0 for no limit
  Pacer pacer_;
  std::vector<SequenceChecker> flows_;
  uint64_t received_ = 0;  // the sum of flows_[i].unique()
  StreamCounts counts_;    // what flows_ and pacer_ do not count
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_STREAM_H_
