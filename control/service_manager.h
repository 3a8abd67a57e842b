// SPDX-License-Identifier: BSD-3-Clause
// Tells a service manager how far we are (sd_notify(3)).
#ifndef VSWITCH_CONTROL_SERVICE_MANAGER_H_
#define VSWITCH_CONTROL_SERVICE_MANAGER_H_

#include <string>

namespace vswitch {

// Sends `state`, e.g. "READY=1", as one datagram to $NOTIFY_SOCKET (a path, or "@name" for an
// abstract one). Does nothing when there is none, and nobody cares when it is lost.
void NotifyServiceManager(const std::string& state);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_SERVICE_MANAGER_H_
