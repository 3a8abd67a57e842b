// SPDX-License-Identifier: BSD-3-Clause
// Addresses that this host answers for although they are another's (pneigh_entry).
#ifndef VSWITCH_CONTROL_NEIGH_PROXIES_H_
#define VSWITCH_CONTROL_NEIGH_PROXIES_H_

#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>

#include "absl/container/btree_map.h"
#include "control/device.h"
#include "control/ip_address.h"

namespace vswitch {

struct NeighProxy {
  IpAddress address;
  int32_t ifindex = 0;  // 0: on every link
  uint32_t flags = 0;   // NTF_*; from bit 8 on NTF_EXT_*
  uint8_t protocol = 0;
  int64_t serial = 0;  // order of creation
};

// The entries of a namespace, both families. Control thread.
class NeighProxies {
 public:
  // In the order of a dump: 16 buckets by the end of the address (pneigh_hash), the most recent
  // first inside a bucket.
  using Key = std::tuple<uint8_t, uint32_t, int64_t>;  // family, bucket, -serial

  static Key KeyOf(const NeighProxy& proxy) {
    return {proxy.address.family, BucketOf(proxy.address), -proxy.serial};
  }

  // The one of the link or of every link; null if there is none.
  NeighProxy* Find(const IpAddress& address, int32_t ifindex) {
    for (const int32_t index : {int32_t{0}, ifindex}) {
      const auto found = keys_.find({index, address});
      if (found != keys_.end()) return &entries_.at(found->second);
    }
    return nullptr;
  }

  NeighProxy& Add(const IpAddress& address, int32_t ifindex) {
    const NeighProxy proxy{.address = address, .ifindex = ifindex, .serial = ++last_serial_};
    keys_[{ifindex, address}] = KeyOf(proxy);
    return entries_[KeyOf(proxy)] = proxy;
  }

  // False if there is none with just this interface.
  bool Remove(const IpAddress& address, int32_t ifindex) {
    const auto found = keys_.find({ifindex, address});
    if (found == keys_.end()) return false;
    entries_.erase(found->second);
    keys_.erase(found);
    return true;
  }

  // The link lost its carrier or is gone (pneigh_ifdown_and_unlock).
  void Flush(const Device& device, uint8_t family) {
    auto key = keys_.lower_bound({device.ifindex, IpAddress::Any(family)});
    while (key != keys_.end() && key->first.first == device.ifindex &&
           key->first.second.family == family) {
      entries_.erase(key->second);
      key = keys_.erase(key);
    }
  }

  // The first entry behind `key`; null at the end.
  const NeighProxy* After(const std::optional<Key>& key) const {
    const auto next = key.has_value() ? entries_.upper_bound(*key) : entries_.begin();
    return next == entries_.end() ? nullptr : &next->second;
  }

 private:
  static uint32_t BucketOf(const IpAddress& address) {
    auto hash = ReadStruct<uint32_t>(address.AsBytes().last(sizeof(uint32_t)));
    hash ^= hash >> 16;
    hash ^= hash >> 8;
    hash ^= hash >> 4;
    return hash & 0xf;
  }

  absl::btree_map<std::pair<int32_t, IpAddress>, Key> keys_;  // by interface and address
  absl::btree_map<Key, NeighProxy> entries_;
  int64_t last_serial_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NEIGH_PROXIES_H_
