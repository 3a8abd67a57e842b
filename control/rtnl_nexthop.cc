// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWNEXTHOP, RTM_DELNEXTHOP, RTM_GETNEXTHOP (net/ipv4/nexthop.c).
#include <linux/if.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "control/fill_link.h"
#include "control/fill_route.h"
#include "control/message_head.h"
#include "control/route_request.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kMaxWeight = UINT16_MAX;
// A route shows all members of its group in one message.
constexpr size_t kMaxMembers = 1024;

using NewPolicy = std::array<NlPolicy, NHA_RES_GROUP + 1>;
using DumpPolicy = std::array<NlPolicy, NHA_FDB + 1>;

constexpr NlPolicy kFlag{.type = NlType::kFlag};

constexpr NewPolicy MakeNewPolicy() {
  NewPolicy policy{};
  policy[NHA_ID] = {.type = NlType::kU32};
  policy[NHA_GROUP] = {.type = NlType::kBinary};
  policy[NHA_GROUP_TYPE] = {.type = NlType::kU16};
  policy[NHA_BLACKHOLE] = kFlag;
  policy[NHA_OIF] = {.type = NlType::kU32};
  policy[NHA_GATEWAY] = {.type = NlType::kBinary};
  policy[NHA_ENCAP_TYPE] = {.type = NlType::kU16};
  policy[NHA_ENCAP] = {.type = NlType::kNested};
  policy[NHA_FDB] = kFlag;
  policy[NHA_RES_GROUP] = {.type = NlType::kNested};
  return policy;
}
constexpr NewPolicy kNewPolicy = MakeNewPolicy();

constexpr DumpPolicy MakeDumpPolicy() {
  DumpPolicy policy{};
  policy[NHA_OIF] = {.type = NlType::kU32};
  policy[NHA_GROUPS] = kFlag;
  policy[NHA_MASTER] = {.type = NlType::kU32};
  policy[NHA_FDB] = kFlag;
  return policy;
}
constexpr DumpPolicy kDumpPolicy = MakeDumpPolicy();
constexpr std::array<NlPolicy, NHA_ID + 1> kGetPolicy = {NlPolicy{},
                                                         NlPolicy{.type = NlType::kU32}};

nhmsg HeaderOf(const Request& request) { return ReadStruct<nhmsg>(request.message.payload()); }

absl::StatusOr<NlAttrs> Parse(const Request& request, std::span<const NlPolicy> policy) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(nhmsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  return ParseAttributes(payload.subspan(sizeof(nhmsg)), NLMSG_LENGTH(sizeof(nhmsg)), policy,
                         NlParse::kExact, &request.ack);
}

// struct nexthop_grp, whose second byte of the weight has different names in different headers.
struct GroupEntry {
  uint32_t id = 0;
  uint8_t weight = 0, weight_high = 0;
  uint16_t reserved = 0;
};
static_assert(sizeof(GroupEntry) == sizeof(nexthop_grp));

std::vector<GroupEntry> ReadGroup(Bytes bytes) {
  std::vector<GroupEntry> entries;
  for (; bytes.size() >= sizeof(GroupEntry); bytes = bytes.subspan(sizeof(GroupEntry))) {
    entries.push_back(ReadStruct<GroupEntry>(bytes));
  }
  return entries;
}

uint32_t WeightOf(const GroupEntry& entry) { return (entry.weight_high << 8 | entry.weight) + 1u; }

GroupEntry EntryOf(const NexthopObject::Member& member) {
  return {.id = member.nexthop->id,
          .weight = static_cast<uint8_t>((member.weight - 1) & 0xff),
          .weight_high = static_cast<uint8_t>((member.weight - 1) >> 8)};
}

