// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/next_hops.h"

#include <array>
#include <bit>

namespace vswitch {

namespace {

struct Packed {
  EthernetAddress address{};
  DstEntry::Verdict verdict{};
  uint8_t unused = 0;
};
static_assert(sizeof(Packed) == sizeof(uint64_t));

uint64_t Pack(const DstEntry& hop) {
  return std::bit_cast<uint64_t>(Packed{hop.address, hop.verdict, 0});
}

// Of an address that is not there, AddressTable::kNone: unknown.
DstEntry Unpack(uint64_t value) {
  const auto packed = std::bit_cast<Packed>(value);
  return {packed.verdict, packed.address};
}

}  // namespace

void NextHops::Find(std::span<const AddressKey> keys, std::span<DstEntry> hops) const {
  std::array<uint64_t, AddressTable::kBatch> values;
  table_.load(std::memory_order_acquire)->Find(keys, values);
  for (size_t i = 0; i < keys.size(); ++i) hops[i] = Unpack(values[i]);
}

void NextHops::Remember(const AddressKey& destination, const DstEntry& hop) {
  AddressTable& table = *table_.load(std::memory_order_relaxed);
  table.Erase(destination);
  if (table.size() < kCapacity) table.Insert(destination, Pack(hop));
}

std::unique_ptr<const AddressTable> NextHops::Forget() {
  if (size() == 0) return nullptr;
  return std::unique_ptr<const AddressTable>(
      table_.exchange(new AddressTable, std::memory_order_acq_rel));
}

}  // namespace vswitch
