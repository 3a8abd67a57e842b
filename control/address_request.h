// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWADDR, RTM_DELADDR and RTM_GETADDR as requests: what the kernel takes from them, in its
// order of checks.
#ifndef VSWITCH_CONTROL_ADDRESS_REQUEST_H_
#define VSWITCH_CONTROL_ADDRESS_REQUEST_H_

#include <linux/if_addr.h>

#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/ip_address.h"
#include "control/netlink.h"

namespace vswitch {

struct AddressRequest {
  uint8_t family = 0;
  uint16_t nlmsg_flags = 0;
  ifaddrmsg header{};
  NlAttrs attrs{0};

  int32_t ifindex() const { return static_cast<int32_t>(header.ifa_index); }
  std::optional<IpAddress> Find(uint16_t type) const { return FindAddress(attrs, type, family); }
  // IFA_FLAGS, or the eight flags of the header.
  uint32_t flags() const { return attrs.Has(IFA_FLAGS) ? attrs.U32(IFA_FLAGS) : header.ifa_flags; }
};

// The two addresses of an IPv6 request: ours is IFA_LOCAL or, without it, IFA_ADDRESS, which
// otherwise is the peer's (extract_addr).
struct Inet6Pair {
  std::optional<IpAddress> local;  // nothing: neither attribute is there
  std::optional<IpAddress> peer;   // only if it is another one
};
Inet6Pair ExtractPair(const AddressRequest& request);

// For changes: `family` is AF_INET or AF_INET6. EINVAL, ERANGE.
absl::StatusOr<AddressRequest> ParseAddress(const NlMessage& message, uint8_t family, ExtAck& ack);

// For one IPv6 address (inet6_rtm_valid_getaddr_req).
absl::StatusOr<AddressRequest> ParseGetAddress(const NlMessage& message, bool strict, ExtAck& ack);

// For a dump of one family with strict checks; without them nothing of the request matters
// (inet_valid_dump_ifaddr_req, inet6_valid_dump_ifaddr_req).
absl::StatusOr<AddressRequest> ParseDumpAddresses(const NlMessage& message, uint8_t family,
                                                  ExtAck& ack);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ADDRESS_REQUEST_H_
