// SPDX-License-Identifier: BSD-3-Clause
#include "control/neigh_table.h"

#include <linux/if.h>

#include <algorithm>
#include <cerrno>
#include <random>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr auto kForcedGcAge = std::chrono::seconds(5);
// When nothing could be removed, how long nobody looks again.
constexpr Milliseconds kForcedGcRest{100};

NeighParams DefaultsOf(uint8_t family) {
  NeighParams params;
  if (family == AF_INET6) params.locktime = Milliseconds(0);
  params.DrawReachable();
  return params;
}

// arp_mc_map, ndisc_mc_map
MacAddress MulticastMac(const IpAddress& address) {
  const auto& bytes = address.bytes;
  if (address.family == AF_INET) {
    return {0x01, 0x00, 0x5e, static_cast<uint8_t>(bytes[1] & 0x7f), bytes[2], bytes[3]};
  }
  return {0x33, 0x33, bytes[12], bytes[13], bytes[14], bytes[15]};
}

}  // namespace

void NeighParams::DrawReachable() {
  std::random_device random;
  reachable = base_reachable / 2;
  if (base_reachable.count() <= 0) return;
  reachable += Milliseconds(random() % static_cast<uint32_t>(base_reachable.count()));
}

NeighTable::NeighTable(uint8_t family, NeighAnnouncer& announcer)
    : family_(family), announcer_(announcer), defaults_(DefaultsOf(family)) {}

const NeighParams& NeighTable::ParamsOf(const Device& device) const {
  const auto found = own_params_.find(&device);
  return found == own_params_.end() ? defaults_ : found->second;
}

NeighParams& NeighTable::OwnParams(const Device& device) {
  return own_params_.try_emplace(&device, defaults_).first->second;
}

NeighTable::Key NeighTable::KeyOf(const Neighbour& neighbour) {
  return {neighbour.device->ifindex, neighbour.address};
}

Neighbour* NeighTable::Find(const Device& device, const IpAddress& address) const {
  const auto found = entries_.find({device.ifindex, address});
  return found == entries_.end() ? nullptr : found->second.get();
}

const Neighbour* NeighTable::After(const std::optional<Key>& key) const {
  const auto next = key.has_value() ? entries_.upper_bound(*key) : entries_.begin();
  return next == entries_.end() ? nullptr : next->second.get();
}

size_t NeighTable::CountOf(const Device& device) const {
  size_t count = 0;
  for (auto entry = entries_.lower_bound({device.ifindex, IpAddress{}});
       entry != entries_.end() && entry->first.first == device.ifindex; ++entry) {
    ++count;
  }
  return count;
}

bool NeighTable::Forgettable(const Neighbour& neighbour) {
  return (neighbour.state & NUD_PERMANENT) == 0 && (neighbour.flags & NTF_EXT_LEARNED) == 0;
}

// What the kind of address and device settle without asking anybody (arp_constructor,
// ndisc_constructor).
void NeighTable::Construct(Neighbour& neighbour) const {
  const Device& device = *neighbour.device;
  const bool v4 = family_ == AF_INET;
  const bool multicast = neighbour.address.IsMulticast();
  neighbour.type = v4 ? announcer_.TypeOf(device, neighbour.address)
                      : static_cast<uint8_t>(multicast ? RTN_MULTICAST : RTN_UNICAST);
  if (neighbour.type == RTN_MULTICAST) {
    neighbour.lladdr = MulticastMac(neighbour.address);
  } else if ((device.flags & (IFF_NOARP | IFF_LOOPBACK)) != 0) {
    neighbour.lladdr = device.address;
    if (!v4 && (device.flags & IFF_LOOPBACK) != 0) neighbour.type = RTN_LOCAL;
  } else if (neighbour.type == RTN_BROADCAST || (device.flags & IFF_POINTOPOINT) != 0) {
    neighbour.lladdr = device.broadcast;
  } else {
    return;
  }
  neighbour.state = NUD_NOARP;
}

