// SPDX-License-Identifier: BSD-3-Clause
// What the control thread found out about destinations: a bounded cache, so that workers need
// neither routes nor neighbours.
#ifndef VSWITCH_DATAPLANE_NEXT_HOPS_H_
#define VSWITCH_DATAPLANE_NEXT_HOPS_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "dataplane/address_table.h"
#include "dataplane/ethernet.h"

namespace vswitch {

struct DstEntry {
  enum class Verdict : uint8_t {
    kUnknown = 0,      // ask the control thread
    kNeighbour = 1,    // leaves with `address` as its destination
    kLocal = 2,        // an address of the lower device: for its stack
    kUnreachable = 3,  // no route, or one that is neither unicast nor local: dropped
  };

  Verdict verdict = Verdict::kUnknown;
  EthernetAddress address{};

  friend bool operator==(const DstEntry&, const DstEntry&) = default;
};

// One writer (control thread); readers look up inside an RCU read section. What a destination means
// must not depend on anything else of the packet: where rules look at more than that, the writer
// remembers nothing.
class NextHops {
 public:
  static constexpr size_t kCapacity = 65536;

  NextHops() : table_(new AddressTable) {}
  ~NextHops() { delete table_.load(std::memory_order_relaxed); }
  NextHops(const NextHops&) = delete;

  // Worker thread. REQUIRES: keys.size() <= AddressTable::kBatch and <= hops.size().
  void Find(std::span<const AddressKey> keys, std::span<DstEntry> hops) const;

  // Control thread. Replaces what was known of `destination`. Does nothing when the cache is full.
  void Remember(const AddressKey& destination, const DstEntry& hop);
  // Control thread. One destination is not known any more.
  void Forget(const AddressKey& destination) {
    table_.load(std::memory_order_relaxed)->Erase(destination);
  }
  // Control thread. Something changed: all is forgotten. What is returned may be freed after a
  // grace period (Dataplane::Retire); null when nothing was known.
  [[nodiscard]] std::unique_ptr<const AddressTable> Forget();
  // The cache is full: time to Forget.
  bool full() const { return Table().size() >= kCapacity; }
  size_t size() const { return Table().size(); }

 private:
  const AddressTable& Table() const { return *table_.load(std::memory_order_relaxed); }

  std::atomic<AddressTable*> table_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_NEXT_HOPS_H_
