// SPDX-License-Identifier: BSD-3-Clause
// Executes rtnetlink requests on the registry and the dataplane. One global order of changes: the
// control thread.
#ifndef VSWITCH_CONTROL_RTNL_H_
#define VSWITCH_CONTROL_RTNL_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "control/client.h"
#include "control/fill_link.h"
#include "control/link_kind.h"
#include "control/link_request.h"
#include "control/registry.h"
#include "dataplane/dataplane.h"
#include "pmd/factory.h"

namespace vswitch {

// Delivers notifications to the members of a group in a namespace. The server implements it.
class Multicast {
 public:
  virtual ~Multicast() = default;
  // Queues a copy for every client of `ns` that is a member of `group`.
  virtual void Notify(const Namespace& ns, uint32_t group, const Datagram& datagram) = 0;
};

class Rtnl {
 public:
  Rtnl(Registry& registry, Dataplane& dataplane, Multicast& multicast, BackendEnv backend_env);
  // Deletes every device without notifications.
  ~Rtnl();

  // Executes every request of the datagram in order (netlink_rcv_skb, rtnetlink_rcv_msg) and queues
  // the replies on `client`. Removed devices are destroyed, and the replies may be shown to the
  // client, only after the next Commit.
  void Handle(Bytes datagram, Client& client);

  // Ends a batch: one grace period for all that was removed.
  void Commit();

  // vswitch's own requests, in the same server.
  absl::Status Attach(Device& device, const BackendSpec& spec);
  absl::Status Detach(Device& device);

  Registry& registry() { return registry_; }
  Dataplane& dataplane() { return dataplane_; }
  const BackendEnv& backend_env() const { return backend_env_; }

 private:
  Registry& registry_;
  Dataplane& dataplane_;
  Multicast& multicast_;
  BackendEnv backend_env_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RTNL_H_
