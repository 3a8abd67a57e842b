// SPDX-License-Identifier: BSD-3-Clause
#include "control/nexthop.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "control/fib.h"

namespace vswitch {

namespace {

// A number that packets of the same flow have in common, spread over 31 bits
// (fib_multipath_hash for layer 3).
uint32_t HashOf(const Flow& flow) {
  uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const IpAddress* address : {&flow.src, &flow.dst}) {
    for (const uint8_t byte : address->bytes) hash = (hash ^ byte) * 0x100000001b3;
  }
  return static_cast<uint32_t>(hash >> 33);
}

}  // namespace

int ErrorOfType(uint8_t type) {
  switch (type) {
    case RTN_BLACKHOLE:
    case RTN_NAT:
    case RTN_XRESOLVE:
      return EINVAL;
    case RTN_UNREACHABLE:
      return EHOSTUNREACH;
    case RTN_PROHIBIT:
      return EACCES;
    case RTN_THROW:
      return EAGAIN;
    default:
      return 0;
  }
}

const std::vector<NextHop>& HopsOf(const IpRoute& route) {
  return route.nexthop != nullptr ? route.nexthop->hops : route.hops;
}

const NextHop* SelectHop(const std::vector<const NextHop*>& usable, const Flow& flow) {
  uint64_t total = 0, bound = 0;
  for (const NextHop* hop : usable) total += hop->weight;
  const uint32_t hash = HashOf(flow);
  for (const NextHop* hop : usable) {
    bound += hop->weight;
    if (hash < (bound << 31) / total) return hop;
  }
  return usable.empty() ? nullptr : usable.back();
}

const NextHop* SelectResilient(const IpRoute& route, const Flow& flow) {
  const NexthopObject* group = route.nexthop.get();
  if (group == nullptr || group->resilient == nullptr) return nullptr;
  const uint32_t id = group->resilient->Use(HashOf(flow), MonotonicTime::clock::now());
  for (size_t i = 0; i < group->members.size(); ++i) {
    if (group->members[i].nexthop->id == id) return &group->hops[i];
  }
  return nullptr;
}

bool NexthopObject::IsBlackhole() const {
  if (!group()) return blackhole;
  return members.size() == 1 && members[0].nexthop->blackhole;
}

bool NexthopObject::HasV4() const {
  if (!group()) return family == AF_INET;
  return std::any_of(members.begin(), members.end(),
                     [](const Member& member) { return member.nexthop->family == AF_INET; });
}

void NexthopObject::UpdateHops() {
  hops.clear();
  if (!group()) hops.push_back(hop);
  for (const Member& member : members) {
    hops.push_back(member.nexthop->hop);
    hops.back().weight = member.weight;
  }
  for (NexthopObject* parent : groups) parent->UpdateHops();
}

void NexthopObject::UpdateBuckets(MonotonicTime now) {
  if (resilient == nullptr) return;
  std::vector<ResilientTable::Member> ids;
  for (const Member& member : members) {
    ids.push_back({.id = member.nexthop->id, .weight = member.weight});
  }
  resilient->SetMembers(ids, now);
}

std::shared_ptr<NexthopObject> Nexthops::Find(uint32_t id) const {
  const auto found = by_id_.find(id);
  return found == by_id_.end() ? nullptr : found->second;
}

bool Nexthops::HasRoomFor(const NexthopObject& nexthop) const {
  const auto& config = nexthop.resilient_config;
  return !config.has_value() || buckets_ + *config->buckets <= kMaxBuckets;
}

void Nexthops::Insert(std::shared_ptr<NexthopObject> nexthop) {
  for (const NexthopObject::Member& member : nexthop->members) {
    member.nexthop->groups.insert(nexthop.get());
  }
  nexthop->UpdateHops();
  if (nexthop->resilient_config.has_value()) {
    nexthop->resilient = std::make_unique<ResilientTable>(*nexthop->resilient_config->buckets);
    buckets_ += nexthop->resilient->buckets().size();
    Reconfigure(*nexthop, *nexthop->resilient_config);
  }
  ++changes_;
  const uint32_t id = nexthop->id;
  by_device_.emplace(nexthop->hop.device, id);
  by_id_[id] = std::move(nexthop);
}

void Nexthops::Erase(NexthopObject& nexthop) {
  for (const NexthopObject::Member& member : nexthop.members) {
    member.nexthop->groups.erase(&nexthop);
  }
  ++changes_;
  by_device_.erase({nexthop.hop.device, nexthop.id});
  if (nexthop.resilient != nullptr) buckets_ -= nexthop.resilient->buckets().size();
  Unschedule(nexthop);
  by_id_.erase(nexthop.id);
}

// The part of Redefine for a resilient group. Timers that are not given stay.
void Nexthops::Reconfigure(NexthopObject& group, const ResilientConfig& config) {
  ResilientTable& table = *group.resilient;
  table.idle_timer = config.idle_timer.value_or(table.idle_timer);
  table.unbalanced_timer = config.unbalanced_timer.value_or(table.unbalanced_timer);
  Rebalance(group);
}

void Nexthops::Rebalance(NexthopObject& group) {
  group.UpdateBuckets(MonotonicTime::clock::now());
  Schedule(group);
}

void Nexthops::Redefine(NexthopObject& old, const NexthopObject& now) {
  for (const NexthopObject::Member& member : old.members) member.nexthop->groups.erase(&old);
  for (const NexthopObject::Member& member : now.members) member.nexthop->groups.insert(&old);
  old.family = now.family;
  old.protocol = now.protocol;
  old.flags = now.flags;
  old.blackhole = now.blackhole;
  old.fdb = now.fdb;
  by_device_.erase({old.hop.device, old.id});
  by_device_.emplace(now.hop.device, old.id);
  old.hop = now.hop;
  old.members = now.members;
  old.UpdateHops();
  if (old.resilient != nullptr) Reconfigure(old, *now.resilient_config);
  ++changes_;
}

std::vector<std::shared_ptr<NexthopObject>> Nexthops::Through(const Device& device) const {
  std::vector<std::shared_ptr<NexthopObject>> nexthops;
  for (auto entry = by_device_.lower_bound({&device, 0});
       entry != by_device_.end() && entry->first == &device; ++entry) {
    nexthops.push_back(by_id_.at(entry->second));
  }
  return nexthops;
}

std::optional<MonotonicTime> Nexthops::NextDeadline() const {
  if (upkeep_.empty()) return std::nullopt;
  return upkeep_.begin()->first;
}

NexthopObject* Nexthops::FindDue(MonotonicTime now) const {
  if (upkeep_.empty() || upkeep_.begin()->first > now) return nullptr;
  return by_id_.at(upkeep_.begin()->second).get();
}

void Nexthops::Schedule(NexthopObject& nexthop) {
  Unschedule(nexthop);
  nexthop.upkeep = nexthop.resilient == nullptr ? std::nullopt : nexthop.resilient->due();
  if (nexthop.upkeep.has_value()) upkeep_.emplace(*nexthop.upkeep, nexthop.id);
}

void Nexthops::Unschedule(NexthopObject& nexthop) {
  if (nexthop.upkeep.has_value()) upkeep_.erase({*nexthop.upkeep, nexthop.id});
  nexthop.upkeep.reset();
}

uint32_t Nexthops::UnusedId() {
  const uint32_t start = last_id_;
  while (true) {
    ++last_id_;
    if (last_id_ == std::numeric_limits<uint32_t>::max()) last_id_ = 1;
    if (!by_id_.contains(last_id_)) return last_id_;
    if (last_id_ == start) return 0;
  }
}

}  // namespace vswitch
