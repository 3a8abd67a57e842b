// SPDX-License-Identifier: BSD-3-Clause
// With real taps: needs root and /dev/net/tun.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <memory>
#include <string>
#include <thread>

#include "dataplane/dataplane.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "dataplane/sink.h"
#include "pmd/factory.h"
#include "pmd/tap_device.h"
#include "pmd/vnet_header.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {
namespace {

using std::chrono_literals::operator""s;

// The host's side of a tap: a packet socket with virtio headers, so that requests are seen.
class HostSide {
 public:
  explicit HostSide(const std::string& interface)
      : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL))) {
    const int one = 1;
    setsockopt(fd_, SOL_PACKET, PACKET_VNET_HDR, &one, sizeof(one));
    const timeval timeout{2, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  }
  ~HostSide() { close(fd_); }

  bool Send(const VnetHeader& header, const std::vector<uint8_t>& bytes) {
    std::vector<uint8_t> message(sizeof(header) + bytes.size());
    std::memcpy(message.data(), &header, sizeof(header));
    std::copy(bytes.begin(), bytes.end(), message.begin() + sizeof(header));
    return send(fd_, message.data(), message.size(), 0) == static_cast<ssize_t>(message.size());
  }

  // The next frame from the addresses BuildIpFrame uses; the kernel sends others.
  bool Receive(VnetHeader* header, std::vector<uint8_t>* bytes) {
    std::vector<uint8_t> message(70000);
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < deadline) {
      const ssize_t size = recv(fd_, message.data(), message.size(), 0);
      if (size < static_cast<ssize_t>(sizeof(*header)) + 14) continue;
      std::memcpy(header, message.data(), sizeof(*header));
      bytes->assign(message.begin() + sizeof(*header), message.begin() + size);
      if ((*bytes)[0] == 0x02 && (*bytes)[6] == 0x06) return true;
    }
    return false;
  }

 private:
  const int fd_;
};

int InterfaceFlags(const std::string& name, int* mtu) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size());
  if (ioctl(fd, SIOCGIFMTU, &request) == 0 && mtu != nullptr) *mtu = request.ifr_mtu;
  const int flags = ioctl(fd, SIOCGIFFLAGS, &request) == 0 ? request.ifr_flags : -1;
  close(fd);
  return flags;
}

void SetInterfaceFlags(const std::string& name, int flags) {
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  ifreq request{};
  std::memcpy(request.ifr_name, name.c_str(), name.size());
  request.ifr_flags = static_cast<short>(flags);
  EXPECT_EQ(ioctl(fd, SIOCSIFFLAGS, &request), 0);
  close(fd);
}

absl::StatusOr<std::unique_ptr<Backend>> Create(const std::string& name, uint32_t mtu = 1500) {
  BackendSpec spec;
  spec.type = BackendType::kTap;
  spec.name = name;
  BackendEnv env;
  env.pool = TestPool();
  return CreateBackend(spec, "dev", mtu, env);
}

// Taps of one test live in a network namespace of their own, where nobody else sends.
class TapBackendTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(access("/dev/net/tun", R_OK | W_OK), 0) << "/dev/net/tun is needed";
    home_ = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    ASSERT_EQ(unshare(CLONE_NEWNET), 0) << "run as root";
  }
  void TearDown() override {
    EXPECT_EQ(setns(home_, CLONE_NEWNET), 0);
    close(home_);
  }

  // Frames with the addresses of BuildIpFrame.
  bool ReceiveOne(Backend& backend, Packet* packet) {
    const auto deadline = std::chrono::steady_clock::now() + 2s;
    while (std::chrono::steady_clock::now() < deadline) {
      Burst burst;
      backend.Receive(0, burst);
      malformed_ += burst.malformed;
      bool found = false;
      for (const Packet& candidate : burst.view()) {
        if (!found && candidate.Headers()[0] == 0x02 && candidate.Headers()[6] == 0x06) {
          *packet = candidate;
          found = true;
        } else {
          PacketBuffer::Free({&candidate, 1});
        }
      }
      if (found) return true;
    }
    return false;
  }
  SendResult SendOne(Backend& backend, const Packet& packet) {
    Burst burst;
    burst.packets[0] = packet;
    burst.count = 1;
    return backend.Send(0, burst);
  }

  int home_ = -1;
  uint32_t malformed_ = 0;
};

