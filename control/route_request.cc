// SPDX-License-Identifier: BSD-3-Clause
#include "control/route_request.h"

#include <linux/lwtunnel.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string_view>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Policy = std::array<NlPolicy, RTA_MAX + 1>;

constexpr Policy MakePolicy(uint8_t family) {
  Policy policy{};
  policy[RTA_UNSPEC].exact_from = RTA_DPORT + 1;
  for (const uint16_t type :
       {RTA_IIF, RTA_OIF, RTA_PRIORITY, RTA_UID, RTA_MARK, RTA_TABLE, RTA_NH_ID}) {
    policy[type] = {.type = NlType::kU32};
  }
  policy[RTA_METRICS] = {.type = NlType::kNested};
  policy[RTA_MULTIPATH] = {.max_len = sizeof(rtnexthop)};
  policy[RTA_ENCAP_TYPE] = {.type = NlType::kU16};
  policy[RTA_ENCAP] = {.type = NlType::kNested};
  policy[RTA_IP_PROTO] = {.type = NlType::kU8};
  policy[RTA_SPORT] = {.type = NlType::kU16};
  policy[RTA_DPORT] = {.type = NlType::kU16};
  if (family == AF_INET) {
    for (const uint16_t type : {RTA_DST, RTA_SRC, RTA_GATEWAY, RTA_PREFSRC, RTA_FLOW}) {
      policy[type] = {.type = NlType::kU32};
    }
    return policy;
  }
  policy[RTA_GATEWAY] = {.max_len = 16};
  policy[RTA_PREFSRC] = {.max_len = 16};
  policy[RTA_PREF] = {.type = NlType::kU8};
  policy[RTA_EXPIRES] = {.type = NlType::kU32};
  return policy;
}
constexpr Policy kPolicy4 = MakePolicy(AF_INET);
constexpr Policy kPolicy6 = MakePolicy(AF_INET6);

// What Debian's kernel can load.
constexpr std::string_view kCongestionControls[] = {
    "bbr", "bic", "cdg",  "cubic",    "dctcp", "highspeed", "htcp",     "hybla", "illinois",
    "lp",  "nv",  "reno", "scalable", "vegas", "veno",      "westwood", "yeah"};

absl::StatusOr<NlAttrs> Parse(const Request& request, std::span<const NlPolicy> policy) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(rtmsg)) {
    const bool v4 = request.family() == AF_INET;
    return ErrnoStatus(EINVAL, v4 ? "" : "Invalid header length");
  }
  return ParseAttributes(payload.subspan(sizeof(rtmsg)), NLMSG_LENGTH(sizeof(rtmsg)), policy,
                         NlParse::kLegacy, &request.ack);
}

// What both families take from the header.
RouteConfig FromHeader(const Request& request) {
  const auto header = ReadStruct<rtmsg>(request.message.payload());
  RouteConfig config{.dst = {IpAddress::Any(header.rtm_family), header.rtm_dst_len},
                     .src = {IpAddress::Any(header.rtm_family), header.rtm_src_len},
                     .tos = header.rtm_tos,
                     .type = header.rtm_type,
                     .scope = header.rtm_scope,
                     .protocol = header.rtm_protocol,
                     .table = header.rtm_table,
                     .flags = header.rtm_flags,
                     .nlflags = request.flags()};
  return config;
}

// What both families take from attributes without looking.
void TakeCommon(const NlAttrs& attrs, RouteConfig& config) {
  if (attrs.Has(RTA_OIF)) config.oif = attrs.S32(RTA_OIF);
  if (attrs.Has(RTA_PRIORITY)) config.priority = attrs.U32(RTA_PRIORITY);
  if (attrs.Has(RTA_TABLE)) config.table = attrs.U32(RTA_TABLE);
  if (attrs.Has(RTA_METRICS)) config.metrics = *attrs.Find(RTA_METRICS);
  if (attrs.Has(RTA_MULTIPATH)) config.multipath = *attrs.Find(RTA_MULTIPATH);
  if (attrs.Has(RTA_NH_ID)) config.nexthop_id = attrs.U32(RTA_NH_ID);
}

