// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWRULE, RTM_DELRULE, RTM_GETRULE (fib_nl_newrule, fib_nl_delrule, fib_nl_dumprule).
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "control/message_head.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using RulePolicy = std::array<NlPolicy, FRA_MAX + 1>;

constexpr uint8_t kTosMask = 0x1e;  // IPTOS_TOS_MASK
constexpr uint16_t kMaxName = IFNAMSIZ - 1;

// fib_rule_policy
constexpr RulePolicy MakePolicy() {
  RulePolicy policy{};
  for (const uint16_t type : {FRA_PRIORITY, FRA_FWMARK, FRA_FLOW, FRA_FWMASK, FRA_TABLE,
                              FRA_SUPPRESS_PREFIXLEN, FRA_SUPPRESS_IFGROUP, FRA_GOTO}) {
    policy[type] = {.type = NlType::kU32};
  }
  for (const uint16_t type : {FRA_L3MDEV, FRA_PROTOCOL, FRA_IP_PROTO}) {
    policy[type] = {.type = NlType::kU8};
  }
  policy[FRA_IIFNAME] = {.type = NlType::kString, .max_len = kMaxName};
  policy[FRA_OIFNAME] = {.type = NlType::kString, .max_len = kMaxName};
  policy[FRA_TUN_ID] = {.type = NlType::kU64};
  policy[FRA_UID_RANGE] = {.max_len = sizeof(fib_rule_uid_range)};
  policy[FRA_SPORT_RANGE] = {.max_len = sizeof(fib_rule_port_range)};
  policy[FRA_DPORT_RANGE] = {.max_len = sizeof(fib_rule_port_range)};
  return policy;
}
constexpr RulePolicy kPolicy = MakePolicy();

// A rule as a request describes it.
struct RuleRequest {
  fib_rule_hdr header{};
  Rule rule;
  bool has_priority = false;
  bool has_flow = false;
};

fib_rule_hdr HeaderOf(const Request& request) {
  return ReadStruct<fib_rule_hdr>(request.message.payload());
}

// The family of the addresses in rules.
uint8_t AddressFamily(uint8_t rule_family) {
  if (rule_family == RTNL_FAMILY_IPMR) return AF_INET;
  return rule_family == RTNL_FAMILY_IP6MR ? AF_INET6 : rule_family;
}

// The rules that a request is about.
absl::StatusOr<RuleSet*> FindRules(const Request& request, RouterTables& tables) {
  if (request.message.payload().size() < sizeof(fib_rule_hdr)) {
    return ErrnoStatus(EINVAL, "Invalid msg length");
  }
  RuleSet* rules = tables.Rules(request.family());
  if (rules == nullptr) return ErrnoStatus(EAFNOSUPPORT, "Rule family not supported");
  return rules;
}

// REQUIRES: FindRules
absl::StatusOr<NlAttrs> Parse(const Request& request) {
  const Bytes payload = request.message.payload();
  auto attrs =
      ParseAttributes(payload.subspan(sizeof(fib_rule_hdr)), NLMSG_LENGTH(sizeof(fib_rule_hdr)),
                      kPolicy, NlParse::kLegacy, &request.ack);
  if (!attrs.ok()) return ErrnoStatus(ErrnoOf(attrs.status()), "Error parsing msg");
  return attrs;
}

// A prefix of the rule, if it has one. EINVAL.
absl::StatusOr<std::optional<IpPrefix>> ReadPrefix(const NlAttrs& attrs, uint16_t type,
                                                   uint8_t family, uint8_t length,
                                                   const char* sentence) {
  if (length == 0) return std::nullopt;
  const size_t size = IpAddress::Size(family);
  if (!attrs.Has(type) || length > 8 * size || attrs.Binary(type).size() != size) {
    return ErrnoStatus(EINVAL, sentence);
  }
  return IpPrefix{*FindAddress(attrs, type, family), length};
}

absl::StatusOr<PortRange> ReadPorts(const NlAttrs& attrs, uint16_t type, const char* sentence) {
  if (!attrs.Has(type)) return PortRange{};
  const auto range = ReadStruct<fib_rule_port_range>(attrs.Binary(type));
  const bool valid = range.start != 0 && range.start <= range.end && range.end < 0xffff;
  if (!valid) return ErrnoStatus(EINVAL, sentence);
  return PortRange{range.start, range.end};
}

