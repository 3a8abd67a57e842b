// SPDX-License-Identifier: BSD-3-Clause
// The pages that are marked are those whose bytes have changed: told by comparing a guest's memory
// before and after.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "pmd/virtqueue/dirty_log.h"
#include "pmd/virtqueue/read_frames.h"
#include "pmd/virtqueue/write_frames.h"
#include "tests/support/guest_ram.h"
#include "tests/support/ring_driver.h"

namespace vswitch {
namespace {

using Pages = std::set<uint64_t>;

constexpr uint64_t kPage = DirtyLog::kPageSize;
constexpr uint64_t kBase = GuestRam::kBase;
// The rings are in the first region, buffers in its second half and the next region.
constexpr uint64_t kFirst = 8u << 20, kSecond = (1u << 20) + 100;
constexpr uint64_t kBuffers = kBase + kFirst / 2, kEnd = kBase + kFirst + kSecond;

Pages LoggedIn(const std::vector<uint8_t>& bits) {
  Pages pages;
  for (uint64_t page = 0; page < bits.size() * 8; ++page) {
    if ((bits[page / 8] >> page % 8 & 1) != 0) pages.insert(page);
  }
  return pages;
}

class DirtyLogBits : public testing::Test {
 protected:
  Pages After(uint64_t address, uint64_t length) {
    std::fill(bits_.begin(), bits_.end(), 0);
    log_.Mark(ram_.At(address), length);
    return LoggedIn(bits_);
  }

  GuestRam ram_{std::vector<GuestRam::Region>{{0, 4 * kPage}, {9 * kPage, 90 * kPage}}};
  std::vector<uint8_t> bits_ = std::vector<uint8_t>(4);
  DirtyLog log_{ram_.memory(), bits_.data(), bits_.size()};
};

TEST_F(DirtyLogBits, StandForPagesOfTheGuest) {
  EXPECT_EQ(After(0, 1), Pages{0});
  EXPECT_EQ(After(kPage - 1, 1), Pages{0});
  EXPECT_EQ(After(kPage - 1, 2), (Pages{0, 1}));
  EXPECT_EQ(After(kPage, kPage), Pages{1});
  EXPECT_EQ(After(kPage + 1, 2 * kPage), (Pages{1, 2, 3}));
  EXPECT_EQ(After(9 * kPage, 1), Pages{9});
  EXPECT_EQ(After(9 * kPage, 0), Pages{});
}

TEST_F(DirtyLogBits, AreNoMoreThanTheLogHolds) {
  EXPECT_EQ(After(31 * kPage, 3 * kPage), Pages{31});
  EXPECT_EQ(After(32 * kPage, 1), Pages{});
  EXPECT_EQ(After(98 * kPage, kPage), Pages{});
  const DirtyLog none(ram_.memory(), nullptr, 0);
  none.Mark(ram_.At(0), kPage);
}

TEST_F(DirtyLogBits, StayAsOthersSetThem) {
  bits_[1] = 0x81;
  log_.Mark(ram_.At(9 * kPage), 1);
  EXPECT_EQ(bits_[1], 0x83);
}

TEST_F(DirtyLogBits, AreNotLostBetweenThreads) {
  const auto mark = [this](uint64_t page) {
    for (int i = 0; i < 100'000; ++i) {
      log_.Mark(ram_.At(page * kPage), 1);
      // As the VMM does, each its own bit: a mark that is not atomic would bring back others' bits.
      const auto bit = static_cast<uint8_t>(1u << page % 8);
      const uint8_t was = std::atomic_ref(bits_[0]).fetch_and(static_cast<uint8_t>(~bit));
      if ((was & bit) == 0) return false;
    }
    return true;
  };
  bool first = false;
  std::thread other([&] { first = mark(1); });
  EXPECT_TRUE(mark(2));
  other.join();
  EXPECT_TRUE(first);
  EXPECT_EQ(bits_[0], 0);
}

template <typename Driver>
class VirtqueueLog : public testing::Test {
 protected:
  VirtqueueLog() {
    Negotiate(64, [](RingSetup&) {});
  }
  template <typename Change>
  void Negotiate(uint16_t size, const Change& change) {
    sender_ = std::make_unique<Driver>(ram_, size);
    receiver_ = std::make_unique<Driver>(ram_, size);
    RingSetup from = sender_->Setup(), to = receiver_->Setup();
    for (RingSetup* setup : {&from, &to}) {
      setup->indirect = true;
      setup->log = &log_;
      change(*setup);
    }
    from_ = std::make_unique<typename Driver::Ring>(sender_->MakeRing(from));
    to_ = std::make_unique<typename Driver::Ring>(receiver_->MakeRing(to));
  }

