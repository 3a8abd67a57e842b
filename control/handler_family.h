// SPDX-License-Identifier: BSD-3-Clause
#ifndef VSWITCH_CONTROL_HANDLER_FAMILY_H_
#define VSWITCH_CONTROL_HANDLER_FAMILY_H_

#include <cstdint>
#include <optional>

namespace vswitch {

// Who gets a request of type RTM_*: its family, if that has a handler of its own for such dumps or
// such other requests, or else AF_UNSPEC. nullopt when neither has one (EOPNOTSUPP).
// (rtnl_get_link)
std::optional<uint8_t> HandlerFamily(uint8_t family, uint16_t type, bool dump);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HANDLER_FAMILY_H_
