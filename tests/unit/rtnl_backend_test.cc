// SPDX-License-Identifier: BSD-3-Clause
// Backends behind devices, and what workers are shown of a link.
#include <gtest/gtest.h>
#include <linux/if_link.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>

#include "control/protocol.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "tests/support/rtnl_fixture.h"

namespace vswitch {

namespace {

int live_backends = 0;
absl::Status creation_error;
NicState nic;  // of every ethdev

// A frame that nobody can free: dropping it only counts its references down.
Packet MakeFrame(uint16_t length) {
  static std::array<uint8_t, 2048> bytes{};
  static rte_mbuf mbuf{};
  mbuf.buf_addr = bytes.data();
  mbuf.data_len = length;
  mbuf.pkt_len = length;
  mbuf.nb_segs = 1;
  rte_mbuf_refcnt_set(&mbuf, 1000);
  return PacketBuffer::FromMbuf(&mbuf);
}

// Sends the frames it is told to and counts those it is sent.
class FakeBackend : public Backend {
 public:
  explicit FakeBackend(std::string path) : path_(std::move(path)) { ++live_backends; }
  ~FakeBackend() override { --live_backends; }

  uint16_t queues() const override { return 1; }
  void Receive(uint16_t, Burst& burst) override {
    for (; outgoing > 0; --outgoing) burst.packets[burst.count++] = MakeFrame(frame_length);
  }
  SendResult Send(uint16_t, Burst& burst) override {
    received += burst.count;
    return {.accepted = burst.count};
  }
  BackendStatus Status() const override { return {"ring", "up", path_}; }
  absl::Status SetMtu(uint32_t value) override {
    if (refusal.ok()) mtu = value;
    return refusal;
  }
  std::optional<NicState> Nic() const override { return nic; }
  absl::Status SetAddress(const MacAddress& value) override {
    if (refusal.ok()) address = value;
    return refusal;
  }

  absl::Status refusal;
  uint32_t mtu = 0;
  MacAddress address{};
  int outgoing = 0;
  uint16_t frame_length = 100;
  int received = 0;

 private:
  const std::string path_;
};

}  // namespace

// Stands in for pmd/factory.cc.
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const BackendSpec& spec,
                                                       const std::string& device, uint32_t,
                                                       const BackendEnv&) {
  if (!creation_error.ok()) return creation_error;
  return std::make_unique<FakeBackend>(spec.type == BackendType::kEthdev ? spec.devargs : device);
}

namespace {

class RtnlBackendTest : public RtnlTest {
 protected:
  static constexpr MacAddress kPortAddress{0x52, 0x54, 0, 0, 0, 1};
  static constexpr MacAddress kOtherAddress{0x52, 0x54, 0, 0, 0, 2};

  RtnlBackendTest() {
    creation_error = absl::OkStatus();
    nic = {.carrier = true, .address = kPortAddress, .min_mtu = 100, .max_mtu = 1504};
  }

  absl::Status Attach(const std::string& name) {
    BackendSpec spec;
    spec.type = BackendType::kRing;
    return rtnl_.Attach(Get(name), spec);
  }
  FakeBackend& BackendOf(const std::string& name) {
    return static_cast<FakeBackend&>(*dataplane_.PortOf(Get(name).id)->backend);
  }
  // How many of one frame that `from` sends reach `to`.
  int Send(const std::string& from, const std::string& to, uint16_t length = 100) {
    const int before = BackendOf(to).received;
    BackendOf(from).frame_length = length;
    BackendOf(from).outgoing = 1;
    dataplane_.workers()[0]->RunOnce();
    return BackendOf(to).received - before;
  }
  void AddAttachedPair() {
    AddVeth("v0", "v1");
    SetUp("v0");
    ASSERT_TRUE(Attach("v0").ok());
    ASSERT_TRUE(Attach("v1").ok());
    SetUp("v1");
  }
  static RequestBuilder AddEthdev(const std::string& devargs) {
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
    request.Str(IFLA_IFNAME, "up0").Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "ethdev");
    if (!devargs.empty()) request.Begin(IFLA_INFO_DATA).Str(kEthdevDevargs, devargs).End();
    request.End();
    return request;
  }
  static std::string LinkAttribute(const Datagram& datagram, uint16_t type) {
    for (const NlAttr& attr : ListAttributes(Bytes(datagram).subspan(32), 32)) {
      if (attr.type == type) return reinterpret_cast<const char*>(attr.value.data());
    }
    return "";
  }
};

