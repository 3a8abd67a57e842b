// SPDX-License-Identifier: BSD-3-Clause
#include "perf/addresses.h"

#include <arpa/inet.h>
#include <rte_byteorder.h>
#include <rte_ether.h>

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace vswitch {
namespace {

constexpr uint64_t kMacGroupBit = 0x010000000000;
constexpr uint64_t kLastMac = 0xFFFFFFFFFFFF;
constexpr uint64_t kLastUnicastIpv4 = 0xDFFFFFFF;

absl::Status Bad(const std::string& text, const std::string& why) {
  return absl::InvalidArgumentError(absl::StrCat(text, ": ", why));
}

bool ParseMac(const std::string& text, uint64_t* value) {
  rte_ether_addr address;
  if (rte_ether_unformat_addr(text.c_str(), &address) != 0) return false;
  *value = 0;
  for (const uint8_t byte : address.addr_bytes) *value = *value << 8 | byte;
  return true;
}

bool ParseIpv4(const std::string& text, uint64_t* value) {
  in_addr address;
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) return false;
  *value = rte_be_to_cpu_32(address.s_addr);
  return true;
}

bool IsUnicastMac(uint64_t last) { return last <= kLastMac && (last & kMacGroupBit) == 0; }
bool IsUnicastIpv4(uint64_t last) { return last <= kLastUnicastIpv4; }

absl::StatusOr<AddressRange> ParseRange(const std::string& text,
                                        bool (*parse)(const std::string&, uint64_t*),
                                        bool (*is_unicast)(uint64_t)) {
  const std::vector<std::string> parts = absl::StrSplit(text, '/');
  AddressRange range;
  if (!parse(parts[0], &range.first)) return Bad(text, parts[0] + " is no address");
  if (parts.size() > 3) return Bad(text, "this is ADDRESS[/COUNT[/STEP]]");
  if (parts.size() > 1 && (!absl::SimpleAtoi(parts[1], &range.count) || range.count == 0)) {
    return Bad(text, parts[1] + " is no number of addresses");
  }
  range.step = range.count;
  if (parts.size() > 2 && !absl::SimpleAtoi(parts[2], &range.step)) {
    return Bad(text, parts[2] + " is no step");
  }
  const uint64_t last = range.At(Addresses::kMaxPairs - 1, 0) + range.count - 1;
  // Group bits change only with the first byte, so the ends tell of all between.
  if (!is_unicast(range.first) || !is_unicast(last)) {
    return Bad(text, "these are not all unicast addresses");
  }
  return range;
}

}  // namespace

absl::StatusOr<AddressRange> ParseMacRange(const std::string& text) {
  return ParseRange(text, ParseMac, IsUnicastMac);
}

absl::StatusOr<AddressRange> ParseIpv4Range(const std::string& text) {
  return ParseRange(text, ParseIpv4, IsUnicastIpv4);
}

uint32_t Addresses::LargestCount() const {
  return std::max({src_mac.count, dst_mac.count, src_ip.count, dst_ip.count});
}

}  // namespace vswitch
