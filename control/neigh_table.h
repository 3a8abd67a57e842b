// SPDX-License-Identifier: BSD-3-Clause
// Neighbours of one family in one namespace: the state machine of net/core/neighbour.c.
#ifndef VSWITCH_CONTROL_NEIGH_TABLE_H_
#define VSWITCH_CONTROL_NEIGH_TABLE_H_

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/device.h"
#include "control/inet_device.h"
#include "control/neigh_params.h"

namespace vswitch {

// Sets of states.
constexpr uint8_t kNudInTimer =
    NUD_INCOMPLETE | NUD_REACHABLE | NUD_DELAY | NUD_PROBE;  // a timer is due
constexpr uint8_t kNudConnected = NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE;
constexpr uint8_t kNudValid = kNudConnected | NUD_PROBE | NUD_STALE | NUD_DELAY;  // lladdr is known

struct Neighbour {
  Device* device = nullptr;
  IpAddress address;
  MacAddress lladdr{};
  uint8_t state = NUD_NONE;
  uint8_t type = RTN_UNICAST;
  uint32_t flags = 0;  // NTF_*; from bit 8 on NTF_EXT_*
  uint8_t protocol = RTPROT_UNSPEC;
  uint32_t probes = 0;
  MonotonicTime used, confirmed, updated;
  std::optional<MonotonicTime> timer;
  bool held = false;  // by the request that changes it

  bool valid() const { return (state & kNudValid) != 0; }
};

// NTF_EXT_* as a bit of Neighbour::flags.
constexpr uint32_t kNtfExtShift = 8;
constexpr uint32_t kNtfManaged = NTF_EXT_MANAGED << kNtfExtShift;

// How NeighTable::Update treats what is known already (NEIGH_UPDATE_F_*).
enum NeighUpdate : uint32_t {
  kNeighOverride = 1,        // another lladdr replaces a known one
  kNeighWeakOverride = 2,    // another lladdr makes a connected entry stale, and is not taken
  kNeighOverrideRouter = 4,  // NTF_ROUTER becomes what kNeighRouter says
  kNeighRouter = 8,
  kNeighUse = 16,
  kNeighManaged = 32,
  kNeighExtLearned = 64,
  kNeighAdmin = 128,  // a user's wish, not the protocol's
};

// Tells others. Control thread.
class NeighAnnouncer {
 public:
  virtual ~NeighAnnouncer() = default;
  // RTM_NEWNEIGH or RTM_DELNEIGH to RTNLGRP_NEIGH, or RTM_GETNEIGH for a program that can find the
  // neighbour; `pid` is the port id of who asked, or 0.
  virtual void Announce(const Neighbour& neighbour, uint16_t type, uint32_t pid) = 0;
  // What an IPv4 address is in the device's namespace, RTN_* (inet_addr_type_dev_table).
  virtual uint8_t TypeOf(const Device& device, const IpAddress& address) = 0;
};

// The protocol behind a table, ARP or neighbour discovery: the host stack implements it. Control
// thread; must not call back into the table.
class NeighResolver {
 public:
  virtual ~NeighResolver() = default;
  // Sends one solicitation: to its lladdr when the neighbour is valid, else to everybody.
  virtual void Solicit(const Neighbour& neighbour) = 0;
  // Its lladdr became known: what waits for it can go.
  virtual void Resolved(const Neighbour& neighbour) = 0;
  // It is gone or does not answer: what waits for it can be dropped.
  virtual void Failed(const Neighbour& neighbour) = 0;
};

// Control thread. Nothing happens by itself: the owner calls Run when NextDeadline has come.
class NeighTable {
 public:
  // By interface, then address: the order of dumps.
  using Key = std::pair<int32_t, IpAddress>;

  // `family` is AF_INET or AF_INET6.
  NeighTable(uint8_t family, NeighAnnouncer& announcer);
  NeighTable(const NeighTable&) = delete;

  uint8_t family() const { return family_; }
  const NeighLimits& limits() const { return limits_; }
  void set_limits(const NeighLimits& limits) { limits_ = limits; }
  // What devices get that come; the others that have none of their own have it, too.
  const NeighParams& defaults() const { return defaults_; }
  void set_defaults(const NeighParams& params) { defaults_ = params; }
  const NeighParams& ParamsOf(const Device& device) const;
  // To be changed: from now on the device has its own.
  NeighParams& OwnParams(const Device& device);
  // The device lost the protocol, or goes.
  void ForgetParams(const Device& device) { own_params_.erase(&device); }
  // Null: nobody resolves; entries stay as users make them. Not owned.
  void set_resolver(NeighResolver* resolver) { resolver_ = resolver; }

