// SPDX-License-Identifier: BSD-3-Clause
#include "perf/stream.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>
#include <span>

#include "perf/chain.h"

namespace vswitch {
namespace {

// What a rate may make up for after a pause, a burst at a time, so that it need not fit into a
// ring; with a window, that.
constexpr uint32_t kCatchUp = TrafficOptions::kMostAtOnce;
constexpr uint16_t kFirstPort = 49152;  // of the dynamic ones (RFC 6335)
constexpr uint16_t kPorts = 16384;

void SetLength(rte_mbuf* packet, uint32_t size) {
  packet->data_len = static_cast<uint16_t>(size);
  packet->pkt_len = size;
}

// The switch has read the lines that the last frame and its virtio header stood in; asking for all
// of the next ones at once hides most of the way back.
void PrefetchForWriting(std::span<rte_mbuf* const> packets) {
  for (const rte_mbuf* packet : packets.first(std::min<size_t>(packets.size(), PerfPort::kBurst))) {
    const char* frame = rte_pktmbuf_mtod(packet, const char*);
    asm volatile("prefetchw %0" : : "m"(*frame));
    asm volatile("prefetchw %0" : : "m"(*(frame - RTE_CACHE_LINE_SIZE)));
  }
}

// What queue `queue` gets when `total` is dealt out to `queues` in turn.
uint64_t Share(uint64_t total, uint16_t queue, uint16_t queues) {
  return (total + queues - 1 - queue) / queues;
}

std::vector<FlowHeader> FlowsOf(const TrafficOptions& options, const StreamSpec& spec,
                                uint16_t queues) {
  const Addresses& addresses = options.addresses;
  const auto [from, to, carries] = spec.way;
  std::vector<FlowHeader> flows;
  for (uint32_t flow = spec.queue; flow < options.flows; flow += queues) {
    flows.push_back({.src_mac = addresses.Mac(from, flow),
                     .dst_mac = addresses.Mac(to, flow),
                     .src_ip = addresses.Ip(from, flow),
                     .dst_ip = addresses.Ip(to, flow),
                     .src_port = static_cast<uint16_t>(kFirstPort + flow % kPorts)});
  }
  return flows;
}

}  // namespace

void StreamCounts::Add(const StreamCounts& other) {
  offered += other.offered;
  received += other.received;
  bytes += other.bytes;
  lost += other.lost;
  duplicated += other.duplicated;
  reordered += other.reordered;
  corrupted += other.corrupted;
  misdelivered += other.misdelivered;
  missed += other.missed;
  probes_offered += other.probes_offered;
  probes_received += other.probes_received;
}

Stream::Stream(const TrafficOptions& options, const StreamSpec& spec, uint16_t queues,
               PerfPort& from)
    : spec_(spec),
      from_(from),
      share_(1.0 / queues),
      limit_(Share(options.count, spec.queue, queues)),
      window_(static_cast<uint32_t>(Share(options.window, spec.queue, queues))),
      burst_(options.burst == 0 ? from.burst() : options.burst),
      whole_(options.burst != 0),
      unread_(options.verify == Verify::kNone),
      pattern_(options.size.pattern),
      codec_(spec.tag, options.size.sizes, FlowsOf(options, spec, queues), options.verify),
      pacer_(rte_get_tsc_hz(), window_ == 0 ? kCatchUp : window_),
      alike_(unread_ && codec_.flows() == 1 && options.size.sizes.size() == 1),
      flows_(codec_.flows(), SequenceChecker(SequenceChecker::WindowFor(codec_.flows()))) {}

void Stream::StartCounting() {
  const StreamCounts before = counts_;
  counts_ = {.probes_offered = before.probes_offered, .probes_received = before.probes_received};
  for (uint32_t i = 0; i < codec_.flows(); ++i) {
    flows_[i].Restart(cursor_.sequence + (i < cursor_.flow ? 1 : 0));
  }
  blind_ = unread_;
  earlier_ = in_flight_;
  pacer_.ForgetMissed();
  sends_ = {};
  latency_ = {};
}

uint32_t Stream::Allowed(uint64_t now) {
  const uint64_t left = limit_ == 0 ? UINT64_MAX : limit_ - counts_.offered;
  const uint64_t wanted = std::min<uint64_t>(burst_, left);
  uint64_t allowed = std::min<uint64_t>(wanted, pacer_.Due(now));
  if (window_ != 0) allowed = std::min(allowed, window_ - std::min<uint64_t>(window_, in_flight_));
  return static_cast<uint32_t>(whole_ && allowed < wanted ? 0 : allowed);
}

Stream::Cursor Stream::CursorAt(uint64_t number) const {
  return {static_cast<uint32_t>(number % codec_.flows()),
          static_cast<uint32_t>(number % pattern_.size()), number / codec_.flows()};
}

void Stream::Advance(Cursor& cursor) const {
  if (++cursor.slot == pattern_.size()) cursor.slot = 0;
  if (++cursor.flow < codec_.flows()) return;
  cursor.flow = 0;
  ++cursor.sequence;
}

void Stream::Write(rte_mbuf* packet, const Cursor& cursor, uint32_t stamp) const {
  const uint8_t kind = pattern_[cursor.slot];
  SetLength(packet, codec_.size(kind));
  if (alike_ && packet->hash.usr == spec_.tag) return;  // as it was left
  packet->hash.usr = spec_.tag;
  codec_.Write(rte_pktmbuf_mtod(packet, uint8_t*), kind, cursor.flow, cursor.sequence, stamp);
}

Stream::Cursor Stream::WriteAll(std::span<rte_mbuf* const> packets, uint32_t stamp) const {
  Cursor cursor = cursor_;
  for (size_t i = 0; i < packets.size(); ++i, Advance(cursor)) {
    if (!alike_ && i % PerfPort::kBurst == 0) PrefetchForWriting(packets.subspan(i));
    Write(packets[i], cursor, stamp);
  }
  return cursor;
}

// `write` fills the frame where it is to be or, where that is not in one piece, aside.
template <typename Writer>
void Stream::Fill(rte_mbuf* packet, Writer write) {
  if (packet->nb_segs == 1 || !codec_.whole()) return write(rte_pktmbuf_mtod(packet, uint8_t*));
  write(whole_frame_.data());
  CopyInto(packet, whole_frame_);
}

// The first buffer of a frame that is as it was left begins like it; what stands in the others
// nobody looks at.
void Stream::WriteLong(rte_mbuf* packet, const Cursor& cursor, uint32_t stamp) {
  const uint8_t kind = pattern_[cursor.slot];
  SetLengths(packet, codec_.size(kind));
  if (alike_ && packet->hash.usr == spec_.tag) return;
  packet->hash.usr = spec_.tag;
  Fill(packet,
       [&](uint8_t* frame) { codec_.Write(frame, kind, cursor.flow, cursor.sequence, stamp); });
}

Stream::Cursor Stream::WriteAllLong(std::span<rte_mbuf* const> packets, uint32_t stamp) {
  Cursor cursor = cursor_;
  for (rte_mbuf* packet : packets) {
    WriteLong(packet, cursor, stamp);
    Advance(cursor);
  }
  return cursor;
}

// None when all buffers are under way.
std::span<rte_mbuf*> Stream::NewPackets(uint32_t count) {
  if (count == 0 || !from_.Allocate(packets_.data(), static_cast<uint16_t>(count))) return {};
  return std::span(packets_).first(count);
}

// Frames the ring does not take are numbered again the next time: numbers have no gaps.
uint32_t Stream::Send() {
  const uint64_t now = rte_rdtsc();
  const std::span<rte_mbuf*> packets = NewPackets(Allowed(now));
  const auto wanted = static_cast<uint16_t>(packets.size());
  if (wanted == 0) return 0;
  const uint32_t stamp = StampOf(now);
  const Cursor cursor = from_.splits() ? WriteAllLong(packets, stamp) : WriteAll(packets, stamp);
  const uint16_t taken = from_.Send(spec_.queue, packets.data(), wanted);
  number_ += taken;
  in_flight_ += taken;
  counts_.offered += taken;
  pacer_.Take(taken);
  ++sends_.bursts;
  cursor_ = taken == wanted ? cursor : CursorAt(number_);
  if (taken == wanted) return taken;
  ++sends_.cut_short;
  rte_pktmbuf_free_bulk(&packets[taken], wanted - taken);
  return taken;
}

uint32_t Stream::Probe(uint32_t first, uint32_t count) {
  std::array<rte_mbuf*, PerfPort::kBurst> packets;
  if (!from_.Allocate(packets.data(), static_cast<uint16_t>(count))) return 0;
  for (uint32_t i = 0; i < count; ++i) {
    SetLengths(packets[i], codec_.size(0));
    packets[i]->hash.usr = 0;
    Fill(packets[i],
         [&](uint8_t* frame) { codec_.WriteProbe(frame, first + i, counts_.probes_offered); });
  }
  const uint16_t taken = from_.Send(spec_.queue, packets.data(), static_cast<uint16_t>(count));
  if (taken < count) rte_pktmbuf_free_bulk(&packets[taken], count - taken);
  counts_.probes_offered += taken;
  return taken;
}

inline void Stream::TakeIntact(const FrameCheck& check, size_t size, uint32_t now) {
  const Arrival arrival = flows_[check.flow].Take(check.sequence);
  if (arrival == Arrival::kRepeated && !unread_) return;  // else it was written once
  in_flight_ -= in_flight_ > 0;  // somebody may repeat what was sent before counting started
  if (arrival == Arrival::kEarlier) return;
  ++counts_.received;
  counts_.bytes += size;
  latency_.Record(now - check.stamp);
}

// Nothing is lost of what is still under way from before.
void Stream::Count(std::span<rte_mbuf* const> packets) {
  for (const rte_mbuf* packet : packets) {
    in_flight_ -= in_flight_ > 0;
    if (earlier_ > 0) {
      --earlier_;
      continue;
    }
    ++counts_.received;
    counts_.bytes += packet->pkt_len;
  }
}

void Stream::Take(std::span<rte_mbuf* const> packets, uint16_t port, uint32_t now) {
  if (blind_) return Count(packets);
  for (const rte_mbuf* packet : packets) {
    const FrameCheck check = codec_.Check(FirstPart(*packet), packet->pkt_len);
    if (check.verdict == FrameVerdict::kIntact && port == way().to) {
      TakeIntact(check, packet->pkt_len, now);
    } else if (packet->nb_segs > 1) {
      TakeParts(*packet, port, now);
    } else {
      TakeOdd(check, port);
    }
  }
}

// The first part may not have been enough to tell.
void Stream::TakeParts(const rte_mbuf& packet, uint16_t port, uint32_t now) {
  const FrameCheck check = codec_.Check(FirstBytes(packet, whole_frame_), packet.pkt_len);
  if (check.verdict == FrameVerdict::kIntact && port == way().to) {
    TakeIntact(check, packet.pkt_len, now);
  } else {
    TakeOdd(check, port);
  }
}

void Stream::TakeOdd(const FrameCheck& check, uint16_t port) {
  if (check.verdict == FrameVerdict::kCorrupt || check.verdict == FrameVerdict::kForeign) {
    ++counts_.corrupted;  // the tag is ours
  } else if (port == way().to) {
    ++counts_.probes_received;
  } else if (check.verdict == FrameVerdict::kIntact) {
    ++counts_.misdelivered;
  }
}

StreamCounts Stream::Counts() const {
  StreamCounts counts = counts_;
  for (uint32_t i = 0; i < codec_.flows(); ++i) {
    counts.duplicated += flows_[i].duplicated();
    counts.reordered += flows_[i].reordered();
    counts.lost += flows_[i].Lost(cursor_.sequence + (i < cursor_.flow ? 1 : 0));
  }
  if (unread_) counts.lost = counts.offered - std::min(counts.offered, counts.received);
  counts.missed = pacer_.missed();
  return counts;
}

}  // namespace vswitch
