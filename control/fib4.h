// SPDX-License-Identifier: BSD-3-Clause
// The IPv4 routes of a namespace (net/ipv4/fib_frontend.c, fib_semantics.c, fib_trie.c).
#ifndef VSWITCH_CONTROL_FIB4_H_
#define VSWITCH_CONTROL_FIB4_H_

#include <cstdint>
#include <memory>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "control/fib.h"
#include "control/nexthop.h"
#include "control/registry.h"
#include "control/route_request.h"
#include "control/rule_set.h"

namespace vswitch {

class Fib6;

// Control thread.
class Fib4 {
 public:
  Fib4(const Namespace& ns, const RuleSet& rules, const Nexthops& nexthops,
       RouteAnnouncer& announcer)
      : ns_(ns), rules_(rules), nexthops_(nexthops), announcer_(announcer) {}
  Fib4(const Fib4&) = delete;

  // For gateways of the other family. Outlives this.
  void set_fib6(const Fib6* fib6) { fib6_ = fib6; }

  // RTM_NEWROUTE (fib_table_insert) and RTM_DELROUTE (fib_table_delete).
  absl::Status Add(const RouteConfig& config, const Cause& cause, ExtAck& ack);
  absl::Status Delete(const RouteConfig& config, const Cause& cause);

  // Where a packet goes, by all rules (fib_lookup). ENETUNREACH and the errors of routes that lead
  // nowhere.
  RouteResult Lookup(const Flow& flow) const;
  // Also chooses one of several hops and the source (fib_select_path).
  RouteResult Resolve(Flow& flow) const;
  // RTN_* of an address, as far as one table knows (inet_addr_type_table); with a device, only
  // routes through it count.
  uint8_t TypeOf(const IpAddress& address, const Device* device = nullptr,
                 uint32_t table = RT_TABLE_LOCAL) const;
  // The address with which packets leave a device; null: any. 0.0.0.0 if there is none.
  // (inet_select_addr)
  IpAddress SelectSource(const Device* device, const IpAddress& dst, uint8_t scope) const;
  // What a route says about the source of packets that take it (fib_result_prefsrc).
  IpAddress SourceOf(const RouteResult& result) const;

  // The routes that come and go with addresses (fib_add_ifaddr, fib_del_ifaddr).
  void AddressAdded(Device& device, const InetAddress& address);
  void AddressRemoved(Device& device, const InetAddress& address);
  void MetricChanged(const Device& device, const InetAddress& before, const InetAddress& now);
  // NETDEV_UP, NETDEV_CHANGE, NETDEV_DOWN, NETDEV_UNREGISTER.
  void LinkUp(Device& device);
  void LinkChanged(Device& device);
  void LinkDown(Device& device);
  void LinkGone(Device& device);
  // Removes the routes of a nexthop object, without a word.
  void RemoveRoutesOf(const NexthopObject& nexthop);

  // Checks a hop as routes of this scope and table may have it, and completes it: device, scope,
  // RTNH_F_LINKDOWN (fib_check_nh).
  absl::Status CheckHop(NextHop& hop, int32_t oif, uint32_t table, uint8_t scope) const;

  RouteTables& tables() { return tables_; }
  const RouteTables& tables() const { return tables_; }

 private:
  absl::StatusOr<std::unique_ptr<IpRoute>> Make(const RouteConfig& config, ExtAck& ack) const;
  absl::Status MakeHops(const RouteConfig& config, IpRoute& route) const;
  absl::StatusOr<std::vector<std::pair<NextHop, int32_t>>> WantedHops(
      const RouteConfig& config) const;
  absl::Status CheckHops(const RouteConfig& config, IpRoute& route,
                         std::vector<std::pair<NextHop, int32_t>> wanted) const;
  absl::Status CheckOnlink(NextHop& hop, int32_t oif, uint8_t scope) const;
  absl::Status CheckGateway(NextHop& hop, int32_t oif, uint32_t table, uint8_t scope) const;
  absl::Status CheckDirect(NextHop& hop, int32_t oif) const;
  bool IsValidSource(const RouteConfig& config) const;
  absl::Status InsertInGroup(const RouteConfig& config, std::unique_ptr<IpRoute> route,
                             const std::vector<IpRoute*>& group, const Cause& cause);
  IpRoute* FindToDelete(const RouteConfig& config, const RouteTable& table) const;

  RouteResult LookupTable(uint32_t id, const Flow& flow) const;
  RouteResult Judge(IpRoute& route, const Flow& flow) const;
  // Whether local and main table are looked up as one, as long as nobody changed the rules.
  bool Merged(uint32_t id) const;

  void Magic(uint16_t type, const Device& device, const IpPrefix& dst, uint8_t route_type,
             const InetAddress& primary, uint32_t priority);
  void NoteMarks(const IpRoute& route);
  void SyncUp(Device& device, uint32_t flags);
  void SyncDown(Device& device, uint32_t flags, bool force);
  void SyncDownSource(const IpAddress& local);
  uint32_t StaleRoutes(const Device& device, const InetAddress& address,
                       const InetAddress& primary) const;
  void Announce(const IpRoute& route, uint16_t type, uint16_t flags, const Cause& cause) const;

  const Namespace& ns_;
  const RuleSet& rules_;
  const Nexthops& nexthops_;
  RouteAnnouncer& announcer_;
  const Fib6* fib6_ = nullptr;
  RouteTables tables_;
  absl::btree_map<uint64_t, const Device*> with_addresses_;  // by order of registration
  // Through which there may be hops with these, RTNH_F_DEAD and RTNH_F_LINKDOWN.
  absl::flat_hash_map<const Device*, uint32_t> marks_;
};

// Whether IPv4 routes of a scope may use the nexthop. EINVAL. (fib_check_nexthop)
absl::Status CheckNexthopFor4(const NexthopObject& nexthop, uint8_t scope);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_FIB4_H_
