// SPDX-License-Identifier: BSD-3-Clause
// RTM_SETNEIGHTBL: changes limits and timing of the neighbour tables (neightbl_set).
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>

#include "control/fill_af_spec.h"
#include "control/neigh_params.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// nl_neightbl_policy
constexpr std::array<NlPolicy, NDTA_MAX + 1> MakePolicy() {
  std::array<NlPolicy, NDTA_MAX + 1> policy{};
  policy[NDTA_NAME] = {.type = NlType::kString};
  for (const uint16_t type : {NDTA_THRESH1, NDTA_THRESH2, NDTA_THRESH3}) {
    policy[type] = {.type = NlType::kU32};
  }
  policy[NDTA_GC_INTERVAL] = {.type = NlType::kU64};
  policy[NDTA_PARMS] = {.type = NlType::kNested};
  return policy;
}
constexpr std::array<NlPolicy, NDTA_MAX + 1> kPolicy = MakePolicy();

// nl_ntbl_parm_policy
constexpr std::array<NlPolicy, NDTPA_MAX + 1> MakeParamsPolicy() {
  std::array<NlPolicy, NDTPA_MAX + 1> policy{};
  for (const uint16_t type : {NDTPA_IFINDEX, NDTPA_QUEUE_LEN, NDTPA_PROXY_QLEN, NDTPA_APP_PROBES,
                              NDTPA_UCAST_PROBES, NDTPA_MCAST_PROBES, NDTPA_MCAST_REPROBES}) {
    policy[type] = {.type = NlType::kU32};
  }
  for (const uint16_t type :
       {NDTPA_BASE_REACHABLE_TIME, NDTPA_GC_STALETIME, NDTPA_DELAY_PROBE_TIME, NDTPA_RETRANS_TIME,
        NDTPA_ANYCAST_DELAY, NDTPA_PROXY_DELAY, NDTPA_LOCKTIME, NDTPA_INTERVAL_PROBE_TIME_MS}) {
    policy[type] = {.type = NlType::kU64};
  }
  return policy;
}
constexpr std::array<NlPolicy, NDTPA_MAX + 1> kParamsPolicy = MakeParamsPolicy();

// What Linux makes of a number of milliseconds: they are cut to 32 bits and rounded up to its
// ticks, and those that are no positive int become the largest long, cut to an int
// (nla_get_msecs).
Milliseconds ReadTime(const NlAttrs& attrs, uint16_t type) {
  constexpr int64_t kTick = 4;
  const auto time = static_cast<int32_t>(ReadStruct<uint64_t>(attrs.Binary(type)));
  if (time < 0) return Milliseconds(-2 * kTick);
  return Milliseconds((time + kTick - 1) / kTick * kTick);
}

struct TimeAttribute {
  uint16_t type;
  Milliseconds NeighParams::*field;
};
constexpr TimeAttribute kTimes[] = {
    {NDTPA_BASE_REACHABLE_TIME, &NeighParams::base_reachable},
    {NDTPA_GC_STALETIME, &NeighParams::gc_stale},
    {NDTPA_DELAY_PROBE_TIME, &NeighParams::delay_probe},
    {NDTPA_RETRANS_TIME, &NeighParams::retransmit},
    {NDTPA_ANYCAST_DELAY, &NeighParams::anycast_delay},
    {NDTPA_PROXY_DELAY, &NeighParams::proxy_delay},
    {NDTPA_LOCKTIME, &NeighParams::locktime},
    {NDTPA_INTERVAL_PROBE_TIME_MS, &NeighParams::interval_probe},
};

struct CountAttribute {
  uint16_t type;
  uint32_t NeighParams::*field;
  uint32_t factor = 1;
};
constexpr CountAttribute kCounts[] = {
    {NDTPA_QUEUE_LEN, &NeighParams::queue_bytes, kFrameTruesize},
    {NDTPA_PROXY_QLEN, &NeighParams::proxy_queue},
    {NDTPA_APP_PROBES, &NeighParams::app_probes},
    {NDTPA_UCAST_PROBES, &NeighParams::unicast_probes},
    {NDTPA_MCAST_PROBES, &NeighParams::multicast_probes},
    {NDTPA_QUEUE_LENBYTES, &NeighParams::queue_bytes},  // wins over packets
    {NDTPA_MCAST_REPROBES, &NeighParams::multicast_reprobes},
};

