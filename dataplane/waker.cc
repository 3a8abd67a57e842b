// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/waker.h"

#include <sys/eventfd.h>
#include <unistd.h>

namespace vswitch {

Waker::Waker() : event_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

Waker::~Waker() {
  if (event_ >= 0) close(event_);
}

// Who has just cleared the flag may ring only after this, or after the next sleep has begun, which
// then ends at once. What rang is heard here in any case: else all later sleeps would end, too.
void Waker::EndSleep() {
  asleep_.exchange(false, std::memory_order_acq_rel);
  eventfd_t rings = 0;
  eventfd_read(event_, &rings);
}

void Waker::Ring() { eventfd_write(event_, 1); }

}  // namespace vswitch
