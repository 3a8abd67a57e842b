// SPDX-License-Identifier: BSD-3-Clause
#include <arpa/inet.h>
#include <sys/socket.h>

#include <charconv>

#include "config/options.h"

namespace vswitch {

std::optional<IpAddressConfig> ParseIpAddress(const std::string& text) {
  const size_t slash = text.find('/');
  const std::string host = text.substr(0, slash);
  IpAddressConfig address{.text = text};
  address.family = host.find(':') == std::string::npos ? AF_INET : AF_INET6;
  if (inet_pton(address.family, host.c_str(), address.bytes.data()) != 1) return std::nullopt;
  const uint32_t bits = address.family == AF_INET ? 32 : 128;
  uint32_t length = bits;
  if (slash != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + slash + 1, end, length);
    if (error != std::errc() || rest != end || length > bits) return std::nullopt;
  }
  address.prefix_length = static_cast<uint8_t>(length);
  return address;
}

}  // namespace vswitch