absl::StatusOr<Neighbour*> NeighTable::Create(Device& device, const IpAddress& address,
                                              uint32_t flags, bool permanent, MonotonicTime now) {
  // All of IPv4 is the same neighbour of a device that has none.
  const bool nobody = (device.flags & (IFF_LOOPBACK | IFF_POINTOPOINT)) != 0;
  const IpAddress key = family_ == AF_INET && nobody ? IpAddress::Any(AF_INET) : address;
  if (Neighbour* found = Find(device, key)) return found;
  const bool spared = permanent || (flags & NTF_EXT_LEARNED) != 0;
  if (!spared && !MakeRoom(now)) return ErrnoStatus(ENOBUFS);
  auto neighbour = std::make_unique<Neighbour>();
  neighbour->device = &device;
  neighbour->address = key;
  neighbour->flags = flags;
  neighbour->updated = neighbour->used = now;
  neighbour->confirmed = now - 2 * ParamsOf(device).base_reachable;
  Construct(*neighbour);
  if (!next_gc_.has_value()) next_gc_ = NextGc(now);
  if ((flags & kNtfManaged) != 0) managed_.insert(neighbour.get());
  if (!next_managed_.has_value() && !managed_.empty()) next_managed_ = now;
  forgettable_ += Forgettable(*neighbour) ? 1 : 0;
  ++changes_;
  return entries_.emplace(KeyOf(*neighbour), std::move(neighbour)).first->second.get();
}

// neigh_alloc: entries that may be forgotten have a limit, so that nobody can fill the memory by
// talking from many addresses. Nor the time: the search is through all entries.
bool NeighTable::MakeRoom(MonotonicTime now) {
  const auto within = [&](auto time) {
    return last_forced_gc_.has_value() && now - *last_forced_gc_ <= time;
  };
  const bool full = forgettable_ >= limits_.thresh3;
  if (!full && (forgettable_ < limits_.thresh2 || within(kForcedGcAge))) return true;
  if (full && in_vain_ && within(kForcedGcRest)) return false;
  last_forced_gc_ = now;
  const size_t wanted = forgettable_ < limits_.thresh2 ? 1 : forgettable_ + 1 - limits_.thresh2;
  in_vain_ = RemoveUseless(wanted, now) == 0;
  return !in_vain_ || !full;
}

// neigh_forced_gc
size_t NeighTable::RemoveUseless(size_t wanted, MonotonicTime now) {
  std::vector<Neighbour*> gone;
  for (const auto& [key, neighbour] : entries_) {
    if (gone.size() == wanted) break;
    const bool useless = neighbour->state == NUD_FAILED || neighbour->state == NUD_NOARP ||
                         neighbour->type == RTN_MULTICAST ||
                         now - neighbour->updated > kForcedGcAge;
    const bool used = neighbour->timer.has_value() || neighbour->held;
    if (useless && !used && Forgettable(*neighbour)) gone.push_back(neighbour.get());
  }
  for (Neighbour* neighbour : gone) Remove(*neighbour);
  return gone.size();
}

void NeighTable::Remove(Neighbour& neighbour) {
  ClearTimer(neighbour);
  managed_.erase(&neighbour);
  forgettable_ -= Forgettable(neighbour) ? 1 : 0;
  ++changes_;
  const auto node = entries_.extract(KeyOf(neighbour));  // keeps it alive until the end
  if (resolver_ != nullptr) resolver_->Failed(neighbour);
  announcer_.Announce(neighbour, RTM_DELNEIGH, 0);
}

void NeighTable::SetTimer(Neighbour& neighbour, MonotonicTime when) {
  ClearTimer(neighbour);
  neighbour.timer = when;
  timers_.emplace(when, &neighbour);
}

void NeighTable::ClearTimer(Neighbour& neighbour) {
  if (!neighbour.timer.has_value()) return;
  timers_.erase({*neighbour.timer, &neighbour});
  neighbour.timer.reset();
}

