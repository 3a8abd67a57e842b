// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>

#include "config/options.h"

namespace vswitch {

std::optional<std::array<uint8_t, 6>> ParseMacAddress(const std::string& text) {
  std::array<uint8_t, 6> mac{};
  if (text.size() != 3 * mac.size() - 1) return std::nullopt;
  for (size_t i = 0; i < mac.size(); ++i) {
    const char* pair = text.data() + 3 * i;
    const auto [rest, error] = std::from_chars(pair, pair + 2, mac[i], 16);
    if (error != std::errc() || rest != pair + 2) return std::nullopt;
    if (i + 1 < mac.size() && pair[2] != ':') return std::nullopt;
  }
  return mac;
}

}  // namespace vswitch
