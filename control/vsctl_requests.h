// SPDX-License-Identifier: BSD-3-Clause
// vsctl's words as netlink requests.
#ifndef VSWITCH_CONTROL_VSCTL_REQUESTS_H_
#define VSWITCH_CONTROL_VSCTL_REQUESTS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "control/netlink.h"

namespace vswitch {

// InvalidArgument: a usage error, one line.

// `words`: NAME type ethdev devargs DEVARGS [address MAC] [mtu N] [up].
absl::StatusOr<Datagram> LinkAddRequest(const std::vector<std::string>& words);
// `words`: KEY=VALUE…; for ethdev also the bare devargs.
absl::StatusOr<Datagram> AttachRequest(const std::string& device, const std::string& backend,
                                       const std::vector<std::string>& words);
Datagram DetachRequest(const std::string& device);
// An empty name asks for all devices.
Datagram ShowRequest(const std::string& device);
Datagram WorkersRequest();

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_VSCTL_REQUESTS_H_
