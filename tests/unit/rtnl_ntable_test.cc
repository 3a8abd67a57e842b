// SPDX-License-Identifier: BSD-3-Clause
// RTM_SETNEIGHTBL: who gets which limits and timing.
#include <linux/neighbour.h>

#include "tests/support/address_fixture.h"

namespace vswitch {

namespace {

class RtnlNtableTest : public AddressTest {
 protected:
  // `ip ntable change name NAME`; `put` adds attributes.
  template <typename Put>
  int Change(const std::string& name, uint8_t family, Put put) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(RTM_SETNEIGHTBL, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    writer.PutStruct(ndtmsg{.ndtm_family = family});
    writer.PutString(NDTA_NAME, name);
    put(writer);
    writer.End();
    return Ask(datagram).error;
  }
  int ChangeTime(const std::string& device, uint16_t type, uint64_t value,
                 const std::string& name = "arp_cache", uint8_t family = AF_UNSPEC) {
    return Change(name, family, [&](NlWriter& writer) {
      const size_t nest = writer.BeginNest(NDTA_PARMS);
      if (!device.empty()) writer.PutS32(NDTPA_IFINDEX, Get(device).ifindex);
      writer.PutU64(type, value);
      writer.EndNest(nest);
    });
  }
  int ChangeThreshold(uint32_t value) {
    return Change("arp_cache", AF_INET,
                  [&](NlWriter& writer) { writer.PutU32(NDTA_THRESH3, value); });
  }
  const NeighTable& Table(uint8_t family = AF_INET) {
    return *rtnl_.router().TablesOf(ns()).Neighbours(family);
  }
  int64_t Retransmit(const std::string& device, uint8_t family = AF_INET) {
    return Table(family).ParamsOf(Get(device)).retransmit.count();
  }
};

TEST_F(RtnlNtableTest, ADeviceHasItsOwnTiming) {
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500), 0);
  EXPECT_EQ(Retransmit("v0"), 500);
  EXPECT_EQ(Retransmit("v1"), 1000);
  EXPECT_EQ(Retransmit("v0", AF_INET6), 1000);
}

TEST_F(RtnlNtableTest, TimesAreRoundedToTicks) {
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 701), 0);
  EXPECT_EQ(Retransmit("v0"), 704);
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 3600000000), 0);
  EXPECT_EQ(Retransmit("v0"), -8);
}

TEST_F(RtnlNtableTest, TheNameAndTheFamilyHaveToAgree) {
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500, "ndisc_cache", AF_INET6), 0);
  EXPECT_EQ(Retransmit("v0", AF_INET6), 500);
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500, "arp_cache", AF_INET6), ENOENT);
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500, "foo"), ENOENT);
}

TEST_F(RtnlNtableTest, DefaultsAreForDevicesThatCome) {
  EXPECT_EQ(ChangeTime("", NDTPA_RETRANS_TIME, 500), 0);
  EXPECT_EQ(Retransmit("v0"), 1000);
  AddDummy("d0");
  EXPECT_EQ(Retransmit("d0"), 500);
}

TEST_F(RtnlNtableTest, DefaultsAndLimitsBelongToTheInitialNamespace) {
  EXPECT_EQ(ChangeThreshold(7), 0);
  Namespace& other = registry_.NamespaceFor(2);
  EXPECT_EQ(rtnl_.router().TablesOf(other).arp.limits().thresh3, 7U);
  client_.ns = &other;
  EXPECT_EQ(ChangeThreshold(8), ENOENT);
  EXPECT_EQ(ChangeTime("", NDTPA_RETRANS_TIME, 500), ENOENT);
  EXPECT_EQ(rtnl_.router().TablesOf(other).arp.limits().thresh3, 7U);
}

TEST_F(RtnlNtableTest, ADeviceThatLosesIpv6BeginsAnew) {
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500, "ndisc_cache"), 0);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(3)).U32(IFLA_MTU, 1000)).error, 0);
  EXPECT_EQ(ChangeTime("v0", NDTPA_RETRANS_TIME, 500, "ndisc_cache"), ENOENT);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(3)).U32(IFLA_MTU, 1500)).error, 0);
  EXPECT_EQ(Retransmit("v0", AF_INET6), 1000);
}

}  // namespace

}  // namespace vswitch
