// SPDX-License-Identifier: BSD-3-Clause
// RCU and mailbox under real threads; also run under ThreadSanitizer. Needs no EAL.
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

#include "dataplane/mailbox.h"
#include "dataplane/rcu.h"

namespace vswitch {
namespace {

TEST(RcuTest, SynchronizeReturnsAtOnceWithoutReaders) {
  Rcu rcu(4);
  rcu.Synchronize();
  rcu.Online(1);
  rcu.Offline(1);
  rcu.Synchronize();
}

TEST(RcuTest, NothingIsFreedUnderAReader) {
  struct Object {
    uint64_t value = 0;
  };
  Rcu rcu(2);
  std::atomic<Object*> published{new Object{1}};
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> bad{0}, reads{0};
  auto reader = [&](uint32_t id) {
    rcu.Online(id);
    while (!stop.load(std::memory_order_relaxed)) {
      for (int i = 0; i < 64; ++i) {
        if (published.load(std::memory_order_acquire)->value == 0) ++bad;
      }
      reads.fetch_add(1, std::memory_order_relaxed);
      rcu.Quiescent(id);
    }
    rcu.Offline(id);
  };
  std::thread first(reader, 0), second(reader, 1);
  while (reads.load() < 10) std::this_thread::yield();
  for (uint64_t i = 2; i < 300; ++i) {
    Object* old = published.exchange(new Object{i}, std::memory_order_acq_rel);
    rcu.Synchronize();
    old->value = 0;  // a reader that still holds it is a bug
    delete old;
  }
  stop.store(true);
  first.join();
  second.join();
  delete published.load();
  EXPECT_EQ(bad.load(), 0u);
}

TEST(RcuTest, SynchronizeWaitsForTheReader) {
  Rcu rcu(1);
  std::atomic<bool> online{false}, release{false}, done{false};
  std::thread reader([&] {
    rcu.Online(0);
    online.store(true);
    while (!release.load()) std::this_thread::yield();
    rcu.Quiescent(0);
    while (!done.load()) rcu.Quiescent(0);
    rcu.Offline(0);
  });
  while (!online.load()) std::this_thread::yield();
  std::thread writer([&] {
    rcu.Synchronize();
    EXPECT_TRUE(release.load()) << "returned while the reader was inside";
    done.store(true);
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(done.load());
  release.store(true);
  writer.join();
  reader.join();
}

// Letters are told apart by their route alone: no packet buffers, so no EAL.
Route Numbered(uint32_t sender, uint32_t number) {
  return {{sender, number}, {sender, number}, static_cast<uint16_t>(number)};
}

TEST(MailboxTest, FullMailboxTakesAPrefix) {
  Mailbox mailbox(64);  // rte_ring keeps one slot
  const std::vector<Packet> packets(100);
  EXPECT_EQ(mailbox.Post(Numbered(0, 0), packets), 63);
  EXPECT_EQ(mailbox.depth(), 63u);
  EXPECT_EQ(mailbox.Post(Numbered(0, 0), packets), 0);
  std::vector<Letter> letters(128);
  EXPECT_EQ(mailbox.Drain(letters), 63);
  EXPECT_EQ(mailbox.Drain(letters), 0);
}

TEST(MailboxTest, ManySendersKeepTheirOrderAndLoseNothing) {
  constexpr uint32_t kSenders = 3, kLetters = 20000;
  Mailbox mailbox(256);
  std::vector<std::thread> senders;
  for (uint32_t sender = 0; sender < kSenders; ++sender) {
    senders.emplace_back([&mailbox, sender] {
      const Packet packet;
      for (uint32_t i = 0; i < kLetters;) {
        if (mailbox.Post(Numbered(sender, i), {&packet, 1}) == 1) {
          ++i;
        } else {
          std::this_thread::yield();
        }
      }
    });
  }
  std::vector<uint32_t> next(kSenders, 0);
  std::vector<Letter> letters(32);
  for (uint32_t received = 0; received < kSenders * kLetters;) {
    const uint16_t n = mailbox.Drain(letters);
    if (n == 0) std::this_thread::yield();
    for (uint16_t i = 0; i < n; ++i) {
      const DeviceId id = letters[i].route.from;
      ASSERT_EQ(id.generation, next[id.slot]) << "sender " << id.slot;
      ASSERT_EQ(letters[i].route, Numbered(id.slot, id.generation)) << "a torn letter";
      ++next[id.slot];
    }
    received += n;
  }
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(mailbox.depth(), 0u);
}

}  // namespace
}  // namespace vswitch
