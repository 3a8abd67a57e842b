// SPDX-License-Identifier: BSD-3-Clause
// Neighbours, routes, rules and nexthops of all namespaces: executes requests about them and keeps
// them in step with links and addresses.
#ifndef VSWITCH_CONTROL_ROUTER_H_
#define VSWITCH_CONTROL_ROUTER_H_

#include <linux/nexthop.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/address_events.h"
#include "control/address_labels.h"
#include "control/client.h"
#include "control/dump.h"
#include "control/fib4.h"
#include "control/fib6.h"
#include "control/fill_neigh.h"
#include "control/message_head.h"
#include "control/neigh_proxies.h"
#include "control/neigh_table.h"
#include "control/nexthop.h"
#include "control/notify.h"
#include "control/registry.h"
#include "control/request.h"
#include "control/rule_set.h"

namespace vswitch {

// What a namespace has.
struct RouterTables {
  RouterTables(const Namespace& ns, NeighAnnouncer& neigh_announcer,
               RouteAnnouncer& route_announcer);
  RouterTables(const RouterTables&) = delete;

  // Null for any other family.
  NeighTable* Neighbours(uint8_t family) {
    return family == AF_INET ? &arp : family == AF_INET6 ? &nd : nullptr;
  }

  // Null for families without.
  RuleSet* Rules(uint8_t family);

  NeighTable arp, nd;
  NeighProxies proxies;
  RuleSet rules4, rules6;
  RuleSet mroute_rules4{RTNL_FAMILY_IPMR}, mroute_rules6{RTNL_FAMILY_IP6MR};
  AddressLabels address_labels;
  Nexthops nexthops;
  Fib4 fib4;
  Fib6 fib6;
};

// Control thread. Files: router.cc picks the handler and follows links and addresses;
// rtnl_neigh.cc, rtnl_ntable.cc, rtnl_ntable_change.cc, rtnl_fdb.cc, rtnl_fdb_change.cc,
// rtnl_route.cc, rtnl_getroute.cc, rtnl_rule.cc, rtnl_nexthop.cc and rtnl_bucket.cc hold the
// handlers.
class Router final : public AddressObserver, private NeighAnnouncer, private RouteAnnouncer {
 public:
  Router(Registry& registry, Multicast& multicast);
  Router(const Router&) = delete;

  // Whether requests of this type are executed here.
  static bool Handles(uint16_t type);
  // A request that is no dump.
  absl::Status Execute(const Request& request);
  DumpStart Dump(const Request& request);

  RouterTables& TablesOf(const Namespace& ns);
  // Null when nothing was ever asked about the namespace.
  RouterTables* FindTables(const Namespace& ns) const;
  // The namespace is no more. REQUIRES: its links are gone.
  void Forget(const Namespace& ns);
  // Who finds neighbours, for one family of all namespaces. Null: nobody. Not owned.
  void SetResolver(uint8_t family, NeighResolver* resolver);

  // Who is told of every change of routes and rules in a namespace, and of every neighbour that
  // changed.
  void SetFollowers(std::function<void(const Namespace&)> routes,
                    std::function<void(const Neighbour&, bool gone)> neighbours);
  // Who is told of a link of which a user changed what it receives.
  void SetMacFollower(std::function<void(Device&)> macs) { on_macs_ = std::move(macs); }

  // When Run must be called next.
  std::optional<MonotonicTime> NextDeadline() const;
  void Run(MonotonicTime now);

  void OnAddressAdded(Device& device, const InetAddress& address) override;
  void OnAddressReady(Device& device, const InetAddress& address) override;
  void OnPeerChange(Device& device, const InetAddress& address) override;
  void OnAddressChanged(Device& device, const InetAddress& before, const InetAddress& now) override;
  void OnAddressRemoved(Device& device, const InetAddress& address) override;
  void OnInet6Start(Device& device) override;
  void OnInet6Stop(Device& device) override;
  void OnLinkUp(Device& device) override;
  void OnLinkChanged(Device& device) override;
  void OnLinkDown(Device& device) override;
  void OnLinkGone(Device& device) override;
  // The link-layer address or IFF_NOARP changed (NETDEV_CHANGEADDR): no neighbour knows us any
  // more.
  void OnLinkAddressChanged(const Device& device);
  void OnMtuChanged(const Device& device, uint32_t old_mtu);

 private:
  absl::Status Do(const Request& request);
  absl::Status NewNeigh(const Request& request);
  absl::Status ChangeNeigh(const Request& request, const NlAttrs& attrs, NeighTable& table,
                           Device& device);
  static absl::Status NewProxy(const ndmsg& header, const NlAttrs& attrs, const Device* device,
                               NeighProxies& proxies);
  absl::Status DelNeigh(const Request& request);
  absl::Status GetNeigh(const Request& request);
  DumpStart DumpNeighs(const Request& request);
  DumpStart DumpNeighTables(const Request& request);
  absl::Status SetNeighTable(const Request& request);
  absl::Status SetNeighParams(const Request& request, const NlAttr& nest, uint8_t family);
  void SetNeighDefaults(uint8_t family, const NeighParams& defaults);
  // AF_BRIDGE
  absl::Status ExecuteFdb(const Request& request);
  static absl::Status GetFdb(const Request& request);
  absl::Status NewFdb(const Request& request);
  absl::Status DelFdb(const Request& request);
  void AnnounceFdb(uint16_t type, const Namespace& ns, const FdbEntry& entry);
  DumpStart DumpFdb(const Request& request);

