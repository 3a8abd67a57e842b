// SPDX-License-Identifier: BSD-3-Clause
#include <gtest/gtest.h>
#include <rte_ethdev.h>

#include <array>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/factory.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

absl::StatusOr<std::unique_ptr<Backend>> Create(const std::string& devargs, uint16_t queues = 1,
                                                uint32_t mtu = 1500) {
  BackendSpec spec;
  spec.type = BackendType::kEthdev;
  spec.devargs = devargs;
  spec.queues = queues;
  BackendEnv env;
  env.pool = TestPool();
  return CreateBackend(spec, "dev", mtu, env);
}

class EthdevBackendTest : public testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(rte_eth_dev_count_total(), ports_); }
  const uint16_t ports_ = rte_eth_dev_count_total();
};

TEST_F(EthdevBackendTest, ReceivesFromAPort) {
  const auto backend = Create("net_null0,size=100");
  ASSERT_TRUE(backend.ok()) << backend.status();
  Burst burst;
  (*backend)->Receive(0, burst);
  ASSERT_EQ(burst.count, 32);
  EXPECT_EQ(burst.packets[0].length(), 100u);
  EXPECT_EQ((*backend)->Send(0, burst).accepted, 32);
  const BackendStatus status = (*backend)->Status();
  EXPECT_EQ(status.type, "ethdev");
  EXPECT_EQ(status.state, "up");
  EXPECT_EQ(status.path, "net_null0,size=100");
}

TEST_F(EthdevBackendTest, CompletesForAPortWithoutOffloads) {
  const unsigned before = BuffersInUse();
  {
    const auto backend = Create("net_ring0");  // what is sent comes back
    ASSERT_TRUE(backend.ok()) << backend.status();
    const IpFrame small = BuildIpFrame({.payload = 101});
    const IpFrame large = BuildIpFrame({.ipv6 = true, .payload = 4000});
    Burst burst;
    burst.packets[0] = ToPacket(small.bytes, small.ChecksumRequest());
    burst.packets[1] = ToPacket(large.bytes, large.GsoRequest(1400));
    burst.count = 2;
    ASSERT_EQ((*backend)->Send(0, burst).accepted, 2);
    burst.count = 0;
    (*backend)->Receive(0, burst);
    ASSERT_EQ(burst.count, 4);
    for (const Packet& packet : burst.view()) {
      EXPECT_FALSE(packet.offload().Any());
      EXPECT_TRUE(ChecksumsValid(ParseIpFrame(FrameBytes(packet))));
    }
    PacketBuffer::Free(burst.view());
  }
  EXPECT_EQ(BuffersInUse(), before);
}

TEST_F(EthdevBackendTest, SendsAChain) {
  const auto backend = Create("net_ring0");
  ASSERT_TRUE(backend.ok());
  const std::vector<uint8_t> bytes(900, 0x5a);
  Burst burst;
  burst.packets[0] = ToPacket(bytes, {}, 300);
  burst.count = 1;
  ASSERT_EQ((*backend)->Send(0, burst).accepted, 1);
  burst.count = 0;
  (*backend)->Receive(0, burst);
  ASSERT_EQ(burst.count, 1);
  EXPECT_EQ(FrameBytes(burst.packets[0]), bytes);
  PacketBuffer::Free(burst.view());
}

TEST_F(EthdevBackendTest, HasTheQueuesAskedFor) {
  const auto backend = Create("net_null0", 4);
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_EQ((*backend)->queues(), 4);
  Burst burst;
  (*backend)->Receive(3, burst);
  EXPECT_EQ(burst.count, 32);
  PacketBuffer::Free(burst.view());
}

TEST_F(EthdevBackendTest, APortHasOneUserAndCanComeBack) {
  {
    const auto first = Create("net_null0");
    ASSERT_TRUE(first.ok());
    const auto second = Create("net_null0");
    EXPECT_EQ(ErrnoOf(second.status()), EBUSY);
    Burst burst;
    (*first)->Receive(0, burst);
    EXPECT_EQ(burst.count, 32) << "the first is not disturbed";
    PacketBuffer::Free(burst.view());
  }
  EXPECT_TRUE(Create("net_null0").ok());
}