  Neighbour* Find(const Device& device, const IpAddress& address) const;
  // The first entry behind `key`; null at the end.
  const Neighbour* After(const std::optional<Key>& key) const;
  static Key KeyOf(const Neighbour& neighbour);

  // Makes an entry, or finds the one that is there. `flags` are its first NTF_*. ENOBUFS when there
  // are too many that may be forgotten. (___neigh_create)
  absl::StatusOr<Neighbour*> Create(Device& device, const IpAddress& address, uint32_t flags,
                                    bool permanent, MonotonicTime now);

  // The general change: a null lladdr means none is given. EINVAL "No link layer address given",
  // EPERM for a change that is not administrative to what a user fixed. (__neigh_update)
  absl::Status Update(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state, uint32_t flags,
                      uint32_t pid, MonotonicTime now);

  // Removes one, announced as failed first (neigh_delete).
  void Delete(Neighbour& neighbour, uint32_t pid, MonotonicTime now);
  // The device went, or its address changed; a carrier that is lost spares permanent entries.
  void Flush(const Device& device, bool keep_permanent);
  // An address that became a broadcast address is no neighbour (arp_invalidate).
  void Invalidate(const Device& device, const IpAddress& address, MonotonicTime now);

  // For the host stack.

  // Somebody has a packet for the neighbour: true when it may go now to its lladdr. Otherwise
  // resolution runs, and Resolved or Failed follows. (neigh_event_send)
  bool Use(Neighbour& neighbour, MonotonicTime now);
  // A packet from it proves that it is there (neigh_confirm).
  void Confirm(Neighbour& neighbour, MonotonicTime now) const;

  // When Run must be called next; nullopt when nothing is due.
  std::optional<MonotonicTime> NextDeadline() const;
  void Run(MonotonicTime now);

  size_t size() const { return entries_.size(); }
  size_t CountOf(const Device& device) const;
  uint64_t changes() const { return changes_; }

 private:
  static constexpr Milliseconds kTick{10};  // the shortest wait between probes

  void Construct(Neighbour& neighbour) const;
  bool MakeRoom(MonotonicTime now);
  size_t RemoveUseless(size_t wanted, MonotonicTime now);
  void Remove(Neighbour& neighbour);
  void SetTimer(Neighbour& neighbour, MonotonicTime when);
  void ClearTimer(Neighbour& neighbour);
  bool ChangeFlags(Neighbour& neighbour, uint32_t flags);
  static bool ChangeRouter(Neighbour& neighbour, uint32_t flags);
  absl::Status Change(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state, uint32_t flags,
                      uint32_t pid, MonotonicTime now);
  bool ChangeValid(Neighbour& neighbour, const MacAddress* lladdr, uint8_t state, uint32_t flags,
                   MonotonicTime now);
  bool ChangeInvalid(Neighbour& neighbour, uint8_t state);
  bool Apply(Neighbour& neighbour, const MacAddress& lladdr, uint8_t state, MonotonicTime now);
  void TimerExpired(Neighbour& neighbour, MonotonicTime now);
  MonotonicTime Advance(Neighbour& neighbour, MonotonicTime now, bool& notify);
  uint32_t MaxProbes(const Neighbour& neighbour) const;
  void Probe(Neighbour& neighbour);
  MonotonicTime NextGc(MonotonicTime now) const;
  void CollectGarbage(MonotonicTime now);
  void KeepManaged(MonotonicTime now);
  static bool Forgettable(const Neighbour& neighbour);

  const uint8_t family_;
  NeighAnnouncer& announcer_;
  NeighResolver* resolver_ = nullptr;
  NeighLimits limits_;
  NeighParams defaults_;
  absl::flat_hash_map<const Device*, NeighParams> own_params_;
  absl::btree_map<Key, std::unique_ptr<Neighbour>> entries_;
  absl::btree_set<std::pair<MonotonicTime, Neighbour*>> timers_;
  absl::btree_set<Neighbour*> managed_;
  std::optional<MonotonicTime> next_gc_, next_managed_, last_forced_gc_;
  bool in_vain_ = false;    // the last forced collection found nothing
  size_t forgettable_ = 0;  // entries that garbage collection may take
  uint64_t changes_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NEIGH_TABLE_H_
