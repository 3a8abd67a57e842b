// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/multicast_backlog.h"

#include "dataplane/packet_edit.h"

namespace vswitch {

MulticastBacklog::~MulticastBacklog() {
  if (active_) Discard({&current_.letter.packet, 1});
}

MulticastBacklog::Current* MulticastBacklog::Next() {
  if (!active_) {
    active_ = ring_.Drain({&current_.letter, 1}) == 1;
    current_.place = 0;
  }
  return active_ ? &current_ : nullptr;
}

bool MulticastBacklog::End() {
  const bool active = active_;
  // By exchange, so that what was posted by a worker that could not begin is seen here.
  busy_.exchange(false, std::memory_order_acq_rel);
  return !active && ring_.empty();
}

}  // namespace vswitch
