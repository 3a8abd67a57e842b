// SPDX-License-Identifier: BSD-3-Clause
// Links of kind ipvlan: creation, what they share, and what happens to them with their lower
// device. The expectations are what Linux 6.1 was seen to do.
#include <linux/if_link.h>
#include <linux/neighbour.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_format.h"
#include "control/ipvlan_key.h"
#include "control/ipvlan_master.h"
#include "tests/support/address_fixture.h"

namespace vswitch {
namespace {

constexpr uint32_t kThere = 17;  // a descriptor of the other namespace
constexpr MacAddress kPhyMac{2, 0, 0, 0, 0, 0xaa};

// Remembers what it was told of its device.
class ToldBackend final : public Backend {
 public:
  struct Told {
    uint32_t mtu = 0;
    MacAddress address{};
  };

  explicit ToldBackend(Told& told) : told_(told) {}
  uint16_t queues() const override { return 1; }
  void Receive(uint16_t, Burst&) override {}
  SendResult Send(uint16_t, Burst&) override { return {}; }
  BackendStatus Status() const override { return {}; }
  absl::Status SetMtu(uint32_t mtu) override {
    told_.mtu = mtu;
    return absl::OkStatus();
  }
  void OnAddress(const MacAddress& address) override { told_.address = address; }

 private:
  Told& told_;
};

// m0 (ifindex 3) with its peer m1 (2), both UP.
class IpvlanTest : public AddressTest {
 protected:
  void SetUp() override {
    client_.namespaces = {{kThere, &there_}};
    AddVeth("m0", "m1");
    ASSERT_EQ(Ask(Set("m0").Mac(IFLA_ADDRESS, kPhyMac)).error, 0);
    SetUp("m0");
    SetUp("m1");
    Notifications();
  }
  using AddressTest::SetUp;

  RequestBuilder Set(const std::string& name) {
    return RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(Get(name).ifindex));
  }
  // `ip link add link LOWER name NAME`, without kind.
  RequestBuilder New(const std::string& name, const std::string& lower = "m0") {
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    request.Str(IFLA_IFNAME, name);
    request.U32(IFLA_LINK, static_cast<uint32_t>(Get(lower).ifindex));
    return request;
  }
  static RequestBuilder& Kind(RequestBuilder& request, std::optional<uint16_t> mode = {},
                              std::optional<uint16_t> flags = {}) {
    request.Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "ipvlan").Begin(IFLA_INFO_DATA);
    if (mode.has_value()) request.writer().PutU16(IFLA_IPVLAN_MODE, *mode);
    if (flags.has_value()) request.writer().PutU16(IFLA_IPVLAN_FLAGS, *flags);
    return request.End().End();
  }
  int AddSlave(const std::string& name, std::optional<uint16_t> mode = IPVLAN_MODE_L2,
               std::optional<uint16_t> flags = {}) {
    RequestBuilder request = New(name);
    return Ask(Kind(request, mode, flags)).error;
  }
  int Change(const std::string& name, std::optional<uint16_t> mode,
             std::optional<uint16_t> flags = {}) {
    RequestBuilder request = Set(name);
    return Ask(Kind(request, mode, flags)).error;
  }
  using AddressTest::Change;
  int Delete(const std::string& name) {
    return Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(Get(name).ifindex))).error;
  }
  int SetFlag(const std::string& name, uint32_t flag, bool on = true) {
    const ifinfomsg header{
        .ifi_index = Get(name).ifindex, .ifi_flags = on ? flag : 0, .ifi_change = flag};
    return Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, header)).error;
  }

  // `bridge fdb add MAC dev NAME self`, and del.
  int Receive(uint16_t type, const std::string& name, const MacAddress& mac) {
    Datagram datagram;
    NlWriter writer(datagram);
    const int flags = type == RTM_NEWNEIGH ? NLM_F_CREATE | NLM_F_EXCL : 0;
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags), 1, 0);
    writer.PutStruct(ndmsg{.ndm_family = AF_BRIDGE,
                           .ndm_ifindex = Get(name).ifindex,
                           .ndm_state = NUD_PERMANENT,
                           .ndm_flags = NTF_SELF});
    writer.PutBytes(NDA_LLADDR, mac);
    writer.End();
    return Ask(datagram).error;
  }

  IpvlanMaster& Master(const std::string& slave) { return *Get(slave).ipvlan->master; }
  bool NoArp(const std::string& name) { return (Get(name).flags & IFF_NOARP) != 0; }

  Namespace& there_ = registry_.NamespaceFor(2);
};

