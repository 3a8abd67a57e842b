// SPDX-License-Identifier: BSD-3-Clause
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "config/options.h"

namespace vswitch {
namespace {

constexpr unsigned kMaxCpu = 1023;  // what a cpu_set_t can name

std::optional<unsigned> ParseCpu(const std::string& text) {
  unsigned cpu = 0;
  const char* end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, cpu);
  if (error != std::errc() || rest != end || cpu > kMaxCpu) return std::nullopt;
  return cpu;
}

// Appends "3" or "2-5". False when it is neither.
bool AppendRange(const std::string& text, std::vector<unsigned>& cores) {
  const size_t dash = text.find('-');
  const std::optional<unsigned> first = ParseCpu(text.substr(0, dash));
  const std::optional<unsigned> last =
      dash == std::string::npos ? first : ParseCpu(text.substr(dash + 1));
  if (!first.has_value() || !last.has_value() || *last < *first) return false;
  for (unsigned cpu = *first; cpu <= *last; ++cpu) cores.push_back(cpu);
  return true;
}

}  // namespace

absl::StatusOr<std::vector<unsigned>> ParseCoreList(const std::string& text) {
  std::vector<unsigned> cores;
  for (const std::string& part : std::vector<std::string>(absl::StrSplit(text, ','))) {
    if (!AppendRange(part, cores)) {
      return absl::InvalidArgumentError(absl::StrCat(
          "\"", text,
          "\" is not a list of CPUs: write numbers and ranges, e.g. \"0,1\" or \"2-5\""));
    }
  }
  return cores;
}

}  // namespace vswitch