TEST_F(RtnlBackendTest, FramesCrossAPairThatIsUp) {
  AddAttachedPair();
  EXPECT_EQ(Send("v0", "v1"), 1);
  EXPECT_EQ(Send("v1", "v0"), 1);
  EXPECT_EQ(dataplane_.Totals(Get("v0").id).tx_packets, 1u);
  EXPECT_EQ(dataplane_.Totals(Get("v0").id).rx_packets, 1u);
}

TEST_F(RtnlBackendTest, WorkersSeeEitherEndGoDownAndUp) {
  AddAttachedPair();
  SetUp("v1", false);
  EXPECT_EQ(Send("v0", "v1"), 0);
  EXPECT_EQ(Send("v1", "v0"), 0);
  SetUp("v1");
  EXPECT_EQ(Send("v0", "v1"), 1);
  EXPECT_EQ(Send("v1", "v0"), 1);
}

TEST_F(RtnlBackendTest, WorkersSeeThePeersMtu) {
  AddAttachedPair();
  EXPECT_EQ(Send("v0", "v1", 1518), 1);
  EXPECT_EQ(Send("v0", "v1", 1519), 0);
  RequestBuilder mtu(RTM_NEWLINK, NLM_F_ACK, Index(Get("v1").ifindex));
  ASSERT_EQ(Ask(mtu.U32(IFLA_MTU, 1600)).error, 0);
  EXPECT_EQ(Send("v0", "v1", 1519), 1);
  EXPECT_EQ(Send("v1", "v0", 1519), 0);  // its own MTU does not count
}

TEST_F(RtnlBackendTest, StateFromBeforeTheAttachCounts) {
  AddVeth("v0", "v1");
  SetUp("v0");
  SetUp("v1");
  ASSERT_TRUE(Attach("v0").ok());
  ASSERT_TRUE(Attach("v1").ok());
  EXPECT_EQ(Send("v0", "v1"), 1);
}

TEST_F(RtnlBackendTest, AttachErrors) {
  AddVeth("v0", "v1");
  ASSERT_TRUE(Attach("v0").ok());
  EXPECT_EQ(ErrnoOf(Attach("v0")), EBUSY);
  EXPECT_EQ(Attach("v0").message(), "device already has a backend");
  EXPECT_EQ(ErrnoOf(Attach("lo")), EOPNOTSUPP);
  EXPECT_EQ(ErrnoOf(rtnl_.Detach(Get("v1"))), ENOENT);
  EXPECT_EQ(ErrnoOf(rtnl_.Detach(Get("lo"))), ENOENT);
  creation_error = ErrnoStatus(EADDRINUSE, "in use");
  EXPECT_EQ(Attach("v1"), creation_error);
  EXPECT_EQ(live_backends, 1);
}

TEST_F(RtnlBackendTest, AttachAndDetachAreAnnounced) {
  AddVeth("v0", "v1");
  Notifications();
  ASSERT_TRUE(Attach("v0").ok());
  ASSERT_EQ(multicast_.sent.size(), 1u);
  EXPECT_EQ(LinkAttribute(multicast_.sent[0], IFLA_PARENT_DEV_BUS_NAME), "ring");
  EXPECT_EQ(LinkAttribute(multicast_.sent[0], IFLA_PARENT_DEV_NAME), "v0");
  ASSERT_TRUE(rtnl_.Detach(Get("v0")).ok());
  ASSERT_EQ(multicast_.sent.size(), 2u);
  EXPECT_EQ(LinkAttribute(multicast_.sent[1], IFLA_PARENT_DEV_NAME), "");
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>(2, "NEWLINK v0 down change=0x0 operstate=2 link=2")));
}

TEST_F(RtnlBackendTest, BackendsAreDestroyedAtTheCommit) {
  AddAttachedPair();
  EXPECT_EQ(live_backends, 2);
  ASSERT_TRUE(rtnl_.Detach(Get("v0")).ok());
  EXPECT_EQ(live_backends, 2);
  rtnl_.Commit();
  EXPECT_EQ(live_backends, 1);
  ASSERT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(Get("v0").ifindex))).error, 0);
  EXPECT_EQ(live_backends, 1);
  rtnl_.Commit();
  EXPECT_EQ(live_backends, 0);
}

