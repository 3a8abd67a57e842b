// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mac_filter.h"

#include <rte_jhash.h>

#include <cstring>
#include <random>

namespace vswitch {

uint8_t MacFilter::BucketOf(const EthernetAddress& group) {
  static const uint32_t secret = std::random_device()();
  uint32_t low;
  std::memcpy(&low, group.data() + 2, sizeof(low));
  return static_cast<uint8_t>(rte_jhash_1word(low, secret));
}

}  // namespace vswitch
