// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_link.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <array>

#include "control/link_kind.h"
#include "tests/support/hex.h"

namespace vswitch {
namespace {

constexpr size_t kLinkHeader = sizeof(nlmsghdr) + sizeof(ifinfomsg);

const LinkKind kVeth = [] {
  LinkKind kind{};
  kind.name = "veth";
  return kind;
}();

// A filled message taken apart.
struct Filled {
  explicit Filled(Datagram message) : bytes(std::move(message)) {
    header = ReadStruct<nlmsghdr>(bytes);
    info = ReadStruct<ifinfomsg>(Bytes(bytes).subspan(sizeof(nlmsghdr)));
    attrs = ListAttributes(Bytes(bytes).subspan(kLinkHeader), kLinkHeader);
  }

  std::vector<int> Types() const {
    std::vector<int> types;
    for (const NlAttr& attr : attrs) types.push_back(attr.type);
    return types;
  }
  const NlAttr* Find(uint16_t type) const {
    for (const NlAttr& attr : attrs) {
      if (attr.type == type) return &attr;
    }
    return nullptr;
  }
  template <typename T>
  T Get(uint16_t type) const {
    EXPECT_NE(Find(type), nullptr) << type;
    return ReadStruct<T>(Find(type)->value);
  }
  std::string Hex(uint16_t type) const {
    return Find(type) == nullptr ? "absent" : ToHex(Find(type)->value);
  }
  std::string Text(uint16_t type) const {
    if (Find(type) == nullptr) return "absent";
    const Bytes value = Find(type)->value;
    return {value.begin(), value.end() - 1};
  }

  Datagram bytes;
  nlmsghdr header;
  ifinfomsg info;
  std::vector<NlAttr> attrs;
};

// The attribute of this type inside a nest.
std::optional<NlAttr> InNest(const NlAttr& nest, uint16_t type) {
  for (const NlAttr& attr : ListAttributes(nest.value, 0)) {
    if (attr.type == type) return attr;
  }
  return std::nullopt;
}

class FillLinkTest : public testing::Test {
 protected:
  FillLinkTest() {
    lo_.ifindex = 1;
    lo_.name = "lo";
    lo_.type = ARPHRD_LOOPBACK;
    lo_.flags = IFF_LOOPBACK;
    lo_.mtu = 65536;
    lo_.min_mtu = lo_.max_mtu = 0;
    lo_.broadcast = {};
    MakeVeth(v1_, 2, "v1", &v0_);
    MakeVeth(v0_, 3, "v0", &v1_);
    v0_.address = {2, 0, 0, 0, 0, 1};
    v1_.address = {2, 0, 0, 0, 0, 2};
  }

  static void MakeVeth(Device& device, int32_t ifindex, const char* name, Device* peer) {
    device.kind = &kVeth;
    device.ifindex = ifindex;
    device.name = name;
    device.flags = IFF_BROADCAST | IFF_MULTICAST;
    device.carrier = false;
    device.carrier_down_count = 1;
    device.operstate = OperState::kLowerLayerDown;
    device.tso_max_size = 524280;
    device.has_link = true;
    device.link = peer;
  }

  static Filled Fill(const Device& device, const LinkMessage& message = {.type = RTM_NEWLINK}) {
    Datagram out;
    FillLink(device, message, out);
    return Filled(out);
  }
  static Filled FillInet6(const Device& device) {
    Datagram out;
    FillLinkInet6(device, {.type = RTM_NEWLINK}, out);
    return Filled(out);
  }

