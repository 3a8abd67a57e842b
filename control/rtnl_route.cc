// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWROUTE, RTM_DELROUTE and dumps of routes (inet_rtm_newroute, inet6_rtm_newroute,
// inet_dump_fib, inet6_dump_fib).
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/fill_route.h"
#include "control/mroute.h"
#include "control/nexthop.h"
#include "control/route_request.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

bool IsIp(uint8_t family) { return family == AF_INET || family == AF_INET6; }

// What a dump is restricted to (struct fib_dump_filter).
struct RouteFilter {
  uint8_t family = AF_UNSPEC;
  uint32_t table = 0;
  int32_t oif = 0;
  uint8_t protocol = 0, type = 0;
  bool prefix_only = false;  // RTM_F_PREFIX
  bool cached_only = false;  // RTM_F_CLONED: there are none
  bool strict = false;

  bool active() const {
    return table != 0 || oif != 0 || protocol != 0 || type != 0 || prefix_only || cached_only;
  }
  bool Passes(const IpRoute& route) const {
    if (prefix_only && !route.prefix_route) return false;
    return (type == 0 || route.type == type) && (protocol == 0 || route.protocol == protocol);
  }
  bool PassesLink(const std::vector<NextHop>& hops) const {
    if (oif == 0) return true;
    return std::any_of(hops.begin(), hops.end(), [&](const NextHop& hop) {
      return hop.device != nullptr && hop.device->ifindex == oif;
    });
  }
};

absl::Status CheckDumpHeader(const Request& request) {
  const auto header = ReadStruct<rtmsg>(request.message.payload());
  if (request.message.payload().size() < sizeof(rtmsg)) {
    return ErrnoStatus(EINVAL, "Invalid header for FIB dump request");
  }
  if (header.rtm_dst_len != 0 || header.rtm_src_len != 0 || header.rtm_tos != 0 ||
      header.rtm_scope != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for FIB dump request");
  }
  if ((header.rtm_flags & ~uint32_t{RTM_F_CLONED | RTM_F_PREFIX}) != 0) {
    return ErrnoStatus(EINVAL, "Invalid flags for FIB dump request");
  }
  return absl::OkStatus();
}

// ip_valid_fib_dump_req
absl::StatusOr<RouteFilter> ParseStrictDump(const Request& request) {
  if (const absl::Status status = CheckDumpHeader(request); !status.ok()) return status;
  const Bytes payload = request.message.payload();
  const auto header = ReadStruct<rtmsg>(payload);
  RouteFilter filter{.family = header.rtm_family,
                     .table = header.rtm_table,
                     .protocol = header.rtm_protocol,
                     .type = header.rtm_type,
                     .prefix_only = (header.rtm_flags & RTM_F_PREFIX) != 0,
                     .cached_only = (header.rtm_flags & RTM_F_CLONED) != 0,
                     .strict = true};
  const auto attrs = ParseAttributes(payload.subspan(sizeof(rtmsg)), NLMSG_LENGTH(sizeof(rtmsg)),
                                     RoutePolicy(AF_INET), NlParse::kStrict, &request.ack);
  if (!attrs.ok()) return attrs.status();
  for (uint16_t type = 1; type <= RTA_MAX; ++type) {
    if (!attrs->Has(type)) continue;
    if (type == RTA_TABLE) {
      filter.table = attrs->U32(type);
    } else if (type == RTA_OIF) {
      filter.oif = attrs->S32(type);
      if (request.client.ns->FindByIndex(filter.oif) == nullptr) return ErrnoStatus(ENODEV);
    } else {
      return ErrnoStatus(EINVAL, "Unsupported attribute in dump request");
    }
  }
  if (filter.active()) request.ack.done_flags = NLM_F_DUMP_FILTERED;
  return filter;
}

RouteFilter ParseLegacyDump(const Request& request) {
  const Bytes payload = request.message.payload();
  RouteFilter filter{.family = request.family()};
  if (payload.size() < sizeof(rtmsg)) return filter;
  filter.prefix_only = (ReadStruct<rtmsg>(payload).rtm_flags & RTM_F_PREFIX) != 0;
  return filter;
}

