// SPDX-License-Identifier: BSD-3-Clause
// What a VMM asks of a vhost-user backend that is at work.
#include <gtest/gtest.h>
#include <rte_pause.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "dataplane/packet_buffer.h"
#include "tests/support/ip_frames.h"
#include "tests/support/vhost_guest_fixture.h"

namespace vswitch {
namespace {

using Bytes = std::vector<uint8_t>;
using Pages = std::vector<uint32_t>;

// Every one is different.
Bytes NumberedFrame(uint8_t sender, uint32_t number) {
  Bytes frame(60 + number % 64);
  for (size_t i = 0; i < frame.size(); ++i) frame[i] = static_cast<uint8_t>(number + i);
  frame[0] = sender;
  for (int i = 0; i < 4; ++i) frame[1 + i] = static_cast<uint8_t>(number >> 8 * i);
  return frame;
}

class VhostControlTest : public VhostGuestTest {
 protected:
  // Everything that waits, up to a burst.
  std::vector<Bytes> Receive(uint16_t queue = 0) {
    Burst burst;
    backend_->Receive(queue, burst);
    std::vector<Bytes> frames;
    for (const Packet& packet : burst.view()) frames.push_back(FrameBytes(packet));
    PacketBuffer::Free(burst.view());
    Finish(queue);
    return frames;
  }
};

TEST_F(VhostControlTest, AStoppedGuestGoesOnWhereItWas) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  guest_.PostBuffers(0, FakeGuest::kRingSize);
  uint32_t sent = 0, received = 0, written = 0, read = 0;
  for (int stop = 0; stop < 20; ++stop) {  // more than once around each ring
    for (int i = 0; i < 40; ++i) guest_.Transmit(0, {}, NumberedFrame(1, sent++));
    // The rest waits in the ring while the guest stands still.
    for (const Bytes& frame : Receive()) EXPECT_EQ(frame, NumberedFrame(1, received++));
    for (int i = 0; i < 3 + stop; ++i) {
      EXPECT_EQ(Send(ToPacket(NumberedFrame(2, written++))).accepted, 1);
    }
    const std::vector<uint16_t> taken = guest_.Stop();
    EXPECT_EQ(taken, (std::vector<uint16_t>{static_cast<uint16_t>(written),
                                            static_cast<uint16_t>(received)}));
    EXPECT_EQ(guest_.TransmitsDone(0), received);
    guest_.Continue(taken);
    for (const Bytes& frame : Receive()) EXPECT_EQ(frame, NumberedFrame(1, received++));
    EXPECT_EQ(received, sent);
    for (const auto& frame : guest_.TakeReceived(0)) {
      EXPECT_EQ(frame.bytes, NumberedFrame(2, read++));
      guest_.PostBuffers(0, 1);
    }
    EXPECT_EQ(read, written);
  }
}

TEST_F(VhostControlTest, SaysWhereAGuestHasArrived) {
  CreateConnected(2);
  guest_.Start(kSends | kTakes, 2);
  for (uint16_t queue : {0, 1}) EXPECT_TRUE(backend_->Rest(queue));
  EXPECT_FALSE(Rings(0));
  guest_.Announce({0x02, 0x11, 0x22, 0x33, 0x44, 0x55});
  EXPECT_TRUE(Rings(0));
  EXPECT_FALSE(Rings(1));
  EXPECT_TRUE(Receive(1).empty());
  const std::vector<Bytes> frames = Receive(0);
  ASSERT_EQ(frames.size(), 1u);
  // RFC 903: a request of this station for itself, to everybody.
  const Bytes request = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x11, 0x22, 0x33, 0x44,
                         0x55, 0x80, 0x35, 0,    1,    8,    0,    6,    4,    0,    3,
                         0x02, 0x11, 0x22, 0x33, 0x44, 0x55, 0,    0,    0,    0,    0x02,
                         0x11, 0x22, 0x33, 0x44, 0x55, 0,    0,    0,    0};
  ASSERT_GE(frames[0].size(), request.size());
  EXPECT_EQ(Bytes(frames[0].begin(), frames[0].begin() + request.size()), request);
  // Once, and the guest's own frames come after it.
  guest_.Transmit(0, {}, NumberedFrame(1, 7));
  EXPECT_EQ(Receive(0), std::vector<Bytes>{NumberedFrame(1, 7)});
}

TEST_F(VhostControlTest, NamesThePagesItWritesToWhileAskedTo) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  guest_.PostBuffers(0, 64);
  EXPECT_EQ(Send(MakeFrame(100)).accepted, 1);
  for (uint16_t buffer = 1; buffer < 11; buffer += 5) {
    guest_.LogWrites(true);
    guest_.TakeWrittenPages();  // the rings' flags
    EXPECT_EQ(Send(MakeFrame(100)).accepted, 1);
    EXPECT_EQ(Send(MakeFrame(9000)).accepted, 1);
    Pages pages = {FakeGuest::PageOfUsedRing(0)};
    for (uint16_t i = 0; i < 4; ++i) pages.push_back(FakeGuest::PageOfBuffer(0, buffer + i));
    EXPECT_EQ(guest_.TakeWrittenPages(), pages);
    guest_.Transmit(0, {}, NumberedFrame(1, 1));
    EXPECT_EQ(Receive().size(), 1u);
    EXPECT_EQ(guest_.TakeWrittenPages(), Pages{FakeGuest::PageOfUsedRing(1)});
    guest_.LogWrites(false);
    guest_.TakeWrittenPages();
    EXPECT_EQ(Send(MakeFrame(100)).accepted, 1);
    guest_.Transmit(0, {}, NumberedFrame(1, 2));
    EXPECT_EQ(Receive().size(), 1u);
    EXPECT_EQ(guest_.TakeWrittenPages(), Pages{});
  }
}