absl::Status ReadGoto(const NlAttrs& attrs, Rule& rule) {
  if (!attrs.Has(FRA_GOTO)) {
    if (rule.action != FR_ACT_GOTO) return absl::OkStatus();
    return ErrnoStatus(EINVAL, "Missing goto target for action goto");
  }
  if (rule.action != FR_ACT_GOTO) return ErrnoStatus(EINVAL, "Unexpected goto");
  rule.target = attrs.U32(FRA_GOTO);
  if (rule.target > rule.priority) return absl::OkStatus();
  return ErrnoStatus(EINVAL, "Backward goto not supported");
}

absl::Status ReadRanges(const NlAttrs& attrs, Rule& rule) {
  if (attrs.Has(FRA_UID_RANGE)) {
    const auto range = ReadStruct<fib_rule_uid_range>(attrs.Binary(FRA_UID_RANGE));
    if (range.start > range.end || range.end == UINT32_MAX) {
      return ErrnoStatus(EINVAL, "Invalid uid range");
    }
    rule.uids = UidRange{range.start, range.end};
  }
  if (attrs.Has(FRA_IP_PROTO)) rule.ip_protocol = attrs.U8(FRA_IP_PROTO);
  const auto sport = ReadPorts(attrs, FRA_SPORT_RANGE, "Invalid sport range");
  if (!sport.ok()) return sport.status();
  const auto dport = ReadPorts(attrs, FRA_DPORT_RANGE, "Invalid dport range");
  if (!dport.ok()) return dport.status();
  rule.sport = *sport;
  rule.dport = *dport;
  return absl::OkStatus();
}

void ReadPlain(const NlAttrs& attrs, Rule& rule) {
  if (attrs.Has(FRA_PROTOCOL)) rule.protocol = attrs.U8(FRA_PROTOCOL);
  if (attrs.Has(FRA_IIFNAME)) rule.iif = attrs.String(FRA_IIFNAME);
  if (attrs.Has(FRA_OIFNAME)) rule.oif = attrs.String(FRA_OIFNAME);
  if (attrs.Has(FRA_FWMARK)) rule.mark = attrs.U32(FRA_FWMARK);
  if (rule.mark != 0) rule.mark_mask = UINT32_MAX;
  if (attrs.Has(FRA_FWMASK)) rule.mark_mask = attrs.U32(FRA_FWMASK);
  if (attrs.Has(FRA_TUN_ID)) rule.tunnel = ReadStruct<uint64_t>(attrs.Binary(FRA_TUN_ID));
  if (attrs.Has(FRA_TABLE)) rule.table = attrs.U32(FRA_TABLE);
  if (attrs.Has(FRA_SUPPRESS_PREFIXLEN)) {
    rule.suppress_prefix_length = attrs.S32(FRA_SUPPRESS_PREFIXLEN);
  }
  if (attrs.Has(FRA_SUPPRESS_IFGROUP)) rule.suppress_group = attrs.S32(FRA_SUPPRESS_IFGROUP);
  if (attrs.Has(FRA_FLOW)) rule.flow = attrs.U32(FRA_FLOW);
}

// Realms are of IPv4 (fib4_rule_configure).
void ForgetFlow(RuleRequest& request) {
  request.rule.flow = 0;
  request.has_flow = false;
}

// A rule of multicast routing neither keeps nor shows them (ipmr_rule_configure, ipmr_rule_fill).
void ForgetAddresses(RuleRequest& request) {
  request.rule.src.reset();
  request.rule.dst.reset();
  request.rule.tos = 0;
  ForgetFlow(request);
}

// fib_nl2rule
absl::StatusOr<RuleRequest> ReadRule(const Request& request, const RuleSet& rules) {
  const auto attrs = Parse(request);
  if (!attrs.ok()) return attrs.status();
  RuleRequest parsed{.header = HeaderOf(request), .has_flow = attrs->Has(FRA_FLOW)};
  const fib_rule_hdr& header = parsed.header;
  const uint8_t family = AddressFamily(header.family);
  Rule& rule = parsed.rule;
  auto src = ReadPrefix(*attrs, FRA_SRC, family, header.src_len, "Invalid source address");
  if (!src.ok()) return src.status();
  auto dst = ReadPrefix(*attrs, FRA_DST, family, header.dst_len, "Invalid dst address");
  if (!dst.ok()) return dst.status();
  rule.src = *src;
  rule.dst = *dst;
  parsed.has_priority = attrs->Has(FRA_PRIORITY);
  rule.priority = parsed.has_priority ? attrs->U32(FRA_PRIORITY) : rules.DefaultPriority();
  rule.action = header.action;
  rule.flags = header.flags;
  rule.table = header.table;
  rule.tos = header.tos;
  ReadPlain(*attrs, rule);
  if (attrs->Has(FRA_L3MDEV)) {
    rule.l3mdev = attrs->U8(FRA_L3MDEV);
    if (rule.l3mdev != 1) return ErrnoStatus(EINVAL, "Invalid l3mdev attribute");
  }
  if (const absl::Status status = ReadGoto(*attrs, rule); !status.ok()) return status;
  if (rule.l3mdev != 0 && rule.table != 0) {
    return ErrnoStatus(EINVAL, "l3mdev and table are mutually exclusive");
  }
  if (const absl::Status status = ReadRanges(*attrs, rule); !status.ok()) return status;
  if (family != header.family) ForgetAddresses(parsed);
  if (family != AF_INET) ForgetFlow(parsed);
  return parsed;
}

