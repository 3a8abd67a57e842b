// SPDX-License-Identifier: BSD-3-Clause
// Sending a burst in which somebody asks for offloads: requests the far end takes become TX flags,
// the rest is completed in software, in order.
#ifndef VSWITCH_PMD_TRANSMIT_H_
#define VSWITCH_PMD_TRANSMIT_H_

#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <span>

#include "dataplane/backend.h"
#include "dataplane/packet_buffer.h"
#include "pmd/checksum.h"
#include "pmd/offload.h"
#include "pmd/segment.h"

namespace vswitch {

inline bool AnyOffload(const Burst& burst) {
  uint64_t requests = 0;
  for (const Packet& packet : burst.view()) requests |= packet.offload().Requests();
  return requests != 0;
}

inline void GatherMbufs(std::span<const Packet> packets, rte_mbuf** mbufs) {
  for (size_t i = 0; i < packets.size(); ++i) {
    mbufs[i] = PacketBuffer::Mbuf(packets[i]);
    // Another core may have filled it.
    rte_prefetch0(mbufs[i]);
  }
}

// A Link is the far end of a queue:
//   uint16_t Send(std::span<Packet> packets);  takes what fits, in order, and moves the rest behind
//       it; returns how many
//   bool SendAll(std::span<rte_mbuf*> segments);  takes or frees all; false when not all fitted
//   bool Prepare(Packet& packet);  makes it say what it asks for; false when it cannot
//   const OffloadSupport& support() const;
//   rte_mempool* pool() const;  for segments
//   DropReason refusal() const;  why the last Send did not take everything

// Packets, none of which the far end has, of which the first was just refused: tries from the next
// smaller one on, again and again. What does not fit (a jumbo frame before a NIC that takes no
// chains) must not hold up what would; where nothing fits, frames of one size cost no
// second try. Moves what was not taken behind the rest; returns how many were taken.
template <typename Link>
size_t TransmitSmaller(Link& link, std::span<Packet> packets) {
  size_t taken = 0;
  size_t end = packets.size();  // behind it are those that do not fit
  while (taken < end) {
    const auto refused = packets.begin() + taken;
    const auto smaller = std::find_if(refused, packets.begin() + end, [&](const Packet& packet) {
      return packet.length() < refused->length();
    });
    end -= smaller - refused;
    std::rotate(refused, smaller, packets.end());
    if (taken == end) break;
    std::array<rte_mbuf*, Burst::kCapacity> mbufs;
    GatherMbufs(packets.subspan(taken, end - taken), mbufs.data());
    taken += link.Transmit(mbufs.data(), static_cast<uint16_t>(end - taken));
  }
  return taken;
}

// Hands on what fits, in order. Moves the rest behind it; returns how many packets were taken.
template <typename Link>
uint16_t TransmitFitting(Link& link, std::span<Packet> packets) {
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  GatherMbufs(packets, mbufs.data());
  const uint16_t taken = link.Transmit(mbufs.data(), static_cast<uint16_t>(packets.size()));
  if (taken == packets.size()) [[likely]]
    return taken;
  return static_cast<uint16_t>(taken + TransmitSmaller(link, packets.subspan(taken)));
}

// What a Link to a far end that takes mbufs derives from. Its packets have mbufs; it provides
//   uint16_t Transmit(rte_mbuf** mbufs, uint16_t count);  takes the first n, in order; returns n
template <typename Link>
class MbufLink {
 public:
  uint16_t Send(std::span<Packet> packets) { return TransmitFitting(self(), packets); }
  bool SendAll(std::span<rte_mbuf*> segments) {
    const auto count = static_cast<uint16_t>(segments.size());
    const uint16_t taken = self().Transmit(segments.data(), count);
    rte_pktmbuf_free_bulk(segments.data() + taken, count - taken);
    return taken == count;
  }

 private:
  Link& self() { return static_cast<Link&>(*this); }
};

template <typename Link>
class BurstSender {
 public:
  BurstSender(Link& link, Burst& burst) : link_(link), burst_(burst), end_(burst.count) {}

  // Backend::Send. Packets that cannot be completed, or do not fit, are moved behind the others, so
  // that they do not hold up what follows them.
  SendResult Run() {
    while (next_ < end_) {
      switch (Ready(burst_.packets[next_])) {
        case Readiness::kWhole:
          ++next_;
          break;
        case Readiness::kSegments:
          Flush();
          if (!SendSegments()) return {sent_, link_.refusal()};
          break;
        case Readiness::kFailed:
          PutAside();
          break;
      }
    }
    Flush();
    return {sent_, reason_};
  }

 private:
  enum class Readiness { kWhole, kSegments, kFailed };

  Readiness Ready(Packet& packet) {
    const Offload offload = packet.offload();
    if (!offload.Any()) return Readiness::kWhole;
    if (link_.support().Takes(offload) && link_.Prepare(packet)) return Readiness::kWhole;
    if (!PacketBuffer::ToMbuf(packet)) return Readiness::kFailed;
    if (offload.gso != GsoType::kNone) return Readiness::kSegments;
    rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
    if (!CompleteChecksum(mbuf, offload.csum_start, offload.csum_offset)) {
      return Readiness::kFailed;
    }
    PacketBuffer::Replace(packet, mbuf, {});
    return Readiness::kWhole;
  }

  // Hands on packets [sent_, next_), and puts aside those that do not fit.
  void Flush() {
    if (sent_ == next_) return;
    sent_ += link_.Send(burst_.view().subspan(sent_, next_ - sent_));
    if (sent_ == next_) [[likely]]
      return;
    reason_ = link_.refusal();
    const auto first = burst_.packets.begin();
    std::rotate(first + sent_, first + next_, first + burst_.count);
    end_ -= next_ - sent_;
    next_ = sent_;
  }

  void PutAside() {
    const auto first = burst_.packets.begin();
    std::rotate(first + next_, first + next_ + 1, first + burst_.count);
    --end_;
  }

  // Sends packet next_ in pieces. False when the far end is full; the frame then counts as refused,
  // although some of its segments may have gone.
  bool SendSegments() {
    const Packet& packet = burst_.packets[next_];
    Segmenter segmenter(packet, link_.pool());
    if (!segmenter.valid()) return PutAside(), true;
    while (!segmenter.done()) {
      std::array<rte_mbuf*, Burst::kCapacity> segments;
      uint16_t count = 0;
      while (count < segments.size() && !segmenter.done()) {
        segments[count] = segmenter.Next();
        if (segments[count] == nullptr) break;
        ++count;
      }
      const bool starved = count < segments.size() && !segmenter.done();
      if (count > 0 && !link_.SendAll({segments.data(), count})) return false;
      if (starved) return PutAside(), true;
    }
    rte_pktmbuf_free(PacketBuffer::Mbuf(packet));
    sent_ = ++next_;
    return true;
  }

  Link& link_;
  Burst& burst_;
  uint16_t sent_ = 0;                         // packets the far end has
  uint16_t next_ = 0;                         // packets looked at
  uint16_t end_;                              // behind it are those that failed
  DropReason reason_ = DropReason::kOffload;  // why they did
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_TRANSMIT_H_
