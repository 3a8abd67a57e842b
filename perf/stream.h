// SPDX-License-Identifier: BSD-3-Clause
// A stream of numbered frames: offers them to one port and accounts for what came out of another.
#ifndef VSWITCH_PERF_STREAM_H_
#define VSWITCH_PERF_STREAM_H_

#include <rte_mbuf.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "perf/frame.h"
#include "perf/histogram.h"
#include "perf/options.h"
#include "perf/pacer.h"
#include "perf/port.h"
#include "perf/sequence.h"

namespace vswitch {

struct StreamCounts {
  uint64_t offered = 0;   // frames the sending port's ring took
  uint64_t received = 0;  // distinct frames that arrived intact
  uint64_t bytes = 0;     // of those
  uint64_t lost = 0, duplicated = 0, reordered = 0, corrupted = 0;
  uint64_t misdelivered = 0;                         // frames that arrived at another port
  uint64_t missed = 0;                               // due by the rate, but not offered in time
  uint64_t probes_offered = 0, probes_received = 0;  // in none of the counts above

  void Add(const StreamCounts& other);
};

// How the sending went, for judging who was the limit.
struct SendCounts {
  uint64_t bursts = 0;
  uint64_t cut_short = 0;  // bursts that the ring did not take whole
};

// One queue's share of a way: of F flows and Q queues, stream q has the flows q, q + Q, …, so
// that a flow always takes the same queue. Time stamps are StampOf the time when a frame was
// offered.
struct StreamSpec {
  uint32_t tag = 0;
  Way way;
  uint16_t queue = 0;
};

// One thread drives it; the ports outlive it.
class Stream {
 public:
  Stream(const TrafficOptions& options, const StreamSpec& spec, uint16_t queues, PerfPort& from);

  // TSC ticks in units that let 32 bits last for some seconds.
  static constexpr int kStampShift = 3;
  static uint32_t StampOf(uint64_t tsc) { return static_cast<uint32_t>(tsc >> kStampShift); }

  // Packets per second of the whole direction, 0 for as fast as possible.
  void SetRate(double rate) { pacer_.SetRate(rate * share_); }
  // Puts off what is due by the time of `share` of a packet: streams of one rate take turns.
  void Delay(double share) { pacer_.Delay(share); }
  // What is sent from now on counts, what was sent before does not.
  void StartCounting();

  // Offers the packets that are due, at most a burst, or a whole one (TrafficOptions::burst);
  // returns how many were taken.
  uint32_t Send();
  // Offers a probe for each flow [first, first + count), count <= PerfPort::kBurst; returns how
  // many were taken.
  uint32_t Probe(uint32_t first, uint32_t count);
  // Whether frames are counted without a look at them (Verify::kNone), from StartCounting on.
  bool blind() const { return blind_; }
  // Accounts for frames with this stream's tag that arrived at `port` at StampOf time `now`.
  void Take(std::span<rte_mbuf* const> packets, uint16_t port, uint32_t now);

  // What of a packet is in its first buffer: nearly always everything.
  static std::span<const uint8_t> FirstPart(const rte_mbuf& packet) {
    return {rte_pktmbuf_mtod(&packet, const uint8_t*), packet.data_len};
  }

  const Way& way() const { return spec_.way; }
  uint32_t flows() const { return codec_.flows(); }
  bool up() const { return !way().carries || counts_.probes_received > 0; }
  bool sent_all() const { return !way().carries || (limit_ != 0 && counts_.offered == limit_); }
  uint64_t in_flight() const { return in_flight_; }
  uint64_t probes_in_flight() const { return counts_.probes_offered - counts_.probes_received; }
  StreamCounts Counts() const;
  // Cheaper than Counts().
  uint64_t offered() const { return counts_.offered; }
  uint64_t received() const { return counts_.received; }
  uint64_t missed() const { return pacer_.missed(); }
  const SendCounts& sends() const { return sends_; }
  // In units of StampOf.
  const Histogram& latency() const { return latency_; }

 private:
  // The frame to be offered next.
  struct Cursor {
    uint32_t flow = 0;
    uint32_t slot = 0;      // of the size pattern
    uint64_t sequence = 0;  // in its flow
  };

  uint32_t Allowed(uint64_t now);
  std::span<rte_mbuf*> NewPackets(uint32_t count);
  void TakeIntact(const FrameCheck& check, size_t size, uint32_t now);
  void TakeOdd(const FrameCheck& check, uint16_t port);
  void TakeParts(const rte_mbuf& packet, uint16_t port, uint32_t now);
  void Count(std::span<rte_mbuf* const> packets);
  Cursor CursorAt(uint64_t number) const;
  void Advance(Cursor& cursor) const;
  void Write(rte_mbuf* packet, const Cursor& cursor, uint32_t stamp) const;
  void WriteLong(rte_mbuf* packet, const Cursor& cursor, uint32_t stamp);
  Cursor WriteAll(std::span<rte_mbuf* const> packets, uint32_t stamp) const;
  Cursor WriteAllLong(std::span<rte_mbuf* const> packets, uint32_t stamp);
  template <typename Writer>
  void Fill(rte_mbuf* packet, Writer write);

  const StreamSpec spec_;
  PerfPort& from_;
  const double share_;     // of the direction's rate, count and window
  const uint64_t limit_;   // packets to offer, 0 for no limit
  const uint32_t window_;  // 0 for no limit
  const uint32_t burst_;   // offered at once,
  const bool whole_;       // and never less, but for the last
  const bool unread_;      // Verify::kNone
  const std::vector<uint8_t> pattern_;
  FrameCodec codec_;
  Pacer pacer_;
  uint64_t number_ = 0;  // frames ever offered
  Cursor cursor_;        // of that number
  std::array<rte_mbuf*, TrafficOptions::kMostAtOnce> packets_;
  std::array<uint8_t, FrameCodec::kMaxSize> whole_frame_;  // of a packet in several buffers
  const bool alike_;  // all frames, of which nobody reads the numbers
  bool blind_ = false;
  uint64_t earlier_ = 0;  // under way when counting started
  uint64_t in_flight_ = 0;
  std::vector<SequenceChecker> flows_;
  StreamCounts counts_;  // but for what flows_ and pacer_ count
  SendCounts sends_;
  Histogram latency_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_STREAM_H_
