// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/address_table.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <set>
#include <span>
#include <thread>
#include <vector>

#include "dataplane/address_memo.h"

namespace vswitch {
namespace {

AddressKey Ipv4(uint32_t number) { return {0, number, AddressKey::Family::kIpv4}; }

AddressKey Ipv6(uint64_t high, uint64_t low) { return {high, low, AddressKey::Family::kIpv6}; }

TEST(AddressTableTest, FindsWhatWasInserted) {
  AddressTable table;
  EXPECT_TRUE(table.Insert(Ipv4(1), 11));
  EXPECT_TRUE(table.Insert(Ipv6(1, 1), 12));
  EXPECT_EQ(table.Find(Ipv4(1)), 11u);
  EXPECT_EQ(table.Find(Ipv6(1, 1)), 12u);
  EXPECT_EQ(table.Find(Ipv6(1, 2)), AddressTable::kNone);
  EXPECT_EQ(table.Find(Ipv6(2, 1)), AddressTable::kNone);
  EXPECT_EQ(table.size(), 2u);
}

TEST(AddressTableTest, FamiliesAreApart) {
  AddressTable table;
  EXPECT_TRUE(table.Insert(Ipv4(7), 4));
  EXPECT_EQ(table.Find(Ipv6(0, 7)), AddressTable::kNone);
  EXPECT_TRUE(table.Insert(Ipv6(0, 7), 6));
  EXPECT_EQ(table.Find(Ipv4(7)), 4u);
  EXPECT_EQ(table.Find(Ipv6(0, 7)), 6u);
}

TEST(AddressTableTest, HasAnotherStampAfterEachChange) {
  AddressTable table;
  const AddressTable other;
  std::set<uint64_t> stamps = {table.stamp(), other.stamp()};
  for (uint32_t i = 1; i <= 100; ++i) {
    table.Insert(Ipv4(i), i);
    stamps.insert(table.stamp());
  }
  for (uint32_t i = 1; i <= 100; ++i) {
    table.Erase(Ipv4(i));
    stamps.insert(table.stamp());
  }
  EXPECT_EQ(stamps.size(), 202u);
  const uint64_t stamp = table.stamp();
  table.Insert(Ipv4(1), 1);
  const uint64_t changed = table.stamp();
  EXPECT_NE(changed, stamp);
  table.Insert(Ipv4(1), 2);
  table.Erase(Ipv4(2));
  table.Find(Ipv4(1));
  EXPECT_EQ(table.stamp(), changed) << "nothing has changed";
}

TEST(AddressMemoTest, KnowsAnAddressOfATableAsItWas) {
  AddressMemo memo;
  for (const uint32_t address : {0u, 7u}) {
    EXPECT_EQ(memo.Find(address, 0), AddressTable::kNone);
    EXPECT_EQ(memo.Find(address, 1), AddressTable::kNone);
    memo.Remember(address, 1, 70 + address);
    EXPECT_EQ(memo.Find(address, 1), 70u + address);
    EXPECT_EQ(memo.Find(address, 2), AddressTable::kNone);
    EXPECT_EQ(memo.Find(address + 1, 1), AddressTable::kNone);
  }
  for (uint32_t address = 0; address < 10'000; ++address) memo.Remember(address, 3, address + 1);
  uint32_t known = 0;
  for (uint32_t address = 0; address < 10'000; ++address) {
    const uint64_t value = memo.Find(address, 3);
    known += value != AddressTable::kNone;
    EXPECT_TRUE(value == AddressTable::kNone || value == address + 1);
  }
  EXPECT_GT(known, 100u);
}

TEST(AddressTableTest, NoAddressIsNowhere) {
  AddressTable table;
  EXPECT_EQ(table.Find(AddressKey{}), AddressTable::kNone);
  EXPECT_FALSE(table.Erase(AddressKey{}));
}

TEST(AddressTableTest, RefusesASecondOwner) {
  AddressTable table;
  EXPECT_TRUE(table.Insert(Ipv4(1), 1));
  EXPECT_FALSE(table.Insert(Ipv4(1), 2));
  EXPECT_EQ(table.Find(Ipv4(1)), 1u);
  EXPECT_EQ(table.size(), 1u);
}

TEST(AddressTableTest, ForgetsWhatWasErased) {
  AddressTable table;
  table.Insert(Ipv4(1), 1);
  EXPECT_TRUE(table.Erase(Ipv4(1)));
  EXPECT_FALSE(table.Erase(Ipv4(1)));
  EXPECT_EQ(table.Find(Ipv4(1)), AddressTable::kNone);
  EXPECT_TRUE(table.Insert(Ipv4(1), 2));
  EXPECT_EQ(table.Find(Ipv4(1)), 2u);
}

TEST(AddressTableTest, GrowsAndShrinksWithoutLoss) {
  constexpr uint32_t kCount = 100000;
  AddressTable table;
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_TRUE(table.Insert(Ipv4(i), i + 1));
    ASSERT_TRUE(table.Insert(Ipv6(i, ~uint64_t{i}), i + 2));
  }
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(table.Find(Ipv4(i)), i + 1);
    ASSERT_EQ(table.Find(Ipv6(i, ~uint64_t{i})), i + 2);
    ASSERT_EQ(table.Find(Ipv6(i, i)), AddressTable::kNone);
  }
  for (uint32_t i = 0; i < kCount; i += 2) ASSERT_TRUE(table.Erase(Ipv4(i)));
  for (uint32_t i = 0; i < kCount; ++i) {
    ASSERT_EQ(table.Find(Ipv4(i)), i % 2 == 0 ? AddressTable::kNone : i + 1);
  }
  EXPECT_EQ(table.size(), 2 * kCount - kCount / 2);
}

TEST(AddressTableTest, ABatchSaysTheSameAsOneByOne) {
  AddressTable table;
  for (uint32_t i = 0; i < 1000; i += 3) table.Insert(Ipv4(i), i + 1);
  std::array<AddressKey, AddressTable::kBatch> keys;
  std::array<uint64_t, AddressTable::kBatch> values;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    if (i % 5 != 0) keys[i] = Ipv4(i * 7);
  }
  table.Find(keys, values);
  for (size_t i = 0; i < keys.size(); ++i) EXPECT_EQ(values[i], table.Find(keys[i])) << i;
}