// What came of the frames of two senders: each of them whole, and once.
class Arrivals {
 public:
  explicit Arrivals(uint32_t of_each) : seen_{{Seen(of_each), Seen(of_each)}} {}

  void Add(const Bytes& frame) {
    uint32_t number = UINT32_MAX;
    if (frame.size() > 4) std::memcpy(&number, &frame[1], sizeof(number));
    Seen& seen = seen_[frame.empty() ? 0 : frame[0] & 1];
    const bool whole = number < seen.size() && frame == NumberedFrame(frame[0], number);
    whole && !seen[number] ? seen[number] = true : ++wrong_;
  }
  size_t wrong() const { return wrong_; }
  size_t missing() const {
    return std::count(seen_[0].begin(), seen_[0].end(), false) +
           std::count(seen_[1].begin(), seen_[1].end(), false);
  }

 private:
  using Seen = std::vector<bool>;
  std::array<Seen, 2> seen_;
  size_t wrong_ = 0;
};

// Two threads that go on together, both awake.
class Meeting {
 public:
  void Wait() {
    const uint32_t both = (arrived_.fetch_add(1) / 2 + 1) * 2;
    while (arrived_.load() < both) rte_pause();
  }

 private:
  std::atomic<uint32_t> arrived_{0};
};

TEST_F(VhostControlTest, WorkersMeetOnTheOnlyPairThatIsEnabled) {
  constexpr uint32_t kRounds = 100, kOfEach = FakeGuest::kRingSize / 2;  // in a round
  CreateConnected(2);
  guest_.Start(kTakes | kVirtioNetMq, 2, /*enabled=*/1);
  Meeting meeting;
  std::atomic<uint32_t> begun{0}, finished{0};
  const auto work = [&](uint16_t queue) {
    for (uint32_t round = 0; round < kRounds; ++round) {
      std::vector<Packet> frames;
      for (uint32_t i = 0; i < kOfEach; ++i) {
        frames.push_back(ToPacket(NumberedFrame(static_cast<uint8_t>(queue), round * kOfEach + i)));
      }
      while (begun.load() <= round) std::this_thread::yield();
      meeting.Wait();
      for (uint32_t i = 0; i < kOfEach; i += Burst::kCapacity) {
        Send(std::span(frames).subspan(i, Burst::kCapacity), queue);
      }
      finished.fetch_add(1);
    }
  };
  std::thread workers[] = {std::thread(work, uint16_t{0}), std::thread(work, uint16_t{1})};
  Arrivals arrivals(kRounds * kOfEach);
  for (uint32_t round = 1; round <= kRounds; ++round) {
    guest_.PostBuffers(0, FakeGuest::kRingSize);
    begun.store(round);
    while (finished.load() < 2 * round) std::this_thread::yield();
    for (const auto& frame : guest_.TakeReceived(0)) arrivals.Add(frame.bytes);
  }
  for (std::thread& worker : workers) worker.join();
  EXPECT_EQ(arrivals.wrong(), 0u);
  EXPECT_EQ(arrivals.missing(), 0u);
}

// A worker that does `round` over and over.
class Worker {
 public:
  Worker(Rcu& rcu, std::function<void()> round)
      : rcu_(rcu), round_(std::move(round)), thread_([this] { Run(); }) {}
  ~Worker() {
    stop_.store(true);
    thread_.join();
  }
  uint32_t rounds() const { return rounds_.load(); }

 private:
  void Run() {
    rcu_.Online(0);
    while (!stop_.load()) {
      round_();
      rounds_.fetch_add(1);
      rcu_.Quiescent(0);
    }
    rcu_.Offline(0);
  }

  Rcu& rcu_;
  const std::function<void()> round_;
  std::atomic<bool> stop_{false};
  std::atomic<uint32_t> rounds_{0};
  std::thread thread_;
};

TEST_F(VhostControlTest, ADisabledRingIsLeftBeforeTheAnswer) {
  CreateConnected();
  guest_.Start(kSends);
  for (int i = 0; i < 10; ++i) {
    for (uint32_t j = 0; j < FakeGuest::kRingSize / 2; ++j) {
      guest_.Transmit(0, {}, NumberedFrame(1, j));
    }
    EXPECT_TRUE(backend_->Rest(0));
    std::atomic<bool> answered{false};
    const Worker worker(rcu_, [&] {
      // The bell rings when the message has come. What is received from then on is given back
      // after the answer.
      if (!answered.load() && !Rings(0)) return;
      Burst burst;
      backend_->Receive(0, burst);
      PacketBuffer::Free(burst.view());
      while (burst.count > 0 && !answered.load()) std::this_thread::yield();
      Finish(0);
    });
    const auto rounds_more = [&worker](uint32_t more) {
      const uint32_t before = worker.rounds();
      return Eventually([&] { return worker.rounds() - before >= more; });
    };
    ASSERT_TRUE(rounds_more(1));
    guest_.EnableRing(1, false);
    const uint16_t done = guest_.TransmitsDone(0);
    answered.store(true);
    ASSERT_TRUE(rounds_more(3));
    EXPECT_EQ(guest_.TransmitsDone(0), done);
    guest_.EnablePair(0, true);
    const auto all = static_cast<uint16_t>((i + 1) * (FakeGuest::kRingSize / 2));
    ASSERT_TRUE(Eventually([&] { return guest_.TransmitsDone(0) == all; }));
  }
}

}  // namespace
}  // namespace vswitch
