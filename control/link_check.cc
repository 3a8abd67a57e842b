// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_check.h"

#include <linux/if_link.h>

#include <algorithm>
#include <cerrno>

#include "control/af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

bool IsUnicastAddress(Bytes address) {
  if ((address[0] & 1) != 0) return false;
  const Bytes bytes = address.first(kAddressLength);
  return std::any_of(bytes.begin(), bytes.end(), [](uint8_t byte) { return byte != 0; });
}

absl::Status CheckLinkMessage(const Device* device, const NlAttrs& attrs, ExtAck& ack) {
  for (const uint16_t type : {IFLA_ADDRESS, IFLA_BROADCAST}) {
    if (device == nullptr || !attrs.Has(type)) continue;
    if (attrs.Binary(type).size() < kAddressLength) return ErrnoStatus(EINVAL);
  }
  const NlAttr* af_spec = attrs.Find(IFLA_AF_SPEC);
  return af_spec == nullptr ? absl::OkStatus() : CheckAfSpec(device, *af_spec, ack);
}

absl::Status CheckMtu(const Device& device, uint32_t mtu) {
  const auto wanted = static_cast<int32_t>(mtu);
  if (wanted < 0 || mtu < device.min_mtu) {
    return ErrnoStatus(EINVAL, "mtu less than device minimum");
  }
  if (device.max_mtu > 0 && mtu > device.max_mtu) {
    return ErrnoStatus(EINVAL, "mtu greater than device maximum");
  }
  return absl::OkStatus();
}

absl::Status CheckNewAddress(const NlAttrs& attrs) {
  if (!attrs.Has(IFLA_ADDRESS)) return absl::OkStatus();
  const Bytes address = attrs.Binary(IFLA_ADDRESS);
  if (address.size() != kAddressLength) return ErrnoStatus(EINVAL);
  return IsUnicastAddress(address) ? absl::OkStatus() : ErrnoStatus(EADDRNOTAVAIL);
}

MacAddress ReadAddress(Bytes bytes) {
  MacAddress address{};
  std::copy_n(bytes.begin(), std::min(bytes.size(), address.size()), address.begin());
  return address;
}

}  // namespace vswitch
