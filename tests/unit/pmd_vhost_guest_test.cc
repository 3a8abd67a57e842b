// SPDX-License-Identifier: BSD-3-Clause
// A vhost-user backend with a guest in this process at the other end.
#include <gtest/gtest.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/packet_buffer.h"
#include "tests/support/ip_frames.h"
#include "tests/support/vhost_guest_fixture.h"

namespace vswitch {
namespace {

VnetHeader HeaderOf(const Offload& offload, uint16_t header_size) {
  VnetHeader header{};
  header.flags = offload.needs_checksum ? VnetHeader::kNeedsChecksum : 0;
  header.gso_type = static_cast<uint8_t>(offload.gso);
  header.gso_size = offload.gso_size;
  header.csum_start = offload.csum_start;
  header.csum_offset = offload.csum_offset;
  header.hdr_len = offload.gso == GsoType::kNone ? 0 : header_size;
  return header;
}

TEST_F(VhostGuestTest, OffersWhatIsCarriedAndNothingElse) {
  CreateConnected();
  const uint64_t offered = guest_.OfferedFeatures();
  EXPECT_EQ(offered & (kSends | kTakes | kVirtioNetMq | kVirtioVersion1),
            kSends | kTakes | kVirtioNetMq | kVirtioVersion1);
  EXPECT_EQ(offered & 1ULL << 28, 1ULL << 28) << "indirect descriptors";
  EXPECT_EQ(offered & 1ULL << 34, 1ULL << 34) << "packed rings";
  EXPECT_EQ(offered & (kVirtioNetHostUfo | kVirtioNetGuestUfo | kVirtioNetHostEcn |
                       kVirtioNetGuestEcn | kVirtioNetGso),
            0u);
  EXPECT_EQ(offered & 1ULL << 33, 0u) << "an IOMMU";
}

TEST_F(VhostGuestTest, CarriesFramesBothWays) {
  CreateConnected();
  EXPECT_FALSE(Connected());
  guest_.Start(kSends | kTakes);
  EXPECT_TRUE(Connected());
  Burst burst;
  for (uint32_t i = 0; i < 40; ++i) {
    guest_.Transmit(0, {}, BuildIpFrame({.udp = true, .payload = 10 + i}).bytes);
  }
  backend_->Receive(0, burst);
  ASSERT_EQ(burst.count, 32);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(FrameBytes(burst.packets[i]), BuildIpFrame({.udp = true, .payload = 10 + i}).bytes);
    EXPECT_FALSE(burst.packets[i].offload().Any());
  }
  guest_.PostBuffers(0, 64);
  EXPECT_EQ(backend_->Send(0, burst).accepted, 32);
  const auto received = guest_.TakeReceived(0);
  ASSERT_EQ(received.size(), 32u);
  for (uint32_t i = 0; i < 32; ++i) {
    EXPECT_EQ(received[i].bytes, BuildIpFrame({.udp = true, .payload = 10 + i}).bytes);
    EXPECT_EQ(received[i].header.flags, 0);
    EXPECT_EQ(received[i].header.gso_type, 0);
  }
  EXPECT_EQ(guest_.TransmitsDone(0), 0) << "the frames were still in use";
  Finish(0);
  EXPECT_EQ(guest_.TransmitsDone(0), 32);
  burst.count = 0;
  backend_->Receive(0, burst);
  EXPECT_EQ(burst.count, 8);
  Finish(0);
}

TEST_F(VhostGuestTest, InterruptsOncePerRoundAndRing) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  guest_.PostBuffers(0, 8);
  for (const uint16_t ring : {0, 1}) guest_.TakeCalls(ring);
  Burst burst;
  for (int i = 0; i < 2; ++i) {
    guest_.Transmit(0, {}, BuildIpFrame({.udp = true}).bytes);
    burst.count = 0;
    backend_->Receive(0, burst);
    ASSERT_EQ(backend_->Send(0, burst).accepted, 1);
    backend_->Finish(0);
  }
  for (const uint16_t ring : {0, 1}) EXPECT_EQ(guest_.TakeCalls(ring), 0u);
  Notifications::Ours().Settle();
  for (const uint16_t ring : {0, 1}) EXPECT_EQ(guest_.TakeCalls(ring), 1u);
  Notifications::Ours().Settle();
  for (const uint16_t ring : {0, 1}) EXPECT_EQ(guest_.TakeCalls(ring), 0u);
}