TEST_F(IpvlanTest, NeedsALowerDeviceThatCanBeOne) {
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE).Kind("ipvlan")).error,
            EINVAL);
  EXPECT_EQ(
      Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE).U32(IFLA_LINK, 99).Kind("ipvlan"))
          .error,
      ENODEV);
  EXPECT_EQ(Ask(New("i0", "lo").Kind("ipvlan")).error, EINVAL);
  EXPECT_EQ(Ask(New("i0").Kind("ipvlan")).error, 0);
}

TEST_F(IpvlanTest, ModesAndFlagsAreChecked) {
  EXPECT_EQ(AddSlave("i0", IPVLAN_MODE_MAX), EINVAL);
  EXPECT_EQ(AddSlave("i0", IPVLAN_MODE_L2, 3), EINVAL);
  EXPECT_EQ(AddSlave("i0", IPVLAN_MODE_L2, 4), EINVAL);
  EXPECT_EQ(AddSlave("i0", IPVLAN_MODE_L3S, IPVLAN_F_VEPA), 0);
  EXPECT_EQ(Change("i0", IPVLAN_MODE_MAX), EINVAL);
  EXPECT_EQ(Master("i0").mode(), IPVLAN_MODE_L3S);
  EXPECT_EQ(Master("i0").flags(), IPVLAN_F_VEPA);
}

TEST_F(IpvlanTest, FailedCreationLeavesNothing) {
  EXPECT_EQ(AddSlave("m1"), EEXIST);
  EXPECT_EQ(AddSlave("a:b"), EINVAL);
  RequestBuilder mtu = New("i0");
  const Answer answer = Ask(Kind(mtu.U32(IFLA_MTU, 67)));
  EXPECT_EQ(answer.error, EINVAL);
  EXPECT_EQ(answer.sentence, "mtu less than device minimum");
  EXPECT_EQ(Get("m0").lower_port, nullptr);
}

TEST_F(IpvlanTest, InheritsFromItsLowerDevice) {
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1400)).error, 0);
  ASSERT_EQ(AddSlave("i0"), 0);
  const Device& slave = Get("i0");
  EXPECT_EQ(slave.mtu, 1400u);
  EXPECT_EQ(slave.address, kPhyMac);
  EXPECT_EQ(slave.perm_address, kPhyMac);
  EXPECT_EQ(slave.tso_max_size, Get("m0").tso_max_size);
  EXPECT_EQ(slave.link, &Get("m0"));
  EXPECT_TRUE(slave.carrier);
}

TEST_F(IpvlanTest, AGivenAddressIsNotTakenButNotPermanentEither) {
  RequestBuilder request = New("i0");
  ASSERT_EQ(Ask(Kind(request.Mac(IFLA_ADDRESS, {2, 0, 0, 0, 0, 5}))).error, 0);
  EXPECT_EQ(Get("i0").address, kPhyMac);
  EXPECT_EQ(Get("i0").perm_address, MacAddress{});
  EXPECT_EQ(Ask(Set("i0").Mac(IFLA_ADDRESS, {2, 0, 0, 0, 0, 5})).error, EOPNOTSUPP);
}

