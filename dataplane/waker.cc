// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace vswitch {

Waker::Waker() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Waker::~Waker() {
  if (event_ >= 0) close(event_);
}

// Who has just cleared the flag may ring only now, or after the next sleep has begun, which then
// ends at once.
void Waker::EndSleep() {
  if (asleep_.exchange(false, std::memory_order_acq_rel)) return;
  eventfd_t rings = 0;
  eventfd_read(event_, &rings);
}

void Waker::Ring() { eventfd_write(event_, 1); }

}  // namespace vswitch
