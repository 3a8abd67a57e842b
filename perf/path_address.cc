// SPDX-License-Identifier: BSD-3-Clause
// The table in which ipvlan looks addresses up, beside rte_hash.
#include <rte_hash.h>
#include <rte_hash_crc.h>
#include <rte_memory.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "dataplane/address_table.h"
#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

constexpr uint64_t kFound = 7;
constexpr size_t kBatch = AddressTable::kBatch;

AddressKey KeyOf(uint32_t number) { return {0, number, AddressKey::Family::kIpv4}; }

// On huge pages, as the memory of DPDK is in a switch.
void UseHugePages() {
  rte_memseg_list_walk(
      [](const rte_memseg_list* list, void*) {
        madvise(list->base_va, list->len, MADV_HUGEPAGE);
        return 0;
      },
      nullptr);
}

// rte_hash as it would have to be used, with readers that take no locks, and at its best: keys of
// 16 bytes, which it compares and hashes fastest. It cannot grow: it is made for those that come.
class RteTable {
 public:
  explicit RteTable(uint32_t addresses) {
    UseHugePages();
    const rte_hash_parameters parameters{
        .name = "addresses",
        .entries = std::max(2 * addresses, 4096u),
        .key_len = sizeof(Key),
        .hash_func = rte_hash_crc,
        .hash_func_init_val = 0x12345678,
        .socket_id = 0,
        .extra_flag = RTE_HASH_EXTRA_FLAGS_RW_CONCURRENCY_LF | RTE_HASH_EXTRA_FLAGS_EXT_TABLE,
    };
    hash_ = rte_hash_create(&parameters);
    Require(hash_ != nullptr, "no memory for rte_hash");
  }
  ~RteTable() { rte_hash_free(hash_); }
  RteTable(const RteTable&) = delete;

  bool Insert(const AddressKey& address, uint64_t value) {
    const Key key = Of(address);
    return rte_hash_add_key_data(hash_, &key, reinterpret_cast<void*>(value)) == 0;
  }
  // Nobody reads: what a grace period would have to pass for is free at once.
  bool Erase(const AddressKey& address) {
    const Key key = Of(address);
    const int32_t position = rte_hash_del_key(hash_, &key);
    return position >= 0 && rte_hash_free_key_with_position(hash_, position) == 0;
  }
  uint64_t Find(const AddressKey& address) const {
    const Key key = Of(address);
    void* value = nullptr;
    (void)rte_hash_lookup_data(hash_, &key, &value);
    return reinterpret_cast<uint64_t>(value);
  }
  void Find(std::span<const AddressKey> addresses, std::span<uint64_t> values) const {
    std::array<Key, kBatch> keys;
    std::array<const void*, kBatch> pointers;
    for (size_t i = 0; i < addresses.size(); ++i) {
      keys[i] = Of(addresses[i]);
      pointers[i] = &keys[i];
    }
    uint64_t hits = 0;
    rte_hash_lookup_bulk_data(hash_, pointers.data(), static_cast<uint32_t>(addresses.size()),
                              &hits, reinterpret_cast<void**>(values.data()));
  }

 private:
  struct Key {
    uint64_t high, low;
  };
  static Key Of(const AddressKey& address) { return {address.high, address.low}; }

  rte_hash* hash_;
};

class OwnTable : public AddressTable {
 public:
  explicit OwnTable(uint32_t /*addresses*/) {}
};

template <typename Table>
class TablePath : public Path {
 public:
  TablePath(uint32_t units, uint32_t addresses) : Path(units), table_(addresses) {
    for (uint32_t i = 0; i < addresses; ++i) Require(table_.Insert(KeyOf(i), kFound), "no room");
  }

 protected:
  Table table_;
};

// A batch of addresses, in an order that caches cannot guess.
template <typename Table>
class Lookup : public TablePath<Table> {
 public:
  explicit Lookup(uint32_t addresses) : TablePath<Table>(kBatch, addresses) {
    constexpr uint64_t kPrime = 2654435761;
    const uint64_t count = (addresses + kBatch - 1) / kBatch * kBatch;
    for (uint64_t i = 0; i < count; ++i) {
      order_.push_back(KeyOf(static_cast<uint32_t>(i * kPrime % addresses)));
    }
  }
  void Before() override {
    keys_ = std::span<const AddressKey>(order_).subspan(next_, kBatch);
    next_ = (next_ + kBatch) % order_.size();
  }
  void After() override {
    Require(std::ranges::count(found_, kFound) == kBatch, "an address was not found");
    found_ = {};
  }

 protected:
  std::span<const AddressKey> keys_;
  std::array<uint64_t, kBatch> found_{};

 private:
  std::vector<AddressKey> order_;
  size_t next_ = 0;
};

template <typename Table>
class BatchLookup final : public Lookup<Table> {
 public:
  using Lookup<Table>::Lookup;
  void Run() override { this->table_.Find(this->keys_, this->found_); }
};

template <typename Table>
class SingleLookup final : public Lookup<Table> {
 public:
  using Lookup<Table>::Lookup;
  void Run() override {
    for (size_t i = 0; i < kBatch; ++i) this->found_[i] = this->table_.Find(this->keys_[i]);
  }
};

// An address comes and goes again.
template <typename Table>
class Change final : public TablePath<Table> {
 public:
  explicit Change(uint32_t addresses) : TablePath<Table>(1, addresses), addresses_(addresses) {}
  void Run() override {
    const AddressKey key = KeyOf(addresses_ + next_++ % 4096);
    Require(this->table_.Insert(key, 1) && this->table_.Erase(key), "it was there already");
  }

 private:
  const uint32_t addresses_;
  uint32_t next_ = 0;
};

}  // namespace

std::unique_ptr<Path> MakeAddressFind(uint32_t size) {
  return std::make_unique<SingleLookup<OwnTable>>(size);
}
std::unique_ptr<Path> MakeAddressLookup(uint32_t size) {
  return std::make_unique<BatchLookup<OwnTable>>(size);
}
std::unique_ptr<Path> MakeAddressChange(uint32_t size) {
  return std::make_unique<Change<OwnTable>>(size);
}
std::unique_ptr<Path> MakeRteFind(uint32_t size) {
  return std::make_unique<SingleLookup<RteTable>>(size);
}
std::unique_ptr<Path> MakeRteLookup(uint32_t size) {
  return std::make_unique<BatchLookup<RteTable>>(size);
}
std::unique_ptr<Path> MakeRteChange(uint32_t size) {
  return std::make_unique<Change<RteTable>>(size);
}

}  // namespace vswitch