  // Memory of the guest for a buffer, behind the last one's; in a circle.
  uint64_t Place(uint32_t length) {
    if (next_buffer_ + length > kEnd) next_buffer_ = kBuffers;
    next_buffer_ += length;
    return next_buffer_ - length;
  }
  void Fill(const GuestBuffer& buffer, uint8_t byte) {
    for (uint32_t i = 0; i < buffer.length; ++i) *ram_.At(buffer.address + i) = byte;
  }
  std::vector<GuestBuffer> Chain(const std::vector<uint32_t>& lengths, bool writable) {
    std::vector<GuestBuffer> chain;
    for (const uint32_t length : lengths) {
      chain.push_back({Place(length), length, writable});
      Fill(chain.back(), writable ? 0xee : 0);
    }
    return chain;
  }
  // A frame of nothing but zeros; the header is the first 12 bytes.
  void Send(const std::vector<uint32_t>& lengths) { sender_->Add(Chain(lengths, false)); }
  void Post(const std::vector<uint32_t>& lengths, bool indirect = false) {
    const std::vector<GuestBuffer> chain = Chain(lengths, true);
    indirect ? receiver_->AddIndirect(chain) : receiver_->Add(chain);
  }
  // The guest takes what came back, and forgets it: elements that are used again change.
  void Reap() {
    for (Driver* driver : {sender_.get(), receiver_.get()}) {
      while (driver->TakeUsed().has_value()) continue;
      if constexpr (std::is_same_v<Driver, SplitDriver>) {
        std::memset(driver->used()->entries(), 0xff, sizeof(UsedElement) * driver->size());
      }
    }
  }

  Written Move() {
    ReadFrames(*from_, store_, burst_);
    const Written written = WriteFrames(*to_, burst_.view(), store_.buffers);
    from_->Publish();
    return written;
  }

  // What lies in both regions.
  std::vector<uint8_t> Memory() const {
    std::vector<uint8_t> bytes(ram_.Bytes(0).begin(), ram_.Bytes(0).end());
    bytes.insert(bytes.end(), ram_.Bytes(1).begin(), ram_.Bytes(1).end());
    return bytes;
  }
  // Does `step` and compares what it changed with what it marked.
  template <typename Step>
  testing::AssertionResult LogsExactly(const Step& step) {
    std::fill(bits_.begin(), bits_.end(), 0);
    const std::vector<uint8_t> before = Memory();
    step();
    const std::vector<uint8_t> after = Memory();
    Pages changed;
    for (size_t at = 0; at < after.size(); at += kPage) {
      const size_t length = std::min<size_t>(kPage, after.size() - at);
      const bool same = std::memcmp(&before[at], &after[at], length) == 0;
      if (!same) changed.insert((kBase + at) / kPage);
    }
    changed_pages_ += changed.size();
    const Pages logged = LoggedIn(bits_);
    if (logged == changed) return testing::AssertionSuccess();
    auto failure = testing::AssertionFailure();
    for (const uint64_t page : changed) {
      if (!logged.contains(page)) failure << "changed: " << page << "; ";
    }
    for (const uint64_t page : logged) {
      if (!changed.contains(page)) failure << "only marked: " << page << "; ";
    }
    return failure;
  }

  GuestRam ram_{std::vector<GuestRam::Region>{{kBase, kFirst}, {kBase + kFirst, kSecond}}};
  std::vector<uint8_t> bits_ = std::vector<uint8_t>(kEnd / kPage / 8 + 1);
  DirtyLog log_{ram_.memory(), bits_.data(), bits_.size()};
  std::unique_ptr<Driver> sender_, receiver_;
  std::unique_ptr<typename Driver::Ring> from_, to_;
  uint64_t next_buffer_ = kBuffers;
  uint64_t changed_pages_ = 0;
  FrameStore store_;
  Burst burst_;
};

using Drivers = testing::Types<SplitDriver, PackedDriver>;
struct Names {
  template <typename Driver>
  static std::string GetName(int) {
    return std::is_same_v<Driver, PackedDriver> ? "packed" : "split";
  }
};
TYPED_TEST_SUITE(VirtqueueLog, Drivers, Names);

TYPED_TEST(VirtqueueLog, HasWhatAGuestReceives) {
  this->Send({12, 64});
  this->Send({12 + 9000});
  this->Post({2048});
  this->Post({9012});
  EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().refused, 0u); }));
  EXPECT_GE(this->changed_pages_, 4u);
}

TYPED_TEST(VirtqueueLog, HasNothingOfBuffersThatStayEmpty) {
  this->Send({12 + 100});
  this->Post({50, 62, 5000});  // of which two are filled
  this->Post({112, 3, 9000});  // and of these none
  EXPECT_TRUE(this->LogsExactly([&] { this->Move(); }));
  this->Reap();
  this->Send({12 + 2000});
  this->Post({112});
  EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().refused, 0u); }));
  this->Reap();
  this->Send({12 + 2000});
  this->Post({1000});
  EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().refused, 1u); }));
}