  Device lo_, v0_, v1_;
};

// --- Recorded lengths ---------------------------------------------------------------------------

TEST_F(FillLinkTest, LengthsOfLinux) {
  EXPECT_EQ(Fill(lo_).header.nlmsg_len, 1400u) << "raw-dump";
  EXPECT_EQ(Fill(v1_).header.nlmsg_len, 1424u) << "raw-dump";
  EXPECT_EQ(Fill(v0_).header.nlmsg_len, 1424u) << "raw-get-idx";
  EXPECT_EQ(FillInet6(lo_).header.nlmsg_len, 728u) << "raw-dump-inet6";
  EXPECT_EQ(FillInet6(v1_).header.nlmsg_len, 736u) << "raw-dump-inet6";
  v0_.link = nullptr;
  EXPECT_EQ(Fill(v0_, {.type = RTM_DELLINK}).header.nlmsg_len, 624u) << "raw-echo-del";
}

TEST_F(FillLinkTest, LongerNameAndSkipStats) {
  v0_.name = "veth0";
  EXPECT_EQ(Fill(v0_).header.nlmsg_len, 1428u);
  EXPECT_EQ(Fill(v0_, {.type = RTM_NEWLINK, .ext_mask = RTEXT_FILTER_SKIP_STATS}).header.nlmsg_len,
            1068u);
}

TEST_F(FillLinkTest, AppendsOneWholeMessageToOthers) {
  Datagram out;
  FillLink(lo_, {.type = RTM_NEWLINK, .flags = NLM_F_MULTI, .seq = 7, .pid = 9}, out);
  FillLink(v0_, {.type = RTM_NEWLINK}, out);
  NlReader reader(out);
  const NlMessage first = reader.Next().value();
  EXPECT_EQ(first.header.nlmsg_len, 1400u);
  EXPECT_EQ(first.header.nlmsg_flags, NLM_F_MULTI);
  EXPECT_EQ(first.header.nlmsg_seq, 7u);
  EXPECT_EQ(first.header.nlmsg_pid, 9u);
  EXPECT_EQ(reader.Next().value().header.nlmsg_len, 1424u);
  EXPECT_FALSE(reader.Next().has_value());
}

// --- Order and presence -------------------------------------------------------------------------

TEST_F(FillLinkTest, EmissionOrderOfLinux) {
  const std::vector<int> expected = {IFLA_IFNAME,
                                     IFLA_TXQLEN,
                                     IFLA_OPERSTATE,
                                     IFLA_LINKMODE,
                                     IFLA_MTU,
                                     IFLA_MIN_MTU,
                                     IFLA_MAX_MTU,
                                     IFLA_GROUP,
                                     IFLA_PROMISCUITY,
                                     IFLA_ALLMULTI,
                                     IFLA_NUM_TX_QUEUES,
                                     IFLA_GSO_MAX_SEGS,
                                     IFLA_GSO_MAX_SIZE,
                                     IFLA_GRO_MAX_SIZE,
                                     IFLA_TSO_MAX_SIZE,
                                     IFLA_TSO_MAX_SEGS,
                                     IFLA_NUM_RX_QUEUES,
                                     IFLA_CARRIER,
                                     IFLA_QDISC,
                                     IFLA_CARRIER_CHANGES,
                                     IFLA_CARRIER_UP_COUNT,
                                     IFLA_CARRIER_DOWN_COUNT,
                                     IFLA_PROTO_DOWN,
                                     IFLA_MAP,
                                     IFLA_ADDRESS,
                                     IFLA_BROADCAST,
                                     IFLA_STATS64,
                                     IFLA_STATS,
                                     IFLA_XDP,
                                     IFLA_LINKINFO,
                                     IFLA_LINK,
                                     IFLA_AF_SPEC};
  EXPECT_EQ(Fill(v0_).Types(), expected);
}

TEST_F(FillLinkTest, OptionalAttributesStandWhereLinuxPutsThem) {
  v0_.master = &lo_;
  v0_.alias = "x";
  v0_.perm_address = {2, 0, 0, 0, 0, 9};
  v0_.altnames = {"alt"};
  LinkMessage message{.type = RTM_NEWLINK};
  message.event = 1;
  message.parent_bus = "tap";
  message.parent_name = "t0";
  message.target_netnsid = 4;
  message.link_netnsid = 0;
  message.new_netnsid = 1;
  message.new_ifindex = 2;
  const std::vector<int> types = Fill(v0_, message).Types();
  ASSERT_EQ(types.size(), 43u);
  EXPECT_EQ(types[0], IFLA_TARGET_NETNSID);
  EXPECT_EQ(types[18], IFLA_MASTER);
  EXPECT_EQ(types[21], IFLA_IFALIAS);
  EXPECT_EQ(types[26], IFLA_EVENT);
  const std::vector<int> tail(types.begin() + 32, types.end());
  const std::vector<int> expected = {
      IFLA_XDP,         IFLA_LINKINFO,        IFLA_LINK_NETNSID,       IFLA_LINK,
      IFLA_NEW_NETNSID, IFLA_NEW_IFINDEX,     IFLA_PERM_ADDRESS,       IFLA_AF_SPEC,
      IFLA_PROP_LIST,   IFLA_PARENT_DEV_NAME, IFLA_PARENT_DEV_BUS_NAME};
  EXPECT_EQ(tail, expected);
}

TEST_F(FillLinkTest, ValuesOfADevice) {
  v0_.txqlen = 5;
  v0_.link_mode = 1;
  v0_.mtu = 9000;
  v0_.group = 6;
  v0_.promiscuity = 2;
  v0_.allmulti = 3;
  v0_.num_tx_queues = 4;
  v0_.num_rx_queues = 7;
  v0_.gso_max_size = 8;
  v0_.gso_max_segs = 9;
  v0_.gro_max_size = 10;
  v0_.tso_max_segs = 11;
  v0_.carrier_up_count = 12;
  v0_.carrier_down_count = 13;
  v0_.alias = "some alias";
  const Filled filled = Fill(v0_, {.type = RTM_NEWLINK, .change = 0x41});
  EXPECT_EQ(filled.info.ifi_family, AF_UNSPEC);
  EXPECT_EQ(filled.info.ifi_type, ARPHRD_ETHER);
  EXPECT_EQ(filled.info.ifi_index, 3);
  EXPECT_EQ(filled.info.ifi_change, 0x41u);
  EXPECT_EQ(filled.Text(IFLA_IFNAME), "v0");
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_TXQLEN), 5u);
  EXPECT_EQ(filled.Get<uint8_t>(IFLA_LINKMODE), 1);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_MTU), 9000u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_MIN_MTU), 68u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_MAX_MTU), 65535u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_GROUP), 6u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_PROMISCUITY), 2u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_ALLMULTI), 3u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_NUM_TX_QUEUES), 4u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_NUM_RX_QUEUES), 7u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_GSO_MAX_SIZE), 8u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_GSO_MAX_SEGS), 9u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_GRO_MAX_SIZE), 10u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_TSO_MAX_SIZE), 524280u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_TSO_MAX_SEGS), 11u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_CARRIER_CHANGES), 25u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_CARRIER_UP_COUNT), 12u);
  EXPECT_EQ(filled.Get<uint32_t>(IFLA_CARRIER_DOWN_COUNT), 13u);
  EXPECT_EQ(filled.Text(IFLA_IFALIAS), "some alias");
  EXPECT_EQ(filled.Hex(IFLA_ADDRESS), "020000000001");
  EXPECT_EQ(filled.Hex(IFLA_BROADCAST), "ffffffffffff");
  EXPECT_EQ(filled.Hex(IFLA_XDP), "0500020000000000");
  EXPECT_EQ(filled.Hex(IFLA_LINKINFO), "090001007665746800000000");
  EXPECT_EQ(filled.Hex(IFLA_LINK), "02000000");
}