TEST_F(TapBackendTest, ComesUpWithNameAndMtuAndGoes) {
  {
    const auto backend = Create("unit0", 9000);
    ASSERT_TRUE(backend.ok()) << backend.status();
    int mtu = 0;
    EXPECT_NE(InterfaceFlags("unit0", &mtu) & IFF_UP, 0);
    EXPECT_EQ(mtu, 9000);
    EXPECT_TRUE((*backend)->SetMtu(3000).ok());
    InterfaceFlags("unit0", &mtu);
    EXPECT_EQ(mtu, 3000);
    const absl::Status refused = (*backend)->SetMtu(65535);
    EXPECT_EQ(ErrnoOf(refused), EINVAL);
    EXPECT_NE(refused.message().find("65535"), absl::string_view::npos);
    EXPECT_EQ((*backend)->Status().type, "tap");
    EXPECT_EQ((*backend)->Status().path, "unit0");
    EXPECT_EQ((*backend)->Status().state, "up");
  }
  EXPECT_EQ(InterfaceFlags("unit0", nullptr), -1);
}

TEST_F(TapBackendTest, LetsTheKernelChooseAName) {
  const auto backend = Create("");
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_EQ((*backend)->Status().path, "tap0");
}

TEST_F(TapBackendTest, ReportsWhatTheKernelRefuses) {
  const auto first = Create("unit0");
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ErrnoOf(Create("unit0").status()), EBUSY);
  EXPECT_EQ(ErrnoOf(Create("lo").status()), EINVAL);
  EXPECT_EQ(ErrnoOf(Create("a/b").status()), EINVAL);
  EXPECT_EQ(ErrnoOf(Create("sixteen-bytes-ab").status()), EINVAL);
  EXPECT_EQ(ErrnoOf(Create("unit1", 1 << 20).status()), EINVAL);
  EXPECT_EQ(InterfaceFlags("unit1", nullptr), -1) << "nothing is left behind";
}

TEST_F(TapBackendTest, CarriesFramesBothWays) {
  const unsigned before = BuffersInUse();
  {
    const std::unique_ptr<Backend> backend = *Create("unit0", 9000);
    HostSide host("unit0");
    for (uint32_t payload : {20u, 1400u, 5000u}) {
      const IpFrame frame = BuildIpFrame({.udp = true, .payload = payload});
      ASSERT_EQ(SendOne(*backend, ToPacket(frame.bytes)).accepted, 1);
      VnetHeader header;
      std::vector<uint8_t> bytes;
      ASSERT_TRUE(host.Receive(&header, &bytes));
      EXPECT_EQ(bytes, frame.bytes);
      ASSERT_TRUE(host.Send({}, frame.bytes));
      Packet packet;
      ASSERT_TRUE(ReceiveOne(*backend, &packet));
      EXPECT_EQ(FrameBytes(packet), frame.bytes);
      EXPECT_FALSE(packet.offload().Any());
      PacketBuffer::Free({&packet, 1});
    }
  }
  EXPECT_EQ(BuffersInUse(), before);
}

TEST_F(TapBackendTest, CarriesRequestsBothWays) {
  const std::unique_ptr<Backend> backend = *Create("unit0");
  HostSide host("unit0");
  for (const bool ipv6 : {false, true}) {
    const IpFrame frame = BuildIpFrame({.ipv6 = ipv6, .payload = 60000});
    ASSERT_EQ(SendOne(*backend, ToPacket(frame.bytes, frame.GsoRequest(1400))).accepted, 1);
    VnetHeader header;
    std::vector<uint8_t> bytes;
    ASSERT_TRUE(host.Receive(&header, &bytes));
    EXPECT_EQ(bytes, frame.bytes);
    EXPECT_EQ(header.flags, VnetHeader::kNeedsChecksum);
    EXPECT_EQ(header.gso_type, ipv6 ? 4 : 1);
    EXPECT_EQ(header.gso_size, 1400);
    EXPECT_EQ(header.csum_start, frame.transport);
    EXPECT_EQ(header.csum_offset, 16);
    // And the same back.
    header.hdr_len = frame.payload;
    ASSERT_TRUE(host.Send(header, frame.bytes)) << std::strerror(errno);
    Packet packet;
    ASSERT_TRUE(ReceiveOne(*backend, &packet));
    EXPECT_EQ(FrameBytes(packet), frame.bytes);
    EXPECT_GE(packet.Headers().size(), 128u);
    EXPECT_EQ(packet.offload().gso, ipv6 ? GsoType::kTcp6 : GsoType::kTcp4);
    EXPECT_EQ(packet.offload().gso_size, 1400);
    EXPECT_EQ(packet.offload().csum_start, frame.transport);
    EXPECT_TRUE(packet.offload().needs_checksum);
    PacketBuffer::Free({&packet, 1});
  }
}