// fib4_rule_compare, fib6_rule_compare: what the request does not name does not count.
bool MatchesAddresses(const RuleRequest& wanted, const Rule& rule) {
  return (!wanted.rule.src.has_value() || wanted.rule.src == rule.src) &&
         (!wanted.rule.dst.has_value() || wanted.rule.dst == rule.dst) &&
         (wanted.rule.tos == 0 || wanted.rule.tos == rule.tos) &&
         (!wanted.has_flow || wanted.rule.flow == rule.flow);
}

// rule_exists
bool IsSame(const RuleRequest& wanted, const Rule& b) {
  const Rule& a = wanted.rule;
  return a.action == b.action && a.table == b.table && a.priority == b.priority && a.iif == b.iif &&
         a.oif == b.oif && a.mark == b.mark && a.suppress_group == b.suppress_group &&
         a.suppress_prefix_length == b.suppress_prefix_length && a.mark_mask == b.mark_mask &&
         a.tunnel == b.tunnel && a.l3mdev == b.l3mdev && a.uids == b.uids &&
         a.ip_protocol == b.ip_protocol && a.protocol == b.protocol && a.sport == b.sport &&
         a.dport == b.dport && MatchesAddresses(wanted, b);
}

// rule_find
bool IsWanted(const RuleRequest& wanted, const Rule& b) {
  const Rule& a = wanted.rule;
  const auto same_if_set = [](const auto& x, const auto& y, const auto& unset) {
    return x == unset || x == y;
  };
  return same_if_set(a.action, b.action, 0) && same_if_set(a.table, b.table, 0u) &&
         (!wanted.has_priority || a.priority == b.priority) && same_if_set(a.iif, b.iif, "") &&
         same_if_set(a.oif, b.oif, "") && same_if_set(a.mark, b.mark, 0u) &&
         same_if_set(a.suppress_group, b.suppress_group, -1) &&
         same_if_set(a.suppress_prefix_length, b.suppress_prefix_length, -1) &&
         same_if_set(a.mark_mask, b.mark_mask, 0u) &&
         same_if_set(a.tunnel, b.tunnel, uint64_t{0}) && same_if_set(a.l3mdev, b.l3mdev, 0) &&
         (!a.uids.has_value() || a.uids == b.uids) &&
         same_if_set(a.ip_protocol, b.ip_protocol, 0) && same_if_set(a.protocol, b.protocol, 0) &&
         same_if_set(a.sport, b.sport, PortRange{}) && same_if_set(a.dport, b.dport, PortRange{}) &&
         MatchesAddresses(wanted, b);
}

