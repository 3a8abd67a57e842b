// SPDX-License-Identifier: BSD-3-Clause
// RTM_SETLINK, RTM_NEWLINK on what exists, and alternative names.
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

constexpr MacAddress kMac = {2, 0, 0, 0, 0, 0x99};

class RtnlModifyTest : public RtnlTest {
 protected:
  void SetUp() override {
    AddVeth("v0", "v1");
    Notifications();
  }
  using RtnlTest::SetUp;

  RequestBuilder Set(const std::string& name, uint32_t flags = 0, uint32_t change = 0) {
    return RequestBuilder(
        RTM_NEWLINK, NLM_F_ACK,
        {.ifi_index = Get(name).ifindex, .ifi_flags = flags, .ifi_change = change});
  }
  RequestBuilder Altname(uint16_t type, const std::string& device, const std::string& altname) {
    RequestBuilder request(type, NLM_F_ACK, Index(Get(device).ifindex));
    request.BeginNested(IFLA_PROP_LIST).Str(IFLA_ALT_IFNAME, altname).End();
    return request;
  }
};

TEST_F(RtnlModifyTest, AddressIsChangedLive) {
  SetUp("v0");
  EXPECT_EQ(Ask(Set("v0").Mac(IFLA_ADDRESS, kMac)).error, 0);
  EXPECT_EQ(Get("v0").address, kMac);
  EXPECT_EQ(Ask(Set("v0").Mac(IFLA_ADDRESS, {1, 2, 3, 4, 5, 6})).error, EADDRNOTAVAIL);
  EXPECT_EQ(Ask(Set("v0").Mac(IFLA_ADDRESS, {})).error, EADDRNOTAVAIL);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_ADDRESS, 2)).error, EINVAL);
  EXPECT_EQ(Get("v0").address, kMac);
}

TEST_F(RtnlModifyTest, LongerAddressIsCut) {
  const std::string address("\x02\x00\x00\x00\x00\x42\x66\x77", 8);
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_ADDRESS, address)).error, 0);
  EXPECT_EQ(Get("v0").address, (MacAddress{2, 0, 0, 0, 0, 0x42}));
}

TEST_F(RtnlModifyTest, MtuLimitsHaveSentences) {
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 67)).sentence, "mtu less than device minimum");
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 0xfffffffb)).sentence, "mtu less than device minimum");
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 65536)).sentence, "mtu greater than device maximum");
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 68)).error, 0);
  EXPECT_EQ(Get("v0").mtu, 68u);
}

TEST_F(RtnlModifyTest, SameMtuIsNoChange) {
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 1500)).error, 0);
  EXPECT_TRUE(Notifications().empty());
}

TEST_F(RtnlModifyTest, OrderIsFixedAndNothingIsRolledBack) {
  RequestBuilder request = Set("v0", IFF_UP, IFF_UP);
  request.U32(IFLA_TXQLEN, 40000).U32(IFLA_GROUP, 4).U32(IFLA_MTU, 1400);
  EXPECT_EQ(Ask(request).error, ERANGE);
  EXPECT_EQ(Get("v0").mtu, 1400u);
  EXPECT_EQ(Get("v0").group, 4u);
  EXPECT_TRUE(Get("v0").up());
  EXPECT_EQ(Get("v0").txqlen, 1000u);
}

TEST_F(RtnlModifyTest, AddressComesBeforeMtu) {
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 10).Mac(IFLA_ADDRESS, kMac)).error, EINVAL);
  EXPECT_EQ(Get("v0").address, kMac);
}

