// SPDX-License-Identifier: BSD-3-Clause
// hostile_guest [--rounds N | --seconds N] [--seed N]: a guest that writes garbage into its rings,
// indirect tables and frames, from another thread while we read them, too. Meanwhile frames go from
// an honest guest to another, and each byte of them is checked. Prints what was tried.
#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <chrono>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <thread>
#include <vector>

#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/shared_memory.h"
#include "pmd/virtqueue/write_frames.h"
#include "tests/hostile/random.h"
#include "tests/support/burst_promises.h"
#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

struct Counts {
  uint64_t rounds = 0, chains = 0, frames = 0, malformed = 0, broken = 0, refused = 0, honest = 0;
  std::atomic<uint64_t> scribbles = 0;
};

// The memory of the hostile guest: small, so that everything meets everything. Two regions that
// adjoin, and one beyond a hole.
constexpr uint64_t kBase = GuestRam::kBase;
constexpr std::array<GuestRam::Region, 3> kRegions = {
    {{kBase, 0x10000}, {kBase + 0x10000, 0x8000}, {kBase + 0x20000, 0x8000}}};

// Bytes from the start of the first region in which the rings and their tables lie.
constexpr uint64_t kRings = 0xa000;

uint64_t RandomAddress(Random& random) {
  if (random.Percent(80)) {
    const GuestRam::Region& region = kRegions[random.Below(kRegions.size())];
    return region.guest + random.Below(region.size);
  }
  if (random.Percent(50)) {  // close to a border
    const GuestRam::Region& region = kRegions[random.Below(kRegions.size())];
    return region.guest + region.size - random.Below(256);
  }
  return random.Percent(50) ? random.Any() : UINT64_MAX - random.Below(4096);
}

uint32_t RandomLength(Random& random) {
  if (random.Percent(70)) return static_cast<uint32_t>(random.Below(300));
  if (random.Percent(60)) return static_cast<uint32_t>(random.Below(0x9000));
  if (random.Percent(50)) return static_cast<uint32_t>(random.Below(64) * sizeof(RawDescriptor));
  return static_cast<uint32_t>(random.Percent(50) ? random.Any()
                                                  : kMaxChainBytes + random.Below(3));
}

// Writes a word that may be read at the same time.
template <typename T>
void Poke(uint8_t* at, uint64_t value) {
  StoreOnce(*reinterpret_cast<T*>(at), static_cast<T>(value));
}

// One ring of the hostile guest, whose state it keeps plausible enough to get somewhere.
template <typename Driver>
class HostileRing {
 public:
  static constexpr bool kPacked = std::is_same_v<Driver, PackedDriver>;
  using Ring = typename Driver::Ring;

  HostileRing(GuestRam& ram, uint16_t size, bool writable)
      : ram_(ram),
        driver_(ram, size),
        writable_(writable),
        table_(ram.Allocate(kTableSize * sizeof(RawDescriptor))),
        entries_(ram.At<RawDescriptor>(table_)),
        ring_(*Ring::Create(driver_.Setup(), {})) {}

  Ring& ring() { return ring_; }

  // As after a reset of the guest, with other features.
  void Reset(Random& random) {
    RingSetup setup = driver_.Setup();
    setup.indirect = random.Percent(80);
    setup.mergeable = writable_ && random.Percent(70);
    setup.header_size = setup.mergeable || random.Percent(80) ? 12 : 10;
    setup.event_index = random.Percent(50);
    setup.in_order = !writable_ && random.Percent(30);
    const auto at = static_cast<uint16_t>(random.Below(setup.size));
    const auto lap = static_cast<uint16_t>(random.Below(2) << 15);
    const typename Ring::Position start = {static_cast<uint16_t>(at | lap),
                                           static_cast<uint16_t>(at | lap)};
    ring_ = *Ring::Create(setup, start);
    if constexpr (!kPacked) Poke<uint16_t>(Bytes(&driver_.available()->index), start.available);
  }

  // Makes some chains available.
  void Offer(Random& random) {
    next_percent_ = random.Percent(5) ? 100 : 25;
    const uint64_t count = random.Below(driver_.size()) + 1;
    for (uint64_t i = 0; i < count; ++i) {
      if constexpr (kPacked) {
        OfferPacked(random, static_cast<uint16_t>(i));
      } else {
        OfferSplit(random, static_cast<uint16_t>(i));
      }
    }
    if constexpr (!kPacked) {
      uint64_t index = ring_.position().available + count;
      if (random.Percent(1)) index += random.Below(driver_.size() * 2);
      Poke<uint16_t>(Bytes(&driver_.available()->index), index);
    }
  }