// The routes of a namespace, table by table.
class RouteDump final : public DumpSource {
 public:
  RouteDump(Registry& registry, Router& router, const Request& request, const RouteFilter& filter)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        filter_(filter),
        head_(ReplyHead(request, RTM_NEWROUTE,
                        NLM_F_MULTI | (filter.strict ? NLM_F_DUMP_FILTERED : 0))) {
    if (filter_.family == AF_INET6) family_ = AF_INET6;
  }

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr || filter_.cached_only) return true;
    RouterTables& tables = router_.TablesOf(*ns);
    while (family_ != AF_UNSPEC) {
      if (!FillFamily(tables, page)) return false;
      const bool more = family_ == AF_INET && filter_.family != AF_INET;
      family_ = more ? AF_INET6 : AF_UNSPEC;
      done_tables_ = 0;
      last_.reset();
    }
    return true;
  }

  // The kernel does not say when routes came and went meanwhile, but for IPv6.
  uint64_t version() const override { return 0; }

 private:
  bool FillFamily(RouterTables& tables, DumpPage& page) {
    const RouteTables& all = family_ == AF_INET ? tables.fib4.tables() : tables.fib6.tables();
    const std::vector<RouteTable*> order = all.DumpOrder();
    // Tables never go away, but new ones may come before those that are done: then routes may be
    // missing or there twice.
    for (size_t i = done_tables_; i < order.size(); ++i, ++done_tables_, last_.reset()) {
      if (filter_.table != 0 && order[i]->id() != filter_.table) continue;
      if (!FillTable(tables, *order[i], page)) return false;
    }
    return true;
  }

  bool FillTable(const RouterTables& tables, const RouteTable& table, DumpPage& page) {
    while (const IpRoute* route = table.After(last_)) {
      const std::vector<const IpRoute*> routes =
          family_ == AF_INET ? std::vector<const IpRoute*>{route} : tables.fib6.Siblings(*route);
      if (Wanted(routes) && !page.Add([&](Datagram& out) { Describe(routes, out); })) return false;
      last_ = RouteTable::KeyOf(*routes.back());
    }
    return true;
  }

  bool Wanted(const std::vector<const IpRoute*>& routes) const {
    if (family_ == AF_INET && filter_.prefix_only) return false;
    return filter_.Passes(*routes.front()) &&
           std::any_of(routes.begin(), routes.end(),
                       [&](const IpRoute* route) { return filter_.PassesLink(HopsOf(*route)); });
  }

  void Describe(const std::vector<const IpRoute*>& routes, Datagram& out) const {
    if (family_ == AF_INET) return FillRoute4(*routes.front(), head_, out);
    FillRoute6(routes, head_, MonotonicTime::clock::now(), out);
  }

  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const RouteFilter filter_;
  const MessageHead head_;
  uint8_t family_ = AF_INET;  // the one being dumped; AF_UNSPEC: all are
  size_t done_tables_ = 0;
  std::optional<RouteKey> last_;
};

}  // namespace

absl::Status Router::NewRoute(const Request& request) {
  const uint8_t family = request.family();
  if (IsMrouteFamily(family)) return ChangeMroute(request);
  RouterTables& tables = TablesOf(*request.client.ns);
  const Cause cause = CauseOf(request);
  const auto config = family == AF_INET ? ParseRoute4(request) : ParseRoute6(request);
  if (!config.ok()) return config.status();
  return family == AF_INET ? tables.fib4.Add(*config, cause, request.ack)
                           : tables.fib6.Add(*config, cause, request.ack);
}

absl::Status Router::DelRoute(const Request& request) {
  const uint8_t family = request.family();
  if (IsMrouteFamily(family)) return ChangeMroute(request);
  RouterTables& tables = TablesOf(*request.client.ns);
  const Cause cause = CauseOf(request);
  const auto config = family == AF_INET ? ParseRoute4(request) : ParseRoute6(request);
  if (!config.ok()) return config.status();
  return family == AF_INET ? tables.fib4.Delete(*config, cause)
                           : tables.fib6.Delete(*config, cause);
}

DumpStart Router::DumpRoutes(const Request& request) {
  const uint8_t family = request.family();
  absl::StatusOr<RouteFilter> filter(ParseLegacyDump(request));
  if (request.client.strict_check) filter = ParseStrictDump(request);
  if (!filter.ok()) return filter.status();
  if (IsMrouteFamily(family)) return DumpMroutes(family, filter->table);
  const RouterTables& tables = TablesOf(*request.client.ns);
  if (filter->table != 0 && IsIp(family)) {
    const RouteTables& all = family == AF_INET ? tables.fib4.tables() : tables.fib6.tables();
    if (all.Find(filter->table) == nullptr) {
      return ErrnoStatus(ENOENT, family == AF_INET ? "ipv4: FIB table does not exist"
                                                   : "ipv6: FIB table does not exist");
    }
  }
  if (!IsIp(family)) filter->family = AF_UNSPEC;
  return std::make_unique<RouteDump>(registry_, *this, request, *filter);
}

void Router::AnnounceRoute(const Namespace& ns, const std::vector<const IpRoute*>& routes,
                           uint16_t type, uint16_t flags, const Cause& cause) {
  on_routes_(ns);
  const bool v4 = routes.front()->dst.address.family == AF_INET;
  const uint32_t group = v4 ? RTNLGRP_IPV4_ROUTE : RTNLGRP_IPV6_ROUTE;
  Publish(ns, group, cause, [&](const MessageHead& origin, Datagram& out) {
    MessageHead head = origin;
    head.type = type;
    head.flags = flags;
    if (v4) return FillRoute4(*routes.front(), head, out);
    FillRoute6(routes, head, MonotonicTime::clock::now(), out);
  });
}

}  // namespace vswitch
