// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/served_guest.h"

#include <rte_log.h>
#include <rte_vhost.h>

#include <cstdlib>
#include <span>
#include <utility>
#include <vector>

#include "pmd/virtio.h"
#include "pmd/virtqueue/ring_setup.h"

namespace vswitch {
namespace {

using MemoryTable = std::unique_ptr<rte_vhost_memory, decltype(&std::free)>;

MemoryTable TableOf(int vid) {
  rte_vhost_memory* table = nullptr;
  if (rte_vhost_get_mem_table(vid, &table) < 0) table = nullptr;
  return {table, std::free};
}

std::span<const rte_vhost_mem_region> RegionsOf(const MemoryTable& table) {
  if (table == nullptr) return {};
  return {table->regions, table->nregions};
}

absl::StatusOr<GuestMemory> MemoryOf(const MemoryTable& table) {
  std::vector<MemoryRegion> regions;
  for (const rte_vhost_mem_region& region : RegionsOf(table)) {
    regions.push_back(
        {region.guest_phys_addr, region.size, reinterpret_cast<uint8_t*>(region.host_user_addr)});
  }
  return GuestMemory::Create(regions);
}

absl::Status AddGuard(void* start, size_t size, std::atomic<bool>& faulted,
                      std::vector<GuardedMemory>& guards) {
  absl::StatusOr<GuardedMemory> guard = GuardedMemory::Create(start, size, faulted);
  if (guard.ok()) guards.push_back(*std::move(guard));
  return guard.status();
}

absl::StatusOr<std::vector<GuardedMemory>> GuardsOf(const MemoryTable& table, const LogArea& log,
                                                    std::atomic<bool>& faulted) {
  std::vector<GuardedMemory> guards;
  absl::Status status;
  for (const rte_vhost_mem_region& region : RegionsOf(table)) {
    status.Update(AddGuard(region.mmap_addr, region.mmap_size, faulted, guards));
  }
  if (log.bits != nullptr) status.Update(AddGuard(log.bits, log.size, faulted, guards));
  if (!status.ok()) return status;
  return guards;
}

RingSetup SetupOf(const rte_vhost_vring& vring, uint64_t features, const GuestMemory& memory,
                  const DirtyLog* log) {
  RingSetup setup;
  setup.descriptors = vring.desc;
  setup.driver = vring.avail;
  setup.device = vring.used;
  setup.size = vring.size;
  setup.call_fd = vring.callfd;
  setup.memory = &memory;
  setup.log = log;
  setup.mergeable = (features & kVirtioNetMrgRxbuf) != 0;
  setup.header_size = setup.mergeable || (features & kVirtioVersion1) != 0 ? 12 : 10;
  setup.event_index = (features & kVirtioRingEventIndex) != 0;
  setup.indirect = (features & kVirtioRingIndirect) != 0;
  setup.in_order = (features & kVirtioInOrder) != 0;
  return setup;
}

// librte_vhost checked it too, but with the features and the size that there were at that time.
bool LiesIn(const GuestMemory& memory, const RingSetup& setup, bool packed) {
  return (packed ? RingAreas::OfPacked(setup) : RingAreas::OfSplit(setup)).LieIn(memory);
}

template <typename Ring>
std::unique_ptr<ServedRing> Make(const RingSetup& setup, uint16_t available, uint16_t used,
                                 int kick_fd) {
  absl::StatusOr<Ring> ring = Ring::Create(setup, {available, used});
  if (!ring.ok()) return nullptr;
  // Until its queue rests it is polled.
  ring->SetKicks(false);
  return std::make_unique<ServedRing>(*std::move(ring), kick_fd);
}

}  // namespace

OffloadSupport SupportOf(uint64_t features) {
  return {.checksum = (features & kVirtioNetGuestCsum) != 0,
          .tso4 = (features & kVirtioNetGuestTso4) != 0,
          .tso6 = (features & kVirtioNetGuestTso6) != 0};
}

ServedPairs ServedPairs::Of(const UsableRings& rings) {
  ServedPairs pairs{.receiving = 0, .sending = kMaxVhostPairs};
  while (pairs.receiving < kMaxVhostPairs && rings[2 * pairs.receiving]) ++pairs.receiving;
  while (pairs.sending > 0 && !rings[2 * pairs.sending - 1]) --pairs.sending;
  return pairs;
}

absl::StatusOr<std::unique_ptr<ServedGuest>> ServedGuest::Create(int vid, const UsableRings& usable,
                                                                 const LogArea& log,
                                                                 std::atomic<bool>& faulted) {
  const MemoryTable table = TableOf(vid);
  absl::StatusOr<GuestMemory> memory = MemoryOf(table);
  if (!memory.ok()) return memory.status();
  absl::StatusOr<Guards> guards = GuardsOf(table, log, faulted);
  if (!guards.ok()) return guards.status();
  uint64_t features = 0;
  rte_vhost_get_negotiated_features(vid, &features);
  std::unique_ptr<ServedGuest> guest(
      new ServedGuest(vid, *std::move(memory), *std::move(guards), faulted));
  guest->support_ = SupportOf(features);
  if ((features & kVhostLogAll) != 0 && log.bits != nullptr) {
    guest->log_.emplace(guest->memory_, static_cast<uint8_t*>(log.bits), log.size);
  }
  guest->MakeRings(usable, features);
  return guest;
}

void ServedGuest::MakeRings(const UsableRings& usable, uint64_t features) {
  UsableRings made;
  for (uint16_t i = 0; i < usable.size(); ++i) {
    if (usable[i]) rings_[i] = MakeRing(i, features);
    made[i] = rings_[i] != nullptr;
  }
  pairs_ = ServedPairs::Of(made);
}

std::unique_ptr<ServedRing> ServedGuest::MakeRing(uint16_t index, uint64_t features) const {
  rte_vhost_vring vring;
  uint16_t available = 0, used = 0;
  if (rte_vhost_get_vhost_vring(vid_, index, &vring) < 0 ||
      rte_vhost_get_vring_base(vid_, index, &available, &used) < 0) {
    return nullptr;
  }
  const bool packed = (features & kVirtioRingPacked) != 0;
  const RingSetup setup = SetupOf(vring, features, memory_, log_ ? &*log_ : nullptr);
  std::unique_ptr<ServedRing> ring;
  if (LiesIn(memory_, setup, packed)) {
    ring = packed ? Make<PackedRing>(setup, available, used, vring.kickfd)
                  : Make<SplitRing>(setup, available, used, vring.kickfd);
  }
  if (ring == nullptr) {
    RTE_LOG(WARNING, USER1, "vhost-user connection %d: ring %u makes no sense, and is not served\n",
            vid_, index);
  }
  return ring;
}

void ServedGuest::HandBack() {
  for (uint16_t i = 0; i < rings_.size(); ++i) {
    if (rings_[i] == nullptr) continue;
    const ServedRing::Base base = rings_[i]->base();
    rte_vhost_set_vring_base(vid_, i, base.available, base.used);
  }
}

}  // namespace vswitch