  absl::Status NewRoute(const Request& request);
  absl::Status DelRoute(const Request& request);
  DumpStart DumpRoutes(const Request& request);
  absl::Status GetRoute(const Request& request);
  absl::Status GetRoute4(const Request& request, const NlAttrs& attrs);
  absl::Status GetRoute6(const Request& request, const NlAttrs& attrs);
  static void FillPath6(const Namespace& ns, const Fib6& fib, const RouteResult& result,
                        const Flow& flow, const MessageHead& head, Datagram& out);

  absl::Status NewRule(const Request& request);
  absl::Status DelRule(const Request& request);
  static absl::Status PrepareRule(uint8_t family, RouterTables& tables, Rule& rule);
  void AnnounceRule(const Request& request, uint16_t type, const Rule& rule, const RuleSet& rules);
  DumpStart DumpRules(const Request& request);

  absl::Status NewAddressLabel(const Request& request);
  absl::Status DelAddressLabel(const Request& request);
  absl::Status GetAddressLabel(const Request& request);
  DumpStart DumpAddressLabels(const Request& request);

  absl::Status NewNexthop(const Request& request);
  static absl::Status MakeNexthopHop(const Request& request, const NlAttrs& attrs,
                                     RouterTables& tables, NexthopObject& nexthop);
  static absl::Status MakeNexthopGroup(const nhmsg& header, const NlAttrs& attrs,
                                       RouterTables& tables, NexthopObject& nexthop, ExtAck& ack);
  absl::Status InsertNexthop(const Request& request, RouterTables& tables,
                             std::shared_ptr<NexthopObject> nexthop);
  absl::Status DelNexthop(const Request& request);
  absl::Status GetNexthop(const Request& request);
  DumpStart DumpNexthops(const Request& request);
  absl::Status GetBucket(const Request& request);
  DumpStart DumpBuckets(const Request& request);
  // Upkeep of resilient groups.
  void RunNexthops(const Namespace& ns, Nexthops& nexthops, MonotonicTime now);
  void RemoveNexthop(const Namespace& ns, RouterTables& tables,
                     const std::shared_ptr<NexthopObject>& nexthop, const Cause& cause);
  void AnnounceNexthop(const Namespace& ns, uint16_t type, const NexthopObject& nexthop,
                       const Cause& cause);
  void AnnounceRoutesOf(const NexthopObject& nexthop, const Cause& cause);
  void FlushNexthops(const Device& device, bool gone);

  void Announce(const Neighbour& neighbour, uint16_t type, uint32_t pid) override;
  uint8_t TypeOf(const Device& device, const IpAddress& address) override;
  void AnnounceRoute(const Namespace& ns, const std::vector<const IpRoute*>& routes, uint16_t type,
                     uint16_t flags, const Cause& cause) override;
  void FlushNeighbours(const Device& device, uint8_t family, bool keep_permanent);

  static Cause CauseOf(const Request& request) {
    return {&request.client, &request.message.header};
  }
  // Tells the members of a group; a request with NLM_F_ECHO gets a copy, member or not
  // (nlmsg_notify). `compose(head, datagram)` appends the message; `head` has its origin.
  template <typename Compose>
  void Publish(const Namespace& ns, uint32_t group, const Cause& cause, Compose compose) {
    const bool echo = cause.header != nullptr && (cause.header->nlmsg_flags & NLM_F_ECHO) != 0;
    if (!echo && !multicast_.HasMembers(ns, group)) return;
    MessageHead head;
    if (cause.header != nullptr) head.seq = cause.header->nlmsg_seq;
    if (cause.client != nullptr) head.pid = cause.client->port_id;
    Datagram datagram;
    compose(head, datagram);
    multicast_.Notify(ns, group, datagram);
    const bool member = echo && cause.client->ns == &ns && cause.client->groups.count(group) > 0;
    if (echo && !member) cause.client->Send(std::move(datagram));
  }

  Registry& registry_;
  Multicast& multicast_;
  absl::flat_hash_map<const Namespace*, std::unique_ptr<RouterTables>> tables_;
  NeighResolver *arp_resolver_ = nullptr, *nd_resolver_ = nullptr;
  std::function<void(const Namespace&)> on_routes_ = [](const Namespace&) {};
  std::function<void(const Neighbour&, bool)> on_neighbour_ = [](const Neighbour&, bool) {};
  std::function<void(Device&)> on_macs_ = [](Device&) {};
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ROUTER_H_
