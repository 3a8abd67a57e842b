// SPDX-License-Identifier: BSD-3-Clause
#include "control/af_spec.h"

#include <linux/if_link.h>
#include <linux/ip.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

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

// A token is for addresses made from router advertisements; only "none" can be honoured.
bool IsNoToken(Bytes token) {
  return std::all_of(token.begin(), token.end(), [](uint8_t byte) { return byte == 0; });
}

// Stable privacy needs a secret; without one the kernel refuses the mode as well
// (check_stable_privacy).
bool IsSettableMode(uint8_t mode) {
  return mode == IN6_ADDR_GEN_MODE_EUI64 || mode == IN6_ADDR_GEN_MODE_NONE ||
         mode == IN6_ADDR_GEN_MODE_RANDOM;
}

bool IsKnownMode(uint8_t mode) { return mode <= IN6_ADDR_GEN_MODE_RANDOM; }

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
  const bool has_token = attrs->Has(IFLA_INET6_TOKEN);
  if (has_token && !IsNoToken(attrs->Binary(IFLA_INET6_TOKEN))) {
    return ErrnoStatus(EOPNOTSUPP, "IPv6 tokens are not supported");
  }
  if (!attrs->Has(IFLA_INET6_ADDR_GEN_MODE)) {
    return has_token ? absl::OkStatus() : ErrnoStatus(EINVAL);
  }
  const uint8_t mode = attrs->U8(IFLA_INET6_ADDR_GEN_MODE);
  const bool valid = device == nullptr ? IsKnownMode(mode) : IsSettableMode(mode);
  return valid ? absl::OkStatus() : ErrnoStatus(EINVAL);
}

// inet6_set_link_af
void SetInet6(Device& device, const NlAttr& family) {
  const absl::StatusOr<NlAttrs> attrs = ParseNested(family, kInet6Policy, nullptr);
  if (!attrs.ok() || !attrs->Has(IFLA_INET6_ADDR_GEN_MODE)) return;
  device.addrgenmode = attrs->U8(IFLA_INET6_ADDR_GEN_MODE);
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

// IPv4 settings (devconf) are accepted and have no effect: there is no IPv4 stack to configure.
absl::Status ApplyAfSpec(Device& device, const NlAttr& nest) {
  for (const NlAttr& family : ListAttributes(nest.value, nest.offset + NLA_HDRLEN)) {
    const bool has_state = family.type == AF_INET ? HasInet(device) : HasInet6(device);
    if (!has_state) return ErrnoStatus(EAFNOSUPPORT);
    if (family.type == AF_INET6) SetInet6(device, family);
  }
  return absl::OkStatus();
}

}  // namespace vswitch
