// SPDX-License-Identifier: BSD-3-Clause
// Two workers stepped by hand: core hops, deletion and reattachment while packets are in flight.
#include <gtest/gtest.h>

#include "dataplane/dataplane.h"
#include "dataplane/veth.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

// a's backend on worker 0, b's on worker 1 (the least loaded when it was attached).
class TwoWorkers : public testing::Test {
 protected:
  void SetUp() override {
    in_use_ = BuffersInUse();
    plane_ = std::make_unique<Dataplane>(2);
    a_ = plane_->CreateDevice();
    b_ = plane_->CreateDevice();
    plane_->Publish(a_, std::make_unique<Veth>(VethState{a_, b_, 1500, true, true}));
    plane_->Publish(b_, std::make_unique<Veth>(VethState{b_, a_, 1500, true, true}));
    plane_->Attach(a_, std::make_unique<FakeBackend>(far_a_));
    plane_->Attach(b_, std::make_unique<FakeBackend>(far_b_));
    plane_->Commit();
  }
  void TearDown() override {
    plane_.reset();
    for (const Packet& packet : far_a_.input) PacketBuffer::Free({&packet, 1});
    far_a_.input.clear();
    EXPECT_EQ(BuffersInUse(), in_use_);
  }

  void Offer(uint32_t frames) {
    for (uint32_t i = 0; i < frames; ++i) {
      far_a_.input.push_back(MakeFrame(60, static_cast<uint8_t>(next_++)));
    }
  }
  uint32_t Step(uint16_t worker) { return plane_->workers()[worker]->RunOnce(); }
  uint64_t Dropped(DeviceId id, DropReason reason) const {
    return plane_->Totals(id).drops[static_cast<size_t>(reason)];
  }

  unsigned in_use_ = 0;
  uint32_t next_ = 0;
  FarEnd far_a_, far_b_, far_c_, far_d_;
  std::unique_ptr<Dataplane> plane_;
  DeviceId a_, b_;
};

TEST_F(TwoWorkers, TheOwnerOfTheDestinationSends) {
  Offer(100);
  while (Step(0) > 0) {
  }
  EXPECT_TRUE(far_b_.sent.empty());
  EXPECT_EQ(plane_->mailbox(1).depth(), 100u);
  while (Step(1) > 0) {
  }
  ASSERT_EQ(far_b_.sent.size(), 100u);
  for (uint32_t i = 0; i < 100; ++i) ASSERT_EQ(far_b_.sent[i].bytes[0], i);
  EXPECT_EQ(plane_->Totals(a_).tx_packets, 100u);
  EXPECT_EQ(plane_->Totals(b_).rx_packets, 100u);
}

TEST_F(TwoWorkers, LettersOfSendersThatAlternateAreStagedPerReceiver) {
  const DeviceId c = plane_->CreateDevice();
  const DeviceId d = plane_->CreateDevice();
  plane_->Publish(c, std::make_unique<Veth>(VethState{c, d, 1500, true, true}));
  plane_->Attach(c, std::make_unique<FakeBackend>(far_c_));
  plane_->Attach(d, std::make_unique<FakeBackend>(far_d_));
  plane_->Commit();
  for (uint8_t i = 0; i < 10; ++i) {
    Offer(1);
    far_c_.input.push_back(MakeFrame(60, 100 + i));
    Step(0);
  }
  EXPECT_EQ(Step(1), 20u);
  ASSERT_EQ(far_b_.sent.size(), 10u);
  ASSERT_EQ(far_d_.sent.size(), 10u);
  for (uint8_t i = 0; i < 10; ++i) {
    EXPECT_EQ(far_b_.sent[i].bytes[0], i);
    EXPECT_EQ(far_d_.sent[i].bytes[0], 100 + i);
  }
  EXPECT_EQ(far_b_.bursts, 1u);
  EXPECT_EQ(far_d_.bursts, 1u);
}

TEST_F(TwoWorkers, OffloadRequestsCrossCores) {
  far_a_.input.push_back(MakeFrame(4000, 0, Offload{34, 16, 1448, GsoType::kTcp4, true}));
  Step(0);
  Step(1);
  ASSERT_EQ(far_b_.sent.size(), 1u);
  EXPECT_EQ(far_b_.sent[0].offload.gso, GsoType::kTcp4);
  EXPECT_EQ(far_b_.sent[0].offload.gso_size, 1448);
  EXPECT_EQ(far_b_.sent[0].bytes.size(), 4000u);
}

