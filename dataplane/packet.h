// SPDX-License-Identifier: BSD-3-Clause
// What a device sees of a frame: the first bytes of its headers, its length and its offload
// requests. The storage behind it is the backends' business (packet_buffer.h), so that a device
// works the same on every lane.
#ifndef VSWITCH_DATAPLANE_PACKET_H_
#define VSWITCH_DATAPLANE_PACKET_H_

#include <array>
#include <bit>
#include <cstdint>
#include <span>

namespace vswitch {

inline constexpr uint32_t kEthernetHeaderSize = 14;
inline constexpr uint32_t kVlanTagSize = 4;

// Segmentation asked for by the sender; the values of virtio_net_hdr.gso_type (virtio 1.1, 5.1.6).
enum class GsoType : uint8_t { kNone = 0, kTcp4 = 1, kTcp6 = 4 };

// Work the sender left to whoever puts the frame on a wire. `csum_start` and `csum_offset` are
// bytes from the start of the frame and from csum_start; the checksum field holds the pseudo-header
// sum (virtio 1.1, 5.1.6.2).
struct Offload {
  uint16_t csum_start = 0;
  uint16_t csum_offset = 0;
  uint16_t gso_size = 0;  // payload bytes per segment; 0 iff gso is kNone
  GsoType gso = GsoType::kNone;
  bool needs_checksum = false;

  bool Any() const { return Requests() != 0; }
  // Nothing when nothing is asked for. The last two members in one word: it is asked of every
  // packet, and of several at once when or'ed.
  uint64_t Requests() const { return std::bit_cast<uint64_t>(*this) >> 48; }
};

// One frame in flight, owned by exactly one Burst slot, mailbox entry or backend. 32 bytes,
// trivially copyable: copying the struct does not copy the frame, and ownership goes with the copy
// that is used.
class Packet {
 public:
  Packet() = default;

  // Bytes of the frame from the destination MAC on, without virtio header, preamble or FCS.
  uint32_t length() const { return length_; }
  const Offload& offload() const { return offload_; }
  bool IsGso() const { return offload_.gso != GsoType::kNone; }

  // The first contiguous bytes of the frame: at least min(length(), 128) when the backend could
  // provide them. Nobody else writes them while the packet is owned, so a decision taken on them is
  // a decision on what is sent.
  std::span<const uint8_t> Headers() const { return {head_, head_length_}; }

 private:
  friend struct PacketBuffer;

  const uint8_t* head_ = nullptr;
  uintptr_t buffer_ = 0;  // what stands behind it (PacketBuffer)
  uint32_t length_ = 0;
  uint16_t head_length_ = 0;
  Offload offload_;
};
static_assert(sizeof(Packet) == 32);

// Up to kCapacity packets that came out of one backend queue, in order. [0, count) are owned by the
// burst.
struct Burst {
  static constexpr uint16_t kCapacity = 32;

  std::array<Packet, kCapacity> packets;
  uint16_t count = 0;
  uint16_t malformed = 0;  // frames the backend refused while filling this burst (already freed)

  std::span<Packet> view() { return {packets.data(), count}; }
  std::span<const Packet> view() const { return {packets.data(), count}; }
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_PACKET_H_