TEST_F(IpvlanTest, AnIpvlanOnAnIpvlanStandsOnTheSameDevice) {
  ASSERT_EQ(AddSlave("i0"), 0);
  RequestBuilder request = New("i1", "i0");
  ASSERT_EQ(Ask(Kind(request, IPVLAN_MODE_L2)).error, 0);
  EXPECT_EQ(Get("i1").link, &Get("m0"));
  EXPECT_EQ(Delete("i0"), 0);
  EXPECT_TRUE(Exists("i1"));
  EXPECT_EQ(Master("i1").slaves().size(), 1u);
}

TEST_F(IpvlanTest, ModeAndFlagsAreThoseOfAllAndTheLastWordCounts) {
  ASSERT_EQ(AddSlave("i0", IPVLAN_MODE_L2, IPVLAN_F_PRIVATE), 0);
  ASSERT_EQ(AddSlave("i1", IPVLAN_MODE_L3S), 0);
  EXPECT_EQ(Master("i0").mode(), IPVLAN_MODE_L3S);
  EXPECT_EQ(Master("i0").flags(), IPVLAN_F_PRIVATE);
  EXPECT_EQ(Change("i1", std::nullopt, 0), 0);
  EXPECT_EQ(Master("i0").mode(), IPVLAN_MODE_L3S);
  EXPECT_EQ(Master("i0").flags(), 0);
  EXPECT_EQ(Change("i0", IPVLAN_MODE_L2), 0);
  EXPECT_EQ(Ask(New("i2").Kind("ipvlan")).error, 0);
  EXPECT_EQ(Master("i0").mode(), IPVLAN_MODE_L3);
  EXPECT_EQ(Change("i0", std::nullopt), 0);
  EXPECT_EQ(Master("i0").mode(), IPVLAN_MODE_L3);
}

TEST_F(IpvlanTest, NoArpFollowsTheModeWhenASlaveOpensAndWhenTheModeChanges) {
  ASSERT_EQ(AddSlave("i0", IPVLAN_MODE_L3), 0);
  EXPECT_FALSE(NoArp("i0"));  // it was never opened
  SetUp("i0");
  EXPECT_TRUE(NoArp("i0"));
  ASSERT_EQ(SetFlag("i0", IFF_NOARP, false), 0);
  EXPECT_FALSE(NoArp("i0"));
  SetUp("i0", false);
  SetUp("i0");
  EXPECT_TRUE(NoArp("i0"));
  ASSERT_EQ(AddSlave("i1", IPVLAN_MODE_L2), 0);
  EXPECT_FALSE(NoArp("i0"));
  ASSERT_EQ(Change("i1", IPVLAN_MODE_L3), 0);
  EXPECT_TRUE(NoArp("i0"));
  EXPECT_TRUE(NoArp("i1"));
}

TEST_F(IpvlanTest, TheLowerDeviceIsToldOfFirst) {
  ASSERT_EQ(AddSlave("i0"), 0);
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK m0 up change=0x0 operstate=6 link=2",
                                    "NEWLINK i0 down change=0xffffffff operstate=2 link=3"}));
  ASSERT_EQ(Delete("i0"), 0);
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK m0 up change=0x0 operstate=6 link=2",
                                    "DELLINK i0 down change=0xffffffff operstate=2 link=3"}));
  EXPECT_EQ(Get("m0").lower_port, nullptr);
}

TEST_F(IpvlanTest, AChangeOfModeIsToldOfEverySlave) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  SetUp("i1");
  Notifications();
  ASSERT_EQ(Change("i1", IPVLAN_MODE_L3), 0);
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK i0 down change=0x80 operstate=2 link=3",
                                    "NEWLINK i1 up change=0x80 operstate=0 link=3",
                                    "NEWLINK i1 up change=0x0 operstate=0 link=3"}));
  ASSERT_EQ(Change("i0", IPVLAN_MODE_L3S, IPVLAN_F_VEPA), 0);
  EXPECT_TRUE(Notifications().empty());
}