absl::Status CheckGroupForm(Bytes bytes) {
  if (bytes.empty() || bytes.size() % sizeof(GroupEntry) != 0) {
    return ErrnoStatus(EINVAL, "Invalid length for nexthop group attribute");
  }
  const std::vector<GroupEntry> entries = ReadGroup(bytes);
  if (entries.size() > kMaxMembers) return ErrnoStatus(ENOBUFS);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].reserved != 0) {
      return ErrnoStatus(EINVAL, "Reserved field in nexthop_grp must be 0");
    }
    if (WeightOf(entries[i]) > kMaxWeight) return ErrnoStatus(EINVAL, "Invalid value for weight");
    for (size_t j = i + 1; j < entries.size(); ++j) {
      if (entries[i].id != entries[j].id) continue;
      return ErrnoStatus(EINVAL, "Nexthop id can not be used twice in a group");
    }
  }
  return absl::OkStatus();
}

// valid_group_nh
absl::Status CheckMember(const NexthopObject& member, size_t count, bool fdb) {
  if (member.group()) {
    return ErrnoStatus(EINVAL, member.resilient != nullptr
                                   ? "Resilient group can not be a nexthop within a group"
                                   : "Hash-threshold group can not be a nexthop within a group");
  }
  if (member.blackhole && count > 1) {
    return ErrnoStatus(EINVAL,
                       "Blackhole nexthop can not be used in a group with more than 1 path");
  }
  if (fdb && !member.fdb) {
    return ErrnoStatus(EINVAL, "FDB nexthop group can only have fdb nexthops");
  }
  if (!fdb && member.fdb) {
    return ErrnoStatus(EINVAL, "Non FDB nexthop group cannot have fdb nexthops");
  }
  return absl::OkStatus();
}

// nh_check_attr_group, nexthop_create_group
absl::Status ReadMembers(const NlAttrs& attrs, const Nexthops& nexthops, NexthopObject& nexthop) {
  const Bytes bytes = attrs.Binary(NHA_GROUP);
  if (const absl::Status status = CheckGroupForm(bytes); !status.ok()) return status;
  const std::vector<GroupEntry> entries = ReadGroup(bytes);
  uint8_t family = AF_UNSPEC;
  for (const GroupEntry& entry : entries) {
    const std::shared_ptr<NexthopObject> member = nexthops.Find(entry.id);
    if (member == nullptr) return ErrnoStatus(EINVAL, "Invalid nexthop id");
    const absl::Status status = CheckMember(*member, entries.size(), nexthop.fdb);
    if (!status.ok()) return status;
    if (nexthop.fdb && family != AF_UNSPEC && family != member->family) {
      return ErrnoStatus(EINVAL, "FDB nexthop group cannot have mixed family nexthops");
    }
    family = member->family;
    nexthop.members.push_back({.nexthop = member, .weight = WeightOf(entry)});
  }
  for (uint16_t type = NHA_GROUP_TYPE + 1; type <= NHA_RES_GROUP; ++type) {
    if (!attrs.Has(type) || type == NHA_FDB) continue;
    if (type == NHA_RES_GROUP && nexthop.resilient_config.has_value()) continue;
    return ErrnoStatus(EINVAL, "No other attributes can be set in nexthop groups");
  }
  return absl::OkStatus();
}

// In hundredths of a second; Linux keeps time in ticks of 4 ms.
Milliseconds ReadTimer(const NlAttrs& attrs, uint16_t type) {
  return Milliseconds(uint64_t{attrs.U32(type)} * 5 / 2 * 4);
}

