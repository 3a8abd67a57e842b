// SPDX-License-Identifier: BSD-3-Clause
// Routing policy: which table is asked about which packets (net/core/fib_rules.c).
#ifndef VSWITCH_CONTROL_RULE_SET_H_
#define VSWITCH_CONTROL_RULE_SET_H_

#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/fib.h"
#include "control/registry.h"

namespace vswitch {

using PortRange = std::pair<uint16_t, uint16_t>;  // first, last
using UidRange = std::pair<uint32_t, uint32_t>;

struct Rule {
  uint32_t priority = 0;
  uint8_t action = FR_ACT_TO_TBL;  // FR_ACT_*
  uint32_t table = 0;
  uint32_t flags = 0;  // FIB_RULE_PERMANENT, FIB_RULE_INVERT, what clients set
  uint8_t protocol = RTPROT_UNSPEC;
  std::optional<IpPrefix> src, dst;
  uint8_t tos = 0;
  std::string iif, oif;  // names: the links may come and go
  uint32_t mark = 0, mark_mask = 0;
  uint32_t target = 0;  // priority to go on at, for FR_ACT_GOTO
  int32_t suppress_prefix_length = -1, suppress_group = -1;
  uint64_t tunnel = 0;
  uint8_t l3mdev = 0;
  std::optional<UidRange> uids;
  uint8_t ip_protocol = 0;
  PortRange sport{}, dport{};  // 0-0: any
  uint32_t flow = 0;           // IPv4

  int64_t order = 0;  // among those of the same priority

  bool Matches(const Namespace& ns, const Flow& flow) const;
};

// The rules of one family in a namespace, by priority; families of multicast routing have rules,
// too. Control thread.
class RuleSet {
 public:
  // Those that every namespace is born with.
  explicit RuleSet(uint8_t family);

  uint8_t family() const { return family_; }
  const std::vector<Rule>& rules() const { return rules_; }
  // Nobody added or removed a rule yet: the two usual tables can be looked up as one.
  bool untouched() const { return untouched_; }

  // Behind those of the same priority.
  const Rule& Add(Rule rule);
  void Remove(size_t index);
  // For a rule without: just before the second rule (fib_default_rule_pref).
  uint32_t DefaultPriority() const;
  bool HasTarget(const Rule& rule) const;

  // Asks `lookup(table id)` for a RouteResult, rule by rule, until one is no EAGAIN
  // (fib_rules_lookup). ENETUNREACH at the end.
  template <typename LookupTable>
  RouteResult Lookup(const Namespace& ns, const Flow& flow, LookupTable lookup) const {
    for (size_t i = 0; i < rules_.size();) {
      const Rule& rule = rules_[i];
      if (!rule.Matches(ns, flow)) {
        ++i;
      } else if (rule.action == FR_ACT_GOTO) {
        i = NextAt(rule, i);
      } else {
        const RouteResult result = Apply(rule, lookup);
        if (result.error != EAGAIN) return result;
        ++i;
      }
    }
    return {.error = ENETUNREACH};
  }

 private:
  // Where a jump leads; the next rule when there is no such place.
  size_t NextAt(const Rule& rule, size_t index) const;

  template <typename LookupTable>
  RouteResult Apply(const Rule& rule, LookupTable lookup) const {
    switch (rule.action) {
      case FR_ACT_TO_TBL:
        break;
      case FR_ACT_NOP:
        return {.error = EAGAIN};
      case FR_ACT_UNREACHABLE:
        return {.error = ENETUNREACH};
      case FR_ACT_PROHIBIT:
        return {.error = EACCES};
      default:
        return {.error = EINVAL};
    }
    const RouteResult result = lookup(rule.table);
    return result.ok() && Suppresses(rule, result) ? RouteResult{.error = EAGAIN} : result;
  }
  static bool Suppresses(const Rule& rule, const RouteResult& result);

  const uint8_t family_;
  std::vector<Rule> rules_;
  bool untouched_ = true;
  int64_t last_order_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_RULE_SET_H_