TEST_F(RtnlModifyTest, RenameRules) {
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFNAME, "v0")).error, 0);
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFNAME, "v1")).error, EEXIST);
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFNAME, "a/b")).error, EINVAL);
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFNAME, "eth%d")).error, 0);
  EXPECT_TRUE(Exists("eth0"));
  EXPECT_FALSE(Exists("v0"));
  SetUp("eth0");
  EXPECT_EQ(Ask(Set("eth0").Str(IFLA_IFNAME, "v0")).error, EBUSY);
  EXPECT_EQ(Ask(Set("eth0", 0, IFF_UP).Str(IFLA_IFNAME, "v0")).error, EBUSY);
  EXPECT_TRUE(Get("eth0").up());  // the rename comes first
  EXPECT_EQ(Ask(Set("lo").Str(IFLA_IFNAME, "xx")).error, 0);
  EXPECT_EQ(Get("xx").ifindex, 1);
}

TEST_F(RtnlModifyTest, FlagsAreMaskedByChange) {
  EXPECT_EQ(Ask(Set("v0", IFF_NOARP, IFF_NOARP)).error, 0);
  EXPECT_EQ(Get("v0").flags, uint32_t{IFF_BROADCAST | IFF_MULTICAST | IFF_NOARP});
  // A change of 0 means all of them.
  EXPECT_EQ(Ask(Set("v0", IFF_UP)).error, 0);
  EXPECT_EQ(Get("v0").flags, uint32_t{IFF_BROADCAST | IFF_UP});
  // Others than the settable ones are ignored.
  EXPECT_EQ(Ask(Set("v0", IFF_LOOPBACK, UINT32_MAX & ~uint32_t{IFF_UP})).error, 0);
  EXPECT_EQ(Get("v0").flags, uint32_t{IFF_BROADCAST | IFF_UP});
}

TEST_F(RtnlModifyTest, PromiscuityIsCounted) {
  EXPECT_EQ(Ask(Set("v0", IFF_PROMISC | IFF_ALLMULTI, IFF_PROMISC | IFF_ALLMULTI)).error, 0);
  EXPECT_EQ(Get("v0").promiscuity, 1u);
  EXPECT_EQ(Get("v0").allmulti, 1u);
  EXPECT_EQ(Ask(Set("v0", IFF_PROMISC, IFF_PROMISC)).error, 0);
  EXPECT_EQ(Get("v0").promiscuity, 1u);
  EXPECT_EQ(Ask(Set("v0", 0, IFF_PROMISC)).error, 0);
  EXPECT_EQ(Get("v0").promiscuity, 0u);
  EXPECT_EQ(Get("v0").allmulti, 1u);
}

TEST_F(RtnlModifyTest, MastersDoNotExist) {
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MASTER, 0)).error, 0);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MASTER, 2)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MASTER, 3)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MASTER, 99)).error, EINVAL);
}

TEST_F(RtnlModifyTest, OnlyDummyChangesItsCarrier) {
  EXPECT_EQ(Ask(Set("v0").U8(IFLA_CARRIER, 1)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(Set("lo").U8(IFLA_CARRIER, 1)).error, EOPNOTSUPP);
  AddDummy("d0");
  SetUp("d0");
  EXPECT_EQ(Get("d0").operstate, OperState::kUnknown);
  EXPECT_EQ(Ask(Set("d0").U8(IFLA_CARRIER, 0)).error, 0);
  EXPECT_EQ(Get("d0").operstate, OperState::kDown);
  EXPECT_EQ(Ask(Set("d0").U8(IFLA_CARRIER, 1)).error, 0);
  EXPECT_EQ(Get("d0").operstate, OperState::kUp);
  EXPECT_EQ(Get("d0").carrier_up_count, 1u);
  EXPECT_EQ(Get("d0").carrier_down_count, 1u);
}

TEST_F(RtnlModifyTest, OffloadLimits) {
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_GSO_MAX_SIZE, 524280)).error, 0);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_GSO_MAX_SIZE, 524281)).error, EINVAL);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_GSO_MAX_SEGS, 65536)).error, EINVAL);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_GSO_MAX_SEGS, 10)).error, 0);
  EXPECT_EQ(Get("v0").gso_max_size, 524280u);
  EXPECT_EQ(Get("v0").gso_max_segs, 10u);
}