// rtm_to_nh_config_grp_res
absl::Status ReadResilient(const NlAttr& nest, ResilientConfig& config, ExtAck& ack) {
  static const std::array<NlPolicy, NHA_RES_GROUP_UNBALANCED_TIMER + 1> kPolicy = [] {
    std::array<NlPolicy, NHA_RES_GROUP_UNBALANCED_TIMER + 1> policy{};
    policy[NHA_RES_GROUP_BUCKETS] = {.type = NlType::kU16};
    policy[NHA_RES_GROUP_IDLE_TIMER] = {.type = NlType::kU32};
    policy[NHA_RES_GROUP_UNBALANCED_TIMER] = {.type = NlType::kU32};
    return policy;
  }();
  const auto attrs = ParseAttributes(nest.value, nest.offset + static_cast<uint32_t>(NLA_HDRLEN),
                                     kPolicy, NlParse::kExact, &ack);
  if (!attrs.ok()) return attrs.status();
  if (attrs->Has(NHA_RES_GROUP_BUCKETS)) {
    config.buckets = attrs->U16(NHA_RES_GROUP_BUCKETS);
    if (config.buckets == 0) return ErrnoStatus(EINVAL, "Number of buckets needs to be non-0");
  }
  if (attrs->Has(NHA_RES_GROUP_IDLE_TIMER)) {
    config.idle_timer = ReadTimer(*attrs, NHA_RES_GROUP_IDLE_TIMER);
  }
  if (attrs->Has(NHA_RES_GROUP_UNBALANCED_TIMER)) {
    config.unbalanced_timer = ReadTimer(*attrs, NHA_RES_GROUP_UNBALANCED_TIMER);
  }
  return absl::OkStatus();
}

absl::Status CheckHeader(const nhmsg& header, const NlAttrs& attrs) {
  if (header.resvd != 0 || header.nh_scope != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in ancillary header");
  }
  if ((header.nh_flags & ~uint32_t{RTNH_F_ONLINK}) != 0) {
    return ErrnoStatus(EINVAL, "Invalid nexthop flags in ancillary header");
  }
  const bool ip = header.nh_family == AF_INET || header.nh_family == AF_INET6;
  if (!ip && (header.nh_family != AF_UNSPEC || !attrs.Has(NHA_GROUP))) {
    return ErrnoStatus(EINVAL, "Invalid address family");
  }
  if (!attrs.Has(NHA_FDB)) return absl::OkStatus();
  if (attrs.Has(NHA_OIF) || attrs.Has(NHA_BLACKHOLE) || attrs.Has(NHA_ENCAP) ||
      attrs.Has(NHA_ENCAP_TYPE)) {
    return ErrnoStatus(EINVAL, "Fdb attribute can not be used with encap, oif or blackhole");
  }
  if (header.nh_flags != 0) {
    return ErrnoStatus(EINVAL, "Unsupported nexthop flags in ancillary header");
  }
  return absl::OkStatus();
}

absl::Status CheckBlackhole(const NlAttrs& attrs) {
  for (const uint16_t type : {NHA_GATEWAY, NHA_OIF, NHA_ENCAP, NHA_ENCAP_TYPE, NHA_FDB}) {
    if (!attrs.Has(type)) continue;
    return ErrnoStatus(EINVAL,
                       "Blackhole attribute can not be used with gateway, oif, encap or fdb");
  }
  return absl::OkStatus();
}

absl::StatusOr<int32_t> ReadLink(const NlAttrs& attrs, const Namespace& ns) {
  const int32_t ifindex = attrs.S32(NHA_OIF);
  const Device* device = ifindex == 0 ? nullptr : ns.FindByIndex(ifindex);
  if (device == nullptr) return ErrnoStatus(EINVAL, "Invalid device index");
  if (!device->up()) return ErrnoStatus(ENETDOWN, "Nexthop device is not up");
  if (!device->carrier) return ErrnoStatus(ENETDOWN, "Carrier for nexthop device is down");
  return ifindex;
}

absl::StatusOr<IpAddress> ReadGateway(const NlAttrs& attrs, const nhmsg& header) {
  if (!attrs.Has(NHA_GATEWAY)) {
    if ((header.nh_flags & RTNH_F_ONLINK) == 0) return IpAddress{};
    return ErrnoStatus(EINVAL, "ONLINK flag can not be set for nexthop without a gateway");
  }
  if (attrs.Binary(NHA_GATEWAY).size() != IpAddress::Size(header.nh_family)) {
    return ErrnoStatus(EINVAL, "Invalid gateway");
  }
  const IpAddress gateway = *FindAddress(attrs, NHA_GATEWAY, header.nh_family);
  return gateway.IsAny() ? IpAddress{} : gateway;
}