TEST_F(VhostGuestTest, InterruptsForARingThatWorkersShareBeforeTheNextOneHasIt) {
  CreateConnected(2);
  guest_.Start(kSends | kTakes | kVirtioNetMq, 2, 1);
  guest_.PostBuffers(0, 8);
  guest_.TakeCalls(0);
  Burst burst;
  burst.packets[burst.count++] = MakeFrame(60);
  ASSERT_EQ(backend_->Send(1, burst).accepted, 1);
  EXPECT_EQ(guest_.TakeCalls(0), 1u);
}

TEST_F(VhostGuestTest, AsksTheGuestNotToKickUntilItsQueueRests) {
  CreateConnected(2);
  for (int reboot = 0; reboot < 2; ++reboot) {
    guest_.Start(kSends | kTakes, 2);
    for (uint16_t ring = 0; ring < 4; ++ring) EXPECT_TRUE(guest_.NotificationsOff(ring)) << ring;
    EXPECT_TRUE(backend_->Rest(1));
    for (uint16_t ring = 0; ring < 4; ++ring) EXPECT_EQ(guest_.NotificationsOff(ring), ring != 3);
    backend_->Wake(1);
    EXPECT_TRUE(guest_.NotificationsOff(3));
    guest_.Stop();
  }
}

TEST_F(VhostGuestTest, ARestingQueueIsRungFor) {
  CreateConnected(2);
  for (uint16_t queue : {0, 1}) EXPECT_TRUE(backend_->Rest(queue));
  EXPECT_FALSE(Rings(0));
  guest_.Start(kSends | kTakes, 2);
  for (uint16_t queue : {0, 1}) {
    EXPECT_TRUE(Rings(queue)) << "there may be something in the rings";
    EXPECT_TRUE(backend_->Rest(queue));
    EXPECT_FALSE(Rings(queue));
  }
  for (int i = 0; i < 3; ++i) {
    guest_.Kick(3);
    EXPECT_FALSE(Rings(0));
    EXPECT_TRUE(Rings(1));
    EXPECT_TRUE(backend_->Rest(1));
    EXPECT_FALSE(Rings(1));
  }
  guest_.Kick(2);
  EXPECT_FALSE(Rings(1)) << "buffers to receive into are nothing to be woken for";
  guest_.Stop();
  for (uint16_t queue : {0, 1}) EXPECT_TRUE(backend_->Rest(queue));
  guest_.Kick(3);
  EXPECT_FALSE(Rings(1)) << "nobody is served";
}

struct RequestCase {
  const char* name;
  IpFrameSpec spec;
  uint16_t gso_size;  // 0: a checksum only
};

class VhostRequestTest : public VhostGuestTest, public testing::WithParamInterface<RequestCase> {};

TEST_P(VhostRequestTest, TravelsUntouchedFromGuestToGuest) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  guest_.PostBuffers(0, 64);
  const IpFrame frame = BuildIpFrame(GetParam().spec);
  const uint16_t gso_size = GetParam().gso_size;
  const Offload offload = gso_size == 0 ? frame.ChecksumRequest() : frame.GsoRequest(gso_size);
  const VnetHeader header = HeaderOf(offload, frame.payload);
  guest_.Transmit(0, header, frame.bytes);
  Burst burst;
  backend_->Receive(0, burst);
  ASSERT_EQ(burst.count, 1);
  EXPECT_EQ(FrameBytes(burst.packets[0]), frame.bytes);
  EXPECT_TRUE(burst.packets[0].offload().needs_checksum);
  EXPECT_EQ(burst.packets[0].offload().csum_start, offload.csum_start);
  EXPECT_EQ(burst.packets[0].offload().csum_offset, offload.csum_offset);
  EXPECT_EQ(burst.packets[0].offload().gso, offload.gso);
  EXPECT_EQ(burst.packets[0].offload().gso_size, offload.gso_size);
  ASSERT_EQ(backend_->Send(0, burst).accepted, 1);
  Finish(0);
  const auto received = guest_.TakeReceived(0);
  ASSERT_EQ(received.size(), 1u);
  // All of it, with the pseudo-header sum that the sender put there.
  EXPECT_EQ(received[0].bytes, frame.bytes);
  EXPECT_EQ(std::memcmp(&received[0].header, &header, sizeof(header)), 0);
}

