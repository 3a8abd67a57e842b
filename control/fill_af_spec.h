// SPDX-License-Identifier: BSD-3-Clause
// The IPv4 and IPv6 settings of a device as rtnetlink shows them: the defaults of a fresh namespace
// but for what was set, in the sizes of Linux 6.1.
#ifndef VSWITCH_CONTROL_FILL_AF_SPEC_H_
#define VSWITCH_CONTROL_FILL_AF_SPEC_H_

#include <cstdint>

#include "control/device.h"
#include "control/netlink.h"

namespace vswitch {

// The least MTU a device needs for IPv4 (AF_INET) or IPv6.
uint32_t NeedsMtu(uint8_t family);

// Whether the kernel would keep IPv4 or IPv6 state for the device: not while its MTU is too small
// for the protocol (inetdev_valid_mtu, ipv6_add_dev).
bool HasInet(const Device& device);
bool HasInet6(const Device& device);

// IPv4 settings of a device, by IPV4_DEVCONF_* less one.
const InetConf& InetConfOf(const Device& device);
// Those of a device about which nothing was set (ipv4_devconf_dflt).
const InetConf& DefaultInetConf();

// The contents of the AF_INET nest of IFLA_AF_SPEC (inet_fill_link_af).
void PutInet(const Device& device, NlWriter& writer);

// The contents of the AF_INET6 nest of IFLA_AF_SPEC, and of IFLA_PROTINFO
// (inet6_fill_ifla6_attrs). `with_stats` is off for RTEXT_FILTER_SKIP_STATS.
void PutInet6(const Device& device, bool with_stats, NlWriter& writer);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FILL_AF_SPEC_H_