TEST_F(TapBackendTest, KeepsOrderAcrossABurst) {
  const std::unique_ptr<Backend> backend = *Create("unit0");
  HostSide host("unit0");
  Burst burst;
  for (; burst.count < 32; ++burst.count) {
    const IpFrame frame = BuildIpFrame({.udp = true, .payload = 100u + burst.count});
    burst.packets[burst.count] = ToPacket(frame.bytes);
  }
  ASSERT_EQ(backend->Send(0, burst).accepted, 32);
  for (uint32_t i = 0; i < 32; ++i) {
    VnetHeader header;
    std::vector<uint8_t> bytes;
    ASSERT_TRUE(host.Receive(&header, &bytes));
    EXPECT_EQ(bytes.size(), 42 + 100 + i);
  }
}

TEST_F(TapBackendTest, IsDownWhileTheInterfaceIs) {
  const std::unique_ptr<Backend> backend = *Create("unit0");
  const int flags = InterfaceFlags("unit0", nullptr);
  SetInterfaceFlags("unit0", flags & ~IFF_UP);
  const Packet refused = MakeFrame(60);
  const SendResult result = SendOne(*backend, refused);
  EXPECT_EQ(result.accepted, 0);
  EXPECT_EQ(result.reason, DropReason::kBackendDown);
  EXPECT_EQ(backend->Status().state, "down");
  SetInterfaceFlags("unit0", flags);
  EXPECT_EQ(SendOne(*backend, refused).accepted, 1);
  EXPECT_EQ(backend->Status().state, "up");
}

TEST_F(TapBackendTest, SetsAsideAFrameTheKernelRefuses) {
  const std::unique_ptr<Backend> backend = *Create("unit0");
  HostSide host("unit0");
  const IpFrame good = BuildIpFrame({.udp = true});
  Burst burst;
  burst.packets[0] = MakeFrame(10);  // less than an Ethernet header
  burst.packets[1] = ToPacket(good.bytes);
  burst.count = 2;
  const SendResult result = backend->Send(0, burst);
  EXPECT_EQ(result.accepted, 1);
  EXPECT_EQ(result.reason, DropReason::kOffload);
  EXPECT_EQ(burst.packets[1].length(), 10u);
  PacketBuffer::Free(burst.view().subspan(1));
  VnetHeader header;
  std::vector<uint8_t> bytes;
  ASSERT_TRUE(host.Receive(&header, &bytes));
  EXPECT_EQ(bytes, good.bytes);
}

TEST_F(TapBackendTest, KeepsForwardingInAnotherNamespace) {
  const std::unique_ptr<Backend> backend = *Create("unit0");
  const int from = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(unshare(CLONE_NEWNET), 0);
  const std::string target = "/proc/" + std::to_string(getpid()) + "/ns/net";
  const int to = open(target.c_str(), O_RDONLY | O_CLOEXEC);
  ASSERT_EQ(setns(from, CLONE_NEWNET), 0);
  const std::string command = "ip link set unit0 netns /proc/" + std::to_string(getpid()) + "/fd/" +
                              std::to_string(to) + " 2>&1";
  ASSERT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(InterfaceFlags("unit0", nullptr), -1) << "it has moved";
  EXPECT_TRUE(backend->SetMtu(3000).ok());
  ASSERT_EQ(setns(to, CLONE_NEWNET), 0);
  ASSERT_EQ(std::system("ip link set unit0 up"), 0);
  int mtu = 0;
  InterfaceFlags("unit0", &mtu);
  EXPECT_EQ(mtu, 3000);
  HostSide host("unit0");
  const IpFrame frame = BuildIpFrame({.udp = true});
  ASSERT_EQ(SendOne(*backend, ToPacket(frame.bytes)).accepted, 1);
  VnetHeader header;
  std::vector<uint8_t> bytes;
  ASSERT_TRUE(host.Receive(&header, &bytes));
  EXPECT_EQ(bytes, frame.bytes);
  EXPECT_EQ(backend->Status().path, "unit0");
  ASSERT_EQ(std::system("ip link del unit0"), 0);
  EXPECT_TRUE(backend->SetMtu(1500).ok()) << "nothing is left to follow";
  close(from);
  close(to);
}