// neigh_update_flags. True when something changed.
bool NeighTable::ChangeFlags(Neighbour& neighbour, uint32_t flags) {
  if ((flags & kNeighAdmin) == 0) return false;
  const uint32_t wanted = ((flags & kNeighExtLearned) != 0 ? uint32_t{NTF_EXT_LEARNED} : 0) |
                          ((flags & kNeighManaged) != 0 ? kNtfManaged : 0);
  const uint32_t changed = (neighbour.flags ^ wanted) & (NTF_EXT_LEARNED | kNtfManaged);
  neighbour.flags ^= changed;
  if ((wanted & kNtfManaged) != 0) {
    managed_.insert(&neighbour);
  } else {
    managed_.erase(&neighbour);
  }
  return changed != 0;
}

// neigh_update_is_router
bool NeighTable::ChangeRouter(Neighbour& neighbour, uint32_t flags) {
  const uint32_t before = neighbour.flags;
  const uint32_t wanted = (flags & kNeighRouter) != 0 ? uint32_t{NTF_ROUTER} : 0;
  neighbour.flags = (before & ~uint32_t{NTF_ROUTER}) | wanted;
  return neighbour.flags != before;
}

absl::Status NeighTable::Update(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state,
                                uint32_t flags, uint32_t pid, MonotonicTime now) {
  if ((flags & kNeighAdmin) == 0 && (neighbour.state & (NUD_NOARP | NUD_PERMANENT)) != 0) {
    return ErrnoStatus(EPERM);
  }
  forgettable_ -= Forgettable(neighbour) ? 1 : 0;
  const absl::Status status = Change(neighbour, lladdr, state, flags, pid, now);
  forgettable_ += Forgettable(neighbour) ? 1 : 0;
  return status;
}

absl::Status NeighTable::Change(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state,
                                uint32_t flags, uint32_t pid, MonotonicTime now) {
  const bool was_valid = neighbour.valid();
  bool notify = ChangeFlags(neighbour, flags);
  if (next_managed_.has_value() == managed_.empty()) {
    next_managed_ = managed_.empty() ? std::nullopt : std::optional(now);
  }
  absl::Status status;
  if ((flags & (kNeighUse | kNeighManaged)) != 0) {
    neighbour.state &= ~NUD_PERMANENT;
  } else if ((state & kNudValid) == 0) {
    notify = ChangeInvalid(neighbour, state);
  } else if (lladdr == nullptr && !was_valid) {
    status = ErrnoStatus(EINVAL, "No link layer address given");
  } else {
    notify |= ChangeValid(neighbour, lladdr, state, flags, now);
  }
  if (notify) announcer_.Announce(neighbour, RTM_NEWNEIGH, pid);
  if (!was_valid && neighbour.valid() && resolver_ != nullptr) resolver_->Resolved(neighbour);
  return status;
}

// The part of Update for states in which no lladdr is known.
bool NeighTable::ChangeInvalid(Neighbour& neighbour, uint8_t state) {
  const uint8_t old = neighbour.state;
  ClearTimer(neighbour);
  neighbour.state = state;
  const bool gave_up = (old & (NUD_INCOMPLETE | NUD_PROBE)) != 0 && (state & NUD_FAILED) != 0;
  if (gave_up && resolver_ != nullptr) resolver_->Failed(neighbour);
  return (old & kNudValid) != 0 || gave_up;
}

// The part of Update for states in which one is. REQUIRES: one is given or known.
bool NeighTable::ChangeValid(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state,
                             uint32_t flags, MonotonicTime now) {
  const uint8_t old = neighbour.state;
  const bool was_valid = neighbour.valid();
  const MacAddress wanted = lladdr != nullptr ? *lladdr : neighbour.lladdr;
  const bool other = wanted != neighbour.lladdr;
  if ((state & kNudConnected) != 0) neighbour.confirmed = now;
  if (was_valid && other && (flags & kNeighOverride) == 0) {
    if ((flags & kNeighWeakOverride) == 0 || (old & kNudConnected) == 0) return false;
    return Apply(neighbour, neighbour.lladdr, NUD_STALE, now);
  }
  // Hearing a valid neighbour's own address again says nothing new.
  const bool keep = was_valid && !other && state == NUD_STALE && (flags & kNeighAdmin) == 0;
  const bool changed = Apply(neighbour, wanted, keep ? old : state, now);
  if ((flags & kNeighOverrideRouter) == 0) return changed;
  return ChangeRouter(neighbour, flags) || changed;
}

