// SPDX-License-Identifier: BSD-3-Clause
// MAC and IPv4 addresses of the ports, so that the traffic drives switches that forward by them.
#ifndef VSWITCH_PERF_ADDRESSES_H_
#define VSWITCH_PERF_ADDRESSES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace vswitch {

// Consecutive addresses as numbers: 48 bits of MAC or 32 of IPv4, the first byte on the wire being
// the highest.
struct AddressRange {
  uint64_t first = 0;
  uint32_t count = 1;
  uint32_t step = 1;  // how much later the addresses of the next pair of ports begin

  uint64_t At(uint32_t pair, uint32_t flow) const {
    return first + uint64_t{step} * pair + flow % count;
  }
};

// "ADDRESS[/COUNT[/STEP]]", STEP being COUNT unless given. InvalidArgument with a sentence; a range
// for kMaxPairs pairs stays within unicast addresses.
absl::StatusOr<AddressRange> ParseMacRange(const std::string& text);
absl::StatusOr<AddressRange> ParseIpv4Range(const std::string& text);

// Even ports have the source ranges, odd ports the destination ranges, so that a stream from an odd
// port to an even one has them swapped. Locally administered, and of 198.18.0.0/15, which is set
// aside for benchmarks (RFC 2544, C.2.2).
struct Addresses {
  static constexpr uint32_t kMaxPairs = 16;

  AddressRange src_mac{.first = 0x020000010001};
  AddressRange dst_mac{.first = 0x020000020001};
  AddressRange src_ip{.first = 0xC6120001};
  AddressRange dst_ip{.first = 0xC6130001};

  uint64_t Mac(uint16_t port, uint32_t flow) const {
    return (port % 2 == 0 ? src_mac : dst_mac).At(port / 2, flow);
  }
  uint32_t Ip(uint16_t port, uint32_t flow) const {
    return static_cast<uint32_t>((port % 2 == 0 ? src_ip : dst_ip).At(port / 2, flow));
  }
  // As many flows as it takes to use every address.
  uint32_t LargestCount() const;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_ADDRESSES_H_
