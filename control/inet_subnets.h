// SPDX-License-Identifier: BSD-3-Clause
// Which IPv4 addresses of a device are of one subnet, found without a walk over all of them.
#ifndef VSWITCH_CONTROL_INET_SUBNETS_H_
#define VSWITCH_CONTROL_INET_SUBNETS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/ip_address.h"

namespace vswitch {

// Addresses of one subnet have one scope, and none is there twice.
class InetSubnets {
 public:
  void Add(const IpPrefix& prefix, const IpAddress& local, uint8_t scope) {
    Subnet& subnet = subnets_[KeyOf(prefix)];
    subnet.scope = scope;
    ++subnet.addresses;
    members_.emplace(KeyOf(prefix), local.ToV4());
  }
  // REQUIRES: it was added.
  void Remove(const IpPrefix& prefix, const IpAddress& local) {
    members_.erase({KeyOf(prefix), local.ToV4()});
    const auto subnet = subnets_.find(KeyOf(prefix));
    if (--subnet->second.addresses == 0) subnets_.erase(subnet);
  }

  bool Has(const IpPrefix& prefix, const IpAddress& local) const {
    return members_.contains({KeyOf(prefix), local.ToV4()});
  }
  // Nothing when there is no address of the subnet.
  std::optional<uint8_t> ScopeOf(const IpPrefix& prefix) const {
    const auto subnet = subnets_.find(KeyOf(prefix));
    if (subnet == subnets_.end()) return std::nullopt;
    return subnet->second.scope;
  }
  size_t CountOf(const IpPrefix& prefix) const {
    const auto subnet = subnets_.find(KeyOf(prefix));
    return subnet == subnets_.end() ? 0 : subnet->second.addresses;
  }

 private:
  struct Subnet {
    uint32_t addresses = 0;
    uint8_t scope = 0;
  };

  // The network and, below it, the length.
  static uint64_t KeyOf(const IpPrefix& prefix) {
    return uint64_t{prefix.Network().address.ToV4()} << 8 | prefix.length;
  }

  absl::flat_hash_map<uint64_t, Subnet> subnets_;
  absl::flat_hash_set<std::pair<uint64_t, uint32_t>> members_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_INET_SUBNETS_H_
