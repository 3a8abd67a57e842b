// SPDX-License-Identifier: BSD-3-Clause
// From an IP address to what belongs to it: a hash table with one writer and any number of readers
// that never wait, in which an address costs the same whether there are ten or a million.
#ifndef VSWITCH_DATAPLANE_ADDRESS_TABLE_H_
#define VSWITCH_DATAPLANE_ADDRESS_TABLE_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/address_key.h"

namespace vswitch {

// Linear hashing (Litwin, 1980): a table grows by one bucket for an address, so that no insertion
// pays for all others. Values are any 64 bits but 0.
//
// Readers and the writer may run at any time, without RCU: memory is kept until the table is
// destroyed, and a reader that finds nothing while a bucket is being split looks again. Slots carry
// a version, so that a reader never pairs one address with another's value.
class AddressTable {
 public:
  static constexpr uint64_t kNone = 0;
  static constexpr uint32_t kFirstBuckets = 8;  // a power of two

  AddressTable();  // the hash is keyed with secrets of its own
  ~AddressTable();
  AddressTable(const AddressTable&) = delete;

  // The writer. False, and nothing is changed, when the address is there already.
  // REQUIRES: key.valid(), value != kNone.
  bool Insert(const AddressKey& key, uint64_t value);
  // The writer. False when it was not there.
  bool Erase(const AddressKey& key);
  size_t size() const { return size_; }

  // Any thread. Another one after each change, and never one that any table had before: what was
  // found after reading it holds while it stays.
  uint64_t stamp() const { return stamp_.load(std::memory_order_acquire); }
  // Any thread. kNone when the address is not there or is none.
  uint64_t Find(const AddressKey& key) const;
  // The same for up to kBatch addresses, whose cache lines are fetched at the same time.
  // REQUIRES: keys.size() <= values.size().
  static constexpr size_t kBatch = 32;
  void Find(std::span<const AddressKey> keys, std::span<uint64_t> values) const;
  // That in two steps, between which lines have time to come: Begin for all keys from `first` on,
  // as more and more of them are known, then Finish for all.
  class Lookups;
  void Begin(std::span<const AddressKey> keys, size_t first, Lookups& lookups) const;
  void Finish(std::span<const AddressKey> keys, const Lookups& lookups,
              std::span<uint64_t> values) const;

 private:
  struct Bucket;
  struct Place;
  static constexpr size_t kSegments = 30;  // each as large as all before it

  struct Free {
    void operator()(Bucket* buckets) const;
    void* memory = nullptr;
    size_t size = 0;
  };
  using Buckets = std::unique_ptr<Bucket[], Free>;

  static Buckets AllocateBuckets(size_t count);
  uint64_t Hash(const AddressKey& key) const;
  Bucket& BucketAt(uint32_t index) const;
  void SetSegment(uint32_t first, Bucket* buckets);
  // kNone when the slot has another address.
  static uint64_t ValueAt(const Bucket& bucket, size_t slot, const AddressKey& key);
  static uint64_t Scan(const Bucket& first, const AddressKey& key);
  static uint64_t ScanAll(const Bucket& first, const AddressKey& key);
  uint64_t Search(const AddressKey& key, uint64_t hash, uint64_t state) const;

  // The writer's.
  void Stamp();
  Bucket& ChainOf(const AddressKey& key) const;
  static AddressKey KeyAt(const Place& place);
  static std::vector<Place> Entries(Bucket& first);
  Place EmptyPlace(Bucket& first);
  static void Put(const Place& place, const AddressKey& key, uint64_t value);
  static void Copy(const Place& from, const Place& to);
  static void Clear(const Place& place);
  Bucket* NewOverflow();
  void Discard(Bucket& overflow);
  // Readers that find nothing look again.
  void Announce(uint32_t buckets);
  void AddSegment(uint32_t count);
  void Split();
  void Compact(Bucket& first);
  void FreeEmptyTail(Bucket& first);

  std::array<uint64_t, 4> secret_;
  std::atomic<uint64_t> stamp_;
  std::atomic<uint64_t> state_;  // low half: buckets in use; high half: announcements
  // Where bucket 0 would be if all were like those of a segment.
  std::array<std::atomic<uintptr_t>, kSegments> origins_{};
  std::vector<Buckets> memory_;
  Bucket* free_overflow_ = nullptr;
  size_t size_ = 0;
};

class AddressTable::Lookups {
 public:
  explicit Lookups(const AddressTable& table)
      : state_(table.state_.load(std::memory_order_acquire)) {}

 private:
  friend class AddressTable;

  const uint64_t state_;
  std::array<const Bucket*, kBatch> firsts_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_ADDRESS_TABLE_H_
