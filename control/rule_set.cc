// SPDX-License-Identifier: BSD-3-Clause
#include "control/rule_set.h"

#include <algorithm>

namespace vswitch {

namespace {

constexpr uint32_t kMainPriority = 0x7ffe;
constexpr uint32_t kDefaultPriority = 0x7fff;

bool InRange(const PortRange& range, uint16_t port) {
  return range == PortRange{} || (range.first <= port && port <= range.second);
}

bool IsLink(const Namespace& ns, const std::string& name, int32_t ifindex) {
  if (name.empty()) return true;
  const Device* device = ns.FindByName(name);
  return device != nullptr && device->ifindex == ifindex;
}

Rule Builtin(uint32_t priority, uint32_t table) {
  return {.priority = priority, .table = table, .protocol = RTPROT_KERNEL};
}

bool CoversSource(const std::optional<IpPrefix>& prefix, const IpAddress& address) {
  if (!prefix.has_value() || prefix->length == 0) return true;
  return prefix->Contains(address.valid() ? address : IpAddress::Any(prefix->address.family));
}

}  // namespace

bool Rule::Matches(const Namespace& ns, const Flow& flow) const {
  const bool matches =
      IsLink(ns, iif, flow.iif) && IsLink(ns, oif, flow.oif) &&
      ((mark ^ flow.mark) & mark_mask) == 0 && tunnel == 0 && l3mdev == 0 &&
      (!uids.has_value() || (uids->first <= flow.uid && flow.uid <= uids->second)) &&
      CoversSource(src, flow.src) && CoversSource(dst, flow.dst) && (tos == 0 || tos == flow.tos) &&
      (ip_protocol == 0 || ip_protocol == flow.protocol) && InRange(sport, flow.sport) &&
      InRange(dport, flow.dport);
  return matches != ((flags & FIB_RULE_INVERT) != 0);
}

RuleSet::RuleSet(uint8_t family) : family_(family) {
  if (family == AF_INET || family == AF_INET6) {
    rules_.push_back(Builtin(0, RT_TABLE_LOCAL));
    rules_.push_back(Builtin(kMainPriority, RT_TABLE_MAIN));
  }
  if (family == AF_INET || family == RTNL_FAMILY_IPMR) {
    rules_.push_back(Builtin(kDefaultPriority, RT_TABLE_DEFAULT));
  }
  if (family == RTNL_FAMILY_IP6MR) rules_.push_back(Builtin(kDefaultPriority, RT_TABLE_MAIN));
}

const Rule& RuleSet::Add(Rule rule) {
  untouched_ = false;
  rule.order = ++last_order_;
  const auto behind = std::find_if(rules_.begin(), rules_.end(), [&](const Rule& other) {
    return other.priority > rule.priority;
  });
  return *rules_.insert(behind, std::move(rule));
}

void RuleSet::Remove(size_t index) {
  untouched_ = false;
  rules_.erase(rules_.begin() + static_cast<std::ptrdiff_t>(index));
}

uint32_t RuleSet::DefaultPriority() const {
  if (rules_.size() < 2 || rules_[1].priority == 0) return 0;
  return rules_[1].priority - 1;
}

bool RuleSet::HasTarget(const Rule& rule) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const Rule& other) { return other.priority == rule.target; });
}

size_t RuleSet::NextAt(const Rule& rule, size_t index) const {
  for (size_t i = index + 1; i < rules_.size(); ++i) {
    if (rules_[i].priority == rule.target) return i;
  }
  return index + 1;
}

bool RuleSet::Suppresses(const Rule& rule, const RouteResult& result) {
  if (result.route->dst.length <= rule.suppress_prefix_length) return true;
  if (rule.suppress_group == -1) return false;
  const std::vector<NextHop>& hops = HopsOf(*result.route);
  return !hops.empty() && hops[0].device != nullptr &&
         hops[0].device->group == static_cast<uint32_t>(rule.suppress_group);
}

}  // namespace vswitch