TEST_F(EthdevBackendTest, RefusesBadDevargs) {
  struct {
    const char* devargs;
    const char* mentions;
  } const kTable[] = {
      {"", "devargs"},
      {"nonsense", "nonsense"},
      {"net_nosuchdriver0", "net_nosuchdriver0"},
      {"net_null0,nosuchkey=1", "net_null0"},
      {"0000:ff:1f.7", "--no-pci"},
      {"net_af_packet0,iface=nosuchinterface", "net_af_packet0"},
  };
  for (const auto& row : kTable) {
    const auto result = Create(row.devargs);
    EXPECT_EQ(ErrnoOf(result.status()), EINVAL) << row.devargs;
    EXPECT_NE(result.status().message().find(row.mentions), absl::string_view::npos)
        << result.status();
    EXPECT_EQ(rte_eth_dev_count_total(), ports_) << row.devargs;
  }
}

TEST_F(EthdevBackendTest, RefusesQueuesAndMtuOfNoUse) {
  EXPECT_EQ(ErrnoOf(Create("net_null0", 0).status()), EINVAL);
  EXPECT_EQ(ErrnoOf(Create("net_null0", 60000).status()), EINVAL);
  EXPECT_EQ(ErrnoOf(Create("net_null0", 1, 20).status()), EINVAL);
}

TEST_F(EthdevBackendTest, IsTheNicThatItsPortIs) {
  const auto backend = Create("net_tap0,iface=vswnic,mac=02:00:00:00:00:07");
  ASSERT_TRUE(backend.ok()) << backend.status();
  const NicState nic = (*backend)->Nic().value();
  EXPECT_TRUE(nic.carrier);
  EXPECT_EQ(nic.address, (std::array<uint8_t, 6>{2, 0, 0, 0, 0, 7}));
  EXPECT_EQ(nic.max_mtu, 1504u) << "by the longest frame that the driver takes";
  const int down = std::system("ip link set vswnic down");
  ASSERT_EQ(down, 0);
  EXPECT_FALSE((*backend)->Nic()->carrier);
}

TEST_F(EthdevBackendTest, SetsMtuAndAddressOfARunningPort) {
  const auto backend = Create("net_tap0,iface=vswnic");
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_TRUE((*backend)->SetMtu(1400).ok());
  uint16_t port = RTE_MAX_ETHPORTS, mtu = 0;
  ASSERT_EQ(rte_eth_dev_get_port_by_name("net_tap0", &port), 0);
  ASSERT_EQ(rte_eth_dev_get_mtu(port, &mtu), 0);
  EXPECT_EQ(mtu, 1400);
  EXPECT_EQ(ErrnoOf((*backend)->SetMtu(9000)), EINVAL);
  EXPECT_EQ(ErrnoOf((*backend)->SetMtu(20)), EINVAL);
  const std::array<uint8_t, 6> address{2, 0, 0, 0, 0, 8};
  EXPECT_TRUE((*backend)->SetAddress(address).ok());
  EXPECT_EQ((*backend)->Nic()->address, address);
}

TEST_F(EthdevBackendTest, PortsWithoutMtuOrAddressTakeAny) {
  const auto backend = Create("net_ring0");
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_TRUE((*backend)->SetMtu(9000).ok());
  EXPECT_TRUE((*backend)->SetAddress({2, 0, 0, 0, 0, 8}).ok());
}

TEST_F(EthdevBackendTest, SaysWhenThereIsNoRoomForAPort) {
  std::vector<std::unique_ptr<Backend>> backends;
  for (int i = 0; i < RTE_MAX_ETHPORTS - ports_; ++i) {
    auto backend = Create("net_null" + std::to_string(i));
    ASSERT_TRUE(backend.ok()) << i << backend.status();
    backends.push_back(std::move(*backend));
  }
  const auto refused = Create("net_null99");
  EXPECT_EQ(ErrnoOf(refused.status()), ENOSPC);
  EXPECT_NE(refused.status().message().find("32"), absl::string_view::npos) << refused.status();
  backends.pop_back();
  EXPECT_TRUE(Create("net_null99").ok());
}

}  // namespace
}  // namespace vswitch
