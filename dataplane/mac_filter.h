// SPDX-License-Identifier: BSD-3-Clause
// Which groups a slave listens to: 256 buckets of multicast MAC addresses (ipvlan_mac_hash).
#ifndef VSWITCH_DATAPLANE_MAC_FILTER_H_
#define VSWITCH_DATAPLANE_MAC_FILTER_H_

#include <bitset>
#include <cstdint>

#include "dataplane/ethernet.h"

namespace vswitch {

// A new one listens to broadcast alone. May pass a group nobody asked for, never the other way
// round.
class MacFilter {
 public:
  MacFilter() { Add(kBroadcastAddress); }

  void Add(const EthernetAddress& group) { buckets_.set(BucketOf(group)); }
  void AddAll() { buckets_.set(); }  // promiscuous, or all multicast
  bool Passes(uint8_t bucket) const { return buckets_.test(bucket); }

  // Of the last four bytes, with a secret of this process.
  static uint8_t BucketOf(const EthernetAddress& group);

 private:
  std::bitset<256> buckets_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_MAC_FILTER_H_