TEST_F(IpvlanTest, CarrierComesFromTheLowerDeviceWhileThatIsUp) {
  ASSERT_EQ(AddSlave("i0"), 0);
  SetUp("i0");
  EXPECT_EQ(Get("i0").operstate, OperState::kUnknown);
  SetUp("m1", false);
  EXPECT_FALSE(Get("i0").carrier);
  EXPECT_EQ(Get("i0").operstate, OperState::kLowerLayerDown);
  SetUp("m1");
  EXPECT_TRUE(Get("i0").carrier);
  EXPECT_EQ(Get("i0").operstate, OperState::kUp);
  SetUp("m0", false);
  EXPECT_TRUE(Get("i0").carrier);
  EXPECT_TRUE(Get("i0").up());
}

TEST_F(IpvlanTest, ABornCarrierlessSlaveCountsNoEvent) {
  SetUp("m1", false);
  ASSERT_EQ(AddSlave("i0"), 0);
  EXPECT_EQ(Get("i0").operstate, OperState::kLowerLayerDown);
  EXPECT_EQ(Get("i0").carrier_down_count, 0u);
}

TEST_F(IpvlanTest, FollowsTheMtuSilently) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(Ask(Set("i0").U32(IFLA_MTU, 9000)).error, 0);
  EXPECT_EQ(Get("i0").mtu, 9000u);
  Notifications();
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1400)).error, 0);
  EXPECT_EQ(Get("i0").mtu, 1400u);
  EXPECT_EQ(Notifications(), Lines{"NEWLINK m0 up change=0x0 operstate=6 link=2"});
}

TEST_F(IpvlanTest, KeepsIpv6WithAnMtuThatNobodyToldItOf) {
  ASSERT_EQ(AddSlave("i0"), 0);
  SetUp("i0");
  ASSERT_EQ(Add({.device = "i0", .local = "fd00::1/64"}), 0);
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1000)).error, 0);
  EXPECT_EQ(Get("i0").mtu, 1000u);
  ASSERT_NE(Get("i0").inet, nullptr);
  EXPECT_FALSE(Get("i0").inet->v6.empty());
  EXPECT_EQ(Delete("i0"), 0);
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1500)).error, 0);
  ASSERT_EQ(AddSlave("i0"), 0);
  EXPECT_EQ(Add({.device = "i0", .local = "fd00::1/64"}), 0);
}

TEST_F(IpvlanTest, FollowsTheAddressAndTellsIt) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  Notifications();
  const MacAddress other{2, 0, 0, 0, 0, 0xcd};
  ASSERT_EQ(Ask(Set("m0").Mac(IFLA_ADDRESS, other)).error, 0);
  EXPECT_EQ(Get("i1").address, other);
  EXPECT_EQ(Get("i1").perm_address, kPhyMac);
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK m0 up change=0x0 operstate=6 link=2",
                                    "NEWLINK i0 down change=0x0 operstate=2 link=3",
                                    "NEWLINK i1 down change=0x0 operstate=2 link=3"}));
}

TEST_F(IpvlanTest, ABroadcastAddressOfTheLowerDeviceIsToldAsAnAddress) {
  ASSERT_EQ(AddSlave("i0"), 0);
  Notifications();
  ASSERT_EQ(Ask(Set("m0").Mac(IFLA_BROADCAST, {0xff, 0xff, 0xff, 0xff, 0xff, 0xfe})).error, 0);
  EXPECT_EQ(Get("i0").broadcast, (MacAddress{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK m0 up change=0x0 operstate=6 link=2",
                                    "NEWLINK i0 down change=0x0 operstate=2 link=3"}));
}

TEST_F(IpvlanTest, AGuestLearnsWhatChangedBelow) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ToldBackend::Told told;
  dataplane_.Attach(Get("i0").id, std::make_unique<ToldBackend>(told));
  const MacAddress other{2, 0, 0, 0, 0, 0xcd};
  ASSERT_EQ(Ask(Set("m0").Mac(IFLA_ADDRESS, other)).error, 0);
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1400)).error, 0);
  EXPECT_EQ(told.address, other);
  EXPECT_EQ(told.mtu, 1400u);
}

