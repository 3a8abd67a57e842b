// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETROUTE of one address (inet_rtm_getroute, inet6_rtm_getroute).
#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/in_route.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "control/fill_af_spec.h"
#include "control/fill_route.h"
#include "control/mroute.h"
#include "control/route_request.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr int32_t kLoopbackIndex = 1;
constexpr uint32_t kNoUid = UINT32_MAX;
constexpr uint8_t kTosMask = 0x1c;  // IPTOS_RT_MASK
constexpr uint32_t kLimitedBroadcast = 0xffffffff;
constexpr uint32_t kLoopbackAddress = 0x7f000001;

bool IsLocalMulticast(const IpAddress& address) {
  return (address.ToV4() & 0xffffff00) == 0xe0000000;
}

bool MayBeAsked(uint16_t type) {
  switch (type) {
    case RTA_IIF:
    case RTA_OIF:
    case RTA_SRC:
    case RTA_DST:
    case RTA_IP_PROTO:
    case RTA_SPORT:
    case RTA_DPORT:
    case RTA_MARK:
    case RTA_UID:
      return true;
    default:
      return false;
  }
}

// The sentences of both families differ only in their prefix and in a few words.
absl::Status CheckStrictHeader(const rtmsg& header, const std::string& name) {
  const uint8_t bits = header.rtm_family == AF_INET ? 32 : 128;
  const bool lengths = (header.rtm_src_len == 0 || header.rtm_src_len == bits) &&
                       (header.rtm_dst_len == 0 || header.rtm_dst_len == bits);
  const std::string request =
      header.rtm_family == AF_INET ? "route get request" : "get route request";
  if (!lengths || header.rtm_table != 0 || header.rtm_protocol != 0 || header.rtm_scope != 0 ||
      header.rtm_type != 0) {
    return ErrnoStatus(EINVAL, name + "Invalid values in header for " + request);
  }
  const uint32_t allowed = header.rtm_family == AF_INET
                               ? RTM_F_NOTIFY | RTM_F_LOOKUP_TABLE | RTM_F_FIB_MATCH
                               : RTM_F_FIB_MATCH;
  if ((header.rtm_flags & ~allowed) == 0) return absl::OkStatus();
  return ErrnoStatus(
      EINVAL, name + (header.rtm_family == AF_INET ? "Unsupported rtm_flags for route get request"
                                                   : "Invalid flags for get route request"));
}

absl::Status CheckStrictAttrs(const rtmsg& header, const NlAttrs& attrs, const std::string& name) {
  const bool v4 = header.rtm_family == AF_INET;
  if ((attrs.Has(RTA_SRC) && header.rtm_src_len == 0) ||
      (attrs.Has(RTA_DST) && header.rtm_dst_len == 0)) {
    return ErrnoStatus(EINVAL, name + (v4 ? "rtm_src_len and rtm_dst_len must be 32 for IPv4"
                                          : "rtm_src_len and rtm_dst_len must be 128 for IPv6"));
  }
  for (uint16_t type = 1; type <= RTA_MAX; ++type) {
    if (!attrs.Has(type) || MayBeAsked(type)) continue;
    return ErrnoStatus(EINVAL, name + (v4 ? "Unsupported attribute in route get request"
                                          : "Unsupported attribute in get route request"));
  }
  return absl::OkStatus();
}

absl::StatusOr<NlAttrs> ParseGet(const Request& request) {
  const Bytes payload = request.message.payload();
  const bool v4 = request.family() == AF_INET;
  const std::string name = v4 ? "ipv4: " : "ipv6: ";
  if (payload.size() < sizeof(rtmsg)) {
    return ErrnoStatus(EINVAL, name + (v4 ? "Invalid header for route get request"
                                          : "Invalid header for get route request"));
  }
  const auto header = ReadStruct<rtmsg>(payload);
  const bool strict = request.client.strict_check;
  if (strict) {
    if (const absl::Status status = CheckStrictHeader(header, name); !status.ok()) return status;
  }
  auto attrs = ParseAttributes(payload.subspan(sizeof(rtmsg)), NLMSG_LENGTH(sizeof(rtmsg)),
                               RoutePolicy(header.rtm_family),
                               strict ? NlParse::kStrict : NlParse::kLegacy, &request.ack);
  if (!attrs.ok() || !strict) return attrs;
  const absl::Status status = CheckStrictAttrs(header, *attrs, name);
  if (!status.ok()) return status;
  return attrs;
}

