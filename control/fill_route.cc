// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_route.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>

#include "control/nexthop.h"

namespace vswitch {

namespace {

constexpr uint32_t kTables = 256;  // those whose number fits rtm_table

rtmsg Header(const IpRoute& route) {
  return {.rtm_family = route.dst.address.family,
          .rtm_dst_len = route.dst.length,
          .rtm_src_len = route.src.length,
          .rtm_tos = route.tos,
          .rtm_table = static_cast<uint8_t>(route.table < kTables ? route.table : RT_TABLE_COMPAT),
          .rtm_protocol = route.protocol,
          .rtm_scope = route.scope,
          .rtm_type = route.type,
          .rtm_flags = route.flags};
}

// fib_nexthop_info: the flags of a hop that clients see.
uint32_t FlagsOf(const NextHop& hop) {
  return hop.flags & (RTNH_F_DEAD | RTNH_F_LINKDOWN | RTNH_F_ONLINK);
}

void PutHop(const NextHop& hop, uint8_t family, NlWriter& writer) {
  PutGateway(hop.gateway, family, writer);
  if (hop.device != nullptr) writer.PutS32(RTA_OIF, hop.device->ifindex);
}

// fib_add_nexthop
void PutMultipathHop(const NextHop& hop, uint8_t family, Datagram& out, NlWriter& writer) {
  const size_t start = out.size();
  rtnexthop header{.rtnh_flags = static_cast<uint8_t>(FlagsOf(hop)),
                   .rtnh_hops = static_cast<uint8_t>(hop.weight - 1),
                   .rtnh_ifindex = hop.device == nullptr ? 0 : hop.device->ifindex};
  writer.PutStruct(header);
  PutGateway(hop.gateway, family, writer);
  if (hop.flow != 0) writer.PutU32(RTA_FLOW, hop.flow);
  header.rtnh_len = static_cast<uint16_t>(out.size() - start);
  std::memcpy(out.data() + start, &header, sizeof(header));
}

void PutMultipath(const std::vector<NextHop>& hops, uint8_t family, Datagram& out,
                  NlWriter& writer) {
  const size_t nest = writer.BeginNest(RTA_MULTIPATH);
  for (const NextHop& hop : hops) PutMultipathHop(hop, family, out, writer);
  writer.EndNest(nest);
}

// Flags and type are known only when the rest is: the header is written again.
void PatchHeader(size_t at, const rtmsg& header, Datagram& out) {
  std::memcpy(out.data() + at + sizeof(nlmsghdr), &header, sizeof(header));
}

int32_t ExpiresIn(const IpRoute& route, MonotonicTime now) {
  using Hundredths = std::chrono::duration<int64_t, std::centi>;
  if (!route.expires.has_value()) return 0;
  const int64_t left = std::chrono::duration_cast<Hundredths>(*route.expires - now).count();
  return static_cast<int32_t>(std::clamp<int64_t>(left, -INT32_MAX, INT32_MAX));
}

}  // namespace

void PutGateway(const IpAddress& gateway, uint8_t family, NlWriter& writer) {
  if (!gateway.valid()) return;
  if (gateway.family == family) return writer.PutBytes(RTA_GATEWAY, gateway.AsBytes());
  std::vector<uint8_t> via(offsetof(rtvia, rtvia_addr) + gateway.size());
  via[0] = gateway.family;
  const Bytes bytes = gateway.AsBytes();
  std::copy(bytes.begin(), bytes.end(), via.begin() + offsetof(rtvia, rtvia_addr));
  writer.PutBytes(RTA_VIA, via);
}

void PutMetrics(const RouteMetrics* metrics, NlWriter& writer) {
  if (metrics == nullptr || *metrics == RouteMetrics{}) return;
  const size_t nest = writer.BeginNest(RTA_METRICS);
  for (uint16_t type = 1; type <= RTAX_MAX; ++type) {
    if (type == RTAX_CC_ALGO && !metrics->congestion_control.empty()) {
      writer.PutString(type, metrics->congestion_control);
    } else if (metrics->values[type] != 0) {
      writer.PutU32(type, metrics->values[type]);
    }
  }
  writer.EndNest(nest);
}

void PutRouteCacheInfo(int32_t expires, uint32_t error, NlWriter& writer) {
  const rta_cacheinfo info{.rta_expires = expires, .rta_error = error};
  writer.PutBytes(RTA_CACHEINFO, {reinterpret_cast<const uint8_t*>(&info), sizeof(info)});
}

void FillRoute4(const IpRoute& route, const MessageHead& head, Datagram& out) {
  const size_t start = out.size();
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  rtmsg header = Header(route);
  writer.PutStruct(header);
  writer.PutU32(RTA_TABLE, route.table);
  if (route.dst.length != 0) writer.PutBytes(RTA_DST, route.dst.address.AsBytes());
  if (route.priority != 0) writer.PutU32(RTA_PRIORITY, route.priority);
  PutMetrics(route.metrics.get(), writer);
  if (route.prefsrc.valid()) writer.PutBytes(RTA_PREFSRC, route.prefsrc.AsBytes());
  if (route.nexthop != nullptr) {
    writer.PutU32(RTA_NH_ID, route.nexthop->id);
    if (route.nexthop->IsBlackhole()) header.rtm_type = RTN_BLACKHOLE;
  }
  const std::vector<NextHop>& hops = HopsOf(route);
  if (hops.size() == 1) {
    PutHop(hops[0], AF_INET, writer);
    header.rtm_flags = FlagsOf(hops[0]);
    if (hops[0].flow != 0) writer.PutU32(RTA_FLOW, hops[0].flow);
  } else {
    PutMultipath(hops, AF_INET, out, writer);
  }
  writer.End();
  PatchHeader(start, header, out);
}

void FillRoute6(const std::vector<const IpRoute*>& routes, const MessageHead& head,
                MonotonicTime now, Datagram& out) {
  const IpRoute& route = *routes.front();
  const size_t start = out.size();
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  rtmsg header = Header(route);
  header.rtm_flags = 0;
  writer.PutStruct(header);
  writer.PutU32(RTA_TABLE, route.table);
  if (route.dst.length != 0) writer.PutBytes(RTA_DST, route.dst.address.AsBytes());
  if (route.src.length != 0) writer.PutBytes(RTA_SRC, route.src.address.AsBytes());
  if (route.prefsrc.valid()) writer.PutBytes(RTA_PREFSRC, route.prefsrc.AsBytes());
  PutMetrics(route.metrics.get(), writer);
  writer.PutU32(RTA_PRIORITY, route.priority);
  if (routes.size() > 1) {
    std::vector<NextHop> hops;
    for (const IpRoute* sibling : routes) hops.push_back(sibling->hops[0]);
    PutMultipath(hops, AF_INET6, out, writer);
  } else if (route.nexthop != nullptr) {
    writer.PutU32(RTA_NH_ID, route.nexthop->id);
    if (route.nexthop->IsBlackhole()) header.rtm_type = RTN_BLACKHOLE;
    const std::vector<NextHop>& hops = HopsOf(route);
    if (route.nexthop->group()) {
      PutMultipath(hops, AF_INET6, out, writer);
    } else {
      PutHop(hops[0], AF_INET6, writer);
      header.rtm_flags |= FlagsOf(hops[0]);
    }
  } else {
    PutHop(route.hops[0], AF_INET6, writer);
    header.rtm_flags |= FlagsOf(route.hops[0]);
  }
  PutRouteCacheInfo(ExpiresIn(route, now), 0, writer);
  writer.PutU8(RTA_PREF, route.preference);
  writer.End();
  PatchHeader(start, header, out);
}

}  // namespace vswitch