absl::Status CheckEncap(const NlAttrs& attrs) {
  if (attrs.Has(NHA_ENCAP)) {
    if (!attrs.Has(NHA_ENCAP_TYPE)) {
      return ErrnoStatus(EINVAL, "LWT encapsulation type is missing");
    }
    return RefuseEncap(attrs.U16(NHA_ENCAP_TYPE));
  }
  if (!attrs.Has(NHA_ENCAP_TYPE)) return absl::OkStatus();
  return ErrnoStatus(EINVAL, "LWT encapsulation attribute is missing");
}

// nla_put_nh_group_res
void PutResilient(const ResilientTable& table, NlWriter& writer) {
  const size_t nest = writer.BeginNest(NHA_RES_GROUP, true);
  writer.PutU16(NHA_RES_GROUP_BUCKETS, static_cast<uint16_t>(table.buckets().size()));
  writer.PutU32(NHA_RES_GROUP_IDLE_TIMER, static_cast<uint32_t>(table.idle_timer.count() / 10));
  writer.PutU32(NHA_RES_GROUP_UNBALANCED_TIMER,
                static_cast<uint32_t>(table.unbalanced_timer.count() / 10));
  writer.PutU64(NHA_RES_GROUP_UNBALANCED_TIME,
                Hundredths(table.UnbalancedFor(MonotonicTime::clock::now())));
  writer.EndNest(nest);
}

// nh_fill_node
void FillNexthop(const NexthopObject& nexthop, const MessageHead& head, Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  const bool plain = !nexthop.group() && !nexthop.blackhole;
  writer.PutStruct(nhmsg{.nh_family = nexthop.family,
                         .nh_scope = plain ? nexthop.hop.scope : uint8_t{0},
                         .nh_protocol = nexthop.protocol,
                         .nh_flags = nexthop.flags});
  writer.PutU32(NHA_ID, nexthop.id);
  if (nexthop.group()) {
    std::vector<GroupEntry> entries;
    for (const NexthopObject::Member& member : nexthop.members) entries.push_back(EntryOf(member));
    if (nexthop.fdb) writer.PutBytes(NHA_FDB, {});
    writer.PutU16(NHA_GROUP_TYPE,
                  nexthop.resilient != nullptr ? NEXTHOP_GRP_TYPE_RES : NEXTHOP_GRP_TYPE_MPATH);
    writer.PutBytes(NHA_GROUP, {reinterpret_cast<const uint8_t*>(entries.data()),
                                entries.size() * sizeof(GroupEntry)});
    if (nexthop.resilient != nullptr) PutResilient(*nexthop.resilient, writer);
  } else if (nexthop.blackhole) {
    writer.PutBytes(NHA_BLACKHOLE, {});
  } else {
    if (nexthop.fdb) writer.PutBytes(NHA_FDB, {});
    if (nexthop.hop.device != nullptr) writer.PutS32(NHA_OIF, nexthop.hop.device->ifindex);
    if (nexthop.hop.gateway.valid()) {
      writer.PutBytes(NHA_GATEWAY, nexthop.hop.gateway.AsBytes());
    }
  }
  writer.End();
}

// What a dump is restricted to (nh_dump_filtered).
struct NexthopFilter {
  uint8_t family = AF_UNSPEC;
  uint32_t oif = 0, master = 0;
  bool groups_only = false;