TEST_F(TapBackendTest, ASilentTapRestsUntilAFrameComes) {
  Dataplane plane(1);
  const DeviceId device = plane.CreateDevice();
  plane.Publish(device, std::make_unique<Dummy>(device, true));
  plane.Attach(device, *Create("unit0"));
  HostSide host("unit0");
  Worker& worker = *plane.workers()[0];
  uint64_t clock = 0;
  const auto run_until = [&](const auto& done) {
    const auto deadline = std::chrono::steady_clock::now() + 5s;
    while (!done() && std::chrono::steady_clock::now() < deadline) {
      worker.RunOnce(clock += 10'000);
    }
    return done();
  };
  for (int i = 0; i < 3; ++i) {
    // The kernel says a few things of its own on a new interface, which end a rest as well.
    ASSERT_TRUE(run_until([&] { return worker.resting() == 1; }));
    const uint64_t before = plane.Totals(device).tx_packets;
    ASSERT_TRUE(host.Send({}, BuildIpFrame({.udp = true}).bytes));
    EXPECT_TRUE(run_until([&] { return plane.Totals(device).tx_packets > before; }));
    EXPECT_EQ(worker.resting(), 0u);
  }
}

TEST(OffloadFromVnetHeader, RefusesWhatMakesNoSense) {
  const IpFrame frame = BuildIpFrame({.payload = 3000});
  const auto length = static_cast<uint32_t>(frame.bytes.size());
  const VnetHeader good{VnetHeader::kNeedsChecksum, 1, 54, 1000, 34, 16};
  Offload offload;
  EXPECT_TRUE(OffloadFromVnetHeader(good, frame.bytes, length, &offload));
  EXPECT_EQ(offload.gso_size, 1000);
  const auto refused = [&](auto change) {
    VnetHeader header = good;
    change(header);
    Offload ignored;
    return !OffloadFromVnetHeader(header, frame.bytes, length, &ignored);
  };
  EXPECT_TRUE(refused([](VnetHeader& h) { h.gso_type = 3; })) << "UFO";
  EXPECT_TRUE(refused([](VnetHeader& h) { h.gso_type = 0x81; })) << "ECN";
  EXPECT_TRUE(refused([](VnetHeader& h) { h.gso_type = 4; })) << "IPv6";
  EXPECT_TRUE(refused([](VnetHeader& h) { h.gso_size = 0; }));
  EXPECT_TRUE(refused([](VnetHeader& h) { h.csum_start = 60000; }));
  EXPECT_TRUE(refused([](VnetHeader& h) { h.flags = 0; }));
}

TEST(VnetHeaderFor, SaysEverythingOfAGsoFrame) {
  const IpFrame frame = BuildIpFrame({.ipv6 = true, .tcp_options = 12, .payload = 1900});
  const Packet packet = ToPacket(frame.bytes, frame.GsoRequest(500));
  const VnetHeader header = VnetHeaderFor(packet.offload(), packet.Headers());
  EXPECT_EQ(header.flags, VnetHeader::kNeedsChecksum);
  EXPECT_EQ(header.gso_type, 4);
  EXPECT_EQ(header.hdr_len, frame.payload);
  EXPECT_EQ(header.gso_size, 500);
  EXPECT_EQ(header.csum_start, frame.transport);
  EXPECT_EQ(header.csum_offset, 16);
  PacketBuffer::Free({&packet, 1});
}

TEST(VnetHeaderFor, IsEmptyWithoutARequest) {
  const Packet packet = MakeFrame(60);
  const VnetHeader header = VnetHeaderFor(packet.offload(), packet.Headers());
  EXPECT_EQ(header.flags, 0);
  EXPECT_EQ(header.gso_type, 0);
  PacketBuffer::Free({&packet, 1});
}

}  // namespace
}  // namespace vswitch
