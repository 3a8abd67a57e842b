// SPDX-License-Identifier: BSD-3-Clause
// Devices that are unregistered together (unregister_netdevice_many).
#ifndef VSWITCH_CONTROL_DELETE_BATCH_H_
#define VSWITCH_CONTROL_DELETE_BATCH_H_

#include <vector>

#include "control/device.h"

namespace vswitch {

class DeleteBatch {
 public:
  // A device that is in the batch already moves to its end (unregister_netdevice_queue).
  void Add(Device& device) {
    if (Contains(device)) slots_[device.batch_position] = nullptr;
    device.batch_position = slots_.size();
    slots_.push_back(&device);
  }

  bool Contains(const Device& device) const {
    return device.batch_position < slots_.size() && slots_[device.batch_position] == &device;
  }

  // In order, every device once.
  std::vector<Device*> Devices() const {
    std::vector<Device*> devices;
    for (Device* device : slots_) {
      if (device != nullptr) devices.push_back(device);
    }
    return devices;
  }

 private:
  std::vector<Device*> slots_;  // null where a device moved away
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_DELETE_BATCH_H_