INSTANTIATE_TEST_SUITE_P(
    Requests, VhostRequestTest,
    testing::Values(RequestCase{"tcp4", {}, 0}, RequestCase{"udp4", {.udp = true}, 0},
                    RequestCase{"tcp6", {.ipv6 = true}, 0},
                    RequestCase{"udp6", {.ipv6 = true, .udp = true, .vlan_tags = 1}, 0},
                    RequestCase{"tso4", {.tcp_options = 12, .payload = 60000}, 1448},
                    RequestCase{"tso6", {.ipv6 = true, .tcp_options = 12, .payload = 60000}, 1428},
                    RequestCase{"tso4_vlan", {.vlan_tags = 1, .payload = 3000}, 1000}),
    [](const auto& info) { return std::string(info.param.name); });

struct GuestCase {
  const char* name;
  uint64_t takes;
  size_t checksum_frames, tso4_frames, tso6_frames;  // of one frame each, what the guest gets
  bool checksum_request;                             // of those that are left
};

class VhostFeatureTest : public VhostGuestTest, public testing::WithParamInterface<GuestCase> {};

TEST_P(VhostFeatureTest, GetsWhatItNegotiated) {
  const GuestCase& c = GetParam();
  CreateConnected();
  guest_.Start(kVirtioNetMrgRxbuf | c.takes);
  guest_.PostBuffers(0, 200);
  const IpFrame small = BuildIpFrame({.payload = 333});
  const IpFrame large4 = BuildIpFrame({.payload = 5000});
  const IpFrame large6 = BuildIpFrame({.ipv6 = true, .payload = 5000});
  const auto check = [&](const IpFrame& frame, const Offload& offload, size_t frames) {
    EXPECT_EQ(Send(ToPacket(frame.bytes, offload)).accepted, 1);
    const auto received = guest_.TakeReceived(0);
    EXPECT_EQ(received.size(), frames);
    for (const auto& one : received) {
      const bool request = (one.header.flags & VnetHeader::kNeedsChecksum) != 0;
      if (frames > 1 || !c.checksum_request) {
        EXPECT_FALSE(request);
        EXPECT_EQ(one.header.gso_type, 0);
        EXPECT_TRUE(ChecksumsValid(ParseIpFrame(one.bytes)));
      } else {
        EXPECT_TRUE(request);
        EXPECT_EQ(one.header.gso_type, static_cast<uint8_t>(offload.gso));
        EXPECT_EQ(one.bytes, frame.bytes);
      }
    }
  };
  check(small, small.ChecksumRequest(), c.checksum_frames);
  check(large4, large4.GsoRequest(1000), c.tso4_frames);
  check(large6, large6.GsoRequest(1000), c.tso6_frames);
}

INSTANTIATE_TEST_SUITE_P(
    Guests, VhostFeatureTest,
    testing::Values(GuestCase{"nothing", 0, 1, 5, 5, false},
                    GuestCase{"checksums", kVirtioNetGuestCsum, 1, 5, 5, true},
                    GuestCase{"tso4", kVirtioNetGuestCsum | kVirtioNetGuestTso4, 1, 1, 5, true},
                    GuestCase{"tso6", kVirtioNetGuestCsum | kVirtioNetGuestTso6, 1, 5, 1, true},
                    GuestCase{"all", kTakes, 1, 1, 1, true}),
    [](const auto& info) { return std::string(info.param.name); });

TEST_F(VhostGuestTest, PassesOnWhatMbufFlagsCannotSay) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  guest_.PostBuffers(0, 64);
  const IpFrame options = BuildIpFrame({.network_extra = 8, .payload = 100});
  const IpFrame extended = BuildIpFrame({.ipv6 = true, .network_extra = 8, .payload = 3000});
  EXPECT_EQ(Send(ToPacket(options.bytes, options.ChecksumRequest())).accepted, 1);
  EXPECT_EQ(Send(ToPacket(extended.bytes, extended.GsoRequest(1000))).accepted, 1);
  const auto received = guest_.TakeReceived(0);
  ASSERT_EQ(received.size(), 2u);
  EXPECT_EQ(received[0].bytes, options.bytes);
  EXPECT_EQ(received[0].header.csum_start, options.ChecksumRequest().csum_start);
  EXPECT_EQ(received[1].bytes, extended.bytes);
  EXPECT_EQ(received[1].header.gso_size, 1000);
}

