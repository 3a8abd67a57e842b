// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/address_table.h"

#include <rte_prefetch.h>
#include <sys/mman.h>

#include <bit>
#include <new>
#include <random>

namespace vswitch {

namespace {

constexpr size_t kSlots = 2;
// Of 30 addresses one does not find room in the line of its bucket; of 10 if there were but one.
constexpr size_t kBucketsPerAddress = 2;
constexpr size_t kHugePage = 2u << 20;

// A slot's tag: its family, 0 when it is empty, and above that how often it changed.
constexpr uint32_t kFamilyMask = 3;
constexpr uint32_t kVersion = 4;

// The two halves of the 128-bit product, folded (wyhash): a change of any bit moves about half of
// the others, and who does not know the other factor cannot say which.
uint64_t Fold(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<uint64_t>(product >> 64) ^ static_cast<uint64_t>(product);
}

}  // namespace

// One cache line. Everything is stored with release and loaded with acquire, in this order: a slot
// is emptied (tag), written, tagged. So a reader that sees the same tag before and after has seen
// what belongs to it.
struct alignas(64) AddressTable::Bucket {
  std::array<std::atomic<uint64_t>, kSlots> high, low, value;
  std::array<std::atomic<uint32_t>, kSlots> tag;
  std::atomic<Bucket*> next;  // further slots of the same bucket
};

struct AddressTable::Place {
  Bucket* bucket = nullptr;
  uint32_t slot = 0;
  uint32_t position = 0;  // slots before it in the chain
};

AddressTable::AddressTable() : state_(kFirstBuckets) {
  Stamp();
  static_assert(sizeof(Bucket) == 64);
  std::random_device random;
  for (uint64_t& secret : secret_) secret = uint64_t{random()} << 32 | random();
  memory_.push_back(AllocateBuckets(kFirstBuckets));
  SetSegment(0, memory_.back().get());
}

AddressTable::~AddressTable() = default;

// The kernel zeroes a page when it is written to first, so that nobody waits for all of them; huge
// pages, since at a million addresses most lookups would miss the TLB, too.
AddressTable::Buckets AddressTable::AllocateBuckets(size_t count) {
  const size_t bytes = count * sizeof(Bucket);
  const size_t room = bytes < kHugePage ? bytes : bytes + kHugePage;
  void* memory = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  auto start = reinterpret_cast<uintptr_t>(memory);
  if (bytes >= kHugePage) {
    start = (start + kHugePage - 1) & ~(kHugePage - 1);
    madvise(reinterpret_cast<void*>(start), bytes, MADV_HUGEPAGE);
  }
  // All zeroes is what the constructor would have written.
  return {reinterpret_cast<Bucket*>(start), Free{memory, room}};
}

void AddressTable::Free::operator()(Bucket* /*buckets*/) const { munmap(memory, size); }

inline uint64_t AddressTable::Hash(const AddressKey& key) const {
  const uint64_t folded = Fold(key.high ^ secret_[0], key.low ^ secret_[1]);
  return Fold(folded ^ secret_[2], secret_[3] + static_cast<uint64_t>(key.family));
}

namespace {

uint32_t BucketsIn(uint64_t state) { return static_cast<uint32_t>(state); }

// Where a hash belongs while there are so many buckets: those of the current doubling that do not
// exist yet are still part of the one they will be split from.
class Places {
 public:
  explicit Places(uint32_t buckets) : buckets_(buckets), mask_(std::bit_floor(buckets) - 1) {}

  uint32_t IndexOf(uint64_t hash) const {
    const uint32_t index = static_cast<uint32_t>(hash) & (2 * mask_ + 1);
    return index < buckets_ ? index : index & mask_;
  }

