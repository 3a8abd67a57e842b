// SPDX-License-Identifier: BSD-3-Clause
// Who sent a request, as far as executing it goes.
#ifndef VSWITCH_CONTROL_CLIENT_H_
#define VSWITCH_CONTROL_CLIENT_H_

#include <cstdint>
#include <memory>
#include <set>

#include "absl/status/statusor.h"
#include "control/dump.h"
#include "control/netlink.h"
#include "control/protocol.h"

namespace vswitch {

class Namespace;

// One netlink socket of a client. The server derives from it; the config loader and tests use their
// own.
class Client {
 public:
  virtual ~Client() = default;

  uint32_t port_id = 0;
  uint32_t uid = 0;  // of the process that connected
  Namespace* ns = nullptr;
  bool admin = false;  // may change things: root (CAP_NET_ADMIN in the kernel)
  bool ext_ack = false;
  bool cap_ack = false;
  bool strict_check = false;
  std::set<uint32_t> groups;  // memberships

  // The namespace that a number in the client's own descriptor or process table means, as the
  // client said with the datagram being executed. EBADF, EINVAL, ESRCH, EPERM.
  virtual absl::StatusOr<Namespace*> FindNetns(NetnsHandle handle, uint32_t number);

  // Control thread. Queues one datagram for the client; never blocks.
  virtual void Send(Datagram datagram) = 0;

  // The rest of a dump, whose first datagram was sent already; null when none is running. The
  // kernel composes it when the client reads on, so it comes after all other answers to the same
  // datagram, and a second dump must wait for its end.
  std::unique_ptr<Dump> dump;
  // Control thread, after each datagram: sends what is to be sent of `dump` by now, as a rule all.
  virtual void ContinueDump() {
    if (dump == nullptr) return;
    while (std::optional<Datagram> datagram = dump->Next()) Send(*std::move(datagram));
    dump.reset();
  }
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CLIENT_H_