TEST(AddressTableTest, ABatchInPartsFindsWhatMovesMeanwhile) {
  AddressTable table;
  std::array<AddressKey, AddressTable::kBatch> keys;
  for (uint32_t i = 0; i < keys.size(); ++i) {
    keys[i] = Ipv4(i);
    if (i % 2 == 0) table.Insert(keys[i], i + 1);
  }
  AddressTable::Lookups lookups(table);
  table.Begin(std::span(keys).first(8), 0, lookups);
  for (uint32_t i = 1000; i < 3000; ++i) table.Insert(Ipv4(i), i);
  table.Begin(keys, 8, lookups);
  for (uint32_t i = 3000; i < 9000; ++i) table.Insert(Ipv4(i), i);
  std::array<uint64_t, AddressTable::kBatch> values;
  table.Finish(keys, lookups, values);
  for (uint32_t i = 0; i < keys.size(); ++i) {
    EXPECT_EQ(values[i], i % 2 == 0 ? i + 1 : AddressTable::kNone) << i;
  }
}

// Reads what stays in one table after the other, and what comes and goes.
class TableReader {
 public:
  static constexpr uint32_t kStay = 512;

  explicit TableReader(const AddressTable& table) : table_(&table), thread_([this] { Run(); }) {}

  // Returns when the reader is at `table`.
  void MoveTo(const AddressTable& table) {
    table_.store(&table);
    const uint64_t looks = looks_.load();
    while (looks_.load() < looks + 2) std::this_thread::yield();
  }
  // How often something was not as it must be.
  uint64_t Stop() {
    stop_.store(true);
    thread_.join();
    return wrong_;
  }

 private:
  void Run() {
    while (!stop_.load()) {
      const AddressTable& table = *table_.load();
      for (uint32_t i = 0; i < kStay; i += AddressTable::kBatch) LookAt(table, i);
      looks_.fetch_add(1);
    }
  }

  void LookAt(const AddressTable& table, uint32_t first) {
    std::array<AddressKey, AddressTable::kBatch> keys;
    std::array<uint64_t, AddressTable::kBatch> values;
    for (uint32_t i = 0; i < keys.size(); ++i) keys[i] = Ipv4(first + i);
    table.Find(keys, values);
    for (uint32_t i = 0; i < keys.size(); ++i) wrong_ += values[i] != first + i + 1;
    wrong_ += table.Find(Ipv4(first)) != first + 1;
    const uint32_t other = kStay + first * 10;
    const uint64_t value = table.Find(Ipv4(other));
    wrong_ += value != AddressTable::kNone && value != other + 1;
  }

  std::atomic<const AddressTable*> table_;
  std::atomic<bool> stop_{false};
  std::atomic<uint64_t> looks_{0};
  uint64_t wrong_ = 0;
  std::thread thread_;
};

// A reader may run at any time: what stays is always found, what comes and goes has its own value
// or none. Each table grows anew, bucket by bucket.
TEST(AddressTableTest, ReadersNeverMissWhatStays) {
  constexpr uint32_t kStay = TableReader::kStay, kChurn = 8192;
  std::array<AddressTable, 8> tables;
  for (AddressTable& table : tables) {
    for (uint32_t i = 0; i < kStay; ++i) table.Insert(Ipv4(i), i + 1);
  }
  TableReader reader(tables[0]);
  for (AddressTable& table : tables) {
    reader.MoveTo(table);
    for (uint32_t i = kStay; i < kStay + kChurn; ++i) table.Insert(Ipv4(i), i + 1);
    for (uint32_t i = kStay; i < kStay + kChurn; ++i) table.Erase(Ipv4(i));
  }
  EXPECT_EQ(reader.Stop(), 0u);
}

}  // namespace
}  // namespace vswitch