 private:
  template <typename T>
  static uint8_t* Bytes(T* word) {
    return reinterpret_cast<uint8_t*>(word);
  }
  void OfferSplit(Random& random, uint16_t i) {
    const auto size = driver_.size();
    const uint64_t head = random.Percent(99) ? random.Below(size) : random.Below(size + 2);
    const auto place = static_cast<uint16_t>(ring_.position().available + i) & (size - 1);
    Poke<uint16_t>(Bytes(&driver_.available()->entries()[place]), head);
    Write(driver_.descriptors()[head % size], RandomBuffer(random), 0);
  }
  void OfferPacked(Random& random, uint16_t i) {
    PackedRing::Place place = PackedRing::Place::From(ring_.position().available);
    place.Advance(i, driver_.size());
    Write(driver_.descriptors()[place.index], RandomBuffer(random), place.available);
  }

  struct Buffer {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t other;  // next, or id
  };
  Buffer RandomBuffer(Random& random) {
    if (random.Percent(20)) return RandomTable(random);
    Buffer buffer = RandomEntry(random, driver_.size());
    if (random.Percent(3)) buffer.flags |= kDescriptorIndirect;
    if (random.Percent(70)) WriteHeader(random, buffer.address);
    return buffer;
  }
  // One that may be believed: what lies in memory hardly ever is.
  void WriteHeader(Random& random, uint64_t address) {
    const MemoryRegion* region = ram_.memory().Find(address);
    uint8_t* at = region == nullptr ? nullptr : region->Translate(address, sizeof(VnetHeader));
    VnetHeader header{};
    if (random.Percent(20)) header = {VnetHeader::kNeedsChecksum, 0, 0, 0, 14, 0};
    if (at != nullptr) std::memcpy(at, &header, sizeof(header));
  }
  Buffer RandomEntry(Random& random, uint64_t entries) {
    Buffer buffer{RandomAddress(random), RandomLength(random), 0, 0};
    if (writable_ != random.Percent(3)) buffer.flags |= kDescriptorWrite;
    if (random.Percent(next_percent_)) buffer.flags |= kDescriptorNext;
    buffer.other = static_cast<uint16_t>(random.Below(entries + random.Below(2)));
    return buffer;
  }
  // Some entries anew, and a descriptor of as many or others.
  Buffer RandomTable(Random& random) {
    const uint64_t first = random.Below(kTableSize / 2), count = 1 + random.Below(8);
    for (uint64_t i = first; i < first + count; ++i) {
      Write(entries_[i], RandomEntry(random, count), 0);
    }
    const uint64_t entries = random.Percent(90) ? count : random.Below(kTableSize);
    return {table_ + first * sizeof(RawDescriptor),
            static_cast<uint32_t>(entries * sizeof(RawDescriptor)), kDescriptorIndirect, 0};
  }
  void Write(RawDescriptor& raw, const Buffer& buffer, uint16_t available) {
    const auto flags = static_cast<uint16_t>(buffer.flags | available);
    Poke<uint64_t>(Bytes(&raw.address), buffer.address);
    Poke<uint64_t>(Bytes(&raw.details),
                   kPacked ? PackedDescriptor{buffer.length, buffer.other, flags}.Details()
                           : SplitDescriptor{buffer.length, flags, buffer.other}.Details());
  }

  static constexpr uint64_t kTableSize = 64;

  const GuestRam& ram_;
  Driver driver_;
  const bool writable_;
  const uint64_t table_;
  RawDescriptor* const entries_;
  uint32_t next_percent_ = 25;  // of descriptors that another one follows
  Ring ring_;
};

// The thread that writes while we read: single words, anywhere, plausible or not.
class Scribbler {
 public:
  Scribbler(const GuestRam& ram, uint64_t seed, Counts& counts)
      : ram_(ram), random_(seed), counts_(counts), thread_([this] { Run(); }) {}
  ~Scribbler() {
    stop_.store(true);
    thread_.join();
  }

