// SPDX-License-Identifier: BSD-3-Clause
// The IP addresses of a device: what struct in_device and struct inet6_dev are to rtnetlink.
#ifndef VSWITCH_CONTROL_INET_DEVICE_H_
#define VSWITCH_CONTROL_INET_DEVICE_H_

#include <linux/if_addr.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/inet_subnets.h"
#include "control/ip_address.h"

namespace vswitch {

using MonotonicTime = std::chrono::steady_clock::time_point;
// Tells the time; tests have their own.
using Clock = std::function<MonotonicTime()>;

// Seconds without end (INFINITY_LIFE_TIME).
inline constexpr uint32_t kForever = UINT32_MAX;

// One address of a device (struct in_ifaddr, struct inet6_ifaddr).
struct InetAddress {
  IpAddress local;      // the address that is ours
  IpAddress peer;       // the other end's, or the same as `local`; with the length it is the subnet
  IpAddress broadcast;  // without family: none
  uint8_t prefix_length = 0;
  uint8_t scope = 0;         // RT_SCOPE_*
  uint8_t protocol = 0;      // IFAPROT_*
  uint32_t flags = 0;        // IFA_F_*
  uint32_t rt_priority = 0;  // metric of its prefix route; 0: the default
  std::string label;         // IPv4

  uint32_t valid_lifetime = kForever;  // seconds from `updated` on
  uint32_t preferred_lifetime = kForever;
  MonotonicTime created, updated;

  // IPv6: when duplicate address detection ends; meaningful while `probing`.
  bool probing = false;
  MonotonicTime probed_until;

  uint8_t family() const { return local.family; }
  // The addresses that are on the link. For IPv6 with a peer it is the peer's, too, and our own is
  // a host of its own.
  IpPrefix prefix() const { return {peer, prefix_length}; }
  bool has_peer() const { return peer != local; }
  bool secondary() const { return (flags & IFA_F_SECONDARY) != 0; }
  // Whether packets to it are ours: always for IPv4; an IPv6 address that may be another's is not
  // ours yet.
  bool tentative() const { return (flags & IFA_F_TENTATIVE) != 0; }
};

// IPV4_DEVCONF_* less one, in the number that Linux 6.1 has.
inline constexpr size_t kInetConfCount = 33;
using InetConf = std::array<int32_t, kInetConfCount>;

// When an address changes by itself; those of one time in the order in which they were set.
using AddressDeadline = std::pair<MonotonicTime, uint64_t>;

// Both lists are in the order of a dump. An address moves when the list changes: keep copies.
struct InetDevice {
  std::vector<InetAddress> v4, v6;
  InetSubnets v4_subnets;  // those of v4
  // IPv4 is being taken from the device: each address goes as if it were the only one.
  bool v4_stops = false;
  std::optional<AddressDeadline> deadline;  // the first of all addresses

  std::vector<InetAddress>& Of(uint8_t family) { return family == AF_INET ? v4 : v6; }
  const std::vector<InetAddress>& Of(uint8_t family) const { return family == AF_INET ? v4 : v6; }
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_INET_DEVICE_H_
