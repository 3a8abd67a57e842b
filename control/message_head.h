// SPDX-License-Identifier: BSD-3-Clause
#ifndef VSWITCH_CONTROL_MESSAGE_HEAD_H_
#define VSWITCH_CONTROL_MESSAGE_HEAD_H_

#include <chrono>
#include <cstdint>

namespace vswitch {

// The header of a message that is composed: what does not come from the object it is about.
struct MessageHead {
  uint16_t type = 0;   // RTM_*
  uint16_t flags = 0;  // NLM_F_*
  uint32_t seq = 0;
  uint32_t pid = 0;
};

// In the unit of times that users are told (USER_HZ).
inline uint64_t Hundredths(std::chrono::steady_clock::duration time) {
  using Hundredth = std::chrono::duration<int64_t, std::centi>;
  return static_cast<uint64_t>(std::chrono::duration_cast<Hundredth>(time).count());
}

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_MESSAGE_HEAD_H_