  bool Passes(const NexthopObject& nexthop) const {
    if (groups_only && !nexthop.group()) return false;
    if (oif == 0 && master == 0 && family == AF_UNSPEC) return true;
    if (nexthop.group() || (family != AF_UNSPEC && family != nexthop.family)) return false;
    const Device* device = nexthop.hop.device;
    if (oif != 0 && (device == nullptr || device->ifindex != static_cast<int32_t>(oif))) {
      return false;
    }
    if (master == 0) return true;
    return device != nullptr && device->master != nullptr &&
           device->master->ifindex == static_cast<int32_t>(master);
  }
};

absl::StatusOr<NexthopFilter> ParseDump(const Request& request) {
  const auto attrs = Parse(request, kDumpPolicy);
  if (!attrs.ok()) return attrs.status();
  const nhmsg header = HeaderOf(request);
  NexthopFilter filter{.family = header.nh_family, .groups_only = attrs->Has(NHA_GROUPS)};
  if (attrs->Has(NHA_OIF)) filter.oif = attrs->U32(NHA_OIF);
  if (attrs->Has(NHA_MASTER)) filter.master = attrs->U32(NHA_MASTER);
  if (filter.oif > INT32_MAX) return ErrnoStatus(EINVAL, "Invalid device index");
  if (filter.master > INT32_MAX) return ErrnoStatus(EINVAL, "Invalid master device index");
  if (header.nh_protocol != 0 || header.resvd != 0 || header.nh_scope != 0 ||
      header.nh_flags != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for nexthop dump request");
  }
  return filter;
}