// A new backend may want the socket of the old one.
TEST_F(RtnlBackendTest, AttachWaitsForTheOldBackendToGo) {
  AddVeth("v0", "v1");
  ASSERT_TRUE(Attach("v0").ok());
  ASSERT_TRUE(rtnl_.Detach(Get("v0")).ok());
  ASSERT_TRUE(Attach("v0").ok());
  EXPECT_EQ(live_backends, 1);
}

TEST_F(RtnlBackendTest, EthdevLivesWithItsPort) {
  ASSERT_EQ(Ask(AddEthdev("net_null0")).error, 0);
  EXPECT_EQ(BackendOf("up0").Status().path, "net_null0");
  EXPECT_EQ(Get("up0").devargs, "net_null0");
  EXPECT_EQ(ErrnoOf(Attach("up0")), EBUSY);
  EXPECT_EQ(ErrnoOf(rtnl_.Detach(Get("up0"))), EOPNOTSUPP);
  ASSERT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK).Str(IFLA_IFNAME, "up0")).error, 0);
  rtnl_.Commit();
  EXPECT_EQ(live_backends, 0);
}

TEST_F(RtnlBackendTest, MtuReachesTheBackend) {
  AddAttachedPair();
  RequestBuilder mtu(RTM_NEWLINK, NLM_F_ACK, Index(Get("v0").ifindex));
  ASSERT_EQ(Ask(mtu.U32(IFLA_MTU, 3000)).error, 0);
  EXPECT_EQ(BackendOf("v0").mtu, 3000u);
  EXPECT_EQ(BackendOf("v1").mtu, 0u);
}

TEST_F(RtnlBackendTest, MtuThatTheBackendRefusesIsRefused) {
  AddAttachedPair();
  BackendOf("v0").refusal = ErrnoStatus(EBUSY, "not now");
  RequestBuilder mtu(RTM_NEWLINK, NLM_F_ACK, Index(Get("v0").ifindex));
  const Answer answer = Ask(mtu.U32(IFLA_MTU, 3000));
  EXPECT_EQ(answer.error, EBUSY);
  EXPECT_EQ(answer.sentence, "not now");
  EXPECT_EQ(Get("v0").mtu, 1500u);
}

TEST_F(RtnlBackendTest, AddressOfAVethIsNoneOfItsBackendsBusiness) {
  AddAttachedPair();
  RequestBuilder request(RTM_NEWLINK, NLM_F_ACK, Index(Get("v0").ifindex));
  ASSERT_EQ(Ask(request.Mac(IFLA_ADDRESS, kOtherAddress)).error, 0);
  EXPECT_EQ(BackendOf("v0").address, MacAddress{});
}

TEST_F(RtnlBackendTest, EthdevHasTheAddressAndLimitsOfItsPort) {
  ASSERT_EQ(Ask(AddEthdev("net_null0")).error, 0);
  const Device& device = Get("up0");
  EXPECT_EQ(device.address, kPortAddress);
  EXPECT_EQ(device.perm_address, kPortAddress);
  EXPECT_EQ(device.min_mtu, 100u);
  EXPECT_EQ(device.max_mtu, 1504u);
  EXPECT_EQ(BackendOf("up0").address, MacAddress{}) << "nothing to change";
}

TEST_F(RtnlBackendTest, EthdevGivesItsPortTheAddressAskedFor) {
  ASSERT_EQ(Ask(AddEthdev("net_null0").Mac(IFLA_ADDRESS, kOtherAddress)).error, 0);
  EXPECT_EQ(Get("up0").address, kOtherAddress);
  EXPECT_EQ(Get("up0").perm_address, kPortAddress);
  EXPECT_EQ(BackendOf("up0").address, kOtherAddress);
  RequestBuilder change(RTM_NEWLINK, NLM_F_ACK, Index(Get("up0").ifindex));
  ASSERT_EQ(Ask(change.Mac(IFLA_ADDRESS, kPortAddress)).error, 0);
  EXPECT_EQ(BackendOf("up0").address, kPortAddress);
  BackendOf("up0").refusal = ErrnoStatus(EBUSY, "not now");
  RequestBuilder refused(RTM_NEWLINK, NLM_F_ACK, Index(Get("up0").ifindex));
  EXPECT_EQ(Ask(refused.Mac(IFLA_ADDRESS, kOtherAddress)).error, EBUSY);
  EXPECT_EQ(Get("up0").address, kPortAddress);
}

