// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_guest.h"

#include <rte_log.h>

#include <utility>

namespace vswitch {

void VhostGuest::Serve() {
  if (!running_ || changing_ || !has_memory_ || faulted()) return;
  absl::StatusOr<std::unique_ptr<ServedGuest>> served =
      ServedGuest::Create(vid_, usable_, log_, faulted_);
  if (served.ok()) {
    served_ = *std::move(served);
  } else {
    RTE_LOG(WARNING, USER1, "vhost-user connection %d is not served: %s\n", vid_,
            std::string(served.status().message()).c_str());
  }
}

}  // namespace vswitch