TEST_F(RtnlModifyTest, OperstateTransitions) {
  AddDummy("d0");
  const auto request = [&](OperState state) {
    EXPECT_EQ(Ask(Set("d0").U8(IFLA_OPERSTATE, static_cast<uint8_t>(state))).error, 0);
    return Get("d0").operstate;
  };
  EXPECT_EQ(request(OperState::kDown), OperState::kUnknown);
  EXPECT_EQ(request(OperState::kDormant), OperState::kDormant);
  EXPECT_EQ(request(OperState::kTesting), OperState::kDormant);
  EXPECT_EQ(request(OperState::kUp), OperState::kUp);
  EXPECT_EQ(request(OperState::kTesting), OperState::kTesting);
  EXPECT_EQ(request(OperState::kUp), OperState::kUp);
}

TEST_F(RtnlModifyTest, DormantModeCountsOnlyWhenTheStateIsComputed) {
  SetUp("v0");
  SetUp("v1");
  EXPECT_EQ(Ask(Set("v0").U8(IFLA_LINKMODE, 1)).error, 0);
  EXPECT_EQ(Get("v0").operstate, OperState::kUp);
  SetUp("v1", false);
  SetUp("v1");
  EXPECT_EQ(Get("v0").operstate, OperState::kDormant);
}

TEST_F(RtnlModifyTest, AliasIsSetAndDeleted) {
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFALIAS, "some text")).error, 0);
  EXPECT_EQ(Get("v0").alias, "some text");
  RequestBuilder empty = Set("v0");
  empty.writer().PutBytes(IFLA_IFALIAS, {});
  EXPECT_EQ(Ask(empty).error, 0);
  EXPECT_EQ(Get("v0").alias, "");
}

TEST_F(RtnlModifyTest, AddrgenmodeNeedsInet6) {
  const auto request = [&](uint8_t mode) {
    RequestBuilder set = Set("v0");
    set.Begin(IFLA_AF_SPEC).Begin(AF_INET6).U8(IFLA_INET6_ADDR_GEN_MODE, mode).End().End();
    return Ask(set).error;
  };
  EXPECT_EQ(request(1), 0);
  EXPECT_EQ(Get("v0").addrgenmode, 1);
  EXPECT_EQ(request(2), EINVAL);  // no secret
  RequestBuilder token = Set("v0");
  token.Begin(IFLA_AF_SPEC).Begin(AF_INET6).Str(IFLA_INET6_TOKEN, std::string(15, '\0'));
  EXPECT_EQ(Ask(token.End().End()).error, 0);
  RequestBuilder both = Set("v0");
  both.Begin(IFLA_AF_SPEC).Begin(AF_INET6).Str(IFLA_INET6_TOKEN, std::string(15, '\0'));
  EXPECT_EQ(Ask(both.U8(IFLA_INET6_ADDR_GEN_MODE, 9).End().End()).error, EINVAL);
  RequestBuilder mtu = Set("v0");
  EXPECT_EQ(Ask(mtu.Begin(IFLA_AF_SPEC).Begin(AF_INET6).U32(9, 1400).End().End()).sentence,
            "IFLA_INET6_RA_MTU can not be set");
  EXPECT_EQ(request(4), EINVAL);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_MTU, 1279)).error, 0);
  EXPECT_EQ(request(1), EAFNOSUPPORT);
  EXPECT_EQ(Get("v0").addrgenmode, 0);
}

TEST_F(RtnlModifyTest, AddrgenmodeWithTheMtuThatTakesInet6Away) {
  RequestBuilder set = Set("v0");
  set.U32(IFLA_MTU, 1279)
      .Begin(IFLA_AF_SPEC)
      .Begin(AF_INET6)
      .U8(IFLA_INET6_ADDR_GEN_MODE, 1)
      .End()
      .End();
  EXPECT_EQ(Ask(set).error, EAFNOSUPPORT);
  EXPECT_EQ(Get("v0").mtu, 1279u);
  EXPECT_EQ(Get("v0").addrgenmode, 0);
}

