// SPDX-License-Identifier: BSD-3-Clause
// Bytes as recorded cases spell them.
#ifndef VSWITCH_TESTS_SUPPORT_HEX_H_
#define VSWITCH_TESTS_SUPPORT_HEX_H_

#include <string>
#include <string_view>

#include "absl/strings/escaping.h"
#include "control/netlink.h"

namespace vswitch {

inline Datagram FromHex(std::string_view hex) {
  const std::string bytes = absl::HexStringToBytes(std::string(hex));
  return Datagram(bytes.begin(), bytes.end());
}

inline std::string ToHex(Bytes bytes) {
  return absl::BytesToHexString(std::string(bytes.begin(), bytes.end()));
}

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_HEX_H_