// rtm_getroute_parse_ip_proto
absl::Status CheckProtocol(const NlAttrs& attrs, uint8_t family) {
  if (!attrs.Has(RTA_IP_PROTO)) return absl::OkStatus();
  const uint8_t protocol = attrs.U8(RTA_IP_PROTO);
  const int icmp = family == AF_INET ? int{IPPROTO_ICMP} : int{IPPROTO_ICMPV6};
  if (protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == icmp) {
    return absl::OkStatus();
  }
  return ErrnoStatus(EOPNOTSUPP, "Unsupported ip proto");
}

uint16_t PortOf(const NlAttrs& attrs, uint16_t type) {
  return attrs.Has(type) ? ntohs(attrs.U16(type)) : 0;
}

Flow FlowOf(const Request& request, const NlAttrs& attrs) {
  const uint8_t family = request.family();
  const auto header = ReadStruct<rtmsg>(request.message.payload());
  Flow flow{.dst = FindAddress(attrs, RTA_DST, family).value_or(IpAddress::Any(family)),
            .tos = static_cast<uint8_t>(header.rtm_tos & kTosMask),
            .uid = attrs.Has(RTA_UID) ? attrs.U32(RTA_UID) : request.client.uid,
            .protocol = attrs.Has(RTA_IP_PROTO) ? attrs.U8(RTA_IP_PROTO) : uint8_t{IPPROTO_UDP},
            .sport = PortOf(attrs, RTA_SPORT),
            .dport = PortOf(attrs, RTA_DPORT)};
  const auto src = FindAddress(attrs, RTA_SRC, family);
  if (src.has_value() && !src->IsAny()) flow.src = *src;
  if (attrs.Has(RTA_OIF)) flow.oif = attrs.S32(RTA_OIF);
  if (attrs.Has(RTA_IIF)) flow.iif = attrs.S32(RTA_IIF);
  if (attrs.Has(RTA_MARK)) flow.mark = attrs.U32(RTA_MARK);
  return flow;
}

// What a packet of IPv4 meets: struct rtable with struct fib_result.
struct Path4 {
  RouteResult result;  // its route may be null
  const Device* device = nullptr;
  uint8_t type = RTN_UNICAST;
  uint32_t flags = 0;      // RTCF_*
  bool with_route = true;  // metrics and gateway of the route count
};

// Finds the way of one packet (ip_route_output_key_hash_rcu, ip_route_input_rcu).
class PathFinder4 {
 public:
  PathFinder4(const Namespace& ns, const Fib4& fib) : ns_(ns), fib_(fib) {}

  absl::StatusOr<Path4> Output(Flow& flow) const {
    if (flow.src.valid()) {
      if (flow.src.IsMulticast() || IsBroadcastOrZero(flow.src)) return ErrnoStatus(EINVAL);
      if (fib_.TypeOf(flow.src) != RTN_LOCAL) return ErrnoStatus(ENETUNREACH);
      if (flow.oif == 0 && IsGroup(flow.dst)) {
        const RouteResult own = fib_.Lookup(Flow{.dst = flow.src});
        if (own.ok() && own.hop != nullptr) return Make(flow, {}, *own.hop->device, 0);
      }
    }
    const Device* device = nullptr;
    if (flow.oif != 0) {
      device = ns_.FindByIndex(flow.oif);
      if (device == nullptr) return ErrnoStatus(ENODEV);
      if (!device->up()) return ErrnoStatus(ENETUNREACH);
      if (IsLocalMulticast(flow.dst) || flow.dst.ToV4() == kLimitedBroadcast) {
        if (!flow.src.valid()) flow.src = fib_.SelectSource(device, {}, RT_SCOPE_LINK);
        return Make(flow, {}, *device, 0);
      }
      if (!flow.src.valid() && flow.dst.IsMulticast()) {
        flow.src = fib_.SelectSource(device, {}, flow.scope);
      } else if (!flow.src.valid() && flow.dst.IsAny()) {
        flow.src = fib_.SelectSource(device, {}, RT_SCOPE_HOST);
      }
    }
    if (flow.dst.IsAny()) return ToSelf(flow);
    return ByRoute(flow, device);
  }

