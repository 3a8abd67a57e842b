// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/ring_driver.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "pmd/virtqueue/notify.h"
#include "pmd/virtqueue/shared_memory.h"

namespace vswitch {
namespace {

constexpr uint16_t kTableSize = 64;  // descriptors of an indirect table
constexpr uint16_t kWhose = kDescriptorAvailable | kDescriptorUsed;

void Require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "ring driver: %s\n", what);
  std::abort();
}

std::deque<uint16_t> Numbers(uint16_t count) {
  std::deque<uint16_t> numbers(count);
  for (uint16_t i = 0; i < count; ++i) numbers[i] = i;
  return numbers;
}

std::vector<uint64_t> AllocateTables(GuestRam& ram, uint16_t count) {
  std::vector<uint64_t> tables(count);
  for (uint64_t& table : tables) table = ram.Allocate(kTableSize * sizeof(RawDescriptor), 16);
  return tables;
}

template <typename T>
T* AllocateArea(GuestRam& ram, uint64_t size) {
  return ram.At<T>(ram.Allocate(size));
}

uint16_t WriteFlag(const GuestBuffer& buffer) { return buffer.writable ? kDescriptorWrite : 0; }

// The last of a direct chain that goes on in a table.
GuestBuffer TableBuffer(uint64_t table, size_t count) {
  Require(count <= kTableSize, "the indirect table is too small");
  return {table, static_cast<uint32_t>(count * sizeof(RawDescriptor))};
}

}  // namespace

SplitDriver::SplitDriver(GuestRam& ram, uint16_t size)
    : ram_(ram),
      size_(size),
      descriptors_(AllocateArea<RawDescriptor>(ram, sizeof(RawDescriptor) * size)),
      available_(AllocateArea<AvailableRing>(ram, 6 + sizeof(uint16_t) * size)),
      used_(AllocateArea<UsedRing>(ram, 6 + sizeof(UsedElement) * size)),
      free_(Numbers(size)),
      taken_(size),
      tables_(AllocateTables(ram, size)) {}

RingSetup SplitDriver::Setup() const {
  RingSetup setup;
  setup.descriptors = descriptors_;
  setup.driver = available_;
  setup.device = used_;
  setup.size = size_;
  setup.memory = &ram_.memory();
  return setup;
}

uint16_t SplitDriver::Add(std::span<const GuestBuffer> direct,
                          std::span<const GuestBuffer> indirect) {
  std::vector<GuestBuffer> buffers(direct.begin(), direct.end());
  const uint16_t head = free_.front();
  if (!indirect.empty()) {
    auto* table = ram_.At<RawDescriptor>(tables_[head]);
    for (size_t i = 0; i < indirect.size(); ++i) {
      const auto next = static_cast<uint16_t>(i + 1);
      const bool last = next == indirect.size();
      const auto flags =
          static_cast<uint16_t>(WriteFlag(indirect[i]) | (last ? 0 : kDescriptorNext));
      table[i] = {indirect[i].address, SplitDescriptor{indirect[i].length, flags, next}.Details()};
    }
    buffers.push_back(TableBuffer(tables_[head], indirect.size()));
  }
  Require(HasRoom(static_cast<uint16_t>(buffers.size())), "the ring is full");
  std::vector<uint16_t>& taken = taken_[head];
  taken.assign(free_.begin(), free_.begin() + static_cast<ptrdiff_t>(buffers.size()));
  free_.erase(free_.begin(), free_.begin() + static_cast<ptrdiff_t>(buffers.size()));
  for (size_t i = 0; i < buffers.size(); ++i) {
    const bool last = i + 1 == buffers.size();
    uint16_t flags = WriteFlag(buffers[i]) | (last ? 0 : kDescriptorNext);
    if (last && !indirect.empty()) flags = kDescriptorIndirect;
    const uint16_t next = last ? uint16_t{0} : taken[i + 1];
    descriptors_[taken[i]] = {buffers[i].address,
                              SplitDescriptor{buffers[i].length, flags, next}.Details()};
  }
  available_->entries()[next_available_ & (size_ - 1)] = head;
  StoreRelease(available_->index, ++next_available_);
  return head;
}

std::optional<UsedChain> SplitDriver::TakeUsed() {
  if (LoadAcquire(used_->index) == next_used_) return std::nullopt;
  const UsedElement element = used_->entries()[next_used_++ & (size_ - 1)];
  Require(element.id < size_ && !taken_[element.id].empty(), "a used chain was not available");
  std::vector<uint16_t>& taken = taken_[element.id];
  free_.insert(free_.end(), taken.begin(), taken.end());
  taken.clear();
  return UsedChain{static_cast<uint16_t>(element.id), element.length};
}