template <typename T>
void PutStructAttr(NlWriter& writer, uint16_t type, const T& value) {
  writer.PutBytes(type, {reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
}

void PutPorts(NlWriter& writer, uint16_t type, const PortRange& ports) {
  if (ports == PortRange{}) return;
  PutStructAttr(writer, type, fib_rule_port_range{.start = ports.first, .end = ports.second});
}

uint32_t ReportedFlags(const Rule& rule, const RuleSet& rules, const Namespace& ns) {
  uint32_t flags = rule.flags;
  if (rule.action == FR_ACT_GOTO && !rules.HasTarget(rule)) flags |= FIB_RULE_UNRESOLVED;
  if (!rule.iif.empty() && ns.FindByName(rule.iif) == nullptr) flags |= FIB_RULE_IIF_DETACHED;
  if (!rule.oif.empty() && ns.FindByName(rule.oif) == nullptr) flags |= FIB_RULE_OIF_DETACHED;
  return flags;
}

// Attributes that are left out when they are zero.
void PutOptional(const Rule& rule, NlWriter& writer) {
  if (rule.priority != 0) writer.PutU32(FRA_PRIORITY, rule.priority);
  if (rule.mark != 0) writer.PutU32(FRA_FWMARK, rule.mark);
  if (rule.mark != 0 || rule.mark_mask != 0) writer.PutU32(FRA_FWMASK, rule.mark_mask);
  if (rule.target != 0) writer.PutU32(FRA_GOTO, rule.target);
  if (rule.tunnel != 0) writer.PutU64(FRA_TUN_ID, rule.tunnel);
  if (rule.l3mdev != 0) writer.PutU8(FRA_L3MDEV, rule.l3mdev);
  if (rule.uids.has_value()) {
    PutStructAttr(writer, FRA_UID_RANGE,
                  fib_rule_uid_range{.start = rule.uids->first, .end = rule.uids->second});
  }
  PutPorts(writer, FRA_SPORT_RANGE, rule.sport);
  PutPorts(writer, FRA_DPORT_RANGE, rule.dport);
  if (rule.ip_protocol != 0) writer.PutU8(FRA_IP_PROTO, rule.ip_protocol);
  if (rule.suppress_group != -1) writer.PutS32(FRA_SUPPRESS_IFGROUP, rule.suppress_group);
  if (rule.dst.has_value()) writer.PutBytes(FRA_DST, rule.dst->address.AsBytes());
  if (rule.src.has_value()) writer.PutBytes(FRA_SRC, rule.src->address.AsBytes());
  if (rule.flow != 0) writer.PutU32(FRA_FLOW, rule.flow);
}

// fib_nl_fill_rule
void FillRule(const Rule& rule, const RuleSet& rules, const Namespace& ns, const MessageHead& head,
              Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(
      fib_rule_hdr{.family = rules.family(),
                   .dst_len = rule.dst.has_value() ? rule.dst->length : uint8_t{0},
                   .src_len = rule.src.has_value() ? rule.src->length : uint8_t{0},
                   .tos = rule.tos,
                   .table = static_cast<uint8_t>(rule.table < 256 ? rule.table : RT_TABLE_COMPAT),
                   .action = rule.action,
                   .flags = ReportedFlags(rule, rules, ns)});
  writer.PutU32(FRA_TABLE, rule.table);
  writer.PutS32(FRA_SUPPRESS_PREFIXLEN, rule.suppress_prefix_length);
  writer.PutU8(FRA_PROTOCOL, rule.protocol);
  if (!rule.iif.empty()) writer.PutString(FRA_IIFNAME, rule.iif);
  if (!rule.oif.empty()) writer.PutString(FRA_OIFNAME, rule.oif);
  PutOptional(rule, writer);
  writer.End();
}

// The rules of one family or of all.
class RuleDump final : public DumpSource {
 public:
  RuleDump(Registry& registry, Router& router, const Request& request)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        family_(request.family()),
        head_(ReplyHead(request, RTM_NEWRULE, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    for (; set_ < std::size(kFamilies); ++set_, last_ = {-1, 0}) {
      if (family_ != AF_UNSPEC && family_ != kFamilies[set_]) continue;
      if (!FillSet(*ns, *router_.TablesOf(*ns).Rules(kFamilies[set_]), page)) return false;
    }
    return true;
  }

  uint64_t version() const override { return 0; }

 private:
  static constexpr uint8_t kFamilies[] = {AF_INET, RTNL_FAMILY_IPMR, RTNL_FAMILY_IP6MR, AF_INET6};

  bool FillSet(const Namespace& ns, const RuleSet& rules, DumpPage& page) {
    for (const Rule& rule : rules.rules()) {
      const std::pair<int64_t, int64_t> key{rule.priority, rule.order};
      if (key <= last_) continue;
      if (!page.Add([&](Datagram& out) { FillRule(rule, rules, ns, head_, out); })) return false;
      last_ = key;
    }
    return true;
  }

  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const uint8_t family_;
  const MessageHead head_;
  size_t set_ = 0;
  std::pair<int64_t, int64_t> last_{-1, 0};  // priority and order
};

// fib_valid_dumprule_req
absl::Status CheckDump(const Request& request) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(fib_rule_hdr)) {
    return ErrnoStatus(EINVAL, "Invalid header for fib rule dump request");
  }
  const fib_rule_hdr header = HeaderOf(request);
  if (header.dst_len != 0 || header.src_len != 0 || header.tos != 0 || header.table != 0 ||
      header.res1 != 0 || header.res2 != 0 || header.action != 0 || header.flags != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for fib rule dump request");
  }
  if (payload.size() > sizeof(fib_rule_hdr)) {
    return ErrnoStatus(EINVAL, "Invalid data after header in fib rule dump request");
  }
  return absl::OkStatus();
}

}  // namespace

