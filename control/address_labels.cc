// SPDX-License-Identifier: BSD-3-Clause
#include "control/address_labels.h"

#include <algorithm>
#include <array>
#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint8_t kCompatibleLength = 96;  // of ::/96 and ::ffff:0:0/96

// The kind that a label of this prefix is for (ip6addrlbl_alloc).
Ipv6Kind KindOf(const IpPrefix& prefix) {
  const Ipv6Kind kind = KindOf(prefix.address);
  const uint8_t length = kind == Ipv6Kind::kLoopback ? uint8_t{128} : kCompatibleLength;
  return prefix.length == length ? kind : Ipv6Kind::kOrdinary;
}

}  // namespace

Ipv6Kind KindOf(const IpAddress& address) {
  constexpr std::array<uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::equal(kMapped.begin(), kMapped.end(), address.bytes.begin())) return Ipv6Kind::kMapped;
  const bool compatible = address.Masked(kCompatibleLength).IsAny();
  if (!compatible || address.IsAny()) return Ipv6Kind::kOrdinary;
  return address.IsLoopback() ? Ipv6Kind::kLoopback : Ipv6Kind::kCompatible;
}

AddressLabels::AddressLabels() {
  constexpr struct {
    const char* network;
    uint8_t length;
    uint32_t label;
  } kDefaults[] = {{"::", 0, 1},         {"fc00::", 7, 5},          {"fec0::", 10, 11},
                   {"2002::", 16, 2},    {"3ffe::", 16, 12},        {"2001::", 32, 6},
                   {"2001:10::", 28, 7}, {"::ffff:0.0.0.0", 96, 4}, {"::", 96, 3},
                   {"::1", 128, 0}};
  for (const auto& entry : kDefaults) {
    (void)Add({*IpAddress::Parse(entry.network), entry.length}, 0, entry.label, false);
  }
}

absl::Status AddressLabels::Add(const IpPrefix& prefix, int32_t ifindex, uint32_t label,
                                bool replace) {
  if (KindOf(prefix.address) == Ipv6Kind::kMapped && prefix.length > kCompatibleLength) {
    return ErrnoStatus(EINVAL);
  }
  const AddressLabel added{prefix.Network(), ifindex, label, KindOf(prefix)};
  const auto place = std::find_if(entries_.begin(), entries_.end(), [&](const AddressLabel& entry) {
    const uint8_t length = entry.prefix.length;
    if (entry.prefix == added.prefix && entry.ifindex == ifindex) return true;
    return (length == prefix.length && entry.ifindex == 0) || length < prefix.length;
  });
  const bool exists =
      place != entries_.end() && place->prefix == added.prefix && place->ifindex == ifindex;
  if (exists && !replace) return ErrnoStatus(EEXIST);
  if (exists) {
    *place = added;
  } else {
    entries_.insert(place, added);
  }
  ++changes_;
  return absl::OkStatus();
}

absl::Status AddressLabels::Remove(const IpPrefix& prefix, int32_t ifindex) {
  const IpPrefix network = prefix.Network();
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const AddressLabel& entry) {
    return entry.prefix == network && entry.ifindex == ifindex;
  });
  if (found == entries_.end()) return ErrnoStatus(ESRCH);
  entries_.erase(found);
  return absl::OkStatus();
}

uint32_t AddressLabels::LabelOf(const IpAddress& address, int32_t ifindex) const {
  const AddressLabel* found = Find(address, KindOf(address), ifindex);
  return found == nullptr ? kNoLabel : found->label;
}

const AddressLabel* AddressLabels::FindForClient(const IpAddress& address, int32_t ifindex) const {
  const Ipv6Kind kind = KindOf(address);
  return Find(address, kind == Ipv6Kind::kMapped ? kind : Ipv6Kind::kOrdinary, ifindex);
}

const AddressLabel* AddressLabels::Find(const IpAddress& address, Ipv6Kind kind,
                                        int32_t ifindex) const {
  const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const AddressLabel& entry) {
    return (entry.ifindex == 0 || entry.ifindex == ifindex) &&
           (entry.kind == Ipv6Kind::kOrdinary || entry.kind == kind) &&
           entry.prefix.Contains(address);
  });
  return found == entries_.end() ? nullptr : &*found;
}

}  // namespace vswitch
