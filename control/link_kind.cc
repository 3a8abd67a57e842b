// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_kind.h"

#include "control/link_kinds.h"

namespace vswitch {

const LinkKind* FindLinkKind(std::string_view name) {
  for (const LinkKind* kind : {&kVethKind, &kDummyKind, &kEthdevKind, &kIpvlanKind}) {
    if (kind->name == name) return kind;
  }
  return nullptr;
}

}  // namespace vswitch