TEST_F(VhostGuestTest, RefusesSenselessRequests) {
  CreateConnected();
  guest_.Start(kSends | kTakes);
  const IpFrame good = BuildIpFrame({});
  VnetHeader outside = HeaderOf(good.ChecksumRequest(), 0);
  outside.csum_offset = static_cast<uint16_t>(good.bytes.size());
  guest_.Transmit(0, outside, good.bytes);
  const IpFrame udp = BuildIpFrame({.udp = true, .payload = 3000});
  VnetHeader fragmentation = HeaderOf(udp.ChecksumRequest(), 0);
  fragmentation.gso_type = 3;
  fragmentation.gso_size = 1000;
  guest_.Transmit(0, fragmentation, udp.bytes);
  const IpFrame tiny = BuildIpFrame({.payload = 60000});
  guest_.Transmit(0, HeaderOf(tiny.GsoRequest(1), tiny.payload), tiny.bytes);
  guest_.Transmit(0, HeaderOf(good.ChecksumRequest(), 0), good.bytes);
  Burst burst;
  backend_->Receive(0, burst);
  EXPECT_EQ(burst.malformed, 3);
  ASSERT_EQ(burst.count, 1);
  EXPECT_EQ(FrameBytes(burst.packets[0]), good.bytes);
  Finish(0);
  EXPECT_EQ(guest_.TransmitsDone(0), 4);
}

TEST_F(VhostGuestTest, LeavesToTheCallerWhatDoesNotFit) {
  CreateConnected();
  guest_.Start(kTakes);
  guest_.PostBuffers(0, 3);
  std::vector<Packet> packets;
  for (uint8_t i = 0; i < 5; ++i) packets.push_back(MakeFrame(100, i));
  SendResult result = Send(packets);
  EXPECT_EQ(result.accepted, 3);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
  result = Send(MakeFrame(60));
  EXPECT_EQ(result.accepted, 0);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
  const IpFrame large = BuildIpFrame({.payload = 9000});
  guest_.PostBuffers(0, 2);
  EXPECT_EQ(Send(ToPacket(large.bytes, large.GsoRequest(1000))).accepted, 0);
  guest_.PostBuffers(0, 1);
  EXPECT_EQ(Send(ToPacket(large.bytes, large.GsoRequest(1000))).accepted, 1);
  EXPECT_EQ(guest_.TakeReceived(0).size(), 4u);
}

TEST_F(VhostGuestTest, SurvivesReboots) {
  CreateConnected();
  for (int i = 0; i < 3; ++i) {
    guest_.Start(kSends | kTakes);
    EXPECT_TRUE(Connected());
    guest_.PostBuffers(0, 8);
    EXPECT_EQ(Send(MakeFrame(60)).accepted, 1);
    EXPECT_EQ(guest_.TakeReceived(0).size(), 1u);
    guest_.Transmit(0, {}, BuildIpFrame({.udp = true}).bytes);
    Burst burst;
    backend_->Receive(0, burst);
    EXPECT_EQ(burst.count, 1);
    Finish(0);
    guest_.Stop();
    EXPECT_FALSE(Connected());
    const SendResult result = Send(MakeFrame(60));
    EXPECT_EQ(result.accepted, 0);
    EXPECT_EQ(result.reason, DropReason::kBackendDown);
  }
}

TEST_F(VhostGuestTest, ChangesFeaturesWithAReboot) {
  CreateConnected();
  const IpFrame frame = BuildIpFrame({});
  guest_.Start(kTakes);
  guest_.Stop();
  guest_.Start(kVirtioNetMrgRxbuf);
  guest_.PostBuffers(0, 8);
  EXPECT_EQ(Send(ToPacket(frame.bytes, frame.ChecksumRequest())).accepted, 1);
  const auto received = guest_.TakeReceived(0);
  ASSERT_EQ(received.size(), 1u);
  EXPECT_TRUE(ChecksumsValid(ParseIpFrame(received[0].bytes)));
}

