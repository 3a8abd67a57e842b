// SPDX-License-Identifier: BSD-3-Clause
// Who sent a request, as far as executing it goes.
#ifndef VSWITCH_CONTROL_CLIENT_H_
#define VSWITCH_CONTROL_CLIENT_H_

#include <cstdint>
#include <set>

#include "control/netlink.h"

namespace vswitch {

class Namespace;

// One netlink socket of a client. The server derives from it; the config loader and tests use their
// own.
class Client {
 public:
  virtual ~Client() = default;

  uint32_t port_id = 0;
  Namespace* ns = nullptr;
  bool admin = false;  // may change things: root (CAP_NET_ADMIN in the kernel)
  bool ext_ack = false;
  bool cap_ack = false;
  bool strict_check = false;
  std::set<uint32_t> groups;  // memberships

  // Control thread. Queues one datagram for the client; never blocks.
  virtual void Send(Datagram datagram) = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CLIENT_H_