TEST_F(IpvlanTest, WorkersFindAnAddressWhileItsSlaveIsUp) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(Add({.device = "i0", .local = "10.0.0.5/24"}), 0);
  const auto& table = Master("i0").port()->addresses();
  const AddressKey key = KeyOf(*IpAddress::Parse("10.0.0.5"));
  EXPECT_EQ(table.Find(key), AddressTable::kNone);
  SetUp("i0");
  EXPECT_NE(table.Find(key), AddressTable::kNone);
  ASSERT_EQ(Add({.device = "i0", .local = "fd00::5/64"}), 0);
  EXPECT_NE(table.Find(KeyOf(*IpAddress::Parse("fd00::5"))), AddressTable::kNone);
  ASSERT_EQ(Change("i0", IPVLAN_MODE_L3), 0);
  EXPECT_NE(table.Find(key), AddressTable::kNone);
  SetUp("i0", false);
  EXPECT_EQ(table.Find(key), AddressTable::kNone);
  SetUp("i0");
  ASSERT_EQ(Del({.device = "i0", .local = "10.0.0.5/24"}), 0);
  EXPECT_EQ(table.Find(key), AddressTable::kNone);
}

TEST_F(IpvlanTest, WorkersSeeModeFlagsAndLowerDevice) {
  ASSERT_EQ(AddSlave("i0", IPVLAN_MODE_L2, IPVLAN_F_VEPA), 0);
  IpvlanPort& port = *Master("i0").port();
  EXPECT_EQ(port.state().mode, IpvlanMode::kL2);
  EXPECT_EQ(port.state().flags, IpvlanFlags::kVepa);
  EXPECT_EQ(port.state().phy, Get("m0").id);
  EXPECT_TRUE(port.state().phy_up);
  ASSERT_EQ(Change("i0", IPVLAN_MODE_L3S, IPVLAN_F_PRIVATE), 0);
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_MTU, 1400)).error, 0);
  ASSERT_EQ(Ask(Set("m0").Mac(IFLA_ADDRESS, {2, 0, 0, 0, 0, 0xcd})).error, 0);
  SetUp("m0", false);
  EXPECT_EQ(port.state().mode, IpvlanMode::kL3s);
  EXPECT_EQ(port.state().flags, IpvlanFlags::kPrivate);
  EXPECT_EQ(port.state().phy_mtu, 1400u);
  EXPECT_EQ(port.state().phy_address, (MacAddress{2, 0, 0, 0, 0, 0xcd}));
  EXPECT_FALSE(port.state().phy_up);
}

TEST_F(IpvlanTest, ListensToTheGroupsOfItsAddresses) {
  ASSERT_EQ(AddSlave("i0"), 0);
  SetUp("i0");
  const auto listens = [&](const MacAddress& group) {
    return Get("i0").ipvlan->groups.Passes(MacFilter::BucketOf(group));
  };
  EXPECT_TRUE(listens({0xff, 0xff, 0xff, 0xff, 0xff, 0xff}));
  EXPECT_TRUE(listens({0x01, 0x00, 0x5e, 0, 0, 1}));
  EXPECT_TRUE(listens({0x33, 0x33, 0, 0, 0, 1}));
  EXPECT_TRUE(listens({0x33, 0x33, 0xff, 0, 0, 0xaa}));
  // Of so many groups some are in nobody's bucket.
  size_t heard = 0;
  for (uint8_t i = 0; i < 64; ++i) heard += listens({0x33, 0x33, 0xff, 0x11, 0x22, i});
  EXPECT_LT(heard, 16u);
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(Add({.device = "i0", .local = absl::StrFormat("fd00::11:22%02x/64", i)}), 0);
  }
  for (uint8_t i = 0; i < 64; ++i) EXPECT_TRUE(listens({0x33, 0x33, 0xff, 0x11, 0x22, i}));
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(Del({.device = "i0", .local = absl::StrFormat("fd00::11:22%02x/64", i)}), 0);
  }
  size_t left = 0;
  for (uint8_t i = 0; i < 64; ++i) left += listens({0x33, 0x33, 0xff, 0x11, 0x22, i});
  EXPECT_EQ(left, heard);
  ASSERT_EQ(SetFlag("i0", IFF_ALLMULTI), 0);
  for (uint8_t i = 0; i < 64; ++i) EXPECT_TRUE(listens({0x33, 0x33, 0xff, 0x11, 0x22, i}));
}

