// SPDX-License-Identifier: BSD-3-Clause
// Devices and workers as JSON objects: what `vsctl show` and `vsctl workers` print.
#ifndef VSWITCH_CONTROL_SHOW_H_
#define VSWITCH_CONTROL_SHOW_H_

#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "control/device.h"
#include "control/registry.h"
#include "dataplane/dataplane.h"

namespace vswitch {

// "initial" for the namespace of the vswitch process, the inode of any other.
std::string NamespaceLabel(const Namespace& ns, Registry& registry);

// Control thread. One JSON object on one line.
std::string ShowDevice(const Device& device, Registry& registry, const Dataplane& dataplane);

// Names of the devices that workers poll, by slot.
using SlotNames = absl::flat_hash_map<uint32_t, std::string>;
SlotNames NamesOfPolledDevices(Registry& registry, const Dataplane& dataplane);
std::string ShowWorker(uint16_t index, const SlotNames& names, const Dataplane& dataplane);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_SHOW_H_
