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
#include "control/addresses.h"
#include "control/client.h"
#include "control/delete_batch.h"
#include "control/fill_link.h"
#include "control/host_port.h"
#include "control/ipvlan_addresses.h"
#include "control/link_kind.h"
#include "control/link_request.h"
#include "control/notify.h"
#include "control/operstate.h"
#include "control/registry.h"
#include "control/router.h"
#include "dataplane/dataplane.h"
#include "pmd/factory.h"

namespace vswitch {

// Files: rtnl.cc loops over requests and picks the handler; rtnl_newlink.cc, rtnl_modify.cc,
// rtnl_dellink.cc, rtnl_getlink.cc, rtnl_linkprop.cc, rtnl_move.cc and rtnl_nsid.cc hold the
// handlers; rtnl_device.cc what link kinds call; rtnl_backend.cc attaching.
class Rtnl {
 public:
  Rtnl(Registry& registry, Dataplane& dataplane, Multicast& multicast, BackendEnv backend_env,
       Clock clock = std::chrono::steady_clock::now);
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
  // Does what became due: the end of lifetimes and of duplicate address detection, neighbours,
  // frames for the host stack, the wires of ethdev devices.
  void RunTimers();

  // Ends a namespace that is no more: links that stand for something outside go to the initial
  // namespace, the others are deleted (default_device_exit_batch). REQUIRES: no client is left in
  // it.
  void EndNamespace(Namespace& ns);
  // Frees what is kept for a namespace. REQUIRES: no link but `lo` is left in it, and no client.
  void ForgetNamespace(Namespace& ns);

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
  // Moves a link to another namespace, closed. `fallback_name` is for when its own is taken there:
  // empty for none, a template allowed. An index of 0 keeps its own if that is free. EINVAL for a
  // device that must stay, EEXIST, EINVAL or ENFILE for a name, EBUSY for the index
  // (__dev_change_net_namespace).
  absl::Status MoveLink(Device& device, Namespace& to, const std::string& fallback_name,
                        int32_t wanted_index);
  // A carrier event; the state that follows is settled after the request.
  void SetCarrier(Device& device, bool on) { link_watch_.SetCarrier(device, on); }
  void SetDormant(Device& device, bool on) { link_watch_.SetDormant(device, on); }
  void SetTesting(Device& device, bool on) { link_watch_.SetTesting(device, on); }
  // Shows the workers the device as it is now, and the device it is linked to.
  void Republish(const Device& device);
  // Creates a backend and puts it behind the device. Errors of CreateBackend. Not announced.
  absl::Status MakeBackend(Device& device, const BackendSpec& spec);

  // For the handlers.

  // IFF_* as a client wants them; everything it cannot set is ignored (__dev_change_flags). An
  // error of the kind's open leaves the device down. Does not announce.
  absl::Status ChangeFlags(Device& device, uint32_t flags);
  Notifier& notifier() { return notifier_; }
  Addresses& addresses() { return addresses_; }
  // Announces flags that changed, and tells all who follow links; `changes` is ifi_change
  // (__dev_notify_flags).
  void NotifyFlags(Device& device, uint32_t old_flags, uint32_t changes);
  // The same for any other change of a device that is UP (netdev_state_change).
  void NotifyState(Device& device);

  Router& router() { return router_; }
  HostPort& host_port() { return host_port_; }

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
  absl::Status FinishCreation(const LinkRequest& request, Device& device, Namespace& home);
  absl::Status SetLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status DelLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status DelOne(const LinkRequest& request, const Namespace& ns);
  absl::Status DelGroup(const LinkRequest& request, const Namespace& ns);
  absl::Status GetLink(const NlMessage& message, Client& client, ExtAck& ack);
  absl::StatusOr<std::unique_ptr<DumpSource>> DumpLinks(const NlMessage& message, Client& client,
                                                        ExtAck& ack);
  absl::Status LinkProp(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status NewNetnsId(const NlMessage& message, Client& client, ExtAck& ack);
  absl::Status GetNetnsId(const NlMessage& message, Client& client, ExtAck& ack);
  absl::StatusOr<std::unique_ptr<DumpSource>> DumpNetnsIds(const NlMessage& message, Client& client,
                                                           ExtAck& ack);
  void ForgetIds(Namespace& ns);
  void SendHome(Device& device);
  void TakeOut(Device& device, Namespace& to, int32_t wanted_index);

  absl::Status Open(Device& device);
  void Close(Device& device);
  void Destroy(Device& device, const Cause& cause);
  void PublishOne(const Device& device);
  // Looks whether NICs have carrier, and says when to look again.
  void FollowWires(MonotonicTime now);

  Registry& registry_;
  Dataplane& dataplane_;
  Multicast& multicast_;
  BackendEnv backend_env_;
  Notifier notifier_;
  LinkWatch link_watch_;
  const Clock clock_;
  Addresses addresses_;
  Router router_;
  HostPort host_port_;
  IpvlanAddresses ipvlan_addresses_{*this};
  std::vector<Device*> wired_;  // devices whose carrier is that of a NIC
  MonotonicTime wires_due_;     // REQUIRES: !wired_.empty()
};

// The flags a request asks for: ifi_change masks ifi_flags, unless it is 0
// (rtnl_dev_combine_flags).
uint32_t CombineFlags(const Device& device, const ifinfomsg& header);

// The device a request selects: by index, else by IFLA_IFNAME, else by IFLA_ALT_IFNAME; null when
// there is none.
Device* SelectDevice(const LinkRequest& request);
Device* SelectDevice(const LinkRequest& request, const Namespace& ns);
// Whether the request selects by index or name at all.
bool SelectsDevice(const LinkRequest& request);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RTNL_H_
