// SPDX-License-Identifier: BSD-3-Clause
// Frames into a ring that a guest receives from.
#ifndef VSWITCH_PMD_VIRTQUEUE_WRITE_FRAMES_H_
#define VSWITCH_PMD_VIRTQUEUE_WRITE_FRAMES_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <span>

#include "dataplane/packet_buffer.h"
#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/copy.h"
#include "pmd/virtqueue/segment_cursor.h"
#include "pmd/virtqueue/shared_memory.h"
#include "pmd/vnet_header.h"

namespace vswitch {

// What stands before a frame (virtio 1.1, 5.1.6); in a header of 10 bytes there is no num_buffers.
struct ReceiveHeader {
  VnetHeader request;
  uint16_t num_buffers;
};
static_assert(sizeof(ReceiveHeader) == 12);

// What became of them.
struct Written {
  uint32_t refused = 0;    // bit i: packet i found no room
  uint16_t malformed = 0;  // chains that could not be used; they were given back
};

// One call of WriteFrames. What lies before `next_` in the list is about to be given back, with the
// bytes written to each chain as the length of its first segment.
template <typename Ring>
class FrameWriter {
 public:
  FrameWriter(Ring& ring, std::span<const Packet> packets, ChainList& chains)
      : ring_(ring), packets_(packets), chains_(chains), next_(chains.segments()) {
    chains_.Clear();
  }

  Written Run() {
    const auto count = static_cast<uint16_t>(packets_.size());
    const uint16_t header_size = ring_.buffers().header_size();
    ring_.template Take<Direction::kToGuest>(chains_, count);
    for (uint16_t i = 0; i < count; ++i) {
      const uint32_t need = header_size + packets_[i].length();
      // Of one segment that is large enough, and not the end of the list.
      if (next_->length >= need && next_[1].slots > 0) [[likely]] {
        if (i + 1 < count && packets_[i + 1].length() > kTwoLines) [[unlikely]]
          FetchRoom(packets_[i + 1].length(), next_[1]);
        CopyPlain(i, next_->data, header_size);
        (next_++)->length = need;
      } else if (!PlaceAcross(i, need)) {
        written_.refused |= 1u << i;
      }
    }
    GiveBack();
    return written_;
  }

 private:
  // A frame that needs several segments or chains, which may be malformed, missing or too small.
  [[gnu::noinline]] bool PlaceAcross(uint16_t i, uint32_t need) {
    Segment* end = next_;  // of the segments that it gets
    uint32_t room = 0;
    uint16_t buffers = 0;
    while (room < need) {
      if (end == chains_.end()) {
        if (TakeMore(need - room)) continue;
        if (!chains_.full() || next_ == chains_.segments()) return false;
        end = StartOver();
        room = buffers = 0;
      } else if (end->data == nullptr) {
        PassMalformed(end++);
      } else {
        if (buffers > 0 && !ring_.mergeable()) return false;
        ++buffers;
        do room += (end++)->length;
        while (end->slots == 0);
      }
    }
    CopyScattered(i, {next_, end}, buffers);
    while (next_ < end) SetWritten(need);
    return true;
  }

  // The next chain has been filled as far as `left` bytes go, which become fewer. Its first segment
  // gets the length of all that was written, the others of what was written to them.
  void SetWritten(uint32_t& left) {
    Segment* first = next_++;
    uint32_t written = std::min(left, first->length);
    for (; next_->slots == 0; ++next_) {
      next_->length = std::min(left - written, next_->length);
      written += next_->length;
    }
    first->length = written;
    left -= written;
  }

  // Chains that hold so many bytes, as far as one can tell.
  bool TakeMore(uint32_t bytes) {
    if (dry_) return false;
    const uint16_t before = chains_.size();
    const uint32_t usual = before > 0 ? chains_.segments()[before - 1].length : 0;
    const uint32_t wanted = usual > 0 ? bytes / usual + 1 : 1;
    ring_.template Take<Direction::kToGuest>(chains_, std::min(wanted, kMostAtOnce));
    // The guest, who may be about to add some, is not asked again for each frame that is left.
    dry_ = chains_.size() == before && !chains_.full();
    return chains_.size() > before;
  }