TEST_F(RtnlModifyTest, AfSpecFamilies) {
  const auto request = [&](uint16_t family) {
    RequestBuilder set = Set("v0");
    return Ask(set.Begin(IFLA_AF_SPEC).Begin(family).End().End()).error;
  };
  EXPECT_EQ(request(AF_INET), 0);
  EXPECT_EQ(request(AF_INET6), EINVAL);
  EXPECT_EQ(request(AF_BRIDGE), EOPNOTSUPP);
  EXPECT_EQ(request(99), EAFNOSUPPORT);
}

TEST_F(RtnlModifyTest, RefusedAttributes) {
  EXPECT_EQ(Ask(Set("v0").U8(IFLA_PROTO_DOWN, 1)).sentence, "Protodown not supported by device");
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_NET_NS_PID, 0x3fffff)).error, ESRCH);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_TARGET_NETNSID, 1)).error, EINVAL);
  EXPECT_EQ(Ask(Set("v0").U32(IFLA_NET_NS_FD, 7)).error, EBADF);
  RequestBuilder map = Set("v0");
  map.writer().PutZeros(IFLA_MAP, 32);
  EXPECT_EQ(Ask(map).error, EOPNOTSUPP);
  RequestBuilder xdp_off = Set("v0");
  EXPECT_EQ(Ask(xdp_off.Begin(IFLA_XDP).U32(IFLA_XDP_FD, UINT32_MAX).End()).error, 0);
  RequestBuilder xdp_on = Set("v0");
  EXPECT_EQ(Ask(xdp_on.Begin(IFLA_XDP).U32(IFLA_XDP_FD, 5).End()).error, EOPNOTSUPP);
  RequestBuilder vf = Set("v0");
  EXPECT_EQ(Ask(vf.Begin(IFLA_VFINFO_LIST).Begin(IFLA_VF_INFO).U32(1, 1).End().End()).error,
            EOPNOTSUPP);
  RequestBuilder no_vf = Set("v0");
  EXPECT_EQ(Ask(no_vf.Begin(IFLA_VFINFO_LIST).Begin(IFLA_VF_INFO).End().End()).error, EINVAL);
}

TEST_F(RtnlModifyTest, KindsOnExistingDevices) {
  EXPECT_EQ(Ask(Set("v0").Kind("dummy")).error, 0);
  EXPECT_EQ(Ask(Set("v0").Kind("frob")).error, 0);
  RequestBuilder data = Set("v0");
  data.Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "veth").Begin(IFLA_INFO_DATA).End().End();
  EXPECT_EQ(Ask(data).error, EOPNOTSUPP);
  RequestBuilder set(RTM_SETLINK, NLM_F_ACK, Index(3));
  set.Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "frob").Begin(IFLA_INFO_DATA).End().End();
  EXPECT_EQ(Ask(set).error, 0);  // ignored
  // Validation by the kind that is named happens on a modify as well.
  EXPECT_EQ(Ask(Set("lo").U32(IFLA_MTU, 10).Kind("veth")).sentence, "");
  EXPECT_EQ(ns().lo().mtu, 65536u);
}

TEST_F(RtnlModifyTest, GroupsAreChangedTogether) {
  Get("v0").group = Get("v1").group = 9;
  const auto group = [](uint32_t number, uint32_t flags) {
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK, {.ifi_flags = flags, .ifi_change = flags});
    request.U32(IFLA_GROUP, number);
    return request;
  };
  EXPECT_EQ(Ask(group(9, IFF_UP)).error, 0);
  EXPECT_TRUE(Get("v0").up() && Get("v1").up());
  EXPECT_TRUE(Get("v0").carrier);
  EXPECT_EQ(Ask(group(10, IFF_UP)).error, 0);  // nobody
  // The first error ends it: the peer registered first, so v1 comes first.
  Get("v1").tso_max_size = 1000;
  EXPECT_EQ(Ask(group(9, 0).U32(IFLA_GSO_MAX_SIZE, 2000)).error, EINVAL);
  EXPECT_EQ(Get("v0").gso_max_size, 65536u);
}

