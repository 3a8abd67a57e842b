// SPDX-License-Identifier: BSD-3-Clause
// The kinds, each in its own file.
#ifndef VSWITCH_CONTROL_LINK_KINDS_H_
#define VSWITCH_CONTROL_LINK_KINDS_H_

#include "control/link_kind.h"

namespace vswitch {

extern const LinkKind kVethKind;    // kind_veth.cc
extern const LinkKind kDummyKind;   // kind_dummy.cc
extern const LinkKind kEthdevKind;  // kind_ethdev.cc
extern const LinkKind kIpvlanKind;  // kind_ipvlan.cc

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_KINDS_H_