TEST_F(FillLinkTest, Counters) {
  LinkMessage message{.type = RTM_NEWLINK};
  message.totals.rx_packets = 0x100000001;
  message.totals.tx_packets = 2;
  message.totals.rx_bytes = 3;
  message.totals.tx_bytes = 4;
  message.totals.rx_errors = 5;
  message.totals.tx_errors = 6;
  message.totals.rx_dropped = 7;
  message.totals.tx_dropped = 8;
  message.totals.multicast = 9;
  const Filled filled = Fill(v0_, message);
  ASSERT_EQ(filled.Find(IFLA_STATS64)->value.size(), 200u);
  ASSERT_EQ(filled.Find(IFLA_STATS)->value.size(), 96u);
  const auto wide = filled.Get<std::array<uint64_t, 25>>(IFLA_STATS64);
  EXPECT_EQ(wide, (std::array<uint64_t, 25>{0x100000001, 2, 3, 4, 5, 6, 7, 8, 9}));
  const auto narrow = filled.Get<std::array<uint32_t, 24>>(IFLA_STATS);
  EXPECT_EQ(narrow, (std::array<uint32_t, 24>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

// --- Flags and states ---------------------------------------------------------------------------

TEST_F(FillLinkTest, RunningAndLowerUpAreDerived) {
  constexpr uint32_t kFixed = IFF_BROADCAST | IFF_MULTICAST;
  Device& device = v0_;
  device.carrier = true;
  device.operstate = OperState::kUp;
  EXPECT_EQ(ReportedFlags(device), kFixed) << "not UP";
  device.flags |= IFF_UP;
  EXPECT_EQ(ReportedFlags(device), kFixed | IFF_UP | IFF_RUNNING | IFF_LOWER_UP);
  device.operstate = OperState::kUnknown;
  EXPECT_EQ(ReportedFlags(device), kFixed | IFF_UP | IFF_RUNNING | IFF_LOWER_UP);
  device.operstate = OperState::kDormant;
  EXPECT_EQ(ReportedFlags(device), kFixed | IFF_UP | IFF_LOWER_UP);
  device.carrier = false;
  device.operstate = OperState::kLowerLayerDown;
  EXPECT_EQ(ReportedFlags(device), kFixed | IFF_UP);
  device.flags |= IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT;
  EXPECT_EQ(Fill(device).info.ifi_flags, kFixed | IFF_UP) << "never taken from the stored flags";
}

TEST_F(FillLinkTest, OperStateIsDownUnlessUp) {
  v0_.operstate = OperState::kUp;
  EXPECT_EQ(Fill(v0_).Get<uint8_t>(IFLA_OPERSTATE), 2);
  v0_.flags |= IFF_UP;
  EXPECT_EQ(Fill(v0_).Get<uint8_t>(IFLA_OPERSTATE), 6);
  EXPECT_EQ(FillInet6(v0_).Get<uint8_t>(IFLA_OPERSTATE), 6);
}

TEST_F(FillLinkTest, CarrierAndQdisc) {
  EXPECT_EQ(Fill(v0_).Get<uint8_t>(IFLA_CARRIER), 0);
  EXPECT_EQ(Fill(v0_).Text(IFLA_QDISC), "noop");
  v0_.carrier = v0_.qdisc_active = true;
  EXPECT_EQ(Fill(v0_).Get<uint8_t>(IFLA_CARRIER), 1);
  EXPECT_EQ(Fill(v0_).Text(IFLA_QDISC), "noqueue");
  EXPECT_EQ(Fill(v0_, {.type = RTM_DELLINK}).Text(IFLA_QDISC), "noop");
}

// --- IFLA_LINK ----------------------------------------------------------------------------------

TEST_F(FillLinkTest, LinkIsZeroWithoutPeer) {
  v0_.link = nullptr;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_LINK), "00000000");
  v0_.has_link = false;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_LINK), "absent");
}