// Without mergeable buffers a frame must fit one of the guest's.
TEST_F(VhostGuestTest, AFrameTooLargeForTheGuestHoldsUpNoOther) {
  CreateConnected();
  guest_.Start(0);
  guest_.PostBuffers(0, 64);
  std::vector<Packet> packets;
  for (uint32_t length : {60u, 5000u, 61u, 5001u, 5002u, 62u}) packets.push_back(MakeFrame(length));
  const SendResult result = Send(packets);
  EXPECT_EQ(result.accepted, 3);
  EXPECT_EQ(result.reason, DropReason::kBackendFull);
  const auto received = guest_.TakeReceived(0);
  ASSERT_EQ(received.size(), 3u);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(received[i].bytes.size(), 60 + i);
}

TEST_F(VhostGuestTest, ReconnectsToAServerThatComesBack) {
  CreateConnected();
  guest_.Start(kTakes);
  guest_.Disconnect();
  EXPECT_TRUE(Eventually([&] { return !Connected(); }));
  guest_.Accept();  // the retry
  guest_.Start(kTakes);
  EXPECT_TRUE(Connected());
  guest_.PostBuffers(0, 1);
  EXPECT_EQ(Send(MakeFrame(60)).accepted, 1);
}

TEST_F(VhostGuestTest, ServesTheNewestConnectionOfAServer) {
  Create(1, /*client=*/false);
  FakeGuest second;
  guest_.Connect(path_);
  guest_.Start(kTakes);
  guest_.PostBuffers(0, 8);
  EXPECT_EQ(Send(MakeFrame(60)).accepted, 1);
  second.Connect(path_);
  second.Start(kTakes);
  second.PostBuffers(0, 8);
  EXPECT_EQ(Send(MakeFrame(61)).accepted, 1);
  EXPECT_EQ(second.TakeReceived(0).size(), 1u);
  EXPECT_EQ(guest_.TakeReceived(0).size(), 1u);
  // The end of the first connection is noticed late: the second is not disturbed.
  guest_.Disconnect();
  EXPECT_TRUE(Eventually([&] { return Connections() == 1; }));
  EXPECT_EQ(Send(MakeFrame(62)).accepted, 1);
  EXPECT_EQ(second.TakeReceived(0).size(), 1u);
  second.Disconnect();
  EXPECT_TRUE(Eventually([&] { return !Connected(); }));
}

TEST_F(VhostGuestTest, ServesAnOlderConnectionThatIsLeft) {
  Create(1, /*client=*/false);
  FakeGuest second;
  guest_.Connect(path_);
  guest_.Start(kTakes);
  second.Connect(path_);
  second.Start(kTakes);
  second.Disconnect();
  EXPECT_TRUE(Eventually([&] { return Connections() == 1; }));
  EXPECT_TRUE(Connected());
  guest_.PostBuffers(0, 8);
  EXPECT_EQ(Send(MakeFrame(60)).accepted, 1);
}

TEST_F(VhostGuestTest, ReceivesFromEveryPairTheGuestHas) {
  CreateConnected(2);
  guest_.Start(kSends | kTakes | kVirtioNetMq, 4);
  for (uint16_t pair = 0; pair < 4; ++pair) {
    guest_.Transmit(pair, {}, BuildIpFrame({.udp = true, .payload = 100u + pair}).bytes);
  }
  for (uint16_t pair = 0; pair < 4; ++pair) {
    Burst burst;
    backend_->Receive(pair % 2, burst);
    ASSERT_EQ(burst.count, 1);
    EXPECT_EQ(burst.packets[0].length(), 142u + pair);
    Finish(pair % 2);
  }
}

TEST_F(VhostGuestTest, ABusyPairDoesNotStarveAnother) {
  CreateConnected(1);
  guest_.Start(kSends | kTakes | kVirtioNetMq, 2);
  for (int i = 0; i < 100; ++i) guest_.Transmit(0, {}, BuildIpFrame({.udp = true}).bytes);
  guest_.Transmit(1, {}, BuildIpFrame({.udp = true, .payload = 7}).bytes);
  bool seen = false;
  for (int round = 0; round < 2; ++round) {
    Burst burst;
    backend_->Receive(0, burst);
    for (const Packet& packet : burst.view()) seen |= packet.length() == 49;
    Finish(0);
  }
  EXPECT_TRUE(seen);
}