  // Only what is for this host gets anywhere: nothing is forwarded.
  absl::StatusOr<Path4> Input(Flow& flow) const {
    const Device* device = ns_.FindByIndex(flow.iif);
    if (device == nullptr) return ErrnoStatus(ENODEV);
    if (flow.dst.IsMulticast()) return InputGroup(flow, *device);
    const bool everybody = flow.dst.ToV4() == kLimitedBroadcast;
    if (everybody || (!flow.src.valid() && flow.dst.IsAny())) {
      if (flow.src.valid() && flow.src.IsMulticast()) return ErrnoStatus(EINVAL);
      return Path4{.device = ns_.FindByIndex(kLoopbackIndex),
                   .type = RTN_BROADCAST,
                   .flags = kLocalFlag | kBroadcastFlag,
                   .with_route = false};
    }
    if (!flow.src.valid() || IsBroadcastOrZero(flow.src) || flow.src.IsMulticast() ||
        IsZeroNet(flow.dst)) {
      return ErrnoStatus(EINVAL);
    }
    const bool loopback = (device->flags & IFF_LOOPBACK) != 0;
    if (!loopback && (flow.src.IsLoopback() || flow.dst.IsLoopback())) return ErrnoStatus(EINVAL);
    Flow lookup = flow;
    lookup.oif = 0;
    const RouteResult result = fib_.Lookup(lookup);
    const bool ours = result.ok() && (result.type == RTN_LOCAL || result.type == RTN_BROADCAST);
    if (!ours) return ErrnoStatus(EHOSTUNREACH);
    if (!loopback && fib_.TypeOf(flow.src) == RTN_LOCAL) return ErrnoStatus(EINVAL);
    Path4 path{.result = result,
               .device = ns_.FindByIndex(kLoopbackIndex),
               .type = result.type,
               .flags = kLocalFlag};
    if (result.type == RTN_BROADCAST) path.flags |= kBroadcastFlag;
    path.with_route = false;
    return path;
  }

 private:
  static constexpr uint32_t kLocalFlag = RTCF_LOCAL, kBroadcastFlag = RTCF_BROADCAST,
                            kMulticastFlag = RTCF_MULTICAST;

  static bool IsZeroNet(const IpAddress& address) { return address.ToV4() >> 24 == 0; }
  static bool IsBroadcastOrZero(const IpAddress& address) {
    return IsZeroNet(address) || address.ToV4() == kLimitedBroadcast;
  }
  static bool IsGroup(const IpAddress& address) {
    return address.IsMulticast() || address.ToV4() == kLimitedBroadcast;
  }

  // ip_route_input_mc
  absl::StatusOr<Path4> InputGroup(const Flow& flow, const Device& device) const {
    const bool nobody = !flow.src.valid() || IsZeroNet(flow.src);
    if (!IsMember(device, flow.dst)) return ErrnoStatus(EINVAL);
    if (nobody && !IsLocalMulticast(flow.dst)) return ErrnoStatus(EINVAL);
    if (!nobody &&
        (IsGroup(flow.src) || flow.src.IsLoopback() || fib_.TypeOf(flow.src) == RTN_LOCAL)) {
      return ErrnoStatus(EINVAL);
    }
    return Path4{.device = ns_.FindByIndex(kLoopbackIndex),
                 .type = RTN_MULTICAST,
                 .flags = kLocalFlag | kMulticastFlag,
                 .with_route = false};
  }

  // The groups of a device: that of all hosts while it is up, and those that it joined because it
  // has their addresses (ip_check_mc_rcu).
  static bool IsMember(const Device& device, const IpAddress& group) {
    if (IsAllHosts(group)) return device.up() && HasInet(device);
    if (device.inet == nullptr) return false;
    const auto& addresses = device.inet->v4;
    return std::any_of(addresses.begin(), addresses.end(), [&](const InetAddress& address) {
      return address.local == group && (address.flags & IFA_F_MCAUTOJOIN) != 0;
    });
  }

  absl::StatusOr<Path4> ToSelf(Flow& flow) const {
    if (!flow.src.valid() || flow.src.IsAny()) flow.src = IpAddress::V4(kLoopbackAddress);
    flow.dst = flow.src;
    RouteResult result{.type = RTN_LOCAL};
    return Make(flow, result, *ns_.FindByIndex(kLoopbackIndex), kLocalFlag);
  }

  absl::StatusOr<Path4> ByRoute(Flow& flow, const Device* device) const {
    const RouteResult result = fib_.Resolve(flow);
    if (!result.ok()) {
      if (device == nullptr) return ErrnoStatus(result.error);
      // With the link given, everybody is taken to be on it.
      if (!flow.src.valid()) flow.src = fib_.SelectSource(device, {}, RT_SCOPE_LINK);
      return Make(flow, {.type = RTN_UNICAST}, *device, 0);
    }
    const bool local = result.type == RTN_LOCAL;
    return Make(flow, result, local ? *ns_.FindByIndex(kLoopbackIndex) : *result.hop->device,
                local ? kLocalFlag : 0);
  }