// lwtunnel_valid_encap_type_attr
absl::Status CheckEncaps(const NlAttr& multipath) {
  bool leftover = false;
  for (const HopConfig& hop : ListHops(multipath, leftover)) {
    if (!hop.encap_type.has_value()) continue;
    if (hop.encap_type->value.size() < sizeof(uint16_t)) {
      return ErrnoStatus(EINVAL, "Invalid RTA_ENCAP_TYPE");
    }
    const absl::Status refused = RefuseEncap(ReadStruct<uint16_t>(hop.encap_type->value));
    return ErrnoStatus(EOPNOTSUPP, std::string(refused.message().data(), refused.message().size()));
  }
  return absl::OkStatus();
}

absl::Status CheckEncap(const NlAttrs& attrs) {
  if (attrs.Has(RTA_MULTIPATH)) {
    const absl::Status status = CheckEncaps(*attrs.Find(RTA_MULTIPATH));
    if (!status.ok()) return status;
  }
  return attrs.Has(RTA_ENCAP_TYPE) ? RefuseEncap(attrs.U16(RTA_ENCAP_TYPE)) : absl::OkStatus();
}

absl::Status CheckPrefix4(const RouteConfig& config) {
  if (config.dst.length > 32) return ErrnoStatus(EINVAL, "Invalid prefix length");
  if (config.dst != config.dst.Network()) {
    return ErrnoStatus(EINVAL, "Invalid prefix for given prefix length");
  }
  return absl::OkStatus();
}

absl::Status TakeAddresses6(const NlAttrs& attrs, RouteConfig& config) {
  if (attrs.Has(RTA_GATEWAY)) config.gateway = *FindAddress(attrs, RTA_GATEWAY, AF_INET6);
  if (attrs.Has(RTA_VIA)) {
    return ErrnoStatus(EINVAL, "IPv6 does not support RTA_VIA attribute");
  }
  for (const auto& [type, prefix] : {std::pair(RTA_DST, &config.dst), {RTA_SRC, &config.src}}) {
    if (!attrs.Has(type)) continue;
    const Bytes value = attrs.Binary(type);
    const size_t wanted = (prefix->length + 7u) / 8;
    if (value.size() < wanted) return ErrnoStatus(EINVAL);
    prefix->address = IpAddress::Read(AF_INET6, value.first(std::min<size_t>(wanted, 16)));
  }
  if (attrs.Has(RTA_PREFSRC)) {
    const IpAddress prefsrc = *FindAddress(attrs, RTA_PREFSRC, AF_INET6);
    if (!prefsrc.IsAny()) config.prefsrc = prefsrc;
  }
  return absl::OkStatus();
}

}  // namespace

std::span<const NlPolicy> RoutePolicy(uint8_t family) {
  return family == AF_INET ? kPolicy4 : kPolicy6;
}

