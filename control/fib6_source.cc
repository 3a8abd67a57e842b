// SPDX-License-Identifier: BSD-3-Clause
#include "control/fib6_source.h"

#include <algorithm>

#include "control/fib6.h"
#include "control/inet_device.h"
#include "control/ip_address.h"

namespace vswitch {

namespace {

constexpr uint8_t kLinkScope = 2;  // of link-local addresses (Ipv6SourceScope)
constexpr int kTooSmall = 128;     // what a scope counts less that does not reach
constexpr size_t kScopeRule = 1, kPreferredRule = 2;

int32_t IndexOf(const Device* device) { return device == nullptr ? 0 : device->ifindex; }

// An overlay routable cryptographic hash identifier: 2001:10::/28.
bool IsOrchid(const IpAddress& address) {
  return address.bytes[0] == 0x20 && address.bytes[1] == 0x01 && address.bytes[2] == 0x00 &&
         (address.bytes[3] & 0xf0) == 0x10;
}

}  // namespace

SourceChoice6::SourceChoice6(const AddressLabels& labels, const IpAddress& dst, const Device* out)
    : labels_(labels),
      dst_(dst),
      out_(out),
      scope_(Ipv6SourceScope(dst)),
      only_out_(out != nullptr && (dst.IsMulticast() || scope_ <= kLinkScope)),
      label_(labels.LabelOf(dst, IndexOf(out))) {}

void SourceChoice6::Consider(const Device& device) {
  if (device.inet == nullptr) return;
  for (const InetAddress& address : device.inet->v6) {
    if (address.tentative()) continue;
    const Coarse coarse = RateCoarsely(address, device);
    if (best_ != nullptr && coarse < coarse_) continue;
    std::optional<Fine> fine;
    if (best_ != nullptr && coarse == coarse_) {
      if (!fine_.has_value()) fine_ = RateFinely(*best_, *best_device_);
      fine = RateFinely(address, device);
      if (*fine <= *fine_) continue;
    }
    best_ = &address;
    best_device_ = &device;
    coarse_ = coarse;
    fine_ = fine;
  }
}

bool SourceChoice6::settled() const {
  return best_ != nullptr && best_device_ == out_ && coarse_[kScopeRule] == -scope_ &&
         coarse_[kPreferredRule] != 0;
}

SourceChoice6::Coarse SourceChoice6::RateCoarsely(const InetAddress& address,
                                                  const Device& device) const {
  const int scope = Ipv6SourceScope(address.local);
  const bool preferred =
      (address.flags & IFA_F_DEPRECATED) == 0 || KindOf(address.local) != Ipv6Kind::kOrdinary;
  return {address.local == dst_, scope >= scope_ ? -scope : scope - kTooSmall, preferred,
          (address.flags & IFA_F_HOMEADDRESS) != 0, out_ == nullptr || &device == out_};
}

SourceChoice6::Fine SourceChoice6::RateFinely(const InetAddress& address,
                                              const Device& device) const {
  return {labels_.LabelOf(address.local, device.ifindex) == label_,
          IsOrchid(address.local) == IsOrchid(dst_),
          std::min<int>(address.local.CommonBits(dst_), address.prefix_length)};
}

std::optional<IpAddress> Fib6::SelectSource(const Device* device, const IpAddress& dst) const {
  SourceChoice6 choice(labels_, dst, device);
  if (device != nullptr) choice.Consider(*device);
  if (!choice.only_out() && (!choice.settled() || addresses_.contains(dst))) {
    for (const auto& [serial, other] : with_addresses_) {
      if (other != device) choice.Consider(*other);
    }
  }
  if (choice.best() == nullptr) return std::nullopt;
  return choice.best()->local;
}

std::optional<IpAddress> Fib6::SelectOwnSource(const Device& device, const IpAddress& dst) const {
  SourceChoice6 choice(labels_, dst, &device);
  choice.Consider(device);
  return choice.best() != nullptr ? choice.best()->local : SelectSource(&device, dst);
}

}  // namespace vswitch