// Takes state and lladdr over. True when that changes anything.
bool NeighTable::Apply(Neighbour& neighbour, const MacAddress& lladdr, uint8_t state,
                       MonotonicTime now) {
  const bool was_valid = neighbour.valid();
  const bool other = !was_valid || lladdr != neighbour.lladdr;
  const bool changed = state != neighbour.state;
  if (changed || other) neighbour.updated = now;
  if (changed) {
    ClearTimer(neighbour);
    if ((state & NUD_PROBE) != 0) neighbour.probes = 0;
    if ((state & kNudInTimer) != 0) {
      const Milliseconds reachable = ParamsOf(*neighbour.device).reachable;
      SetTimer(neighbour, (state & NUD_REACHABLE) != 0 ? now + reachable : now);
    }
    neighbour.state = state;
  }
  neighbour.lladdr = lladdr;
  if (other && (state & kNudConnected) == 0) {
    neighbour.confirmed = now - 2 * ParamsOf(*neighbour.device).base_reachable;
  }
  return changed || other;
}

void NeighTable::Delete(Neighbour& neighbour, uint32_t pid, MonotonicTime now) {
  neighbour.held = true;
  (void)Update(neighbour, nullptr, NUD_FAILED, kNeighOverride | kNeighAdmin, pid, now);
  neighbour.held = false;
  Remove(neighbour);
}

void NeighTable::Flush(const Device& device, bool keep_permanent) {
  std::vector<Neighbour*> gone;
  for (auto entry = entries_.lower_bound({device.ifindex, IpAddress{}});
       entry != entries_.end() && entry->first.first == device.ifindex; ++entry) {
    const bool kept = keep_permanent && (entry->second->state & NUD_PERMANENT) != 0;
    if (!kept) gone.push_back(entry->second.get());
  }
  for (Neighbour* neighbour : gone) Remove(*neighbour);
}

void NeighTable::Invalidate(const Device& device, const IpAddress& address, MonotonicTime now) {
  Neighbour* neighbour = Find(device, address);
  if (neighbour == nullptr || neighbour->valid()) return;
  Delete(*neighbour, 0, now);
}

bool NeighTable::Use(Neighbour& neighbour, MonotonicTime now) {
  const NeighParams& params = ParamsOf(*neighbour.device);
  neighbour.used = now;
  if ((neighbour.state & (kNudConnected | NUD_DELAY | NUD_PROBE)) != 0) return true;
  if ((neighbour.state & NUD_STALE) != 0) {
    neighbour.state = NUD_DELAY;
    neighbour.updated = now;
    SetTimer(neighbour, now + params.delay_probe);
    return true;
  }
  if ((neighbour.state & NUD_INCOMPLETE) != 0) return false;
  neighbour.probes = params.unicast_probes;
  neighbour.state = NUD_INCOMPLETE;
  neighbour.updated = now;
  SetTimer(neighbour, now + std::max(params.retransmit, kTick));
  Probe(neighbour);
  return false;
}

void NeighTable::Confirm(Neighbour& neighbour, MonotonicTime now) const {
  neighbour.confirmed = now;
}

uint32_t NeighTable::MaxProbes(const Neighbour& neighbour) const {
  const NeighParams& params = ParamsOf(*neighbour.device);
  return params.unicast_probes + params.app_probes +
         ((neighbour.state & NUD_PROBE) != 0 ? params.multicast_reprobes : params.multicast_probes);
}

// The neighbour itself is asked first, then a program, then everybody (arp_solicit, ndisc_solicit).
void NeighTable::Probe(Neighbour& neighbour) {
  const NeighParams& params = ParamsOf(*neighbour.device);
  const uint32_t asked = neighbour.probes - params.unicast_probes;
  if (neighbour.probes >= params.unicast_probes && asked < params.app_probes) {
    announcer_.Announce(neighbour, RTM_GETNEIGH, 0);
  } else if (resolver_ != nullptr) {
    resolver_->Solicit(neighbour);
  }
  ++neighbour.probes;
}

