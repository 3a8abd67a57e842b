// SPDX-License-Identifier: BSD-3-Clause
// Puts a chain of several buffers together, and checks it: the way that is taken by chains other
// than of one buffer in the usual memory region.
#ifndef VSWITCH_PMD_VIRTQUEUE_CHAIN_WALK_H_
#define VSWITCH_PMD_VIRTQUEUE_CHAIN_WALK_H_

#include <cstdint>
#include <span>

#include "pmd/virtqueue/chain.h"
#include "pmd/virtqueue/guest_memory.h"
#include "pmd/virtqueue/ring_layout.h"

namespace vswitch {

class ChainWalk {
 public:
  // REQUIRES: list.Room() > 0
  ChainWalk(const GuestMemory& memory, Direction direction, ChainList& list)
      : memory_(memory),
        list_(list),
        first_(list.size()),
        writable_(direction == Direction::kToGuest ? kDescriptorWrite : 0) {}

  // To be asked before each descriptor is read. False when there is no room for more.
  bool Look() { return !out_of_room_ && (list_.Look() || OutOfRoom()); }
  // The next buffer, with its descriptor's flags. One that lies across the border of two adjacent
  // regions becomes two segments. Nothing happens once something was wrong.
  void Add(uint64_t address, uint32_t length, uint16_t flags);
  // Something else about the chain is wrong.
  void Refuse() { wrong_ = true; }
  bool wrong() const { return wrong_; }
  // The buffers are to be written to.
  bool writable() const { return writable_ != 0; }
  // There is no room for it behind the chains in the list.
  bool put_off() const { return out_of_room_ && first_ > 0; }

  // The descriptors of an indirect table; empty (and the chain wrong) when it does not lie in one
  // region, or is no table.
  std::span<const RawDescriptor> Table(uint64_t address, uint32_t length);

  // Adds the chain to the list. False, and nothing is added, when it is put off.
  bool Finish(uint16_t id, uint16_t slots);
  // Adds nothing.
  void GiveUp() { list_.Shrink(first_); }

 private:
  bool OutOfRoom() {
    out_of_room_ = true;
    return false;
  }

  const GuestMemory& memory_;
  ChainList& list_;
  const uint16_t first_;  // segment
  const uint16_t writable_;
  bool wrong_ = false;
  bool out_of_room_ = false;
  uint32_t length_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_CHAIN_WALK_H_