 private:
  const uint32_t buckets_;
  const uint32_t mask_;
};

uint32_t IndexOf(uint64_t hash, uint32_t buckets) { return Places(buckets).IndexOf(hash); }

// Segment 0 has the first kFirstBuckets, any other as many as all before it.
uint32_t SegmentOf(uint32_t index) {
  constexpr uint32_t kFirst = AddressTable::kFirstBuckets;
  return static_cast<uint32_t>(std::bit_width(index | (kFirst - 1)) - std::bit_width(kFirst - 1));
}

}  // namespace

inline AddressTable::Bucket& AddressTable::BucketAt(uint32_t index) const {
  const uintptr_t origin = origins_[SegmentOf(index)].load(std::memory_order_acquire);
  return *reinterpret_cast<Bucket*>(origin + index * sizeof(Bucket));
}

// `first` is the number of its first bucket.
void AddressTable::SetSegment(uint32_t first, Bucket* buckets) {
  const uintptr_t origin = reinterpret_cast<uintptr_t>(buckets) - first * sizeof(Bucket);
  origins_[SegmentOf(first)].store(origin, std::memory_order_release);
}

inline uint64_t AddressTable::ValueAt(const Bucket& bucket, size_t slot, const AddressKey& key) {
  const uint32_t tag = bucket.tag[slot].load(std::memory_order_acquire);
  if ((tag & kFamilyMask) != static_cast<uint32_t>(key.family)) return kNone;
  if (bucket.low[slot].load(std::memory_order_acquire) != key.low) return kNone;
  if (bucket.high[slot].load(std::memory_order_acquire) != key.high) return kNone;
  const uint64_t value = bucket.value[slot].load(std::memory_order_acquire);
  return bucket.tag[slot].load(std::memory_order_relaxed) == tag ? value : kNone;
}

// Which of the first two slots it is could not be predicted, so that is no branch.
inline uint64_t AddressTable::Scan(const Bucket& first, const AddressKey& key) {
  const size_t slot = first.low[0].load(std::memory_order_relaxed) != key.low ? 1 : 0;
  const uint64_t value = ValueAt(first, slot, key);
  return value != kNone ? value : ScanAll(first, key);
}

uint64_t AddressTable::ScanAll(const Bucket& first, const AddressKey& key) {
  for (const Bucket* bucket = &first; bucket != nullptr;
       bucket = bucket->next.load(std::memory_order_acquire)) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (const uint64_t value = ValueAt(*bucket, slot, key); value != kNone) return value;
    }
  }
  return kNone;
}

// What moves is copied, the move announced in state_, and only then the original removed: who found
// nothing and sees no announcement has missed nothing.
uint64_t AddressTable::Search(const AddressKey& key, uint64_t hash, uint64_t state) const {
  while (true) {
    const uint64_t value = Scan(BucketAt(IndexOf(hash, BucketsIn(state))), key);
    if (value != kNone) return value;
    const uint64_t now = state_.load(std::memory_order_acquire);
    if (now == state) return kNone;
    state = now;
  }
}

uint64_t AddressTable::Find(const AddressKey& key) const {
  return key.valid() ? Search(key, Hash(key), state_.load(std::memory_order_acquire)) : kNone;
}

void AddressTable::Begin(std::span<const AddressKey> keys, size_t first, Lookups& lookups) const {
  const Places places(BucketsIn(lookups.state_));
  for (size_t i = first; i < keys.size(); ++i) {
    lookups.firsts_[i] = &BucketAt(places.IndexOf(Hash(keys[i])));
    rte_prefetch0(lookups.firsts_[i]);
  }
}

void AddressTable::Finish(std::span<const AddressKey> keys, const Lookups& lookups,
                          std::span<uint64_t> values) const {
  for (size_t i = 0; i < keys.size(); ++i) {
    values[i] = keys[i].valid() ? Scan(*lookups.firsts_[i], keys[i]) : kNone;
    if (values[i] == kNone && state_.load(std::memory_order_acquire) != lookups.state_) [[unlikely]]
      values[i] = Find(keys[i]);
  }
}

void AddressTable::Find(std::span<const AddressKey> keys, std::span<uint64_t> values) const {
  Lookups lookups(*this);
  Begin(keys, 0, lookups);
  Finish(keys, lookups, values);
}

void AddressTable::Stamp() {
  static std::atomic<uint64_t> last{0};
  stamp_.store(last.fetch_add(1, std::memory_order_relaxed) + 1, std::memory_order_release);
}

bool AddressTable::Insert(const AddressKey& key, uint64_t value) {
  if (Find(key) != kNone) return false;
  Put(EmptyPlace(ChainOf(key)), key, value);
  Stamp();
  for (++size_; BucketsIn(state_) < kBucketsPerAddress * size_;) Split();
  return true;
}

bool AddressTable::Erase(const AddressKey& key) {
  if (!key.valid()) return false;
  for (const Place& place : Entries(ChainOf(key))) {
    if (KeyAt(place) != key) continue;
    Clear(place);
    Stamp();
    --size_;
    return true;
  }
  return false;
}

AddressTable::Bucket& AddressTable::ChainOf(const AddressKey& key) const {
  return BucketAt(IndexOf(Hash(key), BucketsIn(state_)));
}

AddressKey AddressTable::KeyAt(const Place& place) {
  const Bucket& bucket = *place.bucket;
  const uint32_t slot = place.slot;
  return {bucket.high[slot], bucket.low[slot],
          static_cast<AddressKey::Family>(bucket.tag[slot] & kFamilyMask)};
}