void SplitDriver::SetCalls(bool wanted) { available_->flags = wanted ? 0 : AvailableRing::kNoCall; }

void SplitDriver::SetCallAfter(uint16_t used) {
  available_->entries()[size_] = static_cast<uint16_t>(next_used_ + used - 1);
}

bool SplitDriver::WantsKick(bool event_index) const {
  if (!event_index) return (used_->flags & UsedRing::kNoKick) == 0;
  const auto event = *reinterpret_cast<uint16_t*>(&used_->entries()[size_]);
  return PassedEvent(event, next_available_, static_cast<uint16_t>(next_available_ + 1));
}

PackedDriver::PackedDriver(GuestRam& ram, uint16_t size)
    : ram_(ram),
      size_(size),
      descriptors_(AllocateArea<RawDescriptor>(ram, sizeof(RawDescriptor) * size)),
      driver_event_(AllocateArea<EventSuppression>(ram, sizeof(EventSuppression))),
      device_event_(AllocateArea<EventSuppression>(ram, sizeof(EventSuppression))),
      free_ids_(Numbers(size)),
      tables_(AllocateTables(ram, size)),
      next_{0, kDescriptorAvailable},
      used_(next_),
      room_(size) {}

RingSetup PackedDriver::Setup() const {
  RingSetup setup;
  setup.descriptors = descriptors_;
  setup.driver = driver_event_;
  setup.device = device_event_;
  setup.size = size_;
  setup.memory = &ram_.memory();
  return setup;
}

uint16_t PackedDriver::Add(std::span<const GuestBuffer> direct,
                           std::span<const GuestBuffer> indirect) {
  std::vector<GuestBuffer> buffers(direct.begin(), direct.end());
  Require(!free_ids_.empty(), "the ring is full");
  const uint16_t id = free_ids_.front();
  free_ids_.pop_front();
  if (!indirect.empty()) {
    auto* table = ram_.At<RawDescriptor>(tables_[id]);
    for (size_t i = 0; i < indirect.size(); ++i) {
      table[i] = {indirect[i].address,
                  PackedDescriptor{indirect[i].length, 0, WriteFlag(indirect[i])}.Details()};
    }
    buffers.push_back(TableBuffer(tables_[id], indirect.size()));
  }
  const auto slots = static_cast<uint16_t>(buffers.size());
  Require(HasRoom(slots), "the ring is full");
  room_ -= slots;
  outstanding_.push_back({id, slots});
  const PackedRing::Place first = next_;
  uint64_t first_details = 0;
  for (uint16_t i = 0; i < slots; ++i) {
    const bool last = i + 1 == slots;
    uint16_t flags = WriteFlag(buffers[i]) | (last ? 0 : kDescriptorNext);
    if (last && !indirect.empty()) flags = kDescriptorIndirect;
    flags |= next_.available;
    const uint64_t details = PackedDescriptor{buffers[i].length, id, flags}.Details();
    descriptors_[next_.index].address = buffers[i].address;
    (i == 0 ? first_details : descriptors_[next_.index].details) = details;
    next_.Advance(1, size_);
  }
  StoreRelease(descriptors_[first.index].details, first_details);
  return id;
}

UsedChain PackedDriver::Release(std::deque<Outstanding>::iterator chain, uint32_t length) {
  const UsedChain used{chain->id, length};
  free_ids_.push_back(chain->id);
  room_ += chain->slots;
  used_.Advance(chain->slots, size_);
  outstanding_.erase(chain);
  return used;
}

std::optional<UsedChain> PackedDriver::TakeUsed() {
  if (batch_ > 0) {
    --batch_;
    return Release(outstanding_.begin(), 0);
  }
  const auto used = PackedDescriptor::From(LoadAcquire(descriptors_[used_.index].details));
  if ((used.flags & kWhose) != used_.used()) return std::nullopt;
  const auto chain = std::find_if(outstanding_.begin(), outstanding_.end(),
                                  [&](const Outstanding& one) { return one.id == used.id; });
  Require(chain != outstanding_.end(), "a used chain was not available");
  if (!in_order_ || chain == outstanding_.begin()) return Release(chain, used.length);
  batch_ = chain - outstanding_.begin();
  return Release(outstanding_.begin(), 0);
}

void PackedDriver::SetCalls(bool wanted) {
  driver_event_->flags = wanted ? EventSuppression::kEnable : EventSuppression::kDisable;
}

void PackedDriver::SetCallAfter(uint16_t used) {
  PackedRing::Place event = used_;
  event.Advance(used - 1, size_);
  driver_event_->position = event.WithWrapCounter();
  driver_event_->flags = EventSuppression::kAtPosition;
}

bool PackedDriver::WantsKick(bool /*event_index*/) const {
  return device_event_->flags != EventSuppression::kDisable;
}

}  // namespace vswitch