TEST_F(IpvlanTest, ListensToWhatAUserAddsAndToGroupsItJoinedByAnAddress) {
  ASSERT_EQ(AddSlave("i0"), 0);
  SetUp("i0");
  const auto heard = [&] {
    size_t heard = 0;
    for (int bucket = 0; bucket < 256; ++bucket) {
      heard += Get("i0").ipvlan->groups.Passes(static_cast<uint8_t>(bucket));
    }
    return heard;
  };
  const size_t before = heard();
  for (uint8_t i = 0; i < 64; ++i) ASSERT_EQ(Receive(RTM_NEWNEIGH, "i0", {1, 0, 0x5e, 1, 2, i}), 0);
  EXPECT_GT(heard(), before + 16);
  for (uint8_t i = 0; i < 64; ++i) ASSERT_EQ(Receive(RTM_DELNEIGH, "i0", {1, 0, 0x5e, 1, 2, i}), 0);
  EXPECT_EQ(heard(), before);
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(Add({.device = "i0",
                   .local = absl::StrFormat("239.1.2.%d/32", i),
                   .flags = IFA_F_MCAUTOJOIN}),
              0);
  }
  EXPECT_GT(heard(), before + 16);
}

TEST_F(IpvlanTest, ListensAgainOnceItSpeaksArp) {
  ASSERT_EQ(AddSlave("i0", IPVLAN_MODE_L3), 0);
  SetUp("i0");
  const auto listens = [&] {
    size_t heard = 0;
    for (uint8_t i = 0; i < 64; ++i) {
      heard +=
          Get("i0").ipvlan->groups.Passes(MacFilter::BucketOf({0x33, 0x33, 0xff, 0x11, 0x22, i}));
    }
    return heard == 64;
  };
  for (int i = 0; i < 64; ++i) {
    ASSERT_EQ(Add({.device = "i0", .local = absl::StrFormat("fd00::11:22%02x/64", i)}), 0);
  }
  EXPECT_FALSE(listens());
  ASSERT_EQ(SetFlag("i0", IFF_NOARP, false), 0);
  EXPECT_TRUE(listens());
}

TEST_F(IpvlanTest, OpeningAnL3SlaveTellsItsAddressOnce) {
  ASSERT_EQ(AddSlave("i0", IPVLAN_MODE_L3), 0);
  Notifications();
  SetUp("i0");
  size_t told = 0;
  for (const auto& [group, datagram] : multicast_.all) told += group == RTNLGRP_IPV6_IFADDR;
  EXPECT_EQ(told, 1u);
}

TEST_F(IpvlanTest, TheLowerDeviceReceivesWhatItsSlavesNeed) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  SetUp("i0");
  const auto received = [&](const MacAddress& mac) {
    const std::vector<MacAddress> macs = ReceivedMacs(Get("m0"));
    return std::count(macs.begin(), macs.end(), mac);
  };
  const MacAddress group{0x33, 0x33, 0xff, 0, 0, 5}, unicast{2, 0, 0, 0, 0, 9};
  ASSERT_EQ(Add({.device = "i0", .local = "fd00::5/64"}), 0);
  ASSERT_EQ(Add({.device = "i1", .local = "fd01::5/64"}), 0);
  EXPECT_EQ(received(group), 1);
  ASSERT_EQ(Receive(RTM_NEWNEIGH, "i0", unicast), 0);
  ASSERT_EQ(Receive(RTM_NEWNEIGH, "i1", unicast), 0);
  EXPECT_EQ(received(unicast), 1);
  EXPECT_EQ(Get("i0").promiscuity, 0u);
  EXPECT_EQ(Get("m0").promiscuity, 1u);
  SetUp("i1");
  SetUp("i0", false);
  EXPECT_EQ(Get("m0").promiscuity, 1u);
  EXPECT_EQ(received(unicast), 1);
  ASSERT_EQ(Delete("i1"), 0);
  EXPECT_EQ(Get("m0").promiscuity, 0u);
  EXPECT_EQ(received(unicast), 0);
  EXPECT_EQ(received(group), 0);
}