 private:
  void Run() {
    while (!stop_.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 64; ++i) Scribble();
      counts_.scribbles.fetch_add(64, std::memory_order_relaxed);
      std::this_thread::yield();
    }
  }
  // Rings and tables lie at the start, and are hit more often.
  void Scribble() {
    const bool rings = random_.Percent(60);
    const std::span<uint8_t> bytes = ram_.Bytes(rings ? 0 : random_.Below(kRegions.size()));
    const uint64_t offset = random_.Below(rings ? kRings : bytes.size()) & ~uint64_t{7};
    uint8_t* at = bytes.data() + offset;
    switch (random_.Below(6)) {
      case 0:
        return Poke<uint64_t>(at, RandomAddress(random_));
      case 1:
        return Poke<uint32_t>(at, RandomLength(random_));
      case 2:  // flags of a descriptor: in a split ring, then in a packed one
        return Poke<uint16_t>(at + 4, random_.Below(8));
      case 3:
        return Poke<uint16_t>(at + 6,
                              random_.Below(8) | random_.Below(4) << 7 | random_.Below(2) << 15);
      case 4:
        return Poke<uint8_t>(at + random_.Below(8), random_.Any());
      default:
        return Poke<uint64_t>(at, random_.Any());
    }
  }

  const GuestRam& ram_;
  Random random_;
  Counts& counts_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// Two guests that know nothing of all this.
class HonestPair {
 public:
  static constexpr uint16_t kRingSize = 256;
  static constexpr uint32_t kBuffer = 2048;

  HonestPair() : sender_(from_ram_, kRingSize), receiver_(to_ram_, kRingSize) {
    RingSetup setup = receiver_.Setup();
    setup.mergeable = true;
    to_ = receiver_.MakeRing(setup);
    sent_at_ = from_ram_.Allocate(kLongest);
    for (uint16_t i = 0; i < kRingSize; ++i) buffers_.push_back(to_ram_.Allocate(kBuffer));
    addresses_.resize(kRingSize);
    while (receiver_.HasRoom(1)) Post();
  }

  SplitRing& from() { return from_; }
  SplitRing& to() { return to_; }

  void Send(Random& random) {
    length_ = static_cast<uint32_t>(14 + random.Below(3000));
    seed_ = static_cast<uint8_t>(random.Any());
    uint8_t* data = from_ram_.At(sent_at_);
    std::memset(data, 0, 12);
    for (uint32_t i = 0; i < length_; ++i) data[12 + i] = Byte(i);
    const GuestBuffer buffer{sent_at_, length_ + 12};
    sender_.Add({&buffer, 1});
  }
  // The frame sent last has arrived first, whatever else has.
  void CheckArrived() {
    FUZZ_CHECK(sender_.TakeUsed().has_value());
    uint32_t at = 0;
    uint16_t buffers = 1;
    for (uint16_t i = 0; i < buffers; ++i) {
      const auto used = receiver_.TakeUsed();
      FUZZ_CHECK(used.has_value());
      const uint8_t* data = to_ram_.At(addresses_[used->id]);
      if (i == 0) std::memcpy(&buffers, data + 10, sizeof(buffers));
      for (uint32_t j = i == 0 ? 12 : 0; j < used->length; ++j) FUZZ_CHECK(data[j] == Byte(at++));
    }
    FUZZ_CHECK(at == length_);
  }
  // What else arrived is taken out of the ring.
  void Discard() {
    while (const auto used = receiver_.TakeUsed()) FUZZ_CHECK(used->length <= kBuffer);
    while (receiver_.HasRoom(1)) Post();
  }

 private:
  static constexpr uint32_t kLongest = 4096;

  uint8_t Byte(uint32_t i) const { return static_cast<uint8_t>(seed_ + i * 3); }
  void Post() {
    const uint64_t address = buffers_[next_++ % kRingSize];
    const GuestBuffer buffer{address, kBuffer, true};
    addresses_[receiver_.Add({&buffer, 1})] = address;
  }

  GuestRam from_ram_, to_ram_;
  SplitDriver sender_, receiver_;
  SplitRing from_ = sender_.MakeRing();
  SplitRing to_ = receiver_.MakeRing();
  uint64_t sent_at_;
  std::vector<uint64_t> buffers_;
  std::vector<uint64_t> addresses_;  // by id
  size_t next_ = 0;
  uint32_t length_ = 0;
  uint8_t seed_ = 0;
};

// The switch between them, for one kind of ring of the hostile guest.
template <typename Driver>
class World {
 public:
  World(uint64_t seed, Counts& counts)
      : random_(seed),
        counts_(counts),
        ram_(kRegions),
        sends_(ram_, 16, false),
        receives_(ram_, 16, true),
        scribbler_(ram_, seed + 1, counts) {}