  // __mkroute_output
  absl::StatusOr<Path4> Make(const Flow& flow, const RouteResult& result, const Device& device,
                             uint32_t flags) const {
    const bool loopback = (device.flags & IFF_LOOPBACK) != 0;
    if (flow.src.valid() && flow.src.IsLoopback() && !loopback) return ErrnoStatus(EINVAL);
    Path4 path{.result = result, .device = &device, .type = result.type, .flags = flags};
    if (result.route == nullptr && path.type == RTN_UNSPEC) path.type = RTN_UNICAST;
    if (flow.dst.ToV4() == kLimitedBroadcast) {
      path.type = RTN_BROADCAST;
    } else if (flow.dst.IsMulticast()) {
      path.type = RTN_MULTICAST;
    } else if (IsZeroNet(flow.dst)) {
      return ErrnoStatus(EINVAL);
    }
    if (loopback) path.flags |= kLocalFlag;
    if (path.type == RTN_BROADCAST) {
      path.flags |= kBroadcastFlag | kLocalFlag;
      path.with_route = false;
    } else if (path.type == RTN_MULTICAST) {
      path.flags |= kMulticastFlag;
      if (IsAllHosts(flow.dst)) path.flags |= kLocalFlag;
      if (result.route != nullptr && result.route->dst.length < 4) path.with_route = false;
    }
    return path;
  }

  // The group that every host is a member of.
  static bool IsAllHosts(const IpAddress& address) { return address.ToV4() == 0xe0000001; }

  const Namespace& ns_;
  const Fib4& fib_;
};

// rt_fill_info
void FillPath4(const Path4& path, const Flow& flow, const IpAddress& dst, const IpAddress& src,
               uint32_t table, uint32_t asked, bool with_uid, const MessageHead& head,
               Datagram& out) {
  // The question whether to be told of changes is answered, but nobody is.
  const bool notify = (asked & RTM_F_NOTIFY) != 0;
  const uint32_t flags = notify ? RTCF_NOTIFY | RTM_F_NOTIFY : 0;
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(
      rtmsg{.rtm_family = AF_INET,
            .rtm_dst_len = 32,
            .rtm_src_len = static_cast<uint8_t>(src.valid() ? 32 : 0),
            .rtm_tos = path.result.route == nullptr ? uint8_t{0} : path.result.route->tos,
            .rtm_table = static_cast<uint8_t>(table < 256 ? table : RT_TABLE_COMPAT),
            .rtm_type = path.type,
            .rtm_flags = (path.flags & ~0xffffu) | flags | RTM_F_CLONED});
  writer.PutU32(RTA_TABLE, table);
  writer.PutBytes(RTA_DST, dst.AsBytes());
  if (src.valid()) writer.PutBytes(RTA_SRC, src.AsBytes());
  writer.PutS32(RTA_OIF, path.device->ifindex);
  const bool input = flow.iif != 0;
  if (!input && flow.src.valid() && flow.src != src) {
    writer.PutBytes(RTA_PREFSRC, flow.src.AsBytes());
  }
  const IpRoute* route = path.with_route ? path.result.route : nullptr;
  const NextHop* hop = route == nullptr ? nullptr : path.result.hop;
  if (hop != nullptr && hop->gateway.valid() && hop->scope == RT_SCOPE_LINK) {
    PutGateway(hop->gateway, AF_INET, writer);
  }
  if (route != nullptr) PutMetrics(route->metrics.get(), writer);
  if (flow.mark != 0) writer.PutU32(RTA_MARK, flow.mark);
  if (with_uid) writer.PutU32(RTA_UID, flow.uid);
  if (input) writer.PutS32(RTA_IIF, flow.iif);
  PutRouteCacheInfo(0, 0, writer);
  writer.End();
}

}  // namespace

absl::Status Router::GetRoute(const Request& request) {
  const uint8_t family = request.family();
  if (IsMrouteFamily(family)) return GetMroute(request);
  const auto attrs = ParseGet(request);
  if (!attrs.ok()) return attrs.status();
  const absl::Status status = CheckProtocol(*attrs, family);
  if (!status.ok()) return status;
  return family == AF_INET ? GetRoute4(request, *attrs) : GetRoute6(request, *attrs);
}