void Apply(const NlAttrs& attrs, NeighParams& params) {
  for (const auto& [type, field, factor] : kCounts) {
    if (attrs.Has(type)) params.*field = attrs.U32(type) * factor;
  }
  for (const auto& [type, field] : kTimes) {
    if (attrs.Has(type)) params.*field = ReadTime(attrs, type);
  }
  if (attrs.Has(NDTPA_BASE_REACHABLE_TIME)) params.DrawReachable();
}

NeighLimits Changed(NeighLimits limits, const NlAttrs& attrs) {
  if (attrs.Has(NDTA_THRESH1)) limits.thresh1 = attrs.U32(NDTA_THRESH1);
  if (attrs.Has(NDTA_THRESH2)) limits.thresh2 = attrs.U32(NDTA_THRESH2);
  if (attrs.Has(NDTA_THRESH3)) limits.thresh3 = attrs.U32(NDTA_THRESH3);
  if (attrs.Has(NDTA_GC_INTERVAL)) limits.gc_interval = ReadTime(attrs, NDTA_GC_INTERVAL);
  return limits;
}

bool ChangesLimits(const NlAttrs& attrs) {
  return attrs.Has(NDTA_THRESH1) || attrs.Has(NDTA_THRESH2) || attrs.Has(NDTA_THRESH3) ||
         attrs.Has(NDTA_GC_INTERVAL);
}

bool HasProtocol(const Device& device, uint8_t family) {
  return family == AF_INET ? HasInet(device) : HasInet6(device);
}

// The family of the table with the name; AF_UNSPEC if it is not of the family asked for.
uint8_t FamilyOf(const std::string& name, uint8_t asked) {
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    if (name == NeighTableName(family)) return asked == AF_UNSPEC || asked == family ? family : 0;
  }
  return AF_UNSPEC;
}

}  // namespace

absl::Status Router::SetNeighTable(const Request& request) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(ndtmsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  const auto attrs = ParseAttributes(payload.subspan(sizeof(ndtmsg)), NLMSG_LENGTH(sizeof(ndtmsg)),
                                     kPolicy, NlParse::kLegacy, &request.ack);
  if (!attrs.ok()) return attrs.status();
  if (!attrs->Has(NDTA_NAME)) return ErrnoStatus(EINVAL);
  const uint8_t family = FamilyOf(attrs->String(NDTA_NAME), request.family());
  if (family == AF_UNSPEC) return ErrnoStatus(ENOENT);
  if (const NlAttr* nest = attrs->Find(NDTA_PARMS); nest != nullptr) {
    const absl::Status status = SetNeighParams(request, *nest, family);
    if (!status.ok()) return status;
  }
  if (!ChangesLimits(*attrs)) return absl::OkStatus();
  const Namespace& ns = *request.client.ns;
  if (&ns != &registry_.initial()) return ErrnoStatus(ENOENT);
  const NeighLimits limits = Changed(TablesOf(ns).Neighbours(family)->limits(), *attrs);
  for (const auto& [other, tables] : tables_) tables->Neighbours(family)->set_limits(limits);
  return absl::OkStatus();
}

// The parameters of one device, or without one those that devices get; these belong to the initial
// namespace (lookup_neigh_parms).
absl::Status Router::SetNeighParams(const Request& request, const NlAttr& nest, uint8_t family) {
  const auto attrs = ParseNested(nest, kParamsPolicy, &request.ack);
  if (!attrs.ok()) return attrs.status();
  const Namespace& ns = *request.client.ns;
  NeighTable& table = *TablesOf(ns).Neighbours(family);
  const int32_t ifindex = attrs->Has(NDTPA_IFINDEX) ? attrs->S32(NDTPA_IFINDEX) : 0;
  if (ifindex == 0 && &ns == &registry_.initial()) {
    NeighParams defaults = table.defaults();
    Apply(*attrs, defaults);
    SetNeighDefaults(family, defaults);
    return absl::OkStatus();
  }
  const Device* device = ns.FindByIndex(ifindex);
  if (device == nullptr || !HasProtocol(*device, family)) return ErrnoStatus(ENOENT);
  Apply(*attrs, table.OwnParams(*device));
  return absl::OkStatus();
}

// Devices that are there keep what they have.
void Router::SetNeighDefaults(uint8_t family, const NeighParams& defaults) {
  for (Namespace* ns : registry_.namespaces()) {
    NeighTable& table = *TablesOf(*ns).Neighbours(family);
    for (const Device* device : ns->DumpOrder()) {
      if (HasProtocol(*device, family)) table.OwnParams(*device);
    }
    table.set_defaults(defaults);
  }
}

}  // namespace vswitch