TEST_F(FillLinkTest, LinkWithOwnIndexShowsOnlyAcrossNamespaces) {
  v1_.ifindex = v0_.ifindex;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_LINK), "absent");
  LinkMessage message{.type = RTM_NEWLINK};
  message.link_netnsid = 0;
  EXPECT_EQ(Fill(v0_, message).Hex(IFLA_LINK), "03000000");
  EXPECT_EQ(Fill(v0_, message).Hex(IFLA_LINK_NETNSID), "00000000");
}

// --- Kinds, names, parents ----------------------------------------------------------------------

TEST_F(FillLinkTest, KindMayDescribeItself) {
  LinkKind kind{};
  kind.name = "abc";
  kind.fill_info = [](const Device& device, NlWriter& writer) {
    writer.PutU16(1, static_cast<uint16_t>(device.ifindex));
  };
  v0_.kind = &kind;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_LINKINFO),
            "0800010061626300"
            "0c000200"
            "0600010003000000");
  v0_.kind = nullptr;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_LINKINFO), "absent");
}

TEST_F(FillLinkTest, AltNames) {
  v0_.altnames = {"one", "seven"};
  const Filled filled = Fill(v0_);
  EXPECT_EQ(filled.Hex(IFLA_PROP_LIST),
            "080035006f6e6500"
            "0a003500736576656e000000");
  const auto raw =
      ReadStruct<nlattr>(Bytes(filled.bytes).subspan(filled.Find(IFLA_PROP_LIST)->offset));
  EXPECT_EQ(raw.nla_type, IFLA_PROP_LIST | NLA_F_NESTED);
}

TEST_F(FillLinkTest, MoreAltNamesThanOneAttributeHolds) {
  v0_.altnames.assign(600, std::string(127, 'a'));
  const Filled filled = Fill(v0_);
  const NlAttr* list = filled.Find(IFLA_PROP_LIST);
  ASSERT_NE(list, nullptr);
  EXPECT_EQ(ListAttributes(list->value, 0).size(), 496u);
  EXPECT_EQ(filled.header.nlmsg_len, filled.bytes.size());
  EXPECT_EQ(filled.Types().back(), IFLA_PROP_LIST);
}