TEST_F(TwoWorkers, AFullMailboxDropsAndCounts) {
  Offer(Mailbox::kCapacity + 500);
  while (Step(0) > 0) {
  }
  const uint64_t lost = Dropped(b_, DropReason::kMailboxFull);
  EXPECT_GT(lost, 0u);
  EXPECT_EQ(plane_->Totals(a_).tx_dropped, lost);
  EXPECT_EQ(plane_->Totals(b_).rx_dropped, lost);
  while (Step(1) > 0) {
  }
  EXPECT_EQ(far_b_.sent.size() + lost, Mailbox::kCapacity + 500);
}

TEST_F(TwoWorkers, LettersToADeletedDeviceAreFreed) {
  Offer(10);
  Step(0);
  plane_->RemoveDevice(b_);
  plane_->Commit();
  EXPECT_TRUE(far_b_.destroyed);
  const DeviceId reused = plane_->CreateDevice();
  EXPECT_EQ(reused.slot, b_.slot);
  plane_->Attach(reused, std::make_unique<FakeBackend>(far_c_));
  EXPECT_EQ(Step(1), 10u);
  EXPECT_TRUE(far_c_.sent.empty()) << "a packet reached the next device in the same slot";
  EXPECT_EQ(plane_->workers()[1]->counters().drops[static_cast<size_t>(DropReason::kStale)].Read(),
            10u);
}

TEST_F(TwoWorkers, LettersToADetachedDeviceAreSwallowed) {
  Offer(10);
  Step(0);
  plane_->Detach(b_);
  plane_->Commit();
  EXPECT_TRUE(far_b_.destroyed);
  EXPECT_EQ(Step(1), 10u);
  EXPECT_EQ(Dropped(b_, DropReason::kNoBackend), 10u);
}

TEST_F(TwoWorkers, ADetachedBackendIsNotPolledAgain) {
  plane_->Detach(a_);
  plane_->Commit();
  Offer(1);
  EXPECT_EQ(Step(0), 0u);
  EXPECT_EQ(Step(1), 0u);
  EXPECT_EQ(far_a_.input.size(), 1u);
}

TEST_F(TwoWorkers, APublishedChangeHoldsFromTheNextBurst) {
  plane_->Publish(a_, std::make_unique<Veth>(VethState{a_, b_, 1500, true, false}));
  plane_->Commit();
  Offer(1);
  Step(0);
  EXPECT_EQ(Dropped(a_, DropReason::kNoCarrier), 1u);
}

TEST_F(TwoWorkers, QueuesSpreadOverWorkers) {
  const DeviceId c = plane_->CreateDevice();
  plane_->Attach(c, std::make_unique<FakeBackend>(far_c_, 4));
  const Port* port = plane_->PortOf(c);
  ASSERT_EQ(port->owner.size(), 4u);
  EXPECT_NE(port->owner[0], port->owner[1]);
  EXPECT_EQ(port->QueueFor(2), 2);
  EXPECT_EQ(port->QueueFor(5), 1);
}

TEST(DeviceTableTest, NumbersAreUniqueAndGrowAcrossChunks) {
  DeviceTable table(1);
  DeviceId last;
  for (int i = 0; i < 3000; ++i) last = table.Allocate();
  EXPECT_EQ(last.slot, 2999u);
  ASSERT_NE(table.Find(last), nullptr);
  EXPECT_EQ(table.Find({3000, 0}), nullptr);
  EXPECT_EQ(table.Find({DeviceId::kNone, 0}), nullptr);
  EXPECT_EQ(table.Find({50'000'000, 0}), nullptr);
  table.Invalidate(last);
  EXPECT_EQ(table.Find(last), nullptr);
  table.Release(last);
  const DeviceId again = table.Allocate();
  EXPECT_EQ(again.slot, last.slot);
  EXPECT_NE(again.generation, last.generation);
}

}  // namespace
}  // namespace vswitch