TEST_F(VhostGuestTest, SendsToThePairsThatAreEnabled) {
  CreateConnected(2);
  guest_.Start(kTakes | kVirtioNetMq, 2, /*enabled=*/1);
  for (uint16_t pair : {0, 1}) guest_.PostBuffers(pair, 8);
  EXPECT_EQ(Send(MakeFrame(60), 1).accepted, 1);
  EXPECT_EQ(guest_.TakeReceived(0).size(), 1u);
  guest_.EnablePair(1, true);
  EXPECT_EQ(Send(MakeFrame(60), 1).accepted, 1);
  EXPECT_EQ(guest_.TakeReceived(0).size(), 0u);
  EXPECT_EQ(guest_.TakeReceived(1).size(), 1u);
  guest_.EnablePair(1, false);
  EXPECT_EQ(Send(MakeFrame(60), 1).accepted, 1);
  EXPECT_EQ(guest_.TakeReceived(0).size(), 1u);
  guest_.EnablePair(0, false);
  EXPECT_EQ(Send(MakeFrame(60), 0).reason, DropReason::kBackendDown);
}

// A worker that sends back what it receives, until told to stop.
class Echo {
 public:
  Echo(Rcu& rcu, std::atomic<Backend*>& backend)
      : thread_([this, &rcu, &backend] {
          rcu.Online(0);
          while (!stop_.load()) {
            if (Backend* current = backend.load(std::memory_order_acquire)) Round(*current);
            rcu.Quiescent(0);
          }
          rcu.Offline(0);
        }) {}
  ~Echo() {
    stop_.store(true);
    thread_.join();
  }

 private:
  static void Round(Backend& backend) {
    Burst burst;
    backend.Receive(0, burst);
    if (burst.count == 0) return;
    const SendResult result = backend.Send(0, burst);
    PacketBuffer::Free(burst.view().subspan(result.accepted));
    backend.Finish(0);
    Notifications::Ours().Settle();
  }

  std::atomic<bool> stop_{false};
  std::thread thread_;
};

TEST_F(VhostGuestTest, RingsGoAndComeUnderTraffic) {
  CreateConnected();
  std::atomic<Backend*> published{backend_.get()};
  const Echo worker(rcu_, published);
  const IpFrame frame = BuildIpFrame({.payload = 9000});
  const VnetHeader header = HeaderOf(frame.GsoRequest(1000), frame.payload);
  size_t echoed = 0;
  for (int i = 0; i < 50; ++i) {
    guest_.Start(kSends | (i % 2 == 0 ? kTakes : kVirtioNetMrgRxbuf));
    guest_.PostBuffers(0, 250);
    for (int j = 0; j < 100; ++j) guest_.Transmit(0, header, frame.bytes);
    // In the middle of it.
    ASSERT_TRUE(Eventually([&] { return guest_.TransmitsDone(0) >= i % 64; }));
    guest_.Stop();
    echoed += guest_.TakeReceived(0).size();
  }
  EXPECT_GT(echoed, 0u);
}

TEST_F(VhostGuestTest, IsDestroyedUnderAGuestThatSends) {
  std::atomic<Backend*> published{nullptr};
  const Echo worker(rcu_, published);
  for (int i = 0; i < 10; ++i) {
    guest_.Listen(path_);
    Create();
    guest_.Accept();
    published = backend_.get();
    guest_.Start(kSends | kTakes);
    guest_.PostBuffers(0, 200);
    for (int j = 0; j < 100; ++j) guest_.Transmit(0, {}, BuildIpFrame({.udp = true}).bytes);
    ASSERT_TRUE(Eventually([&] { return guest_.TransmitsDone(0) > 0; }));
    published = nullptr;
    rcu_.Synchronize();
    backend_.reset();
    guest_.Disconnect();
    std::filesystem::remove(path_);
  }
}

TEST_F(VhostGuestTest, DiesInTheMiddleOfABurst) {
  Create(1, /*client=*/false);
  std::atomic<Backend*> published{backend_.get()};
  const Echo worker(rcu_, published);
  for (int i = 0; i < 10; ++i) {
    guest_.Connect(path_);
    guest_.Start(kSends | kTakes);
    guest_.PostBuffers(0, 200);
    for (int j = 0; j < 120; ++j) guest_.Transmit(0, {}, BuildIpFrame({.udp = true}).bytes);
    ASSERT_TRUE(Eventually([&] { return guest_.TransmitsDone(0) > 0; }));
    guest_.Disconnect();
    ASSERT_TRUE(Eventually([&] { return !Connected(); }));
  }
}

}  // namespace
}  // namespace vswitch
