// SPDX-License-Identifier: BSD-3-Clause
#include "control/ip_address.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/rtnetlink.h>

#include <bit>

#include "absl/strings/str_cat.h"

namespace vswitch {

namespace {

// Scopes of RFC 4291, section 2.7.
constexpr uint8_t kLinkLocalScope = 0x2;
constexpr uint8_t kSiteLocalScope = 0x5;
constexpr uint8_t kGlobalScope = 0xe;

bool IsSiteLocal(const IpAddress& address) {
  return address.bytes[0] == 0xfe && (address.bytes[1] & 0xc0) == 0xc0;
}

uint64_t LoadBigEndian(const uint8_t* bytes) {
  uint64_t wire;
  std::memcpy(&wire, bytes, sizeof(wire));
  return be64toh(wire);
}

uint8_t MulticastRouteScope(uint8_t scope) {
  switch (scope) {
    case 0x1:
      return RT_SCOPE_HOST;
    case kLinkLocalScope:
      return RT_SCOPE_LINK;
    case kSiteLocalScope:
      return RT_SCOPE_SITE;
    default:
      return RT_SCOPE_UNIVERSE;
  }
}

}  // namespace

IpAddress IpAddress::V4(uint32_t number) {
  IpAddress address{.family = AF_INET};
  const uint32_t wire = htonl(number);
  std::memcpy(address.bytes.data(), &wire, sizeof(wire));
  return address;
}

std::optional<IpAddress> IpAddress::Parse(const std::string& text) {
  IpAddress address;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    if (inet_pton(family, text.c_str(), address.bytes.data()) != 1) continue;
    address.family = family;
    return address;
  }
  return std::nullopt;
}

IpAddress IpAddress::Read(uint8_t family, Bytes value) {
  IpAddress address{.family = family};
  std::copy_n(value.begin(), std::min(value.size(), address.size()), address.bytes.begin());
  return address;
}

uint32_t IpAddress::ToV4() const { return ntohl(ReadStruct<uint32_t>(AsBytes())); }

std::string IpAddress::ToString() const {
  if (!valid()) return "";
  char text[INET6_ADDRSTRLEN];
  return inet_ntop(family, bytes.data(), text, sizeof(text));
}

bool IpAddress::IsMulticast() const {
  return family == AF_INET ? (bytes[0] & 0xf0) == 0xe0 : bytes[0] == 0xff;
}

bool IpAddress::IsLoopback() const {
  if (family == AF_INET) return bytes[0] == 127;
  IpAddress loopback = Any(family);
  loopback.bytes.back() = 1;
  return *this == loopback;
}

bool IpAddress::IsLinkLocal() const {
  if (family == AF_INET) return bytes[0] == 169 && bytes[1] == 254;
  return bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

IpAddress IpAddress::Masked(uint8_t length) const {
  IpAddress masked = *this;
  for (size_t i = length / 8; i < masked.bytes.size(); ++i) {
    const int kept = i == length / 8u ? length % 8 : 0;
    masked.bytes[i] = static_cast<uint8_t>(masked.bytes[i] & (0xff00 >> kept));
  }
  return masked;
}

int IpAddress::CommonBits(const IpAddress& other) const {
  constexpr size_t kStep = sizeof(uint64_t);
  int common = 0;
  for (size_t at = 0; at < bytes.size(); at += kStep) {
    const uint64_t difference = LoadBigEndian(&bytes[at]) ^ LoadBigEndian(&other.bytes[at]);
    common += std::countl_zero(difference);
    if (difference != 0) break;
  }
  return common;
}

std::string IpPrefix::ToString() const {
  return absl::StrCat(address.ToString(), "/", static_cast<int>(length));
}

std::optional<IpAddress> FindAddress(const NlAttrs& attrs, uint16_t type, uint8_t family) {
  const NlAttr* attr = attrs.Find(type);
  if (attr == nullptr) return std::nullopt;
  return IpAddress::Read(family, attr->value);
}

uint8_t Ipv6RouteScope(const IpAddress& address) {
  if (address.IsMulticast()) return MulticastRouteScope(address.bytes[1] & 0xf);
  if (address.IsLoopback()) return RT_SCOPE_HOST;
  if (address.IsLinkLocal()) return RT_SCOPE_LINK;
  return IsSiteLocal(address) ? RT_SCOPE_SITE : RT_SCOPE_UNIVERSE;
}

uint8_t Ipv6SourceScope(const IpAddress& address) {
  if (address.IsMulticast()) return address.bytes[1] & 0xf;
  if (address.IsLoopback() || address.IsLinkLocal()) return kLinkLocalScope;
  return IsSiteLocal(address) ? kSiteLocalScope : kGlobalScope;
}

}  // namespace vswitch
