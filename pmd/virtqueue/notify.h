// SPDX-License-Identifier: BSD-3-Clause
// When a guest wants to be interrupted, and interrupting it.
#ifndef VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_
#define VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_

#include <unistd.h>

#include <cstdint>

namespace vswitch {

// Whether a position that moved from `before` to `now` went past `event` (virtio 1.1, 2.6.7.2).
inline bool PassedEvent(uint16_t event, uint16_t before, uint16_t now) {
  return static_cast<uint16_t>(now - event - 1) < static_cast<uint16_t>(now - before);
}

// Interrupts the guest; what it has not seen yet of an eventfd's counter need not be added to.
inline void Call(int call_fd) {
  const uint64_t one = 1;
  if (call_fd >= 0) [[maybe_unused]]
    const ssize_t ignored = write(call_fd, &one, sizeof(one));
}

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_
