// SPDX-License-Identifier: BSD-3-Clause
// Virtqueues as they lie in a guest's memory (virtio 1.1, 2.6 and 2.7); <linux/virtio_ring.h> is
// not C++.
#ifndef VSWITCH_PMD_VIRTQUEUE_RING_LAYOUT_H_
#define VSWITCH_PMD_VIRTQUEUE_RING_LAYOUT_H_

#include <cstdint>

namespace vswitch {

// Of descriptors, in both kinds of rings.
inline constexpr uint16_t kDescriptorNext = 1;
inline constexpr uint16_t kDescriptorWrite = 2;  // for the device to write
inline constexpr uint16_t kDescriptorIndirect = 4;
inline constexpr uint16_t kDescriptorKind =
    kDescriptorNext | kDescriptorWrite | kDescriptorIndirect;
inline constexpr uint16_t kDescriptorAvailable = 1u << 7;  // packed rings only, like the next
inline constexpr uint16_t kDescriptorUsed = 1u << 15;

inline constexpr uint16_t kMaxRingSize = 1u << 15;
inline constexpr uint16_t kRingAlignment = 16;  // of descriptors; not of indirect ones

// Read as two words: `details` has length, then in a split ring flags and next, in a packed one id
// and flags.
struct RawDescriptor {
  uint64_t address;
  uint64_t details;
};

struct SplitDescriptor {
  uint32_t length;
  uint16_t flags;
  uint16_t next;

  static SplitDescriptor From(uint64_t details) {
    return {static_cast<uint32_t>(details), static_cast<uint16_t>(details >> 32),
            static_cast<uint16_t>(details >> 48)};
  }
  uint64_t Details() const { return length | uint64_t{flags} << 32 | uint64_t{next} << 48; }
};

struct PackedDescriptor {
  uint32_t length;
  uint16_t id;
  uint16_t flags;

  static PackedDescriptor From(uint64_t details) {
    return {static_cast<uint32_t>(details), static_cast<uint16_t>(details >> 32),
            static_cast<uint16_t>(details >> 48)};
  }
  uint64_t Details() const { return length | uint64_t{id} << 32 | uint64_t{flags} << 48; }
};

// The driver area of a split ring: this, an entry for each descriptor, and used_event.
struct AvailableRing {
  static constexpr uint16_t kNoCall = 1;  // flags

  uint16_t flags;
  uint16_t index;

  uint16_t* entries() { return reinterpret_cast<uint16_t*>(this + 1); }
  const uint16_t* entries() const { return reinterpret_cast<const uint16_t*>(this + 1); }
};

// The device area of a split ring: UsedRing, an element for each descriptor, and avail_event.
struct UsedElement {
  uint32_t id;
  uint32_t length;
};
struct UsedRing {
  static constexpr uint16_t kNoKick = 1;  // flags

  uint16_t flags;
  uint16_t index;

  UsedElement* entries() { return reinterpret_cast<UsedElement*>(this + 1); }
};

// Driver and device area of a packed ring: what their owner wants to be told of.
struct EventSuppression {
  enum Flags : uint16_t { kEnable = 0, kDisable = 1, kAtPosition = 2 };

  uint16_t position;  // bit 15: its wrap counter
  uint16_t flags;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_RING_LAYOUT_H_