TYPED_TEST(VirtqueueLog, HasNothingBetweenTheBuffersOfAChain) {
  std::vector<GuestBuffer> chain = this->Chain({50, 5000, 7000}, true);
  for (size_t i = 0; i < chain.size(); ++i) {
    chain[i].address = kBuffers + (100 - 10 * i) * kPage;
    this->Fill(chain[i], 0xee);
  }
  this->receiver_->Add(chain);
  this->Send({12 + 10'000});
  EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().refused, 0u); }));
}

TYPED_TEST(VirtqueueLog, HasBuffersThatGoOnInTheNextRegion) {
  for (const bool indirect : {false, true}) {
    this->next_buffer_ = kBase + kFirst - 300;
    this->Post({200}, indirect);
    this->Post({50, 5000}, indirect);
    for (const uint32_t length : {180u, 4900u}) this->Send({12 + length});
    EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().refused, 0u); }));
  }
}

TYPED_TEST(VirtqueueLog, HasChainsThatAreGivenBackUnused) {
  this->Negotiate(1024, [](RingSetup&) {});
  const GuestBuffer bad{kBase - kPage, 100, true};
  this->receiver_->Add({&bad, 1});
  this->Post(std::vector<uint32_t>(600, 10));
  this->receiver_->Add({&bad, 1});
  this->Post({2000});
  for (int i = 0; i < 2; ++i) this->Send({12 + 1000});
  EXPECT_TRUE(this->LogsExactly([&] { EXPECT_EQ(this->Move().malformed, 2); }));
}

TYPED_TEST(VirtqueueLog, HasWhetherKicksAreWanted) {
  for (const bool event_index : {false, true}) {
    this->Negotiate(64, [&](RingSetup& setup) { setup.event_index = event_index; });
    this->Send({12 + 60});  // so that the event index changes
    this->Move();
    EXPECT_TRUE(this->LogsExactly([&] { this->from_->SetKicks(false); }));
    EXPECT_TRUE(this->LogsExactly([&] { this->from_->SetKicks(true); }));
  }
  EXPECT_GE(this->changed_pages_, 2u);
}

TYPED_TEST(VirtqueueLog, HasNothingWhenNothingHappens) {
  this->Post({2000});
  this->Send({12});  // no frame
  this->Move();
  EXPECT_TRUE(this->LogsExactly([&] { this->Move(); }));
  EXPECT_EQ(this->changed_pages_, 0u);
}

TYPED_TEST(VirtqueueLog, IsExactInRandomRounds) {
  std::mt19937 random(11);
  const auto pick = [&random](uint32_t from, uint32_t to) {
    return std::uniform_int_distribution<uint32_t>(from, to)(random);
  };
  for (uint32_t round = 0; round < 150; ++round) {
    const bool mergeable = round / 50 == 1;
    if (round % 50 == 0) {
      this->Negotiate(round == 0 ? 64 : 1024,
                      [&](RingSetup& setup) { setup.mergeable = mergeable; });
    }
    for (uint32_t i = pick(0, 8); i > 0; --i) {
      std::vector<uint32_t> frame(pick(0, 3), pick(1, 300));
      frame.push_back(pick(26, 9000));
      this->Send(frame);
    }
    for (uint32_t i = pick(0, 20); i > 0 && this->receiver_->HasRoom(5); --i) {
      std::vector<uint32_t> buffers(pick(0, 4), pick(1, 700));
      buffers.push_back(pick(12, mergeable ? 2000 : 10000));
      this->Post(buffers, pick(0, 1) == 1);
    }
    ASSERT_TRUE(this->LogsExactly([&] { this->Move(); })) << round;
    this->Reap();
  }
  EXPECT_GT(this->changed_pages_, 500u);
}

TEST(VirtqueueLogInOrder, HasTheOneDescriptorThatIsWritten) {
  GuestRam ram;
  PackedDriver driver(ram, 1024);
  driver.set_in_order();
  std::vector<uint8_t> bits((GuestRam::kBase + (4u << 20)) / kPage / 8);
  const DirtyLog log(ram.memory(), bits.data(), bits.size());
  RingSetup setup = driver.Setup();
  setup.in_order = true;
  setup.log = &log;
  auto ring = driver.MakeRing(setup);
  const std::vector<GuestBuffer> chain(300, {GuestRam::kBase, 1});
  for (int i = 0; i < 3; ++i) driver.Add(chain);
  FrameStore store;
  Burst burst;
  ReadFrames(ring, store, burst);
  ring.Publish();
  EXPECT_EQ(LoggedIn(bits), Pages{GuestRam::kBase / kPage});
}

}  // namespace
}  // namespace vswitch
