// SPDX-License-Identifier: BSD-3-Clause
// The host stack in its place: which devices have it, how much of a flood it takes at a time, when
// it looks again, and that it leaves devices alone that have another stack.
#include "control/host_port.h"

#include <gtest/gtest.h>

#include "control/link_kind.h"
#include "dataplane/veth.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class SilentMulticast : public Multicast {
 public:
  void Notify(const Namespace&, uint32_t, const Datagram&) override {}
};

// The veth ends a and b, both up; a far end is attached to b.
class HostPortTest : public testing::Test {
 protected:
  void SetUp() override {
    in_use_ = BuffersInUse();
    plane_ = std::make_unique<Dataplane>(1);
    for (Device* device : {&a_, &b_}) {
      device->id = plane_->CreateDevice();
      device->ns = &registry_.initial();
      device->kind = FindLinkKind("veth");
      device->flags = IFF_UP;
      device->address = {2, 0, 0, 0, 0, 0xa1};
    }
    a_.link = &b_;
    b_.link = &a_;
    plane_->Publish(b_.id, b_.kind->make_netdev(b_));
    plane_->Attach(b_.id, std::make_unique<FakeBackend>(far_));
    router_ = std::make_unique<Router>(registry_, multicast_);
    port_ = std::make_unique<HostPort>(
        *plane_, *router_, TestPool(),
        [this](Device&, const IpAddress& address) { duplicates_.push_back(address); });
  }
  void TearDown() override {
    port_.reset();
    plane_.reset();
    EXPECT_EQ(BuffersInUse(), in_use_);
  }

  const InetAddress& Add(const char* text) {
    a_.inet = std::make_unique<InetDevice>();
    InetAddress address;
    address.local = address.peer = *IpAddress::Parse(text);
    a_.inet->Of(address.family()).push_back(address);
    port_->OnAddressAdded(a_, address);
    return a_.inet->Of(address.family()).front();
  }
  void Remove() {
    const InetDevice gone = *std::exchange(a_.inet, nullptr);
    port_->OnAddressRemoved(a_, gone.v4.empty() ? gone.v6.front() : gone.v4.front());
  }
  // As much as a worker posts.
  void Offer(uint32_t frames) {
    for (; frames > 0; --frames) {
      const Packet packet = MakeFrame(60);
      ASSERT_EQ(plane_->host().Post({b_.id, a_.id}, {&packet, 1}), 1);
    }
  }
  uint32_t Waiting() {
    HostFrame frame;
    uint32_t count = 0;
    while (plane_->host().Receive(frame)) ++count;
    return count;
  }
  size_t Sent() {
    plane_->workers()[0]->RunOnce();
    return std::exchange(far_.sent, {}).size();
  }

  unsigned in_use_ = 0;
  Registry registry_{1};
  SilentMulticast multicast_;
  FarEnd far_, other_;
  Device a_, b_;
  std::unique_ptr<Dataplane> plane_;
  std::unique_ptr<Router> router_;
  std::unique_ptr<HostPort> port_;
  std::vector<IpAddress> duplicates_;
  MonotonicTime now_{seconds(100)};
};

TEST_F(HostPortTest, ADeviceHasTheStackWhileItHasAnAddress) {
  EXPECT_FALSE(plane_->HasHostStack(a_.id));
  Add("10.0.0.1");
  EXPECT_TRUE(plane_->HasHostStack(a_.id));
  Remove();
  EXPECT_FALSE(plane_->HasHostStack(a_.id));
  Add("fe80::1");
  EXPECT_TRUE(plane_->HasHostStack(a_.id));
  port_->OnLinkGone(a_);
  EXPECT_FALSE(plane_->HasHostStack(a_.id));
}

TEST_F(HostPortTest, LooksOftenWhileFramesFlowAndNotAtAllWithoutAddresses) {
  EXPECT_EQ(port_->NextDeadline(), std::nullopt);
  Add("10.0.0.1");
  ASSERT_TRUE(port_->NextDeadline().has_value());
  EXPECT_LE(*port_->NextDeadline(), now_);
  port_->Run(now_);
  EXPECT_EQ(port_->NextDeadline(), now_ + HostPort::kIdleInterval);
  Offer(1);
  port_->Run(now_);
  EXPECT_EQ(port_->NextDeadline(), now_ + HostPort::kBusyInterval);
  now_ += HostPort::kBusyTime;
  port_->Run(now_);
  EXPECT_EQ(port_->NextDeadline(), now_ + HostPort::kIdleInterval);
  Remove();
  port_->Run(now_);
  EXPECT_EQ(port_->NextDeadline(), std::nullopt);
}

TEST_F(HostPortTest, LeavesTheRestOfAFloodForTheNextRound) {
  Add("10.0.0.1");
  Offer(HostPort::kFramesPerRound + 7);
  port_->Run(now_);
  EXPECT_EQ(port_->NextDeadline(), now_);
  EXPECT_EQ(Waiting(), 7u);
}

TEST_F(HostPortTest, FramesForADeviceThatIsGoneAreFreed) {
  Add("10.0.0.1");
  Offer(3);
  port_->OnLinkGone(a_);
  port_->Run(now_);
  EXPECT_EQ(Waiting(), 0u);
}

TEST_F(HostPortTest, ProbesLeaveThroughTheDevice) {
  port_->OnAddressProbed(a_, Add("fd00::1"));
  EXPECT_EQ(Sent(), 1u);
}

TEST_F(HostPortTest, SaysNothingWhereSomethingElseIsTheStack) {
  const InetAddress& address = Add("fd00::1");
  plane_->Attach(a_.id, std::make_unique<FakeBackend>(other_));
  port_->OnAddressProbed(a_, address);
  EXPECT_EQ(Sent(), 0u);
  plane_->Detach(a_.id);
  port_->OnAddressProbed(a_, address);
  EXPECT_EQ(Sent(), 1u);
}

}  // namespace
}  // namespace vswitch
