// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/chain_walk.h"

#include <algorithm>

namespace vswitch {

void ChainWalk::Add(uint64_t address, uint32_t length, uint16_t flags) {
  wrong_ |= (flags & kDescriptorWrite) != writable_;
  wrong_ |= length > kMaxChainBytes - length_;
  while (length > 0 && !wrong_) {
    const MemoryRegion* region = memory_.Find(address);
    if (region == nullptr) return Refuse();
    const uint64_t offset = address - region->guest;
    const auto piece = static_cast<uint32_t>(std::min<uint64_t>(length, region->size - offset));
    if (!list_.Continue(region->host + offset, piece)) {
      OutOfRoom();
      return;
    }
    address += piece;
    length -= piece;
    length_ += piece;
  }
}

std::span<const RawDescriptor> ChainWalk::Table(uint64_t address, uint32_t length) {
  const MemoryRegion* region = memory_.Find(address);
  const uint8_t* table = region == nullptr ? nullptr : region->Translate(address, length);
  const bool whole = length % sizeof(RawDescriptor) == 0;
  // What words that are read at once need; virtio asks for nothing, drivers allocate such memory.
  const bool aligned = reinterpret_cast<uintptr_t>(table) % alignof(RawDescriptor) == 0;
  if (table == nullptr || !whole || !aligned) {
    Refuse();
    return {};
  }
  return {reinterpret_cast<const RawDescriptor*>(table), length / sizeof(RawDescriptor)};
}

bool ChainWalk::Finish(uint16_t id, uint16_t slots) {
  if (put_off() && !wrong_) {
    list_.set_full();
    GiveUp();
    return false;
  }
  const bool whole = !wrong_ && !out_of_room_ && length_ > 0;
  whole ? list_.CloseChain(first_, id, slots) : list_.AddMalformed(first_, id, slots);
  return true;
}

}  // namespace vswitch
