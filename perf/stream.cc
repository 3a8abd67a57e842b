// SPDX-License-Identifier: BSD-3-Clause
#include "perf/stream.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <span>

namespace vswitch {
namespace {

// What a rate may make up for after a pause: half a ring of 1024, so that it fits beside what is
// under way; with a window, that.
constexpr uint32_t kCatchUp = 512;

// The switch has read the lines that the last frame and its virtio header stood in; asking for all
// of a burst at once hides most of the way back.
void PrefetchForWriting(std::span<rte_mbuf* const> packets) {
  for (const rte_mbuf* packet : packets) {
    const char* frame = rte_pktmbuf_mtod(packet, const char*);
    asm volatile("prefetchw %0" : : "m"(*frame));
    asm volatile("prefetchw %0" : : "m"(*(frame - RTE_CACHE_LINE_SIZE)));
  }
}

}  // namespace

Stream::Stream(const TrafficOptions& options, uint8_t direction, uint32_t run, PerfPort& from,
               PerfPort& to)
    : from_(from),
      to_(to),
      codec_(options.size, run, direction, options.flows, options.verify),
      limit_(options.count),
      window_(options.window),
      pacer_(options.rate, rte_get_tsc_hz(), options.window == 0 ? kCatchUp : options.window),
      flows_(options.flows) {}

uint32_t Stream::Allowed(uint64_t now) {
  uint64_t allowed = std::min<uint64_t>(PerfPort::kBurst, pacer_.Due(now));
  if (limit_ != 0) allowed = std::min(allowed, limit_ - counts_.offered);
  if (window_ != 0) allowed = std::min(allowed, window_ - std::min<uint64_t>(window_, in_flight()));
  return static_cast<uint32_t>(allowed);
}

void Stream::Stamp(rte_mbuf* packet, uint64_t number) const {
  packet->data_len = static_cast<uint16_t>(codec_.size());
  packet->pkt_len = codec_.size();
  const uint16_t flows = codec_.flows();
  codec_.Write(rte_pktmbuf_mtod(packet, uint8_t*), static_cast<uint16_t>(number % flows),
               number / flows);
}

// Frames the ring does not take are numbered again the next time: numbers have no gaps.
uint32_t Stream::Send(uint64_t now) {
  const auto wanted = static_cast<uint16_t>(Allowed(now));
  std::array<rte_mbuf*, PerfPort::kBurst> packets;
  if (wanted == 0 || !from_.Allocate(packets.data(), wanted)) return 0;
  PrefetchForWriting({packets.data(), wanted});
  for (uint16_t i = 0; i < wanted; ++i) Stamp(packets[i], counts_.offered + i);
  const uint16_t taken = from_.Send(packets.data(), wanted);
  if (taken < wanted) rte_pktmbuf_free_bulk(&packets[taken], wanted - taken);
  counts_.offered += taken;
  pacer_.Take(taken);
  return taken;
}

void Stream::Probe() {
  rte_mbuf* packet;
  if (up() || !from_.Allocate(&packet, 1)) return;
  packet->data_len = static_cast<uint16_t>(codec_.size());
  packet->pkt_len = codec_.size();
  codec_.WriteProbe(rte_pktmbuf_mtod(packet, uint8_t*), counts_.probes_offered);
  if (from_.Send(&packet, 1) == 1) {
    ++counts_.probes_offered;
  } else {
    rte_pktmbuf_free(packet);
  }
}

uint32_t Stream::Receive() {
  std::array<rte_mbuf*, PerfPort::kBurst> packets;
  const uint16_t count = to_.Receive(packets.data());
  for (uint16_t i = 0; i < count; ++i) Check(*packets[i]);
  if (count != 0) rte_pktmbuf_free_bulk(packets.data(), count);
  return count;
}

// A frame in several mbufs is not what was sent: its first part fails the check by its length.
void Stream::Check(const rte_mbuf& packet) {
  const FrameCheck check =
      codec_.Check({rte_pktmbuf_mtod(&packet, const uint8_t*), packet.data_len});
  switch (check.verdict) {
    case FrameVerdict::kIntact: {
      SequenceChecker& flow = flows_[check.flow];
      const uint64_t before = flow.unique();
      flow.Take(check.sequence);
      received_ += flow.unique() - before;
      break;
    }
    case FrameVerdict::kProbe:
      ++counts_.probes_received;
      break;
    case FrameVerdict::kCorrupt:
      ++counts_.corrupted;
      break;
    case FrameVerdict::kForeign:
      ++counts_.foreign;
      break;
  }
}

StreamCounts Stream::Counts() const {
  StreamCounts counts = counts_;
  const uint64_t flows = flows_.size();
  for (uint64_t i = 0; i < flows; ++i) {
    counts.received += flows_[i].unique();
    counts.duplicated += flows_[i].duplicated();
    counts.reordered += flows_[i].reordered();
    counts.lost += flows_[i].Lost((counts.offered + flows - 1 - i) / flows);
  }
  counts.missed = pacer_.missed();
  return counts;
}

}  // namespace vswitch