// fib4_rule_configure, fib6_rule_configure
absl::Status Router::PrepareRule(uint8_t family, RouterTables& tables, Rule& rule) {
  if (AddressFamily(family) != family) return absl::OkStatus();
  if ((rule.tos & 3) != 0) return ErrnoStatus(EINVAL, "Invalid dsfield (tos): ECN bits must be 0");
  if (family == AF_INET && (rule.tos & ~kTosMask) != 0) return ErrnoStatus(EINVAL, "Invalid tos");
  if (rule.action != FR_ACT_TO_TBL || rule.l3mdev != 0) return absl::OkStatus();
  if (family == AF_INET6) {
    if (rule.table == RT_TABLE_UNSPEC) return ErrnoStatus(EINVAL, "Invalid table");
    tables.fib6.tables().FindOrMake(rule.table);
    return absl::OkStatus();
  }
  if (rule.table != RT_TABLE_UNSPEC) return absl::OkStatus();
  RouteTables& all = tables.fib4.tables();
  do {
    ++rule.table;
  } while (all.Find(rule.table) != nullptr);
  all.FindOrMake(rule.table);
  return absl::OkStatus();
}

absl::Status Router::NewRule(const Request& request) {
  RouterTables& tables = TablesOf(*request.client.ns);
  const auto found = FindRules(request, tables);
  if (!found.ok()) return found.status();
  RuleSet& rules = **found;
  auto parsed = ReadRule(request, rules);
  if (!parsed.ok()) return parsed.status();
  const bool exists = std::any_of(rules.rules().begin(), rules.rules().end(),
                                  [&](const Rule& rule) { return IsSame(*parsed, rule); });
  if (exists && (request.flags() & NLM_F_EXCL) != 0) return ErrnoStatus(EEXIST);
  const absl::Status status = PrepareRule(request.family(), tables, parsed->rule);
  if (!status.ok()) return status;
  const Rule& added = rules.Add(std::move(parsed->rule));
  AnnounceRule(request, RTM_NEWRULE, added, rules);
  return absl::OkStatus();
}

absl::Status Router::DelRule(const Request& request) {
  RouterTables& tables = TablesOf(*request.client.ns);
  const auto set = FindRules(request, tables);
  if (!set.ok()) return set.status();
  RuleSet& rules = **set;
  const auto wanted = ReadRule(request, rules);
  if (!wanted.ok()) return wanted.status();
  const std::vector<Rule>& all = rules.rules();
  const auto found = std::find_if(all.begin(), all.end(),
                                  [&](const Rule& rule) { return IsWanted(*wanted, rule); });
  if (found == all.end()) return ErrnoStatus(ENOENT);
  if ((found->flags & FIB_RULE_PERMANENT) != 0) return ErrnoStatus(EPERM);
  const Rule removed = *found;
  rules.Remove(static_cast<size_t>(found - all.begin()));
  AnnounceRule(request, RTM_DELRULE, removed, rules);
  return absl::OkStatus();
}

void Router::AnnounceRule(const Request& request, uint16_t type, const Rule& rule,
                          const RuleSet& rules) {
  const Namespace& ns = *request.client.ns;
  const bool v4 = AddressFamily(rules.family()) == AF_INET;
  const uint32_t group = v4 ? RTNLGRP_IPV4_RULE : RTNLGRP_IPV6_RULE;
  Publish(ns, group, CauseOf(request), [&](const MessageHead& origin, Datagram& out) {
    MessageHead head = origin;
    head.type = type;
    FillRule(rule, rules, ns, head, out);
  });
}

DumpStart Router::DumpRules(const Request& request) {
  if (request.client.strict_check) {
    if (const absl::Status status = CheckDump(request); !status.ok()) return status;
  }
  const uint8_t family = request.family();
  if (family != AF_UNSPEC && TablesOf(*request.client.ns).Rules(family) == nullptr) {
    return ErrnoStatus(EAFNOSUPPORT);
  }
  return std::make_unique<RuleDump>(registry_, *this, request);
}

}  // namespace vswitch
