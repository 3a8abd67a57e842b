// SPDX-License-Identifier: BSD-3-Clause
// The IPv6 routes of a namespace (net/ipv6/route.c, ip6_fib.c, and the routes of addrconf.c).
#ifndef VSWITCH_CONTROL_FIB6_H_
#define VSWITCH_CONTROL_FIB6_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "control/address_labels.h"
#include "control/fib.h"
#include "control/nexthop.h"
#include "control/registry.h"
#include "control/route_request.h"
#include "control/rule_set.h"

namespace vswitch {

// Control thread.
class Fib6 {
 public:
  // How strict a lookup is about the link (RT6_LOOKUP_F_*).
  enum Strict : uint32_t { kSameLink = 1 };

  Fib6(const Namespace& ns, const RuleSet& rules, const Nexthops& nexthops,
       const AddressLabels& labels, RouteAnnouncer& announcer);
  Fib6(const Fib6&) = delete;

  // RTM_NEWROUTE and RTM_DELROUTE.
  absl::Status Add(const RouteConfig& config, const Cause& cause, ExtAck& ack);
  absl::Status Delete(const RouteConfig& config, const Cause& cause);

  // Where a packet that this host sends goes (ip6_route_output), with one hop chosen.
  RouteResult Resolve(const Flow& flow) const;
  // Where one that came through flow.iif goes (ip6_route_input_lookup).
  RouteResult ResolveInput(const Flow& flow) const;
  // The address with which packets to `dst` leave through a device (ipv6_dev_get_saddr); nullopt if
  // there is none.
  std::optional<IpAddress> SelectSource(const Device* device, const IpAddress& dst) const;
  // The same, but an address of the device is preferred whatever others are like, so that it costs
  // no more with many devices.
  std::optional<IpAddress> SelectOwnSource(const Device& device, const IpAddress& dst) const;

  void AddressAdded(Device& device, const InetAddress& address);
  void AddressReady(Device& device, const InetAddress& address);
  // The address gets another peer than it has now.
  void PeerChanges(Device& device, const InetAddress& address);
  void AddressChanged(Device& device, const InetAddress& before, const InetAddress& now);
  void AddressRemoved(Device& device, const InetAddress& address);
  void Inet6Started(Device& device);
  void LinkUp(Device& device);
  // Routes that name an MTU follow the link's, down always, and up if they had the same
  // (rt6_mtu_change).
  void MtuChanged(const Device& device, uint32_t old_mtu);
  void LinkChanged(Device& device, bool ready);
  // All routes through the device go: NETDEV_DOWN, or IPv6 is taken from it.
  void LinkDown(Device& device);
  void LinkGone(Device& device);
  void RemoveRoutesOf(const NexthopObject& nexthop);

  // Makes the hop that a config wants (fib6_nh_init). `config.type` and dst matter, too.
  absl::Status MakeHop(const RouteConfig& config, NextHop& hop) const;
  // The same for an IPv4 route with an IPv6 gateway (fib_check_nh_v6_gw).
  absl::Status CheckGatewayFor4(NextHop& hop, int32_t oif, uint32_t table) const;

  // All of the multipath route that `route` is of, from it on; just itself when it is of none.
  std::vector<const IpRoute*> Siblings(const IpRoute& route) const;

  // When Run must be called next, to remove routes whose time is over.
  std::optional<MonotonicTime> NextDeadline() const;
  void Run(MonotonicTime now);

  RouteTables& tables() { return tables_; }
  const RouteTables& tables() const { return tables_; }

 private:
  using RouteOr = absl::StatusOr<std::unique_ptr<IpRoute>>;

  RouteOr Make(const RouteConfig& config, ExtAck& ack);
  absl::Status AddOne(std::unique_ptr<IpRoute> route, uint16_t nlflags, bool announce,
                      const Cause& cause, IpRoute** added);
  absl::Status AddMultipath(const RouteConfig& config, const Cause& cause, ExtAck& ack);
  absl::StatusOr<std::vector<std::unique_ptr<IpRoute>>> MakeMultipath(
      const RouteConfig& config, std::vector<RouteConfig>& hops, ExtAck& ack);
  IpRoute& Replace(IpRoute& old, std::unique_ptr<IpRoute> route);
  absl::Status DeleteOne(const RouteConfig& config, bool all_siblings, const Cause& cause);
  absl::Status DeleteMultipath(const RouteConfig& config, const Cause& cause);
  void Remove(IpRoute& route, const Cause& cause, bool announce = true);
  std::unique_ptr<IpRoute> Take(IpRoute& route);
  IpRoute* FindDuplicate(const IpRoute& route) const;
  static bool Matches(const RouteConfig& config, const IpRoute& route);

  absl::Status CheckGateway(const RouteConfig& config, Device*& device) const;
  absl::Status CheckGatewayRoute(const RouteConfig& config, Device*& device) const;
  absl::Status CheckGatewayOnlink(const RouteConfig& config, const Device* device) const;

  RouteResult LookupTable(uint32_t id, const Flow& flow, uint32_t strict) const;
  RouteResult Lookup(const Flow& flow, uint32_t strict) const;
  std::vector<IpRoute*> Candidates(const RouteTable& table, const RouteNode& node, const Flow& flow,
                                   uint32_t strict) const;
  static RouteResult Select(const std::vector<IpRoute*>& routes, uint32_t lowest, const Flow& flow,
                            uint32_t strict);
  RouteResult ChoosePath(RouteResult result, const Flow& flow) const;

  // Whether the address is this host's; with a device, the scope of the link counts
  // (ipv6_chk_addr).
  bool IsLocal(const IpAddress& address, const Device* device, uint32_t banned_flags) const;
  // `lifetime` in seconds.
  void AddPrefixRoute(const Device& device, const IpPrefix& prefix, const InetAddress& address,
                      uint32_t lifetime);
  // The first of those of the prefix through the device.
  IpRoute* FindPrefixRoute(const Device& device, const IpPrefix& prefix,
                           bool with_gateway = false) const;
  // Gives it metric and lifetime of the address. False: there is none.
  bool ModifyPrefixRoute(const Device& device, const IpPrefix& prefix, const InetAddress& address);
  void RemovePrefixRoute(const Device& device, const InetAddress& address);
  void SetExpiry(IpRoute& route, std::optional<MonotonicTime> expires);
  void Announce(const std::vector<const IpRoute*>& routes, uint16_t type, uint16_t flags,
                const Cause& cause) const;

  const Namespace& ns_;
  const RuleSet& rules_;
  const Nexthops& nexthops_;
  const AddressLabels& labels_;
  RouteAnnouncer& announcer_;
  RouteTables tables_;
  absl::flat_hash_map<IpAddress, absl::flat_hash_set<const Device*>> addresses_;
  absl::btree_map<uint64_t, const Device*> with_addresses_;  // by order of registration
  absl::btree_set<std::pair<MonotonicTime, IpRoute*>> expiring_;
};

// Whether a route can be one of several to the same place (rt6_qualify_for_ecmp).
bool CanBeMultipath(const IpRoute& route);
// Whether IPv6 routes may use the nexthop. EINVAL. (fib6_check_nexthop)
absl::Status CheckNexthopFor6(const NexthopObject& nexthop);
// Types of routes that lead nowhere; all others are taken as they are.
bool IsRejectType(uint8_t type);
// Whether packets that take it go nowhere (RTF_REJECT).
bool IsReject(const IpRoute& route);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FIB6_H_
