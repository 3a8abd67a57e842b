// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mac_filter.h"

#include <cstring>
#include <random>

namespace vswitch {

uint8_t MacFilter::BucketOf(const EthernetAddress& group) {
  static const uint64_t secret = [] {
    std::random_device random;
    return (uint64_t{random()} << 32 | random()) | 1;  // odd: no bit of the product is lost
  }();
  uint32_t low;
  std::memcpy(&low, group.data() + 2, sizeof(low));
  return static_cast<uint8_t>((low + 1) * secret >> 56);
}

}  // namespace vswitch
