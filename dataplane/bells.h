// SPDX-License-Identifier: BSD-3-Clause
// The bells of a worker's resting queues, in one epoll descriptor.
#ifndef VSWITCH_DATAPLANE_BELLS_H_
#define VSWITCH_DATAPLANE_BELLS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "dataplane/poll_list.h"

namespace vswitch {

// A bell is watched once for each rest (EPOLLONESHOT). So a queue that is polled costs nothing here
// however often its guest rings; and since Arm looks at the descriptor's level, one that rang
// before, or is itself an epoll descriptor, is not missed.
class Bells {
 public:
  Bells();
  ~Bells();
  Bells(const Bells&) = delete;
  Bells& operator=(const Bells&) = delete;

  // Control thread, before the entry is in a list. An entry whose bell cannot be watched loses it.
  void Add(PollEntry& entry);
  // Control thread, before a list without the entry is published: who has seen that list gets no
  // event of the entry any more.
  void Remove(const PollEntry& entry);

  // Worker. The next Rung tells when the bell rings, or has rung already. False when it cannot be
  // watched.
  bool Arm(PollEntry& entry);
  // Worker, inside an RCU read section: an entry may be on its way out. Those armed ones whose bell
  // has rung; how many they are, and the others another time.
  size_t Rung(std::span<PollEntry*> entries);
  // Worker, outside of any. Blocks until an armed bell rings, `other_fd` is readable or so many
  // nanoseconds are over (negative: never). What it was says Rung.
  void Wait(int other_fd, int64_t timeout_ns);

 private:
  const int epoll_;  // -1: there was none to be had, so no bell can be watched
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_BELLS_H_
