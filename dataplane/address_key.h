// SPDX-License-Identifier: BSD-3-Clause
// An IP address as the data path compares it.
#ifndef VSWITCH_DATAPLANE_ADDRESS_KEY_H_
#define VSWITCH_DATAPLANE_ADDRESS_KEY_H_

#include <cstdint>
#include <cstring>
#include <span>

namespace vswitch {

// The 16 bytes as they lie in a packet; the four of IPv4 are the first of `low`.
struct AddressKey {
  enum class Family : uint32_t { kNone = 0, kIpv4 = 1, kIpv6 = 2 };

  uint64_t high = 0;
  uint64_t low = 0;
  Family family = Family::kNone;

  // From an address in network order.
  static AddressKey Ipv4(std::span<const uint8_t, 4> address) {
    AddressKey key{.family = Family::kIpv4};
    uint32_t word;
    std::memcpy(&word, address.data(), sizeof(word));
    key.low = word;
    return key;
  }
  static AddressKey Ipv6(std::span<const uint8_t, 16> address) {
    AddressKey key{.family = Family::kIpv6};
    std::memcpy(&key.high, address.data(), sizeof(key.high));
    std::memcpy(&key.low, address.data() + sizeof(key.high), sizeof(key.low));
    return key;
  }

  bool valid() const { return family != Family::kNone; }
  friend bool operator==(const AddressKey&, const AddressKey&) = default;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_ADDRESS_KEY_H_