TEST_F(IpvlanTest, GoesWithTheLowerDeviceWhereverItIs) {
  RequestBuilder request = New("i0");
  ASSERT_EQ(Ask(Kind(request.U32(IFLA_NET_NS_FD, kThere), IPVLAN_MODE_L2)).error, 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  Notifications();
  ASSERT_NE(there_.FindByName("i0"), nullptr);
  ASSERT_EQ(Delete("m0"), 0);
  EXPECT_EQ(there_.FindByName("i0"), nullptr);
  EXPECT_FALSE(Exists("i1"));
  EXPECT_EQ(Notifications(), (Lines{"NEWLINK m0 down change=0x41 operstate=2 link=0",
                                    "NEWLINK m1 down change=0x41 operstate=2 link=0",
                                    "DELLINK i0 down change=0xffffffff operstate=2 link=3",
                                    "DELLINK i1 down change=0xffffffff operstate=2 link=3",
                                    "DELLINK m0 down change=0xffffffff operstate=2 link=0",
                                    "DELLINK m1 down change=0xffffffff operstate=2 link=0"}));
}

TEST_F(IpvlanTest, MayBeDeletedTogetherWithTheLowerDevice) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  for (const char* name : {"m0", "m1", "i1"}) Get(name).group = 5;
  EXPECT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK).U32(IFLA_GROUP, 5)).error, 0);
  EXPECT_EQ(ns().DumpOrder().size(), 1u);
}

TEST_F(IpvlanTest, StaysWhenTheLowerDeviceMoves) {
  ASSERT_EQ(AddSlave("i0"), 0);
  SetUp("i0");
  ASSERT_EQ(Ask(Set("m0").U32(IFLA_NET_NS_FD, kThere)).error, 0);
  ASSERT_TRUE(Exists("i0"));
  EXPECT_EQ(Get("i0").link->ns, &there_);
  EXPECT_TRUE(Get("i0").up());
  EXPECT_EQ(Delete("i0"), 0);
}

TEST_F(IpvlanTest, KeepsItsNumberOutOfTheLinkLocalAddress) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  EXPECT_EQ(Get("i0").dev_id, 1);
  EXPECT_EQ(Get("i1").dev_id, 2);
  SetUp("i1");
  ASSERT_NE(Get("i1").inet, nullptr);
  EXPECT_EQ(Get("i1").inet->v6.front().local.ToString(), "fe80::200:0:200:aa");
  ASSERT_EQ(Delete("i0"), 0);
  ASSERT_EQ(AddSlave("i2"), 0);
  EXPECT_EQ(Get("i2").dev_id, 3);  // not the one that became free
}

TEST_F(IpvlanTest, NumbersComeAgainAfterTheLast) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  for (uint16_t i = 3; i < 0xfffe; ++i) {
    Device device;
    ASSERT_TRUE(Master("i0").Number(device).ok());
    ASSERT_EQ(device.dev_id, i);
  }
  EXPECT_EQ(AddSlave("i2"), ENOSPC);
  EXPECT_FALSE(Exists("i2"));
  ASSERT_EQ(Delete("i1"), 0);
  ASSERT_EQ(AddSlave("i2"), 0);
  EXPECT_EQ(Get("i2").dev_id, 2);
}

