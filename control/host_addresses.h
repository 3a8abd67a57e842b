// SPDX-License-Identifier: BSD-3-Clause
// Which IPv6 addresses and groups the host stack answers for, found without looking at all that a
// device has: every frame asks.
#ifndef VSWITCH_CONTROL_HOST_ADDRESSES_H_
#define VSWITCH_CONTROL_HOST_ADDRESSES_H_

#include <cstdint>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "control/device.h"
#include "control/inet_device.h"

namespace vswitch {

// Control thread. IPv4 addresses are ignored.
class HostAddresses {
 public:
  enum class State {
    kNone,
    kTentative,  // duplicate address detection has not ended, or failed
    kOurs,
  };

  // For every address that comes and goes, and when one is tentative no more.
  void Add(const Device& device, const InetAddress& address);
  void Ready(const Device& device, const InetAddress& address);
  void Remove(const Device& device, const InetAddress& address);

  // What the address is to the device.
  State Find(const Device& device, const IpAddress& address) const;
  // Whether the device is in the group without having been asked to (RFC 4291, 2.8).
  bool IsMember(const Device& device, const IpAddress& group) const;

 private:
  using Key = std::pair<const Device*, IpAddress>;

  absl::flat_hash_map<Key, State> states_;
  absl::flat_hash_map<Key, uint32_t> solicited_nodes_;  // how many addresses are in the group
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HOST_ADDRESSES_H_