absl::StatusOr<RouteConfig> ParseRoute4(const Request& request) {
  const auto attrs = Parse(request, kPolicy4);
  if (!attrs.ok()) return attrs.status();
  RouteConfig config = FromHeader(request);
  if ((config.tos & 3) != 0) {
    return ErrnoStatus(EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
  }
  if (config.type > RTN_MAX) return ErrnoStatus(EINVAL, "Invalid route type");
  TakeCommon(*attrs, config);
  config.dst.address = FindAddress(*attrs, RTA_DST, AF_INET).value_or(IpAddress::Any(AF_INET));
  if (attrs->Has(RTA_GATEWAY)) {
    const IpAddress gateway = *FindAddress(*attrs, RTA_GATEWAY, AF_INET);
    if (!gateway.IsAny()) config.gateway = gateway;
  }
  if (attrs->Has(RTA_VIA)) {
    const absl::StatusOr<IpAddress> via = ParseVia(*attrs->Find(RTA_VIA));
    if (!via.ok()) return via.status();
    config.gateway = *via;
  }
  if (attrs->Has(RTA_PREFSRC)) {
    const IpAddress prefsrc = *FindAddress(*attrs, RTA_PREFSRC, AF_INET);
    if (!prefsrc.IsAny()) config.prefsrc = prefsrc;
  }
  if (attrs->Has(RTA_FLOW)) config.flow = attrs->U32(RTA_FLOW);
  if (const absl::Status status = CheckEncap(*attrs); !status.ok()) return status;
  if (const absl::Status status = CheckPrefix4(config); !status.ok()) return status;
  if (config.nexthop_id != 0 && (config.oif != 0 || config.gateway.valid() ||
                                 attrs->Has(RTA_ENCAP) || config.multipath.has_value())) {
    return ErrnoStatus(EINVAL, "Nexthop specification and nexthop id are mutually exclusive");
  }
  if (attrs->Has(RTA_GATEWAY) && attrs->Has(RTA_VIA)) {
    return ErrnoStatus(EINVAL, "Nexthop configuration can not contain both GATEWAY and VIA");
  }
  if (config.table == RT_TABLE_UNSPEC) config.table = RT_TABLE_MAIN;
  return config;
}

absl::StatusOr<RouteConfig> ParseRoute6(const Request& request) {
  const auto attrs = Parse(request, kPolicy6);
  if (!attrs.ok()) return attrs.status();
  RouteConfig config = FromHeader(request);
  if (config.tos != 0) {
    return ErrnoStatus(EINVAL, "Invalid dsfield (tos): option not available for IPv6");
  }
  TakeCommon(*attrs, config);
  if (attrs->Has(RTA_NH_ID) && (attrs->Has(RTA_GATEWAY) || attrs->Has(RTA_OIF) ||
                                attrs->Has(RTA_MULTIPATH) || attrs->Has(RTA_ENCAP))) {
    return ErrnoStatus(EINVAL, "Nexthop specification and nexthop id are mutually exclusive");
  }
  if (const absl::Status status = TakeAddresses6(*attrs, config); !status.ok()) return status;
  if (attrs->Has(RTA_MULTIPATH)) {
    const absl::Status status = CheckEncaps(*attrs->Find(RTA_MULTIPATH));
    if (!status.ok()) return status;
  }
  if (attrs->Has(RTA_PREF)) config.preference = attrs->U8(RTA_PREF);
  if (attrs->Has(RTA_ENCAP_TYPE)) return RefuseEncap(attrs->U16(RTA_ENCAP_TYPE));
  if (attrs->Has(RTA_EXPIRES)) config.expires = attrs->U32(RTA_EXPIRES);
  return config;
}

std::vector<HopConfig> ListHops(const NlAttr& multipath, bool& leftover) {
  std::vector<HopConfig> hops;
  Bytes rest = multipath.value;
  auto offset = static_cast<uint32_t>(multipath.offset + NLA_HDRLEN);
  while (rest.size() >= sizeof(rtnexthop)) {
    const auto header = ReadStruct<rtnexthop>(rest);
    if (header.rtnh_len < sizeof(rtnexthop) || header.rtnh_len > rest.size()) break;
    HopConfig hop{
        .oif = header.rtnh_ifindex, .flags = header.rtnh_flags, .weight = header.rtnh_hops + 1u};
    const Bytes attrs = rest.subspan(sizeof(rtnexthop), header.rtnh_len - sizeof(rtnexthop));
    for (const NlAttr& attr :
         ListAttributes(attrs, offset + static_cast<uint32_t>(sizeof(rtnexthop)))) {
      std::optional<NlAttr>* slot = attr.type == RTA_GATEWAY      ? &hop.gateway
                                    : attr.type == RTA_VIA        ? &hop.via
                                    : attr.type == RTA_FLOW       ? &hop.flow
                                    : attr.type == RTA_ENCAP_TYPE ? &hop.encap_type
                                                                  : nullptr;
      if (slot != nullptr && !slot->has_value()) *slot = attr;
    }
    hops.push_back(hop);
    const size_t step = std::min<size_t>(NLA_ALIGN(header.rtnh_len), rest.size());
    rest = rest.subspan(step);
    offset += static_cast<uint32_t>(step);
  }
  leftover = !rest.empty();
  return hops;
}

absl::StatusOr<IpAddress> ParseVia(const NlAttr& via) {
  constexpr size_t kFamilySize = offsetof(rtvia, rtvia_addr);
  if (via.value.size() < kFamilySize) {
    return ErrnoStatus(EINVAL, "Invalid attribute length for RTA_VIA");
  }
  const auto family = ReadStruct<uint16_t>(via.value);
  const Bytes address = via.value.subspan(kFamilySize);
  if (family != AF_INET && family != AF_INET6) {
    return ErrnoStatus(EINVAL, "Unsupported address family in RTA_VIA");
  }
  if (address.size() != IpAddress::Size(static_cast<uint8_t>(family))) {
    return ErrnoStatus(EINVAL, family == AF_INET ? "Invalid IPv4 address in RTA_VIA"
                                                 : "Invalid IPv6 address in RTA_VIA");
  }
  return IpAddress::Read(static_cast<uint8_t>(family), address);
}

absl::StatusOr<std::shared_ptr<const RouteMetrics>> ParseMetrics(
    const std::optional<NlAttr>& metrics, ExtAck& ack) {
  if (!metrics.has_value()) return nullptr;
  auto parsed = std::make_shared<RouteMetrics>();
  for (const NlAttr& attr :
       ListAttributes(metrics->value, metrics->offset + static_cast<uint32_t>(NLA_HDRLEN))) {
    if (attr.type == 0) continue;
    if (attr.type > RTAX_MAX) return ErrnoStatus(EINVAL, "Invalid metric type");
    if (attr.type == RTAX_CC_ALGO) {
      const std::string_view text(reinterpret_cast<const char*>(attr.value.data()),
                                  attr.value.size());
      const std::string_view name = text.substr(0, text.find('\0'));
      if (std::find(std::begin(kCongestionControls), std::end(kCongestionControls), name) ==
          std::end(kCongestionControls)) {
        return ErrnoStatus(EINVAL, "Unknown tcp congestion algorithm");
      }
      parsed->congestion_control = name;
      continue;
    }
    if (attr.value.size() != sizeof(uint32_t)) {
      ack.offset = attr.offset;
      return ErrnoStatus(EINVAL, "Invalid attribute in metrics");
    }
    auto value = ReadStruct<uint32_t>(attr.value);
    if (attr.type == RTAX_ADVMSS) value = std::min<uint32_t>(value, 65535 - 40);
    if (attr.type == RTAX_MTU) value = std::min<uint32_t>(value, 65535 - 15);
    if (attr.type == RTAX_HOPLIMIT) value = std::min<uint32_t>(value, 255);
    if (attr.type == RTAX_FEATURES && (value & ~uint32_t{RTAX_FEATURE_MASK}) != 0) {
      return ErrnoStatus(EINVAL, "Unknown flag set in feature mask in metrics attribute");
    }
    parsed->values[attr.type] = value;
  }
  return parsed;
}

absl::Status RefuseEncap(uint16_t type) {
  if (type == LWTUNNEL_ENCAP_NONE || type > LWTUNNEL_ENCAP_MAX) {
    return ErrnoStatus(EINVAL, "Unknown lwt encapsulation type");
  }
  return ErrnoStatus(EOPNOTSUPP, "lwt encapsulation type not supported");
}

}  // namespace vswitch
