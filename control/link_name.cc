// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_name.h"

#include <algorithm>
#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// isspace of the kernel: ASCII white space and the no-break space of Latin-1.
bool IsForbidden(unsigned char c) {
  return c == '/' || c == ':' || c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsLegalName(const std::string& name) {
  if (name.empty() || name.size() > kMaxNameLength) return false;
  if (name == "." || name == "..") return false;
  return std::none_of(name.begin(), name.end(), IsForbidden);
}

absl::StatusOr<std::optional<NameTemplate>> ParseNameTemplate(const std::string& name) {
  const size_t percent = name.find('%');
  if (percent == std::string::npos) return std::optional<NameTemplate>();
  const bool number = percent + 1 < name.size() && name[percent + 1] == 'd';
  if (!number || name.find('%', percent + 1) != std::string::npos) return ErrnoStatus(EINVAL);
  return std::optional<NameTemplate>({name.substr(0, percent), name.substr(percent + 2)});
}

std::optional<uint32_t> TrailingNumber(const std::string& name, size_t at) {
  constexpr size_t kMaxDigits = 9;
  const size_t digits = name.size() - at;
  if (digits == 0 || digits > kMaxDigits) return std::nullopt;
  if (digits > 1 && name[at] == '0') return std::nullopt;
  uint32_t number = 0;
  for (size_t i = at; i < name.size(); ++i) {
    if (!IsDigit(name[i])) return std::nullopt;
    number = number * 10 + static_cast<uint32_t>(name[i] - '0');
  }
  return number;
}

}  // namespace vswitch
