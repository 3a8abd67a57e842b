// SPDX-License-Identifier: BSD-3-Clause
// The way of packets that leave a device by the routes and neighbours of its lower device (ipvlan
// in L3 mode): what is found is published, so that workers need not ask again.
#ifndef VSWITCH_CONTROL_OUTBOUND_H_
#define VSWITCH_CONTROL_OUTBOUND_H_

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/host_stack.h"
#include "control/router.h"
#include "dataplane/dataplane.h"
#include "dataplane/ipvlan_port.h"

struct rte_mempool;

namespace vswitch {

// Control thread.
class Outbound {
 public:
  // `pool` holds what goes to stacks of lower devices; null: nothing goes there.
  Outbound(Dataplane& dataplane, Router& router, HostStack& stack, rte_mempool* pool)
      : dataplane_(dataplane), router_(router), stack_(stack), pool_(pool) {}
  Outbound(const Outbound&) = delete;

  // Devices on `lower` send by its routes from now on, or no longer.
  void Add(Device& lower, std::shared_ptr<IpvlanPort> port);
  void Remove(const Device& lower);
  bool Has(DeviceId lower) const { return lowers_.contains(lower); }

  // Routes, rules, addresses or links of the namespace changed: what workers know may be wrong.
  void Forget(const Namespace& ns);
  // The neighbour changed or came, or is `gone`.
  void OnNeighbour(const Neighbour& neighbour, bool gone);
  // Handles packets that workers knew no way for, `budget` at most. Returns how many.
  uint32_t Run(uint32_t budget, MonotonicTime now);

 private:
  // What workers were told of a neighbour.
  struct Told {
    MacAddress mac{};
    absl::flat_hash_set<IpAddress> destinations;
  };
  struct Lower {
    Device* device;
    std::shared_ptr<IpvlanPort> port;
    absl::flat_hash_map<IpAddress, Told> neighbours = {};
  };
  // A neighbour of more destinations than that is asked for by ourselves when it becomes stale. Of
  // others we wait for a packet, as Linux does.
  static constexpr size_t kBusyNeighbour = 64;
  // A cache that is full stays so for a while: a guest that sprays destinations may keep itself
  // from being remembered, but does not make all others be forgotten again and again.
  static constexpr std::chrono::seconds kMakeRoomInterval{10};

  // An IP packet as far as its way depends on it.
  struct Header {
    IpAddress source, destination;
    uint8_t tos = 0;       // IPv4: the bits that routes and rules may look at
    uint8_t protocol = 0;  // IPv6
  };
  // Where it goes.
  struct Way {
    DstEntry::Verdict verdict = DstEntry::Verdict::kUnreachable;
    Device* device = nullptr;  // of kNeighbour; IPv6: may be another one than the lower device
    IpAddress next_hop;

    friend bool operator==(const Way&, const Way&) = default;
  };

  static std::optional<Header> Read(Bytes frame);
  void Handle(MonotonicTime now);
  Way FindForGuest(const Lower& lower, const Header& header) const;
  Way Find(Device& lower, const Header& header) const;
  Way Find4(Device& lower, const Header& header) const;
  Way Find6(const Device& lower, const Header& header) const;
  // Whether all packets to the destination go the same way.
  bool DependsOnDestinationAlone(Device& lower, const Header& header, const Way& way) const;
  void Send(Lower& lower, const Header& header, const Way& way, MonotonicTime now);
  void Deliver(Lower& lower, const Header& header, const Way& way, MonotonicTime now);
  void HandIn(const Device& lower);
  void Remember(Lower& lower, const Header& header, const Way& way, const DstEntry& entry);
  // Why the packet cannot be sent that way.
  std::optional<DropReason> Refusal(const Way& way) const;
  void Count(const std::optional<DropReason>& refusal);
  void Forget(Lower& lower);
  void UseStale(MonotonicTime now);
  void MakeRoom(MonotonicTime now);

  Dataplane& dataplane_;
  Router& router_;
  HostStack& stack_;
  rte_mempool* const pool_;
  absl::flat_hash_map<DeviceId, Lower> lowers_;
  std::vector<std::pair<DeviceId, IpAddress>> stale_;  // neighbours to be asked for
  bool full_ = false;                                  // a cache is
  MonotonicTime room_made_;
  OutboundFrame frame_;  // the one that is being handled
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_OUTBOUND_H_
