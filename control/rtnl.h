// SPDX-License-Identifier: BSD-3-Clause
// Executes rtnetlink requests on the registry and the dataplane. One global order of changes: the
// control thread.
#ifndef VSWITCH_CONTROL_RTNL_H_
#define VSWITCH_CONTROL_RTNL_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/client.h"
#include "control/delete_batch.h"
#include "control/fill_link.h"
#include "control/link_kind.h"
#include "control/link_request.h"
#include "control/notify.h"
#include "control/operstate.h"
#include "control/registry.h"
#include "dataplane/dataplane.h"
#include "pmd/factory.h"

namespace vswitch {

using MonotonicTime = std::chrono::steady_clock::time_point;

// Files: rtnl.cc loops over requests and picks the handler; rtnl_newlink.cc, rtnl_modify.cc,
// rtnl_dellink.cc, rtnl_getlink.cc, rtnl_linkprop.cc and rtnl_netns.cc hold the handlers;
// rtnl_device.cc what link kinds call; rtnl_backend.cc attaching.
class Rtnl {
 public:
  Rtnl(Registry& registry, Dataplane& dataplane, Multicast& multicast, BackendEnv backend_env);
  // Deletes every device without notifications.
  ~Rtnl();
  Rtnl(const Rtnl&) = delete;
  Rtnl& operator=(const Rtnl&) = delete;

  // Executes every request of the datagram in order (netlink_rcv_skb, rtnetlink_rcv_msg) and queues
  // the replies on `client`. What was removed is destroyed, and the replies may be shown to the
  // client, only after the next Commit.
  void Handle(Bytes datagram, Client& client);

  // Ends a batch: one grace period for all that was removed.
  void Commit();

  // When RunTimers has something to do.
  std::optional<MonotonicTime> NextTimer() const;
  // Does what became due: looks at the wires of ethdev devices.
  void RunTimers(MonotonicTime now = std::chrono::steady_clock::now());

  // Deletes every link of a namespace that is no more, and the namespace
  // (default_device_exit_batch). REQUIRES: no client is left in it.
  void EndNamespace(Namespace& ns);

  // vswitch's own requests, in the same server. Both announce the link. EBUSY if there is a backend
  // already, EOPNOTSUPP for a kind that takes none; errors of CreateBackend.
  absl::Status Attach(Device& device, const BackendSpec& spec);
  // ENOENT if there is no backend.
  absl::Status Detach(Device& device);

  // For link kinds.

  // Makes a device visible in its namespace under its name or template, with its index or a new
  // one, and takes ownership (register_netdevice). EINVAL, EEXIST or ENFILE for the name, EBUSY
  // for the index. Not announced before ConfigureLink. REQUIRES: device->ns, kind and name are set.
  absl::StatusOr<Device*> Register(std::unique_ptr<Device> device);
  // Applies the flags of a creating request, if any, and sends the first RTM_NEWLINK
  // (rtnl_configure_link). On error the device stays as it is, to be unregistered.
  absl::Status ConfigureLink(Device& device, const ifinfomsg* header);
  // Closes, announces and forgets a whole batch. The devices are destroyed
  // (unregister_netdevice_many).
  void Unregister(const DeleteBatch& batch, const Cause& cause);
  void UnregisterOne(Device& device);
  // A carrier event; the state that follows is settled after the request.
  void SetCarrier(Device& device, bool on) { link_watch_.SetCarrier(device, on); }
  // Shows the workers the device as it is now, and the device it is linked to.
  void Republish(const Device& device);
  // Creates a backend and puts it behind the device. Errors of CreateBackend. Not announced.
  absl::Status MakeBackend(Device& device, const BackendSpec& spec);

  // For the handlers.

  // IFF_* as a client wants them; everything it cannot set is ignored (__dev_change_flags). An
  // error of the kind's open leaves the device down. Does not announce.
  absl::Status ChangeFlags(Device& device, uint32_t flags);
  Notifier& notifier() { return notifier_; }

  Registry& registry() { return registry_; }
  Dataplane& dataplane() { return dataplane_; }
  const BackendEnv& backend_env() const { return backend_env_; }

 private:
  // `answered` when the handler queued everything itself, as dumps do.
  struct Outcome {
    absl::Status status;
    bool answered = false;
  };

  void HandleOne(const NlMessage& message, Client& client);
  Outcome Execute(const NlMessage& message, Client& client, ExtAck& ack);
  Outcome Dump(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status Do(const NlMessage& message, Client& client, ExtAck& ack);

  absl::Status NewLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status ChangeExisting(LinkRequest& request, Device& device, ExtAck& ack);
  absl::Status ChangeGroup(const LinkRequest& request, ExtAck& ack);
  absl::Status Create(LinkRequest& request, ExtAck& ack);
  absl::Status FinishCreation(const LinkRequest& request, Device& device);
  absl::Status SetLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status DelLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status DelOne(const LinkRequest& request);
  absl::Status DelGroup(const LinkRequest& request);
  absl::Status GetLink(const NlMessage& message, Client& client, ExtAck& ack);
  // Appends the datagrams of the dump, without NLMSG_DONE.
  absl::Status DumpLinks(const NlMessage& message, Client& client, ExtAck& ack,
                         std::vector<Datagram>& dump);
  absl::Status LinkProp(const NlMessage& message, Client& client, ExtAck& ack);

  absl::Status Open(Device& device);
  void Close(Device& device);
  void Destroy(Device& device, const Cause& cause);
  void PublishOne(const Device& device);
  void FollowWires();

  Registry& registry_;
  Dataplane& dataplane_;
  BackendEnv backend_env_;
  Notifier notifier_;
  LinkWatch link_watch_;
  std::vector<Device*> wired_;  // devices whose carrier is that of a NIC
  MonotonicTime wires_due_;     // REQUIRES: !wired_.empty()
  // The rest of a dump. The kernel composes it when the client reads on, so it comes after all
  // other answers to the same datagram, and a second dump must wait for its end.
  std::vector<Datagram> rest_of_dump_;
};

// The flags a request asks for: ifi_change masks ifi_flags, unless it is 0
// (rtnl_dev_combine_flags).
uint32_t CombineFlags(const Device& device, const ifinfomsg& header);

// The device a request selects: by index, else by IFLA_IFNAME, else by IFLA_ALT_IFNAME; null when
// there is none.
Device* SelectDevice(const LinkRequest& request);
// Whether the request selects by index or name at all.
bool SelectsDevice(const LinkRequest& request);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RTNL_H_