TEST_F(IpvlanTest, AnAddressBelongsToOneSlaveOfALowerDevice) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  ASSERT_EQ(Add({.device = "i0", .local = "10.0.0.5/24"}), 0);
  EXPECT_EQ(Add({.device = "i0", .local = "10.0.0.5/24"}), EEXIST);
  for (const char* name : {"i0", "i1"}) {
    const Answer answer =
        Ask(Request(RTM_NEWADDR, kCreate, {.device = name, .local = "10.0.0.5/32"}));
    EXPECT_EQ(answer.error, EADDRINUSE) << name;
    EXPECT_EQ(answer.sentence, "Address already assigned to an ipvlan device");
  }
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.5/24"}, kReplace), EADDRINUSE);
  EXPECT_EQ(Get("i1").inet, nullptr);
  EXPECT_EQ(Add({.device = "m0", .local = "10.0.0.5/24"}), 0);
  ASSERT_EQ(Change("i0", IPVLAN_MODE_L3), 0);
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.5/24"}), EADDRINUSE);
  ASSERT_EQ(Del({.device = "i0", .local = "10.0.0.5/24"}), 0);
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.5/24"}), 0);
  ASSERT_EQ(Delete("i1"), 0);
  EXPECT_EQ(Add({.device = "i0", .local = "10.0.0.5/24"}), 0);
}

TEST_F(IpvlanTest, AnIpv6AddressToo) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  ASSERT_EQ(Add({.device = "i0", .local = "fd00::5/64"}), 0);
  EXPECT_EQ(Add({.device = "i0", .local = "fd00::5/64"}), EEXIST);
  EXPECT_EQ(Add({.device = "i1", .local = "fd00::5/128"}), EADDRINUSE);
  SetUp("i0");
  EXPECT_EQ(Add({.device = "i1", .local = "fe80::200:0:100:aa/64"}), EADDRINUSE);
  SetUp("i0", false);
  EXPECT_EQ(Add({.device = "i1", .local = "fd00::5/128"}), 0);  // i0 lost it
}

TEST_F(IpvlanTest, OfIpv4ThePeerIsWhatCounts) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  ASSERT_EQ(Add({.device = "i0", .local = "10.0.0.5/32", .address = "10.0.0.9"}), 0);
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.9/24"}), EADDRINUSE);
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.5/24"}), 0);
}

TEST_F(IpvlanTest, ASlaveInAnotherNamespaceCountsToo) {
  RequestBuilder request = New("i0");
  ASSERT_EQ(Ask(Kind(request.U32(IFLA_NET_NS_FD, kThere), IPVLAN_MODE_L2)).error, 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  const int32_t there = there_.FindByName("i0")->ifindex;
  client_.ns = &there_;
  ASSERT_EQ(Add({.local = "10.0.0.5/24", .ifindex = there}), 0);
  client_.ns = &ns();
  EXPECT_EQ(Add({.device = "i1", .local = "10.0.0.5/24"}), EADDRINUSE);
}

TEST_F(IpvlanTest, AllMulticastCountsAtTheLowerDeviceButPromiscuityDoesNot) {
  ASSERT_EQ(AddSlave("i0"), 0);
  ASSERT_EQ(AddSlave("i1"), 0);
  Notifications();
  ASSERT_EQ(SetFlag("i0", IFF_ALLMULTI), 0);
  ASSERT_EQ(SetFlag("i1", IFF_ALLMULTI), 0);
  ASSERT_EQ(SetFlag("i0", IFF_PROMISC), 0);
  EXPECT_EQ(Get("m0").allmulti, 2u);
  EXPECT_EQ(Get("m0").promiscuity, 0u);
  EXPECT_EQ(Get("m0").flags & IFF_ALLMULTI, 0u);
  ASSERT_EQ(SetFlag("i0", IFF_ALLMULTI, false), 0);
  EXPECT_EQ(Get("m0").allmulti, 1u);
  for (const std::string& line : Notifications()) EXPECT_EQ(line.find(" m0 "), line.npos) << line;
}

}  // namespace
}  // namespace vswitch