TEST_F(RtnlModifyTest, AlternativeNames) {
  EXPECT_EQ(Ask(Altname(RTM_NEWLINKPROP, "v0", "alt")).error, 0);
  EXPECT_EQ(Ask(Altname(RTM_NEWLINKPROP, "v1", "alt")).error, EEXIST);
  EXPECT_EQ(Ask(Altname(RTM_NEWLINKPROP, "v1", std::string(127, 'a'))).error, 0);
  const Answer long_name = Ask(Altname(RTM_NEWLINKPROP, "v1", std::string(128, 'b')));
  EXPECT_EQ(long_name.error, ERANGE);
  EXPECT_EQ(long_name.sentence, "Attribute failed policy validation");
  EXPECT_EQ(Ask(Altname(RTM_DELLINKPROP, "v0", "nosuch")).error, ENOENT);
  EXPECT_EQ(Ask(Altname(RTM_DELLINKPROP, "v0", "v0")).error, EINVAL);
  EXPECT_EQ(Ask(Altname(RTM_DELLINKPROP, "v1", "alt")).error, EINVAL);
  EXPECT_EQ(Ask(Set("v0").Str(IFLA_IFNAME, "alt")).error, EEXIST);  // even its own
  EXPECT_EQ(Ask(Altname(RTM_DELLINKPROP, "v0", "alt")).error, 0);
  EXPECT_FALSE(Exists("alt"));
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINKPROP, NLM_F_ACK, Index(3))).error, 0);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINKPROP, NLM_F_ACK, Index(99))).error, ENODEV);
}

TEST_F(RtnlModifyTest, FirstBadAlternativeNameEndsTheList) {
  RequestBuilder request(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
  request.BeginNested(IFLA_PROP_LIST).Str(IFLA_ALT_IFNAME, "a").Str(IFLA_ALT_IFNAME, "v1");
  EXPECT_EQ(Ask(request.Str(IFLA_ALT_IFNAME, "b").End()).error, EEXIST);
  EXPECT_TRUE(Exists("a"));
  EXPECT_FALSE(Exists("b"));
}

TEST_F(RtnlModifyTest, LoopbackRules) {
  EXPECT_EQ(Ask(Set("lo").Mac(IFLA_ADDRESS, kMac)).error, 0);
  EXPECT_EQ(ns().lo().address, kMac);
  EXPECT_EQ(Ask(Set("lo").U32(IFLA_MTU, 1)).error, 0);
  SetUp("lo");
  EXPECT_EQ(ns().lo().operstate, OperState::kUnknown);
  EXPECT_EQ(ReportedFlags(ns().lo()), uint32_t{IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP});
}

TEST_F(RtnlModifyTest, EmptyTablesAreDumpedAndTheRestIsNotSupported) {
  for (const uint16_t type :
       {RTM_GETADDR, RTM_GETROUTE, RTM_GETNSID, RTM_GETMULTICAST, RTM_GETANYCAST}) {
    const bool of_ipv6 = type == RTM_GETMULTICAST || type == RTM_GETANYCAST;
    const uint8_t family = of_ipv6 ? AF_INET6 : AF_UNSPEC;
    const auto lines = Raw(RequestBuilder(type, NLM_F_DUMP, {.ifi_family = family}).Build());
    EXPECT_EQ(lines, std::vector<std::string>{"DONE len=20 flags=0x2 seq=1 done=0"}) << type;
  }
  EXPECT_EQ(Ask(RequestBuilder(RTM_GETQDISC, NLM_F_DUMP)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWADDR, NLM_F_ACK)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(RequestBuilder(RTM_GETROUTE, 0)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(RequestBuilder(500, 0)).error, EOPNOTSUPP);
}

TEST_F(RtnlModifyTest, BridgePortsDoNotExist) {
  const auto request = [](uint16_t type, uint16_t flags, int32_t ifindex) {
    return RequestBuilder(type, flags, {.ifi_family = AF_BRIDGE, .ifi_index = ifindex});
  };
  EXPECT_EQ(Raw(request(RTM_GETLINK, NLM_F_DUMP, 0).Build()),
            std::vector<std::string>{"DONE len=20 flags=0x2 seq=1 done=0"});
  EXPECT_EQ(Ask(request(RTM_SETLINK, NLM_F_ACK, 3)).error, EOPNOTSUPP);
  EXPECT_EQ(Ask(request(RTM_DELLINK, NLM_F_ACK, 99)).error, ENODEV);
  EXPECT_TRUE(Exists("v0"));
}

TEST_F(RtnlModifyTest, DumpFilters) {
  AddDummy("d0");
  const auto dump = [&](const Datagram& request) { return Raw(request).size() - 1; };
  EXPECT_EQ(dump(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Build()), 4u);
  EXPECT_EQ(dump(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Kind("dummy").Build()), 1u);
  EXPECT_EQ(dump(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Kind("frob").Build()), 4u);
  EXPECT_EQ(dump(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).U32(IFLA_MASTER, 2).Build()), 0u);
  EXPECT_EQ(dump(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).U32(IFLA_MASTER, UINT32_MAX).Build()), 4u);
  EXPECT_EQ(Raw(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).U32(IFLA_TARGET_NETNSID, 1).Build()),
            std::vector<std::string>{
                "DONE len=60 flags=0x202 seq=1 done=-22 msg=\"Invalid target network namespace "
                "id\""});
}

