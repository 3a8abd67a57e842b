// SPDX-License-Identifier: BSD-3-Clause
// The policy table of RFC 6724: labels of IPv6 addresses (net/ipv6/addrlabel.c).
#ifndef VSWITCH_CONTROL_ADDRESS_LABELS_H_
#define VSWITCH_CONTROL_ADDRESS_LABELS_H_

#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "control/ip_address.h"

namespace vswitch {

// Addresses of which a label speaks only if its prefix lies among them.
enum class Ipv6Kind : uint8_t { kOrdinary, kLoopback, kCompatible, kMapped };
Ipv6Kind KindOf(const IpAddress& address);

struct AddressLabel {
  IpPrefix prefix;      // a network
  int32_t ifindex = 0;  // 0: any link
  uint32_t label = 0;
  Ipv6Kind kind = Ipv6Kind::kOrdinary;  // kOrdinary: any
};

// The labels of a namespace, in the order in which they are looked at. Control thread.
class AddressLabels {
 public:
  static constexpr uint32_t kNoLabel = 0xffffffff;

  // Those that every namespace is born with.
  AddressLabels();

  // EEXIST, unless `replace`; EINVAL. The address need not be a network.
  absl::Status Add(const IpPrefix& prefix, int32_t ifindex, uint32_t label, bool replace);
  // ESRCH
  absl::Status Remove(const IpPrefix& prefix, int32_t ifindex);

  // kNoLabel if no entry speaks of the address.
  uint32_t LabelOf(const IpAddress& address, int32_t ifindex) const;
  // What clients are told of an address; null for nothing. Unlike LabelOf, Linux 6.1 then leaves
  // out the entries for loopback and compatible addresses.
  const AddressLabel* FindForClient(const IpAddress& address, int32_t ifindex) const;

  const std::vector<AddressLabel>& entries() const { return entries_; }
  uint32_t changes() const { return changes_; }

 private:
  const AddressLabel* Find(const IpAddress& address, Ipv6Kind kind, int32_t ifindex) const;

  std::vector<AddressLabel> entries_;
  uint32_t changes_ = 0;  // additions ever
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ADDRESS_LABELS_H_
