// SPDX-License-Identifier: BSD-3-Clause
// Which IPv6 addresses and groups are ours, as addresses come and go.
#include "control/host_addresses.h"

#include <gtest/gtest.h>

#include "control/host_frame.h"

namespace vswitch {
namespace {

using State = HostAddresses::State;

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

InetAddress Address(const char* text, uint32_t flags = 0) {
  InetAddress address;
  address.local = address.peer = Ip(text);
  address.flags = flags;
  return address;
}

class HostAddressesTest : public testing::Test {
 protected:
  Device a_, b_;
  HostAddresses addresses_;
};

TEST_F(HostAddressesTest, TentativeUntilItIsReady) {
  const InetAddress address = Address("fd00::1", IFA_F_TENTATIVE);
  addresses_.Add(a_, address);
  EXPECT_EQ(addresses_.Find(a_, Ip("fd00::1")), State::kTentative);
  addresses_.Ready(a_, address);
  EXPECT_EQ(addresses_.Find(a_, Ip("fd00::1")), State::kOurs);
  addresses_.Remove(a_, address);
  EXPECT_EQ(addresses_.Find(a_, Ip("fd00::1")), State::kNone);
  addresses_.Ready(a_, address);
  EXPECT_EQ(addresses_.Find(a_, Ip("fd00::1")), State::kNone);
}

TEST_F(HostAddressesTest, EachDeviceHasItsOwn) {
  addresses_.Add(a_, Address("fd00::1"));
  addresses_.Add(b_, Address("fd00::2"));
  EXPECT_EQ(addresses_.Find(b_, Ip("fd00::1")), State::kNone);
  EXPECT_FALSE(addresses_.IsMember(b_, SolicitedNode(Ip("fd00::1"))));
  addresses_.Remove(b_, Address("fd00::1"));
  EXPECT_EQ(addresses_.Find(a_, Ip("fd00::1")), State::kOurs);
}

TEST_F(HostAddressesTest, AGroupLastsAsLongAsOneOfItsAddresses) {
  const IpAddress group = SolicitedNode(Ip("fd00::1"));
  EXPECT_TRUE(addresses_.IsMember(a_, AllNodes()));
  EXPECT_FALSE(addresses_.IsMember(a_, group));
  addresses_.Add(a_, Address("fd00::1"));
  addresses_.Add(a_, Address("fe80::1", IFA_F_TENTATIVE));
  addresses_.Remove(a_, Address("fd00::1"));
  EXPECT_TRUE(addresses_.IsMember(a_, group));
  addresses_.Remove(a_, Address("fe80::1"));
  EXPECT_FALSE(addresses_.IsMember(a_, group));
}

TEST_F(HostAddressesTest, Ipv4IsNoneOfItsBusiness) {
  addresses_.Add(a_, Address("10.0.0.1"));
  EXPECT_EQ(addresses_.Find(a_, Ip("10.0.0.1")), State::kNone);
}

}  // namespace
}  // namespace vswitch