std::vector<AddressTable::Place> AddressTable::Entries(Bucket& first) {
  std::vector<Place> entries;
  uint32_t position = 0;
  for (Bucket* bucket = &first; bucket != nullptr; bucket = bucket->next) {
    for (uint32_t slot = 0; slot < kSlots; ++slot, ++position) {
      if ((bucket->tag[slot] & kFamilyMask) != 0) entries.push_back({bucket, slot, position});
    }
  }
  return entries;
}

AddressTable::Place AddressTable::EmptyPlace(Bucket& first) {
  uint32_t position = 0;
  for (Bucket* bucket = &first;; bucket = bucket->next) {
    for (uint32_t slot = 0; slot < kSlots; ++slot, ++position) {
      if ((bucket->tag[slot] & kFamilyMask) == 0) return {bucket, slot, position};
    }
    if (bucket->next == nullptr) bucket->next = NewOverflow();
  }
}

void AddressTable::Put(const Place& place, const AddressKey& key, uint64_t value) {
  Bucket& bucket = *place.bucket;
  bucket.high[place.slot].store(key.high, std::memory_order_release);
  bucket.low[place.slot].store(key.low, std::memory_order_release);
  bucket.value[place.slot].store(value, std::memory_order_release);
  std::atomic<uint32_t>& tag = bucket.tag[place.slot];
  tag.store(tag.load(std::memory_order_relaxed) + kVersion + static_cast<uint32_t>(key.family),
            std::memory_order_release);
}

void AddressTable::Clear(const Place& place) {
  std::atomic<uint32_t>& tag = place.bucket->tag[place.slot];
  tag.store((tag.load(std::memory_order_relaxed) & ~kFamilyMask) + kVersion,
            std::memory_order_release);
}

// A bucket that was taken out of another chain may still be read there; who misses something by
// that sees an announcement that is younger than its search.
AddressTable::Bucket* AddressTable::NewOverflow() {
  constexpr size_t kAtOnce = 64;
  if (free_overflow_ == nullptr) {
    memory_.push_back(AllocateBuckets(kAtOnce));
    for (size_t i = 0; i < kAtOnce; ++i) Discard(memory_.back()[i]);
  }
  Bucket* bucket = free_overflow_;
  free_overflow_ = bucket->next;
  bucket->next = nullptr;
  return bucket;
}

void AddressTable::Discard(Bucket& overflow) {
  overflow.next = free_overflow_;
  free_overflow_ = &overflow;
}

void AddressTable::Announce(uint32_t buckets) {
  const uint64_t epoch = state_.load(std::memory_order_relaxed) >> 32;
  state_.store((epoch + 1) << 32 | buckets, std::memory_order_release);
}

// As many buckets again as there are: `count`, a power of two.
void AddressTable::AddSegment(uint32_t count) {
  memory_.push_back(AllocateBuckets(count));
  SetSegment(count, memory_.back().get());
}

// One more bucket, out of the part of an older one that belongs there.
void AddressTable::Split() {
  const uint32_t count = BucketsIn(state_);
  if (std::has_single_bit(count)) AddSegment(count);
  Bucket& old = BucketAt(count - std::bit_floor(count));
  std::vector<Place> copied = Entries(old);
  std::erase_if(
      copied, [&](const Place& place) { return IndexOf(Hash(KeyAt(place)), count + 1) != count; });
  for (const Place& place : copied) Copy(place, EmptyPlace(BucketAt(count)));
  Announce(count + 1);
  for (const Place& place : copied) Clear(place);
  if (old.next != nullptr) Compact(old);
}

void AddressTable::Copy(const Place& from, const Place& to) {
  Put(to, KeyAt(from), from.bucket->value[from.slot]);
}

// Fills the holes that a split has left in a chain, so that few addresses need a second cache line,
// and frees the buckets that are empty then.
void AddressTable::Compact(Bucket& first) {
  std::vector<Place> copied = Entries(first);
  std::erase_if(copied, [&](const Place& place) {
    const Place hole = EmptyPlace(first);
    if (hole.position > place.position) return true;
    Copy(place, hole);
    return false;
  });
  Announce(BucketsIn(state_));
  for (const Place& place : copied) Clear(place);
  FreeEmptyTail(first);
}

void AddressTable::FreeEmptyTail(Bucket& first) {
  const std::vector<Place> entries = Entries(first);
  Bucket* last = entries.empty() ? &first : entries.back().bucket;
  Bucket* tail = last->next;
  last->next = nullptr;
  while (tail != nullptr) {
    Bucket* next = tail->next;
    Discard(*tail);
    tail = next;
  }
}

}  // namespace vswitch