// neigh_timer_handler
void NeighTable::TimerExpired(Neighbour& neighbour, MonotonicTime now) {
  bool notify = false;
  const MonotonicTime next = Advance(neighbour, now, notify);
  const bool probing = (neighbour.state & (NUD_INCOMPLETE | NUD_PROBE)) != 0;
  const bool failed = probing && neighbour.probes >= MaxProbes(neighbour);
  if (failed) {
    neighbour.state = NUD_FAILED;
    neighbour.updated = now;
    notify = true;
    if (resolver_ != nullptr) resolver_->Failed(neighbour);
  } else if ((neighbour.state & kNudInTimer) != 0) {
    SetTimer(neighbour, std::max(next, now + kTick));
    if (probing) Probe(neighbour);
  }
  if (notify) announcer_.Announce(neighbour, RTM_NEWNEIGH, 0);
}

// The state that follows, and when to look again.
MonotonicTime NeighTable::Advance(Neighbour& neighbour, MonotonicTime now, bool& notify) {
  const NeighParams& params = ParamsOf(*neighbour.device);
  const auto become = [&](uint8_t state) {
    neighbour.state = state;
    neighbour.updated = now;
  };
  if ((neighbour.state & NUD_REACHABLE) != 0) {
    if (now <= neighbour.confirmed + params.reachable)
      return neighbour.confirmed + params.reachable;
    if (now <= neighbour.used + params.delay_probe) {
      become(NUD_DELAY);
      return now + params.delay_probe;
    }
    become(NUD_STALE);
    notify = true;
    return now;
  }
  if ((neighbour.state & NUD_DELAY) != 0) {
    notify = true;
    if (now <= neighbour.confirmed + params.delay_probe) {
      become(NUD_REACHABLE);
      return neighbour.confirmed + params.reachable;
    }
    become(NUD_PROBE);
    neighbour.probes = 0;
  }
  return now + std::max(params.retransmit, kTick);
}

MonotonicTime NeighTable::NextGc(MonotonicTime now) const {
  return now + std::max(defaults_.base_reachable / 2, kTick);
}

// neigh_periodic_work
void NeighTable::CollectGarbage(MonotonicTime now) {
  next_gc_ = NextGc(now);
  if (entries_.empty()) next_gc_.reset();
  if (entries_.size() < limits_.thresh1) return;
  std::vector<Neighbour*> gone;
  for (const auto& [key, neighbour] : entries_) {
    if (!Forgettable(*neighbour) || (neighbour->state & kNudInTimer) != 0) continue;
    neighbour->used = std::max(neighbour->used, std::min(neighbour->confirmed, now));
    const bool unused = now >= neighbour->used + ParamsOf(*neighbour->device).gc_stale;
    if (neighbour->state == NUD_FAILED || unused) gone.push_back(neighbour.get());
  }
  for (Neighbour* neighbour : gone) Remove(*neighbour);
}

// neigh_managed_work
void NeighTable::KeepManaged(MonotonicTime now) {
  for (Neighbour* neighbour : managed_) (void)Use(*neighbour, now);
  next_managed_ = now + std::max(defaults_.interval_probe, kTick);
}

std::optional<MonotonicTime> NeighTable::NextDeadline() const {
  std::optional<MonotonicTime> next;
  const auto consider = [&](const std::optional<MonotonicTime>& when) {
    if (when.has_value() && (!next.has_value() || *when < *next)) next = when;
  };
  if (!timers_.empty()) consider(timers_.begin()->first);
  consider(next_gc_);
  consider(next_managed_);
  return next;
}

void NeighTable::Run(MonotonicTime now) {
  while (!timers_.empty() && timers_.begin()->first <= now) {
    Neighbour& neighbour = *timers_.begin()->second;
    ClearTimer(neighbour);
    TimerExpired(neighbour, now);
  }
  if (next_managed_.has_value() && *next_managed_ <= now) KeepManaged(now);
  if (next_gc_.has_value() && *next_gc_ <= now) CollectGarbage(now);
}

}  // namespace vswitch
