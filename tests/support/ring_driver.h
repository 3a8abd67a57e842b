// SPDX-License-Identifier: BSD-3-Clause
// The guest's side of a virtqueue (virtio 1.1, 2.6 and 2.7), as honest as its caller.
#ifndef VSWITCH_TESTS_SUPPORT_RING_DRIVER_H_
#define VSWITCH_TESTS_SUPPORT_RING_DRIVER_H_

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <vector>

#include "pmd/virtqueue/packed_ring.h"
#include "pmd/virtqueue/ring_layout.h"
#include "pmd/virtqueue/ring_setup.h"
#include "pmd/virtqueue/split_ring.h"
#include "tests/support/guest_ram.h"

namespace vswitch {

struct GuestBuffer {
  uint64_t address;
  uint32_t length;
  bool writable = false;
};

struct UsedChain {
  uint16_t id;
  uint32_t length;
  bool operator==(const UsedChain&) const = default;
};

// Chains become available as soon as they are added, and are told apart by the ids that Add
// returns; their descriptors are free again when they were taken out of the ring with TakeUsed.
class SplitDriver {
 public:
  using Ring = SplitRing;

  SplitDriver(GuestRam& ram, uint16_t size);

  // What the device needs to know; options and call_fd are the caller's to fill in.
  RingSetup Setup() const;
  Ring MakeRing(const RingSetup& setup) const { return *Ring::Create(setup, {}); }
  Ring MakeRing() const { return MakeRing(Setup()); }

  uint16_t Add(std::span<const GuestBuffer> buffers) { return Add(buffers, {}); }
  // As descriptors in a table of their own, behind those in the ring if there are any.
  uint16_t AddIndirect(std::span<const GuestBuffer> buffers) { return Add({}, buffers); }
  uint16_t Add(std::span<const GuestBuffer> direct, std::span<const GuestBuffer> indirect);
  bool HasRoom(uint16_t descriptors) const { return free_.size() >= descriptors; }
  std::optional<UsedChain> TakeUsed();

  // Whether the device may interrupt, at all, or (with event indices) when so many more descriptors
  // (in a split ring: chains) are used.
  void SetCalls(bool wanted);
  void SetCallAfter(uint16_t used);
  // Whether the device wants to be kicked when a chain is added.
  bool WantsKick(bool event_index) const;

  RawDescriptor* descriptors() const { return descriptors_; }
  AvailableRing* available() const { return available_; }
  UsedRing* used() const { return used_; }
  uint16_t size() const { return size_; }

 private:
  GuestRam& ram_;
  const uint16_t size_;
  RawDescriptor* const descriptors_;
  AvailableRing* const available_;
  UsedRing* const used_;
  std::deque<uint16_t> free_;
  std::vector<std::vector<uint16_t>> taken_;  // descriptors, by the id of their chain
  std::vector<uint64_t> tables_;              // place for an indirect table, by descriptor
  uint16_t next_available_ = 0;
  uint16_t next_used_ = 0;
};

class PackedDriver {
 public:
  using Ring = PackedRing;

  PackedDriver(GuestRam& ram, uint16_t size);

  RingSetup Setup() const;
  Ring MakeRing(const RingSetup& setup) const { return *Ring::Create(setup, {}); }
  Ring MakeRing() const { return MakeRing(Setup()); }

  uint16_t Add(std::span<const GuestBuffer> buffers) { return Add(buffers, {}); }
  uint16_t AddIndirect(std::span<const GuestBuffer> buffers) { return Add({}, buffers); }
  uint16_t Add(std::span<const GuestBuffer> direct, std::span<const GuestBuffer> indirect);
  bool HasRoom(uint16_t descriptors) const { return room_ >= descriptors; }
  std::optional<UsedChain> TakeUsed();
  // VIRTIO_F_IN_ORDER: a used descriptor stands for all chains up to its own.
  void set_in_order() { in_order_ = true; }

  void SetCalls(bool wanted);
  void SetCallAfter(uint16_t used);
  bool WantsKick(bool event_index) const;

  RawDescriptor* descriptors() const { return descriptors_; }
  EventSuppression* driver_event() const { return driver_event_; }
  EventSuppression* device_event() const { return device_event_; }
  uint16_t size() const { return size_; }
  // Flags that make the descriptor at the next free place available.
  uint16_t available_flags() const { return next_.available; }

 private:
  struct Outstanding {
    uint16_t id;
    uint16_t slots;
  };

  UsedChain Release(std::deque<Outstanding>::iterator chain, uint32_t length);

  GuestRam& ram_;
  const uint16_t size_;
  RawDescriptor* const descriptors_;
  EventSuppression* const driver_event_;
  EventSuppression* const device_event_;
  std::deque<uint16_t> free_ids_;
  std::deque<Outstanding> outstanding_;  // in the order in which they were added
  std::vector<uint64_t> tables_;         // by id
  PackedRing::Place next_;
  PackedRing::Place used_;
  uint16_t room_;
  bool in_order_ = false;
  ptrdiff_t batch_ = 0;  // chains behind the last one taken that were given back with it
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_RING_DRIVER_H_