TEST_F(FillLinkTest, BackendIsTheParent) {
  LinkMessage message{.type = RTM_NEWLINK};
  message.parent_bus = "vhost-user";
  message.parent_name = "/run/a.sock";
  const Filled filled = Fill(v0_, message);
  EXPECT_EQ(filled.Text(IFLA_PARENT_DEV_BUS_NAME), "vhost-user");
  EXPECT_EQ(filled.Text(IFLA_PARENT_DEV_NAME), "/run/a.sock");
}

// --- IPv4 and IPv6 ------------------------------------------------------------------------------

TEST_F(FillLinkTest, ConfigurationSizesOfLinux) {
  const Filled filled = Fill(v0_);
  const NlAttr& spec = *filled.Find(IFLA_AF_SPEC);
  const NlAttr inet = *InNest(spec, AF_INET);
  const NlAttr inet6 = *InNest(spec, AF_INET6);
  EXPECT_EQ(InNest(inet, IFLA_INET_CONF)->value.size(), 132u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_FLAGS)->value.size(), 4u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_CACHEINFO)->value.size(), 16u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_CONF)->value.size(), 236u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_STATS)->value.size(), 304u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_ICMP6STATS)->value.size(), 48u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_TOKEN)->value.size(), 16u);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_ADDR_GEN_MODE)->value.size(), 1u);
}

TEST_F(FillLinkTest, ConfigurationValuesOfAFreshNamespace) {
  v0_.addrgenmode = 1;
  const Filled filled = Fill(v0_);
  const NlAttr inet = *InNest(*filled.Find(IFLA_AF_SPEC), AF_INET);
  const NlAttr inet6 = *InNest(*filled.Find(IFLA_AF_SPEC), AF_INET6);
  const std::array<int32_t, 33> conf = {0, 0, 0, 1, 1, 1, 1, 0, 1, 0,     0,    0, 0, 0, 0, 0, 0,
                                        0, 0, 0, 0, 0, 0, 0, 0, 0, 10000, 1000, 0, 0, 0, 0, 1};
  EXPECT_EQ((ReadStruct<std::array<int32_t, 33>>(InNest(inet, IFLA_INET_CONF)->value)), conf);
  const std::array<int32_t, 59> conf6 = {
      0,     64,   1500, 1, 1, 1,     1, -1,   4000, 1000,  0,  604800, 86400, 3,       600,
      16,    0,    1,    1, 1, 60000, 0, 0,    0,    0,     0,  0,      1,     0,       0,
      10000, 1000, 1,    0, 0, 1,     0, 0,    1,    0,     0,  0,      0,     3600000, 0,
      0,     1,    1,    0, 0, 0,     0, 1024, 0,    65535, -1, 1,      0,     0};
  EXPECT_EQ((ReadStruct<std::array<int32_t, 59>>(InNest(inet6, IFLA_INET6_CONF)->value)), conf6);
  EXPECT_EQ(InNest(inet6, IFLA_INET6_ADDR_GEN_MODE)->value[0], 1);
}

TEST_F(FillLinkTest, NoProtocolStateWhenTheMtuIsTooSmall) {
  v0_.mtu = v0_.ip_mtu = 1279;
  EXPECT_FALSE(InNest(*Fill(v0_).Find(IFLA_AF_SPEC), AF_INET6).has_value());
  EXPECT_TRUE(InNest(*Fill(v0_).Find(IFLA_AF_SPEC), AF_INET).has_value());
  Datagram out;
  FillLinkInet6(v0_, {.type = RTM_NEWLINK}, out);
  EXPECT_TRUE(out.empty());
  v0_.mtu = v0_.ip_mtu = 67;
  EXPECT_EQ(Fill(v0_).Hex(IFLA_AF_SPEC), "");
}

TEST_F(FillLinkTest, ADeletedLinkHasNoProtocolState) {
  EXPECT_EQ(Fill(v0_, {.type = RTM_DELLINK}).Hex(IFLA_AF_SPEC), "");
}

TEST_F(FillLinkTest, Inet6Form) {
  const Filled filled = FillInet6(v1_);
  EXPECT_EQ(filled.info.ifi_family, AF_INET6);
  EXPECT_EQ(filled.Types(), (std::vector<int>{IFLA_IFNAME, IFLA_ADDRESS, IFLA_MTU, IFLA_LINK,
                                              IFLA_OPERSTATE, IFLA_PROTINFO}));
}

}  // namespace
}  // namespace vswitch
