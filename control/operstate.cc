// SPDX-License-Identifier: BSD-3-Clause
#include "control/operstate.h"

#include <linux/if.h>

#include <algorithm>
#include <utility>

namespace vswitch {

namespace {

// Whether the device stands on another one: what dev_get_iflink differs in. 0 is what a veth
// without peer has.
bool HasLowerLayer(const Device& device) {
  return device.has_link && (device.link == nullptr || device.link->ifindex != device.ifindex);
}

// default_operstate
OperState DefaultOperState(const Device& device) {
  if (device.testing) return OperState::kTesting;
  if (device.carrier) return device.dormant ? OperState::kDormant : OperState::kUp;
  return HasLowerLayer(device) ? OperState::kLowerLayerDown : OperState::kDown;
}

bool UpIsAllowedFrom(OperState state) {
  return state == OperState::kDormant || state == OperState::kTesting ||
         state == OperState::kUnknown;
}

bool WaitingIsAllowedFrom(OperState state) {
  return state == OperState::kUp || state == OperState::kUnknown;
}

}  // namespace

void SettleOperState(Device& device) {
  OperState state = DefaultOperState(device);
  if (state == device.operstate) return;
  if (state == OperState::kUp && device.link_mode == IF_LINK_MODE_DORMANT) {
    state = OperState::kDormant;
  } else if (state == OperState::kUp && device.link_mode == IF_LINK_MODE_TESTING) {
    state = OperState::kTesting;
  }
  device.operstate = state;
}

bool RequestOperState(Device& device, uint8_t wanted) {
  const auto state = static_cast<OperState>(wanted);
  const bool up = state == OperState::kUp && UpIsAllowedFrom(device.operstate) && !device.dormant &&
                  !device.testing;
  const bool waiting = (state == OperState::kTesting || state == OperState::kDormant) &&
                       WaitingIsAllowedFrom(device.operstate);
  if (!up && !waiting) return false;
  device.operstate = state;
  return true;
}

void LinkWatch::SetCarrier(Device& device, bool on) {
  if (device.carrier == on) return;
  device.carrier = on;
  ++(on ? device.carrier_up_count : device.carrier_down_count);
  Fire(device);
}

void LinkWatch::SetDormant(Device& device, bool on) {
  if (std::exchange(device.dormant, on) != on) Fire(device);
}

void LinkWatch::SetTesting(Device& device, bool on) {
  if (std::exchange(device.testing, on) != on) Fire(device);
}

void LinkWatch::Fire(Device& device) {
  if (std::exchange(device.carrier_event, true)) return;
  pending_.push_back(&device);
}

void LinkWatch::Run(absl::FunctionRef<void(Device&)> settled) {
  while (!pending_.empty()) {
    for (Device* device : std::exchange(pending_, {})) {
      device->carrier_event = false;
      SettleOperState(*device);
      settled(*device);
    }
  }
}

void LinkWatch::ForgetUnregistering() {
  std::erase_if(pending_, [](const Device* device) { return device->unregistering; });
}

}  // namespace vswitch