  // Is to be given back before the buffers that the frame gets: those must follow each other.
  void PassMalformed(Segment* malformed) {
    std::rotate(next_, malformed, malformed + 1);
    ++next_;
    ++written_.malformed;
  }

  void GiveBack() {
    uint32_t unused = 0;
    for (const Segment* left = next_; left < chains_.end(); ++left) unused += left->slots;
    if (unused > 0) ring_.PutBack(unused);
    ring_.template Stage<Direction::kToGuest>({chains_.segments(), next_});
    ring_.Publish();
  }
  // With an empty list.
  Segment* StartOver() {
    GiveBack();
    chains_.Clear();
    return next_ = chains_.segments();
  }

  // All 12 bytes; where the header has 10, the frame overwrites the last two.
  void WriteHeader(uint16_t i, uint16_t buffers, uint8_t* to) const {
    const Packet& packet = packets_[i];
    ReceiveHeader header{{}, buffers};
    if (packet.offload().Any()) [[unlikely]]
      header.request = VnetHeaderFor(packet.offload(), packet.Headers());
    std::memcpy(to, &header, sizeof(header));
  }
  // Usually what is to stand there does, from the last time. A line that is not written to stays in
  // the guest's cache.
  void KeepHeader(uint16_t i, uint8_t* to) const {
    constexpr uint32_t kOneBuffer = 1 << 16;
    uint64_t start;
    uint32_t rest;
    std::memcpy(&start, to, sizeof(start));
    std::memcpy(&rest, to + sizeof(start), sizeof(rest));
    const bool same = start == 0 && rest == kOneBuffer && !packets_[i].offload().Any();
    if (!same) WriteHeader(i, 1, to);
  }

  // Asks for the lines that a long frame goes to while the one before it is being copied: the CPU
  // sees too late that they follow each other. It has the first two, and soon knows of the last.
  [[gnu::noinline]] static void FetchRoom(uint32_t length, const Segment& room) {
    constexpr uint32_t kMost = 12 * kTwoLines;
    const uint32_t end = std::min({length, room.length, kMost});
    for (uint32_t at = kTwoLines; at < end; at += kTwoLines / 2) PrefetchWrite(room.data + at);
  }

  void CopyPlain(uint16_t i, uint8_t* to, uint16_t header_size) const {
    KeepHeader(i, to);
    to += header_size;
    PacketBuffer::ForEachPiece(packets_[i], [&to](const uint8_t* from, uint32_t length) {
      CopyBytes(to, from, length);
      to += length;
    });
  }

  void CopyScattered(uint16_t i, std::span<const Segment> segments, uint16_t buffers) const {
    std::array<uint8_t, sizeof(ReceiveHeader)> header;
    WriteHeader(i, buffers, header.data());
    SegmentCursor cursor(segments);
    cursor.Write(header.data(), ring_.buffers().header_size());
    PacketBuffer::ForEachPiece(packets_[i], [&cursor](const uint8_t* from, uint32_t length) {
      cursor.Write(from, length);
    });
  }

  static constexpr uint32_t kMostAtOnce = Burst::kCapacity;
  static constexpr uint32_t kTwoLines = 128;  // of the cache

  Ring& ring_;
  const std::span<const Packet> packets_;
  ChainList& chains_;
  Segment* next_;
  bool dry_ = false;  // there was nothing more in the ring
  Written written_;
};

// Copies frames into the guest's buffers and shows them to it, in order. What finds no room is left
// out and does not hold up smaller frames behind it. The caller interrupts the guest with a fence
// and ring.Notify(). The packets stay the caller's, at most Burst::kCapacity; what offloads they
// ask for the guest has negotiated. `chains` is scratch space, not the list that frames are read
// into. The ring's worker; never waits.
template <typename Ring>
Written WriteFrames(Ring& ring, std::span<const Packet> packets, ChainList& chains) {
  return FrameWriter<Ring>(ring, packets, chains).Run();
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_WRITE_FRAMES_H_
