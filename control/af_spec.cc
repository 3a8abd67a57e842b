// SPDX-License-Identifier: BSD-3-Clause
#include "control/af_spec.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "control/fill_af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr std::array<NlPolicy, IFLA_INET_CONF + 1> kInetPolicy = {
    NlPolicy{}, NlPolicy{.type = NlType::kNested}};

using Inet6Policy = std::array<NlPolicy, IFLA_INET6_RA_MTU + 1>;

constexpr Inet6Policy MakeInet6Policy() {
  Inet6Policy policy{};
  policy[IFLA_INET6_ADDR_GEN_MODE] = {.type = NlType::kU8};
  policy[IFLA_INET6_TOKEN] = {.type = NlType::kUnspecified, .max_len = 16};
  return policy;
}
constexpr auto kInet6Policy = MakeInet6Policy();

// inet_validate_link_af
absl::Status CheckInet(const Device* device, const NlAttr& family, ExtAck& ack) {
  const bool has_state = device == nullptr || (device->registered && HasInet(*device));
  if (!has_state) return ErrnoStatus(EAFNOSUPPORT);
  const absl::StatusOr<NlAttrs> attrs = ParseNested(family, kInetPolicy, &ack);
  if (!attrs.ok()) return attrs.status();
  const NlAttr* conf = attrs->Find(IFLA_INET_CONF);
  if (conf == nullptr) return absl::OkStatus();
  for (const NlAttr& entry : ListAttributes(conf->value, conf->offset + NLA_HDRLEN)) {
    const bool known = entry.type > 0 && entry.type < __IPV4_DEVCONF_MAX;
    if (!known || entry.value.size() < sizeof(uint32_t)) return ErrnoStatus(EINVAL);
  }
  return absl::OkStatus();
}

bool IsKnownMode(uint8_t mode) { return mode <= IN6_ADDR_GEN_MODE_RANDOM; }

// Stable privacy needs a secret, which a device has once it drew one for mode "random"
// (check_stable_privacy).
bool IsSettableMode(const Device* device, uint8_t mode) {
  if (device == nullptr || mode != IN6_ADDR_GEN_MODE_STABLE_PRIVACY) return IsKnownMode(mode);
  return device->inet6_random_id != 0;
}

// inet6_validate_link_af
absl::Status CheckInet6(const Device* device, const NlAttr& family, ExtAck& ack) {
  const bool has_state = device == nullptr || (device->registered && HasInet6(*device));
  if (!has_state) return ErrnoStatus(EAFNOSUPPORT);
  const absl::StatusOr<NlAttrs> attrs = ParseNested(family, kInet6Policy, &ack);
  if (!attrs.ok()) return attrs.status();
  if (const NlAttr* mtu = attrs->Find(IFLA_INET6_RA_MTU)) {
    ack.offset = mtu->offset;
    return ErrnoStatus(EINVAL, "IFLA_INET6_RA_MTU can not be set");
  }
  if (!attrs->Has(IFLA_INET6_ADDR_GEN_MODE)) {
    return attrs->Has(IFLA_INET6_TOKEN) ? absl::OkStatus() : ErrnoStatus(EINVAL);
  }
  const bool valid = IsSettableMode(device, attrs->U8(IFLA_INET6_ADDR_GEN_MODE));
  return valid ? absl::OkStatus() : ErrnoStatus(EINVAL);
}

// inet_set_link_af
void SetInetConf(Device& device, const NlAttr& family) {
  const absl::StatusOr<NlAttrs> attrs = ParseNested(family, kInetPolicy, nullptr);
  const NlAttr* conf = attrs.ok() ? attrs->Find(IFLA_INET_CONF) : nullptr;
  if (conf == nullptr) return;
  for (const NlAttr& entry : ListAttributes(conf->value, conf->offset + NLA_HDRLEN)) {
    if (device.inet_conf == nullptr) {
      device.inet_conf = std::make_unique<InetConf>(InetConfOf(device));
    }
    (*device.inet_conf)[entry.type - 1] = ReadStruct<int32_t>(entry.value);
  }
}

// Addresses are made from a token only when a router advertises a prefix (inet6_set_iftoken).
absl::Status SetToken(Device& device, Bytes token) {
  if ((device.flags & IFF_LOOPBACK) != 0) return ErrnoStatus(EINVAL, "ipv6: Device is loopback");
  if ((device.flags & IFF_NOARP) != 0) {
    return ErrnoStatus(EINVAL, "ipv6: Device does not do neighbour discovery");
  }
  const Bytes interface_id = token.subspan(device.inet6_token.size(), device.inet6_token.size());
  std::copy(interface_id.begin(), interface_id.end(), device.inet6_token.begin());
  return absl::OkStatus();
}

// inet6_set_link_af
absl::Status SetInet6(Device& device, const NlAttr& family) {
  const absl::StatusOr<NlAttrs> attrs = ParseNested(family, kInet6Policy, nullptr);
  if (!attrs.ok()) return ErrnoStatus(EINVAL);
  if (attrs->Has(IFLA_INET6_TOKEN)) {
    const absl::Status status = SetToken(device, attrs->Binary(IFLA_INET6_TOKEN));
    if (!status.ok()) return status;
  }
  if (attrs->Has(IFLA_INET6_ADDR_GEN_MODE)) {
    device.addrgenmode = attrs->U8(IFLA_INET6_ADDR_GEN_MODE);
  }
  return absl::OkStatus();
}

absl::Status CheckFamily(const Device* device, const NlAttr& family, ExtAck& ack) {
  switch (family.type) {
    case AF_INET:
      return CheckInet(device, family, ack);
    case AF_INET6:
      return CheckInet6(device, family, ack);
    case AF_BRIDGE:
      return ErrnoStatus(EOPNOTSUPP);
    default:
      return ErrnoStatus(EAFNOSUPPORT);
  }
}

}  // namespace

absl::Status CheckAfSpec(const Device* device, const NlAttr& nest, ExtAck& ack) {
  for (const NlAttr& family : ListAttributes(nest.value, nest.offset + NLA_HDRLEN)) {
    const absl::Status status = CheckFamily(device, family, ack);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ApplyAfSpec(Device& device, const NlAttr& nest) {
  for (const NlAttr& family : ListAttributes(nest.value, nest.offset + NLA_HDRLEN)) {
    const bool has_state = family.type == AF_INET ? HasInet(device) : HasInet6(device);
    if (!has_state) return ErrnoStatus(EAFNOSUPPORT);
    if (family.type == AF_INET) {
      SetInetConf(device, family);
    } else if (const absl::Status status = SetInet6(device, family); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace vswitch
