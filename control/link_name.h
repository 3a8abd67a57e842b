// SPDX-License-Identifier: BSD-3-Clause
// What a link may be called, and names with a number to be filled in.
#ifndef VSWITCH_CONTROL_LINK_NAME_H_
#define VSWITCH_CONTROL_LINK_NAME_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/statusor.h"

namespace vswitch {

inline constexpr size_t kMaxNameLength = 15;  // IFNAMSIZ - 1

// 1..15 bytes, not "." or "..", no '/', ':' or white space. (dev_valid_name)
bool IsLegalName(const std::string& name);

// "eth%d": what stands before and after the number.
struct NameTemplate {
  std::string prefix, suffix;

  std::string With(uint32_t number) const { return prefix + std::to_string(number) + suffix; }
};

// Nullopt for a name without '%'; EINVAL for anything but exactly one "%d". (__dev_alloc_name)
absl::StatusOr<std::optional<NameTemplate>> ParseNameTemplate(const std::string& name);

// Splits "veth12" at a number that a template could have put there: digits [at, end) without a
// leading zero. Nullopt when [at, end) is no such number or too large to matter.
std::optional<uint32_t> TrailingNumber(const std::string& name, size_t at);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_NAME_H_
