// SPDX-License-Identifier: BSD-3-Clause
// An L3 ipvlan, its lower device and the wire behind that, seen from the control thread.
#ifndef VSWITCH_TESTS_SUPPORT_OUTBOUND_FIXTURE_H_
#define VSWITCH_TESTS_SUPPORT_OUTBOUND_FIXTURE_H_

#include <linux/if_link.h>
#include <netinet/in.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/host_frame.h"
#include "control/ipvlan_key.h"
#include "control/ipvlan_master.h"
#include "control/outbound.h"
#include "tests/support/address_fixture.h"
#include "tests/support/frames.h"
#include "tests/support/ip_frames.h"

namespace vswitch {

using Verdict = DstEntry::Verdict;

inline constexpr MacAddress kPhyMac{2, 0, 0, 0, 0, 0xaa}, kOutside{2, 0, 0, 0, 0, 0x77};

inline IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

// m0 with 10.0.0.1/24 and fd00::1/64 and the L3 slave i0 on it; what m0 sends comes out at m1,
// behind which `wire_` is.
class OutboundTest : public AddressTest {
 protected:
  OutboundTest() : AddressTest(TestPool()) {}

  void SetUp() override {
    AddVeth("m0", "m1");
    Get("m0").address = kPhyMac;
    SetUp("m0");
    SetUp("m1");
    dataplane_.Publish(Get("m1").id, Get("m1").kind->make_netdev(Get("m1")));
    dataplane_.Attach(Get("m1").id, std::make_unique<FakeBackend>(wire_));
    RequestBuilder request(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE);
    request.Str(IFLA_IFNAME, "i0").U32(IFLA_LINK, static_cast<uint32_t>(Get("m0").ifindex));
    ASSERT_EQ(Ask(request.Kind("ipvlan")).error, 0);
    SetUp("i0");
    ASSERT_EQ(Add({.device = "m0", .local = "10.0.0.1/24"}), 0);
    ASSERT_EQ(Add({.device = "m0", .local = "fd00::1/64", .flags = IFA_F_NODAD}), 0);
    Settle();
    wire_.sent.clear();
  }
  using AddressTest::SetUp;
  void TearDown() override { rtnl_.Commit(); }

  IpvlanPort& Port() { return *Get("i0").ipvlan->master->port(); }

  static std::vector<uint8_t> Packet4(const char* source, const char* destination,
                                      uint8_t tos = 0) {
    std::vector<uint8_t> frame(14 + 28);
    frame[12] = 8;
    frame[14] = 0x45;
    frame[15] = tos;
    frame[17] = 28;
    frame[23] = IPPROTO_UDP;
    std::copy_n(Ip(source).bytes.begin(), 4, frame.begin() + 26);
    std::copy_n(Ip(destination).bytes.begin(), 4, frame.begin() + 30);
    return frame;
  }
  static std::vector<uint8_t> Packet6(const char* source, const char* destination) {
    std::vector<uint8_t> frame(14 + 48);
    frame[12] = 0x86;
    frame[13] = 0xdd;
    frame[14] = 0x60;
    frame[19] = 8;
    frame[20] = IPPROTO_UDP;
    std::copy_n(Ip(source).bytes.begin(), 16, frame.begin() + 22);
    std::copy_n(Ip(destination).bytes.begin(), 16, frame.begin() + 38);
    return frame;
  }

  // As a worker does with what it knows no way for.
  void Post(const std::vector<uint8_t>& frame) {
    const Packet packet = ToPacket(frame);
    ASSERT_EQ(dataplane_.host().PostOutbound({Get("i0").id, Get("m0").id}, {&packet, 1}), 1);
    Settle();
  }
  void Settle() {
    rtnl_.RunTimers();
    dataplane_.workers()[0]->RunOnce();
    rtnl_.RunTimers();
    dataplane_.workers()[0]->RunOnce();
  }
  std::vector<SentFrame> Sent() { return std::exchange(wire_.sent, {}); }

  void Neighbour(const char* address, const MacAddress& mac, uint16_t state = NUD_PERMANENT) {
    Router& router = rtnl_.router();
    NeighTable& table = *router.TablesOf(ns()).Neighbours(Ip(address).family);
    auto neighbour = table.Create(Get("m0"), Ip(address), 0, false, now_);
    ASSERT_TRUE(neighbour.ok());
    ASSERT_TRUE(table
                    .Update(**neighbour, &mac, static_cast<uint8_t>(state),
                            kNeighOverride | kNeighAdmin, 0, now_)
                    .ok());
  }
  // What `ip route` says, of the family of `gateway` or `to`.
  struct RouteSpec {
    const char* gateway = nullptr;
    const char* to = nullptr;    // "192.0.2.0/24"; null: all
    const char* from = nullptr;  // IPv6
    uint16_t request = RTM_NEWROUTE;
    uint8_t type = RTN_UNICAST;
    uint8_t tos = 0;
    uint32_t flags = 0;  // RTNH_F_*
  };
  static IpPrefix Prefix(const std::string& text) {
    const size_t slash = text.find('/');
    return {Ip(text.substr(0, slash).c_str()),
            static_cast<uint8_t>(std::stoi(text.substr(slash + 1)))};
  }
  void ChangeRoute(const RouteSpec& spec) {
    const bool create = spec.request == RTM_NEWROUTE;
    const IpPrefix to = spec.to == nullptr ? IpPrefix{} : Prefix(spec.to);
    const IpPrefix from = spec.from == nullptr ? IpPrefix{} : Prefix(spec.from);
    const IpAddress gateway = spec.gateway == nullptr ? IpAddress{} : Ip(spec.gateway);
    const uint8_t family = spec.to == nullptr ? gateway.family : to.address.family;
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(spec.request, NLM_F_REQUEST | NLM_F_ACK | (create ? NLM_F_CREATE : 0), 1, 0);
    writer.PutStruct(rtmsg{.rtm_family = family,
                           .rtm_dst_len = to.length,
                           .rtm_src_len = from.length,
                           .rtm_tos = spec.tos,
                           .rtm_table = RT_TABLE_MAIN,
                           .rtm_protocol = RTPROT_STATIC,
                           .rtm_type = spec.type,
                           .rtm_flags = spec.flags});
    if (spec.to != nullptr) writer.PutBytes(RTA_DST, to.address.AsBytes());
    if (spec.from != nullptr) writer.PutBytes(RTA_SRC, from.address.AsBytes());
    if (spec.type == RTN_UNICAST) writer.PutS32(RTA_OIF, Get("m0").ifindex);
    if (spec.gateway != nullptr && gateway.family == family) {
      writer.PutBytes(RTA_GATEWAY, gateway.AsBytes());
    } else if (spec.gateway != nullptr) {
      std::vector<uint8_t> via = {AF_INET6, 0};
      via.insert(via.end(), gateway.bytes.begin(), gateway.bytes.end());
      writer.PutBytes(RTA_VIA, via);
    }
    writer.End();
    ASSERT_EQ(Ask(datagram).error, 0);
  }
  void Route(const char* gateway, uint16_t request = RTM_NEWROUTE) {
    ChangeRoute({.gateway = gateway, .request = request});
  }

  DstEntry Known(const char* destination) {
    const AddressKey key = KeyOf(Ip(destination));
    DstEntry entry;
    Port().next_hops().Find({&key, 1}, {&entry, 1});
    return entry;
  }

  FarEnd wire_;
};

inline MacAddress Destination(const SentFrame& frame) {
  MacAddress mac;
  std::copy_n(frame.bytes.begin(), mac.size(), mac.begin());
  return mac;
}

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_OUTBOUND_FIXTURE_H_