class NexthopDump final : public DumpSource {
 public:
  NexthopDump(Registry& registry, Router& router, const Request& request,
              const NexthopFilter& filter)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        filter_(filter),
        head_(ReplyHead(request, RTM_NEWNEXTHOP, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    const Nexthops::Map& all = router_.TablesOf(*ns).nexthops.all();
    for (auto entry = all.upper_bound(last_); entry != all.end(); ++entry) {
      if (filter_.Passes(*entry->second) &&
          !page.Add([&](Datagram& out) { FillNexthop(*entry->second, head_, out); })) {
        return false;
      }
      last_ = entry->first;
    }
    return true;
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    return ns == nullptr ? 0 : router_.TablesOf(*ns).nexthops.changes();
  }

 private:
  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const NexthopFilter filter_;
  const MessageHead head_;
  uint32_t last_ = 0;
};

// nh_valid_get_del_req
absl::StatusOr<uint32_t> ParseId(const Request& request) {
  const auto attrs = Parse(request, kGetPolicy);
  if (!attrs.ok()) return attrs.status();
  const nhmsg header = HeaderOf(request);
  if (header.nh_protocol != 0 || header.resvd != 0 || header.nh_scope != 0 ||
      header.nh_flags != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header");
  }
  if (!attrs->Has(NHA_ID)) return ErrnoStatus(EINVAL, "Nexthop id is missing");
  if (attrs->U32(NHA_ID) == 0) return ErrnoStatus(EINVAL, "Invalid nexthop id");
  return attrs->U32(NHA_ID);
}

// fib_check_nh_list, fib6_check_nh_list: the routes must be able to live with a new definition.
absl::Status CheckRoutes(const NexthopObject& old, const NexthopObject& now) {
  for (const IpRoute* route : old.routes) {
    const absl::Status status = route->dst.address.family == AF_INET
                                    ? CheckNexthopFor4(now, route->scope)
                                    : CheckNexthopFor6(now);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// replace_nexthop
absl::Status CheckReplacement(const NexthopObject& old, const NexthopObject& now) {
  if (const absl::Status status = CheckRoutes(old, now); !status.ok()) return status;
  for (const NexthopObject* group : old.groups) {
    if (now.blackhole && group->members.size() > 1) {
      return ErrnoStatus(
          EINVAL, "Blackhole nexthop can not be a member of a group with more than one path");
    }
    if (const absl::Status status = CheckRoutes(*group, now); !status.ok()) return status;
  }
  if (old.group() && !now.group()) {
    return ErrnoStatus(EINVAL, "Can not replace a nexthop group with a nexthop.");
  }
  if (!old.group() && now.group()) {
    return ErrnoStatus(EINVAL, "Can not replace a nexthop with a nexthop group.");
  }
  const bool resilient = old.resilient != nullptr;
  if (resilient != now.resilient_config.has_value()) {
    return ErrnoStatus(EINVAL, "Can not replace a nexthop group with one of a different type.");
  }
  if (resilient && now.resilient_config->buckets.value_or(old.resilient->buckets().size()) !=
                       old.resilient->buckets().size()) {
    return ErrnoStatus(EINVAL, "Can not change number of buckets of a resilient nexthop group.");
  }
  if (!old.groups.empty() && old.fdb != now.fdb) {
    return ErrnoStatus(EINVAL, "Cannot change nexthop FDB status while in a group");
  }
  return absl::OkStatus();
}

}  // namespace

// nexthop_create: what must be true of the hop of an object that is no group.
absl::Status Router::MakeNexthopHop(const Request& request, const NlAttrs& attrs,
                                    RouterTables& tables, NexthopObject& nexthop) {
  const nhmsg header = HeaderOf(request);
  int32_t oif = 0;
  if (nexthop.blackhole) {
    if (const absl::Status status = CheckBlackhole(attrs); !status.ok()) return status;
    oif = request.client.ns->lo().ifindex;
  } else {
    if (!nexthop.fdb && !attrs.Has(NHA_OIF)) {
      return ErrnoStatus(EINVAL,
                         "Device attribute required for non-blackhole and non-fdb nexthops");
    }
    if (!nexthop.fdb) {
      const auto link = ReadLink(attrs, *request.client.ns);
      if (!link.ok()) return link.status();
      oif = *link;
    }
    const auto gateway = ReadGateway(attrs, header);
    if (!gateway.ok()) return gateway.status();
    if (const absl::Status status = CheckEncap(attrs); !status.ok()) return status;
    nexthop.hop.gateway = *gateway;
  }
  nexthop.hop.scope = RT_SCOPE_LINK;
  if (nexthop.fdb) return absl::OkStatus();
  absl::Status status;
  if (nexthop.family == AF_INET) {
    nexthop.hop.flags = nexthop.flags;
    status = tables.fib4.CheckHop(nexthop.hop, oif, RT_TABLE_MAIN, RT_SCOPE_UNIVERSE);
  } else {
    status = tables.fib6.MakeHop({.dst = {IpAddress::Any(AF_INET6), 0},
                                  .type = RTN_UNICAST,
                                  .flags = nexthop.flags,
                                  .oif = oif,
                                  .gateway = nexthop.hop.gateway},
                                 nexthop.hop);
  }
  nexthop.flags = nexthop.hop.flags;
  return status;
}

absl::Status Router::NewNexthop(const Request& request) {
  const auto attrs = Parse(request, kNewPolicy);
  if (!attrs.ok()) return attrs.status();
  const nhmsg header = HeaderOf(request);
  if (const absl::Status status = CheckHeader(header, *attrs); !status.ok()) return status;
  RouterTables& tables = TablesOf(*request.client.ns);
  auto nexthop = std::make_shared<NexthopObject>();
  nexthop->id = attrs->Has(NHA_ID) ? attrs->U32(NHA_ID) : 0;
  nexthop->family = header.nh_family;
  nexthop->protocol = header.nh_protocol;
  nexthop->flags = header.nh_flags;
  nexthop->fdb = attrs->Has(NHA_FDB);
  nexthop->blackhole = attrs->Has(NHA_BLACKHOLE);
  absl::Status status;
  if (attrs->Has(NHA_GROUP)) {
    nexthop->blackhole = false;
    status = MakeNexthopGroup(header, *attrs, tables, *nexthop, request.ack);
  }
  const bool no_id = (request.flags() & NLM_F_REPLACE) != 0 && nexthop->id == 0;
  if (status.ok() && !attrs->Has(NHA_GROUP)) {
    status = MakeNexthopHop(request, *attrs, tables, *nexthop);
  }
  if (status.ok() && no_id) return ErrnoStatus(EINVAL, "Replace requires nexthop id");
  if (!status.ok()) return status;
  if (nexthop->id == 0) nexthop->id = tables.nexthops.UnusedId();
  return InsertNexthop(request, tables, std::move(nexthop));
}

absl::Status Router::MakeNexthopGroup(const nhmsg& header, const NlAttrs& attrs,
                                      RouterTables& tables, NexthopObject& nexthop, ExtAck& ack) {
  if (header.nh_family != AF_UNSPEC) return ErrnoStatus(EINVAL, "Invalid family for group");
  const uint16_t type =
      attrs.Has(NHA_GROUP_TYPE) ? attrs.U16(NHA_GROUP_TYPE) : uint16_t{NEXTHOP_GRP_TYPE_MPATH};
  if (type > NEXTHOP_GRP_TYPE_MAX) return ErrnoStatus(EINVAL, "Invalid group type");
  if (type == NEXTHOP_GRP_TYPE_RES) nexthop.resilient_config.emplace();
  const absl::Status status = ReadMembers(attrs, tables.nexthops, nexthop);
  if (!status.ok() || type != NEXTHOP_GRP_TYPE_RES || !attrs.Has(NHA_RES_GROUP)) return status;
  return ReadResilient(*attrs.Find(NHA_RES_GROUP), *nexthop.resilient_config, ack);
}

// insert_nexthop
absl::Status Router::InsertNexthop(const Request& request, RouterTables& tables,
                                   std::shared_ptr<NexthopObject> nexthop) {
  const bool replace = (request.flags() & NLM_F_REPLACE) != 0;
  const bool create = (request.flags() & NLM_F_CREATE) != 0;
  const std::shared_ptr<NexthopObject> old = tables.nexthops.Find(nexthop->id);
  if (old == nullptr) {
    if (replace && !create) {
      return ErrnoStatus(ENOENT, "Replace specified without create and no entry exists");
    }
    if (nexthop->resilient_config.has_value() && !nexthop->resilient_config->buckets.has_value()) {
      return ErrnoStatus(EINVAL, "Number of buckets not specified for nexthop group insertion");
    }
    if (!tables.nexthops.HasRoomFor(*nexthop)) return ErrnoStatus(ENOMEM);
    tables.nexthops.Insert(nexthop);
    AnnounceNexthop(*request.client.ns, RTM_NEWNEXTHOP, *nexthop, CauseOf(request));
    return absl::OkStatus();
  }
  if (!replace) return ErrnoStatus(EEXIST);
  if (const absl::Status status = CheckReplacement(*old, *nexthop); !status.ok()) return status;
  tables.nexthops.Redefine(*old, *nexthop);
  AnnounceNexthop(*request.client.ns, RTM_NEWNEXTHOP, *old, CauseOf(request));
  AnnounceRoutesOf(*old, CauseOf(request));
  for (const NexthopObject* group : old->groups) AnnounceRoutesOf(*group, CauseOf(request));
  return absl::OkStatus();
}

// fib_info_notify_update, fib6_rt_update
void Router::AnnounceRoutesOf(const NexthopObject& nexthop, const Cause& cause) {
  std::vector<const IpRoute*> routes(nexthop.routes.begin(), nexthop.routes.end());
  std::sort(routes.begin(), routes.end(), [](const IpRoute* a, const IpRoute* b) {
    if (a->dst.address.family != b->dst.address.family) {
      return a->dst.address.family < b->dst.address.family;
    }
    return RouteTable::KeyOf(*a) < RouteTable::KeyOf(*b);
  });
  for (const IpRoute* route : routes) {
    const Namespace& ns = *cause.client->ns;
    AnnounceRoute(ns, {route}, RTM_NEWROUTE, NLM_F_REPLACE, cause);
  }
}

void Router::AnnounceNexthop(const Namespace& ns, uint16_t type, const NexthopObject& nexthop,
                             const Cause& cause) {
  Publish(ns, RTNLGRP_NEXTHOP, cause, [&](const MessageHead& origin, Datagram& out) {
    MessageHead head = origin;
    head.type = type;
    if (cause.header != nullptr) head.flags = cause.header->nlmsg_flags;
    FillNexthop(nexthop, head, out);
  });
}

// remove_nexthop: its routes go along, and it leaves its groups; a group that would be empty goes,
// too. Without a cause nobody is told, and resilient groups are to be rebalanced afterwards.
void Router::RemoveNexthop(const Namespace& ns, RouterTables& tables,
                           const std::shared_ptr<NexthopObject>& nexthop, const Cause& cause) {
  tables.nexthops.Erase(*nexthop);
  if (cause.client != nullptr) AnnounceNexthop(ns, RTM_DELNEXTHOP, *nexthop, cause);
  tables.fib4.RemoveRoutesOf(*nexthop);
  tables.fib6.RemoveRoutesOf(*nexthop);
  const std::vector<NexthopObject*> groups(nexthop->groups.begin(), nexthop->groups.end());
  for (NexthopObject* group : groups) {
    if (group->members.size() == 1) {
      RemoveNexthop(ns, tables, tables.nexthops.Find(group->id), cause);
      continue;
    }
    std::erase_if(group->members,
                  [&](const NexthopObject::Member& member) { return member.nexthop == nexthop; });
    group->UpdateHops();
    if (cause.client == nullptr) continue;
    tables.nexthops.Rebalance(*group);
    AnnounceNexthop(ns, RTM_NEWNEXTHOP, *group, cause);
  }
}

absl::Status Router::DelNexthop(const Request& request) {
  const auto id = ParseId(request);
  if (!id.ok()) return id.status();
  RouterTables& tables = TablesOf(*request.client.ns);
  const std::shared_ptr<NexthopObject> nexthop = tables.nexthops.Find(*id);
  if (nexthop == nullptr) return ErrnoStatus(ENOENT);
  RemoveNexthop(*request.client.ns, tables, nexthop, CauseOf(request));
  return absl::OkStatus();
}

absl::Status Router::GetNexthop(const Request& request) {
  const auto id = ParseId(request);
  if (!id.ok()) return id.status();
  const std::shared_ptr<NexthopObject> nexthop = TablesOf(*request.client.ns).nexthops.Find(*id);
  if (nexthop == nullptr) return ErrnoStatus(ENOENT);
  Datagram reply;
  FillNexthop(*nexthop, ReplyHead(request, RTM_NEWNEXTHOP), reply);
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart Router::DumpNexthops(const Request& request) {
  const auto filter = ParseDump(request);
  if (!filter.ok()) return filter.status();
  return std::make_unique<NexthopDump>(registry_, *this, request, *filter);
}

// nexthop_flush_dev: nothing leads through a link that is down, or has no carrier.
void Router::FlushNexthops(const Device& device, bool gone) {
  RouterTables* tables = FindTables(*device.ns);
  if (tables == nullptr) return;
  absl::btree_set<uint32_t> groups;
  for (const auto& nexthop : tables->nexthops.Through(device)) {
    if (!gone && nexthop->blackhole) continue;
    for (const NexthopObject* group : nexthop->groups) groups.insert(group->id);
    RemoveNexthop(*device.ns, *tables, nexthop, {});
  }
  // Once a group, however many of its members went: that looks at every bucket.
  for (const uint32_t id : groups) {
    if (const auto group = tables->nexthops.Find(id)) tables->nexthops.Rebalance(*group);
  }
}

}  // namespace vswitch
