// SPDX-License-Identifier: BSD-3-Clause
// What a worker found in address tables lately: an address that packets keep going to costs no
// search.
#ifndef VSWITCH_DATAPLANE_ADDRESS_MEMO_H_
#define VSWITCH_DATAPLANE_ADDRESS_MEMO_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "dataplane/address_table.h"

namespace vswitch {

// For IPv4, of any number of tables. One thread.
class AddressMemo {
 public:
  // What a table had for the address when its stamp was this one; kNone when that is forgotten, or
  // was never known.
  uint64_t Find(uint32_t address, uint64_t stamp) const {
    const Entry& entry = entries_[PlaceOf(address)];
    return entry.stamp == stamp && entry.address == address ? entry.value : AddressTable::kNone;
  }
  // `stamp` was read before the value was searched for.
  void Remember(uint32_t address, uint64_t stamp, uint64_t value) {
    entries_[PlaceOf(address)] = {stamp, value, address};
  }

 private:
  static constexpr int kBits = 8;

  struct Entry {
    uint64_t stamp = 0;  // no table's
    uint64_t value = AddressTable::kNone;
    uint32_t address = 0;
  };

  // Fibonacci hashing.
  static size_t PlaceOf(uint32_t address) { return address * 2654435769u >> (32 - kBits); }

  std::array<Entry, 1 << kBits> entries_{};
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_ADDRESS_MEMO_H_