TEST_F(RtnlBackendTest, EthdevOnAPortWithoutAnAddressHasOneOfItsOwn) {
  nic.address = {};
  ASSERT_EQ(Ask(AddEthdev("net_ring0")).error, 0);
  EXPECT_NE(Get("up0").address, MacAddress{});
  EXPECT_EQ(Get("up0").perm_address, MacAddress{});
  EXPECT_EQ(BackendOf("up0").address, Get("up0").address);
}

TEST_F(RtnlBackendTest, EthdevFollowsItsWire) {
  nic.carrier = false;
  EXPECT_FALSE(rtnl_.NextTimer().has_value());
  ASSERT_EQ(Ask(AddEthdev("net_null0")).error, 0);
  SetUp("up0");
  Notifications();
  nic.carrier = true;
  Wait(std::chrono::seconds(1));
  EXPECT_EQ(Notifications(), std::vector<std::string>{"NEWLINK up0 up change=0x0 operstate=6"});
  EXPECT_TRUE(Get("up0").carrier);
  Wait(std::chrono::seconds(1));
  EXPECT_TRUE(Notifications().empty());
  nic.carrier = false;
  Wait(std::chrono::seconds(1));
  EXPECT_EQ(Notifications(), std::vector<std::string>{"NEWLINK up0 up change=0x0 operstate=2"});
  EXPECT_EQ(Get("up0").carrier_down_count, 1u);
  ASSERT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK).Str(IFLA_IFNAME, "up0")).error, 0);
  EXPECT_FALSE(rtnl_.NextTimer().has_value());
}

TEST_F(RtnlBackendTest, WireThatComesToLifeGivesTheLinkItsAddress) {
  nic.carrier = false;
  ASSERT_EQ(Ask(AddEthdev("net_null0")).error, 0);
  SetUp("up0");
  EXPECT_EQ(Get("up0").inet, nullptr);
  nic.carrier = true;
  Wait(std::chrono::seconds(1));
  ASSERT_NE(Get("up0").inet, nullptr);
  EXPECT_TRUE(Get("up0").inet->v6.at(0).tentative());
  Wait(std::chrono::seconds(1));
  EXPECT_FALSE(Get("up0").inet->v6.at(0).tentative()) << "the search for duplicates never began";
}

TEST_F(RtnlBackendTest, EthdevNeedsDevargs) {
  const Answer answer = Ask(AddEthdev(""));
  EXPECT_EQ(answer.error, EINVAL);
  EXPECT_NE(answer.sentence.find("devargs"), std::string::npos);
  EXPECT_FALSE(Exists("up0"));
}

TEST_F(RtnlBackendTest, EthdevThatCannotStartLeavesNothing) {
  creation_error = ErrnoStatus(ENODEV, "no such port");
  const Answer answer = Ask(AddEthdev("net_nosuch0"));
  EXPECT_EQ(answer.error, ENODEV);
  EXPECT_EQ(answer.sentence, "no such port");
  EXPECT_FALSE(Exists("up0"));
  EXPECT_TRUE(Notifications().empty());
}

TEST_F(RtnlBackendTest, EthdevDescribesItself) {
  ASSERT_EQ(Ask(AddEthdev("net_null0")).error, 0);
  Raw(RequestBuilder(RTM_GETLINK, 0, Index(Get("up0").ifindex)).Build());
  const std::string reply(client_.sent[0].begin(), client_.sent[0].end());
  EXPECT_NE(reply.find(std::string("\1\0net_null0\0", 12)), std::string::npos);
}

TEST_F(RtnlBackendTest, DestructionTakesEverythingAlong) {
  Registry registry(1);
  Dataplane dataplane(1);
  {
    Rtnl rtnl(registry, dataplane, multicast_, BackendEnv{});
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE);
    rtnl.Handle(request.Str(IFLA_IFNAME, "v0").Kind("veth").Build(), client_);
    ASSERT_TRUE(rtnl.Attach(*registry.initial().FindByName("v0"), BackendSpec{}).ok());
    multicast_.sent.clear();
  }
  EXPECT_EQ(live_backends, 0);
  EXPECT_EQ(registry.initial().DumpOrder().size(), 1u);
  EXPECT_TRUE(multicast_.sent.empty());
}

}  // namespace

}  // namespace vswitch
