// SPDX-License-Identifier: BSD-3-Clause
#include "control/client.h"

#include <cerrno>

#include "dataplane/errno_status.h"

namespace vswitch {

absl::StatusOr<Namespace*> Client::FindNetns(NetnsHandle handle, uint32_t) {
  return ErrnoStatus(handle == NetnsHandle::kPid ? ESRCH : EBADF);
}

}  // namespace vswitch