absl::Status Router::GetRoute4(const Request& request, const NlAttrs& attrs) {
  const Namespace& ns = *request.client.ns;
  const PathFinder4 finder(ns, TablesOf(ns).fib4);
  const uint32_t flags = ReadStruct<rtmsg>(request.message.payload()).rtm_flags;
  Flow flow = FlowOf(request, attrs);
  const IpAddress dst = flow.dst, src = flow.src;
  const absl::StatusOr<Path4> path = flow.iif != 0 ? finder.Input(flow) : finder.Output(flow);
  if (!path.ok()) return path.status();
  const IpRoute* route = path->result.route;
  uint32_t table = RT_TABLE_MAIN;
  if ((flags & RTM_F_LOOKUP_TABLE) != 0) table = route == nullptr ? 0 : path->result.table;
  Datagram reply;
  if ((flags & RTM_F_FIB_MATCH) != 0) {
    if (route == nullptr) return ErrnoStatus(EHOSTUNREACH);
    IpRoute matched = *route;
    matched.table = table;
    matched.type = path->type;
    FillRoute4(matched, ReplyHead(request, RTM_NEWROUTE), reply);
  } else {
    const bool with_uid = (flow.iif == 0 || attrs.Has(RTA_UID)) && flow.uid != kNoUid;
    FillPath4(*path, flow, dst, src, table, flags, with_uid, ReplyHead(request, RTM_NEWROUTE),
              reply);
  }
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

absl::Status Router::GetRoute6(const Request& request, const NlAttrs& attrs) {
  const Namespace& ns = *request.client.ns;
  const Fib6& fib = TablesOf(ns).fib6;
  const uint32_t flags = ReadStruct<rtmsg>(request.message.payload()).rtm_flags;
  const Flow flow = FlowOf(request, attrs);
  for (const uint16_t type : {RTA_SRC, RTA_DST}) {
    if (attrs.Has(type) && attrs.Binary(type).size() < 16) return ErrnoStatus(EINVAL);
  }
  if (flow.iif != 0 && ns.FindByIndex(flow.iif) == nullptr) return ErrnoStatus(ENODEV);
  const RouteResult result = flow.iif != 0 ? fib.ResolveInput(flow) : fib.Resolve(flow);
  if (!result.ok()) return ErrnoStatus(result.error);
  // What comes in for a group is a matter of multicast routing, which does not run.
  if (flow.iif != 0 && result.route->dst.address.IsMulticast()) return ErrnoStatus(EMSGSIZE);
  Datagram reply;
  if ((flags & RTM_F_FIB_MATCH) != 0) {
    FillRoute6(fib.Siblings(*result.route), ReplyHead(request, RTM_NEWROUTE),
               MonotonicTime::clock::now(), reply);
  } else {
    FillPath6(ns, fib, result, flow, ReplyHead(request, RTM_NEWROUTE), reply);
  }
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

// rt6_fill_node with a destination
void Router::FillPath6(const Namespace& ns, const Fib6& fib, const RouteResult& result,
                       const Flow& flow, const MessageHead& head, Datagram& out) {
  const IpRoute& route = *result.route;
  const bool strict = route.dst.address.IsMulticast() || route.dst.address.IsLinkLocal() ||
                      route.dst.address.IsLoopback();
  const bool local = (route.type == RTN_LOCAL || route.type == RTN_ANYCAST) && !strict;
  const Device* device = local ? ns.FindByIndex(kLoopbackIndex) : result.hop->device;
  const IpAddress src = flow.src.valid() ? flow.src : IpAddress::Any(AF_INET6);
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(
      rtmsg{.rtm_family = AF_INET6,
            .rtm_dst_len = 128,
            .rtm_src_len = 128,
            .rtm_table = static_cast<uint8_t>(route.table < 256 ? route.table : RT_TABLE_COMPAT),
            .rtm_protocol = route.protocol,
            .rtm_type = route.type});
  writer.PutU32(RTA_TABLE, route.table);
  writer.PutBytes(RTA_DST, flow.dst.AsBytes());
  writer.PutBytes(RTA_SRC, src.AsBytes());
  if (flow.iif != 0) {
    writer.PutS32(RTA_IIF, flow.iif);
  } else {
    const std::optional<IpAddress> chosen = route.prefsrc.valid()
                                                ? std::optional(route.prefsrc)
                                                : fib.SelectSource(result.hop->device, flow.dst);
    if (chosen.has_value()) writer.PutBytes(RTA_PREFSRC, chosen->AsBytes());
  }
  if (route.prefsrc.valid()) writer.PutBytes(RTA_PREFSRC, route.prefsrc.AsBytes());
  PutMetrics(route.metrics.get(), writer);
  writer.PutU32(RTA_PRIORITY, route.priority);
  PutGateway(result.hop->gateway, AF_INET6, writer);
  if (device != nullptr) writer.PutS32(RTA_OIF, device->ifindex);
  PutRouteCacheInfo(0, 0, writer);
  writer.PutU8(RTA_PREF, route.preference);
  writer.End();
}

}  // namespace vswitch
