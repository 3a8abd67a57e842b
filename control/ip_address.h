// SPDX-License-Identifier: BSD-3-Clause
// IPv4 and IPv6 addresses and prefixes as values.
#ifndef VSWITCH_CONTROL_IP_ADDRESS_H_
#define VSWITCH_CONTROL_IP_ADDRESS_H_

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

#include "control/netlink.h"

namespace vswitch {

// In network byte order. Without a family it is no address at all, which is what attributes that
// are absent read as. Addresses order by family, then as numbers.
struct IpAddress {
  uint8_t family = AF_UNSPEC;       // AF_INET or AF_INET6
  std::array<uint8_t, 16> bytes{};  // those that the family does not use are zero

  auto operator<=>(const IpAddress&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const IpAddress& address) {
    return H::combine(std::move(hash), address.family, address.bytes);
  }

  static constexpr size_t Size(uint8_t family) {
    return family == AF_INET ? 4 : family == AF_INET6 ? 16 : 0;
  }
  // 0.0.0.0 or ::.
  static IpAddress Any(uint8_t family) { return {.family = family}; }
  // A number in host byte order, 0x7f000001 for 127.0.0.1.
  static IpAddress V4(uint32_t number);
  // "10.0.0.1" or "fd00::1"; nothing for any other text.
  static std::optional<IpAddress> Parse(const std::string& text);
  // The first bytes of an attribute, as many as the family has; those that are missing are zero.
  static IpAddress Read(uint8_t family, Bytes value);

  bool valid() const { return family != AF_UNSPEC; }
  size_t size() const { return Size(family); }
  uint8_t bits() const { return static_cast<uint8_t>(8 * size()); }
  Bytes AsBytes() const { return {bytes.data(), size()}; }
  // As a number in host byte order. REQUIRES: family is AF_INET.
  uint32_t ToV4() const;
  std::string ToString() const;

  bool IsAny() const { return bytes == std::array<uint8_t, 16>{}; }
  bool IsMulticast() const;  // 224.0.0.0/4, ff00::/8
  bool IsLoopback() const;   // 127.0.0.0/8, ::1
  bool IsLinkLocal() const;  // 169.254.0.0/16, fe80::/10

  // The first `length` bits, the rest zero. REQUIRES: length <= bits().
  IpAddress Masked(uint8_t length) const;
  // How many leading bits are the same; bits() or more if all are. REQUIRES: same family.
  int CommonBits(const IpAddress& other) const;
};

// `length` bits of an address; the bits behind them are whatever the address has.
struct IpPrefix {
  IpAddress address;
  uint8_t length = 0;

  auto operator<=>(const IpPrefix&) const = default;
  template <typename H>
  friend H AbslHashValue(H hash, const IpPrefix& prefix) {
    return H::combine(std::move(hash), prefix.address, prefix.length);
  }

  // False for another family.
  bool Contains(const IpAddress& other) const {
    return other.family == address.family && other.CommonBits(address) >= length;
  }
  // The bits behind the prefix cleared: what a routing table keeps.
  IpPrefix Network() const { return {address.Masked(length), length}; }
  std::string ToString() const;  // "10.0.0.1/24"
};

// The address in attribute `type`; nothing when there is none.
std::optional<IpAddress> FindAddress(const NlAttrs& attrs, uint16_t type, uint8_t family);

// What net/ipv6/addrconf_core.c calls the scope of an address (__ipv6_addr_type): the one that
// routes and messages show (RT_SCOPE_HOST, _LINK, _SITE or _UNIVERSE), and the number by which
// addresses of a device are ordered (ipv6_addr_src_scope). REQUIRES: family is AF_INET6.
uint8_t Ipv6RouteScope(const IpAddress& address);
uint8_t Ipv6SourceScope(const IpAddress& address);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IP_ADDRESS_H_
