// SPDX-License-Identifier: BSD-3-Clause
// When a guest wants to be interrupted, and interrupting it.
#ifndef VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_
#define VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_

#include <linux/aio_abi.h>

#include <cstdint>

namespace vswitch {

// Whether a position that moved from `before` to `now` went past `event` (virtio 1.1, 2.6.7.2).
inline bool PassedEvent(uint16_t event, uint16_t before, uint16_t now) {
  return static_cast<uint16_t>(now - event - 1) < static_cast<uint16_t>(now - before);
}

// Interrupts guests. What a VMM gives us to write to may be anything, and a write to it may wait
// for ever: also one to an eventfd, since its counter and its flags are the VMM's as well. So the
// kernel is asked to signal it, as it does when an asynchronous read is done: that never waits, and
// works with eventfds alone. Where a process may have no such reads, a VMM that tries hard enough
// can stop its worker. One thread.
class Interrupter {
 public:
  enum class Way : uint8_t { kSignal, kWrite };

  explicit Interrupter(Way way = Way::kSignal);
  ~Interrupter();
  Interrupter(const Interrupter&) = delete;
  Interrupter& operator=(const Interrupter&) = delete;

  // This thread's.
  static Interrupter& Ours();

  // Does nothing when it cannot be done at once: a guest that has not read its counter yet will be
  // interrupted all the same.
  void Call(int call_fd) {
    if (call_fd >= 0) reads_ != 0 ? Signal(call_fd) : Write(call_fd);
  }

 private:
  void Signal(int call_fd) const;
  static void Write(int call_fd);
  bool Submit(int call_fd) const;

  aio_context_t reads_ = 0;  // 0: none, we write
  int nothing_ = -1;         // a file to read from
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VIRTQUEUE_NOTIFY_H_
