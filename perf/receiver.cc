// SPDX-License-Identifier: BSD-3-Clause
#include "perf/receiver.h"

#include <rte_cycles.h>

#include <algorithm>
#include <array>

#include "perf/chain.h"

namespace vswitch {
namespace {

// Of a frame whose first buffer holds less than the numbers.
[[gnu::noinline]] uint32_t TagOfParts(const rte_mbuf& packet) {
  std::array<uint8_t, FrameCodec::kMinSize> head;
  return FrameCodec::TagOf(FirstBytes(packet, head));
}

uint32_t TagOf(const rte_mbuf* packet) {
  const std::span<const uint8_t> first = Stream::FirstPart(*packet);
  return first.size() < FrameCodec::kMinSize ? TagOfParts(*packet) : FrameCodec::TagOf(first);
}

}  // namespace

bool Receiver::expects() const {
  return std::ranges::any_of(streams_, [this](const auto& stream) {
    return stream->way().carries && stream->way().to == number_;
  });
}

void Receiver::StartCounting() {
  counts_ = {};
  const auto comes_here = [this](const auto& stream) {
    return stream->way().carries && stream->way().to == number_;
  };
  if (std::ranges::count_if(streams_, comes_here) != 1) return;
  Stream* only = std::ranges::find_if(streams_, comes_here)->get();
  if (only->blind()) only_ = only;
}

uint32_t Receiver::Poll() {
  uint32_t frames = 0;
  for (uint16_t queue = 0; queue < port_.queues(); ++queue) frames += PollQueue(queue);
  return frames;
}

uint32_t Receiver::PollQueue(uint16_t queue) {
  uint32_t frames = 0;
  uint32_t count = 0;
  do {
    count = PollBurst(queue);
    frames += count;
  } while (count >= port_.burst() && frames < at_once_);
  return frames;
}

uint32_t Receiver::PollBurst(uint16_t queue) {
  std::array<rte_mbuf*, PerfPort::kBurst> packets;
  const uint16_t count = port_.Receive(queue, packets.data());
  ++counts_.polls;
  if (count == 0) return 0;
  counts_.full += count >= port_.burst();
  const uint32_t now = Stream::StampOf(rte_rdtsc());
  if (only_ != nullptr) {
    only_->Take({packets.data(), count}, number_, now);
    rte_pktmbuf_free_bulk(packets.data(), count);
    return count;
  }
  for (uint16_t first = 0; first < count;) {
    const uint32_t tag = TagOf(packets[first]);
    uint16_t end = first + 1;
    while (end < count && TagOf(packets[end]) == tag) ++end;
    Take(tag, {&packets[first], &packets[end]}, now);
    first = end;
  }
  rte_pktmbuf_free_bulk(packets.data(), count);
  return count;
}

void Receiver::Take(uint32_t tag, std::span<rte_mbuf* const> packets, uint32_t now) {
  const uint32_t stream = tag - first_tag_;
  if (stream < streams_.size()) {
    streams_[stream]->Take(packets, number_, now);
  } else {
    counts_.foreign += packets.size();
  }
}

}  // namespace vswitch