  void Round() {
    ++counts_.rounds;
    for (HostileRing<Driver>* ring : {&sends_, &receives_}) {
      if (ring->ring().broken() || random_.Percent(1)) {
        counts_.broken += ring->ring().broken();
        ring->Reset(random_);
      }
      ring->Offer(random_);
    }
    honest_.Send(random_);
    ReadFrames(honest_.from(), store_, burst_);
    FUZZ_CHECK(burst_.count == 1 && burst_.malformed == 0);
    FUZZ_CHECK(Deliver(honest_.to()) == 0);
    Deliver(receives_.ring());
    GiveBack(honest_.from());
    honest_.CheckArrived();
    ++counts_.honest;
    ReadFrames(sends_.ring(), store_, burst_);
    CheckBurst(burst_, ram_.memory());
    counts_.frames += burst_.count;
    counts_.malformed += burst_.malformed;
    Deliver(honest_.to());
    Deliver(receives_.ring());  // its own frames, back to it
    GiveBack(sends_.ring());
    honest_.Discard();
  }

 private:
  template <typename Ring>
  uint32_t Deliver(Ring& ring) {
    const Written written = WriteFrames(ring, burst_.view(), store_.buffers);
    Interrupt(ring);
    counts_.malformed += written.malformed;
    counts_.refused += static_cast<uint64_t>(std::popcount(written.refused));
    return written.refused;
  }
  template <typename Ring>
  static void Interrupt(Ring& ring) {
    std::atomic_thread_fence(std::memory_order_seq_cst);
    ring.Notify();
  }
  template <typename Ring>
  void GiveBack(Ring& ring) {
    counts_.chains += burst_.count + burst_.malformed;
    ring.Publish();
    Interrupt(ring);
    ring.SetKicks(random_.Percent(50));
  }

  Random random_;
  Counts& counts_;
  GuestRam ram_;
  HostileRing<Driver> sends_, receives_;
  HonestPair honest_;
  FrameStore store_;
  Burst burst_;
  Scribbler scribbler_;  // last: it stops first
};

struct Arguments {
  uint64_t rounds = 100000;
  uint64_t seconds = 0;
  uint64_t seed = 1;
};

Arguments Parse(int argc, char** argv) {
  Arguments arguments;
  for (int i = 1; i < argc; i += 2) {
    const std::string_view name = argv[i];
    uint64_t* value = name == "--rounds"    ? &arguments.rounds
                      : name == "--seconds" ? &arguments.seconds
                      : name == "--seed"    ? &arguments.seed
                                            : nullptr;
    if (value == nullptr || i + 1 == argc) {
      std::fprintf(stderr, "usage: %s [--rounds N | --seconds N] [--seed N]\n", argv[0]);
      std::exit(2);
    }
    *value = std::strtoull(argv[i + 1], nullptr, 10);
  }
  return arguments;
}

template <typename Driver>
void Torment(const Arguments& arguments, Counts& counts) {
  using Clock = std::chrono::steady_clock;
  const Clock::time_point end = Clock::now() + std::chrono::seconds(arguments.seconds) / 2;
  World<Driver> world(arguments.seed, counts);
  for (uint64_t i = 0; arguments.seconds > 0 ? Clock::now() < end : i < arguments.rounds; ++i) {
    world.Round();
  }
}

void Print(const char* kind, const Counts& c) {
  std::printf("%s: %" PRIu64 " rounds, %" PRIu64 " chains sent (%" PRIu64 " frames), %" PRIu64
              " malformed, %" PRIu64 " frames refused, %" PRIu64 " rings broken, %" PRIu64
              " words scribbled, %" PRIu64 " honest frames intact\n",
              kind, c.rounds, c.chains, c.frames, c.malformed, c.refused, c.broken,
              c.scribbles.load(), c.honest);
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) {
  using namespace vswitch;
  const Arguments arguments = Parse(argc, argv);
  Counts split, packed;
  Torment<SplitDriver>(arguments, split);
  Print("split", split);
  Torment<PackedDriver>(arguments, packed);
  Print("packed", packed);
  // An attack that gets nowhere proves nothing.
  for (const Counts* counts : {&split, &packed}) {
    FUZZ_CHECK(counts->frames > 0 && counts->malformed > 0 && counts->broken > 0);
  }
  return 0;
}
