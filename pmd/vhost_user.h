// SPDX-License-Identifier: BSD-3-Clause
// What VMMs say over a vhost-user socket (docs/interop/vhost-user.rst in QEMU).
#ifndef VSWITCH_PMD_VHOST_USER_H_
#define VSWITCH_PMD_VHOST_USER_H_

#include <cstdint>

namespace vswitch::vhost_user {

enum Request : uint32_t {
  kGetFeatures = 1,
  kSetFeatures = 2,
  kSetOwner = 3,
  kResetOwner = 4,
  kSetMemTable = 5,
  kSetLogBase = 6,
  kSetVringNum = 8,
  kSetVringAddr = 9,
  kSetVringBase = 10,
  kGetVringBase = 11,
  kSetVringKick = 12,
  kSetVringCall = 13,
  kGetProtocolFeatures = 15,
  kSetProtocolFeatures = 16,
  kSetVringEnable = 18,
  kSendRarp = 19,
};

// Header::flags.
inline constexpr uint32_t kVersion = 1, kReply = 4, kNeedReply = 8;

// `size` bytes of payload follow.
struct Header {
  uint32_t request, flags, size;
};

}  // namespace vswitch::vhost_user

#endif  // VSWITCH_PMD_VHOST_USER_H_