TEST_F(RtnlModifyTest, DumpsArePackedWithoutSplitting) {
  for (int i = 0; i < 40; ++i) AddDummy("d" + std::to_string(i));
  EXPECT_EQ(Raw(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Build()).size(), 44u);
  for (const Datagram& datagram : client_.sent) EXPECT_LE(datagram.size(), 3776u);
  EXPECT_EQ(client_.sent.size(), 23u);  // two to a datagram, and DONE alone
}

TEST_F(RtnlModifyTest, OneDumpAtATimeAndOtherAnswersBeforeItsRest) {
  Datagram requests = RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Build();
  for (const Datagram& more : {RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Build(),
                               RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(3)).Build()}) {
    requests.insert(requests.end(), more.begin(), more.end());
  }
  std::vector<std::string> words;
  for (const std::string& line : Raw(requests)) {
    words.push_back(line.substr(0, line.find(' ')) + line.substr(line.rfind(' ')));
  }
  EXPECT_EQ(words,
            (std::vector<std::string>{"NEWLINK name=lo", "NEWLINK name=v1", "ERROR error=-16",
                                      "ERROR error=0", "NEWLINK name=v0", "DONE done=0"}));
  EXPECT_EQ(Raw(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).Build()).size(), 4u);
}

TEST_F(RtnlModifyTest, PropertiesAreParsedExactly) {
  const auto ask = [&](RequestBuilder& request) { return Ask(request).sentence; };
  RequestBuilder list(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(ask(list.Begin(IFLA_PROP_LIST).Str(IFLA_ALT_IFNAME, "a").End()),
            "NLA_F_NESTED is missing");
  RequestBuilder nested(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(ask(nested.BeginNested(IFLA_IFNAME).Str(1, "a").End()), "NLA_F_NESTED not expected");
  RequestBuilder unknown(RTM_DELLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(ask(unknown.U32(200, 1)), "Unknown attribute type");
  RequestBuilder unspecified(RTM_DELLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(ask(unspecified.U32(IFLA_QDISC, 1)), "Unsupported attribute");
  RequestBuilder length(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(ask(length.U8(IFLA_MTU, 1)), "invalid attribute length");
  RequestBuilder id(RTM_NEWLINKPROP, NLM_F_ACK, Index(3));
  EXPECT_EQ(Ask(id.U32(IFLA_TARGET_NETNSID, 1)).error, 0);  // not looked at
  EXPECT_FALSE(Exists("a"));
}

}  // namespace

}  // namespace vswitch
