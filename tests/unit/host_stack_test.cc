// SPDX-License-Identifier: BSD-3-Clause
// The host stack as tables: a frame in, the frames out, what became of the neighbours.
#include "control/host_stack.h"

#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/registry.h"

namespace vswitch {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// 02:00:00:00:00:XX is called by its last byte; so are multicast addresses and zero.
constexpr MacAddress Mac(uint8_t last) { return {2, 0, 0, 0, 0, last}; }
constexpr MacAddress kOurs = Mac(0xa1), kTheirs = Mac(0xb2), kOther = Mac(0xc3), kNoMac{};

std::string MacText(const MacAddress& mac) {
  if (mac == kBroadcastMac) return "all";
  if (mac == kNoMac) return "0";
  if (mac == Mac(mac[5])) return absl::StrFormat("%02x", mac[5]);
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
                         mac[5]);
}

IpAddress Ip(const std::string& text) {
  return text.empty() ? IpAddress{} : IpAddress::Parse(text).value();
}

std::string OptionText(const char* name, const std::optional<MacAddress>& mac) {
  return mac.has_value() ? absl::StrCat(" ", name, "=", MacText(*mac)) : "";
}

std::string NdText(Bytes message) {
  const std::optional<NdMessage> nd = ReadNd(message);
  if (!nd.has_value()) return "nd unreadable";
  return absl::StrCat(nd->advertisement ? "na " : "ns ", nd->target.ToString(),
                      nd->router ? " R" : "", nd->solicited ? " S" : "", nd->override ? " O" : "",
                      OptionText("source", nd->source_mac), OptionText("target", nd->target_mac),
                      nd->nonce.has_value() ? " nonce" : "");
}

std::string IcmpText(const IpPacket& packet) {
  const uint8_t type = packet.payload[0];
  if (type == ND_NEIGHBOR_SOLICIT || type == ND_NEIGHBOR_ADVERT) return NdText(packet.payload);
  return absl::StrCat("icmp ", type, " ",
                      std::string(packet.payload.begin() + 8, packet.payload.end()));
}

// "b2>a1 10.0.0.2>10.0.0.1 ttl=64 icmp 8 text", "b2>all arp ask 10.0.0.2/b2>10.0.0.1/0"
std::string Describe(Bytes bytes) {
  const std::optional<EthernetFrame> frame = ReadEthernet(bytes);
  if (!frame.has_value()) return "runt";
  const std::string macs =
      absl::StrCat(MacText(frame->source), ">", MacText(frame->destination), " ");
  if (const auto arp = ReadArp(frame->payload); frame->ethertype == 0x0806 && arp.has_value()) {
    return absl::StrCat(macs, "arp ", arp->reply ? "tell " : "ask ", arp->sender.ToString(), "/",
                        MacText(arp->sender_mac), ">", arp->target.ToString(), "/",
                        MacText(arp->target_mac));
  }
  const std::optional<IpPacket> packet =
      frame->ethertype == 0x86dd ? ReadIpv6(frame->payload) : ReadIpv4(frame->payload);
  if (!packet.has_value()) return macs + "unreadable";
  return absl::StrCat(
      macs, packet->source.ToString(), ">", packet->destination.ToString(),
      packet->hop_limit == 64 ? "" : absl::StrCat(" ttl=", packet->hop_limit),
      packet->traffic_class == 0 ? "" : absl::StrCat(" tos=", packet->traffic_class), " ",
      IcmpText(*packet), IsIcmpChecksumValid(*packet) ? "" : " bad checksum");
}

std::string StateName(uint8_t state) {
  switch (state) {
    case NUD_INCOMPLETE:
      return "INCOMPLETE";
    case NUD_REACHABLE:
      return "REACHABLE";
    case NUD_STALE:
      return "STALE";
    case NUD_DELAY:
      return "DELAY";
    case NUD_PROBE:
      return "PROBE";
    case NUD_FAILED:
      return "FAILED";
    default:
      return absl::StrCat(state);
  }
}

// One device with 10.0.0.1/24, fd00::1/64 and fe80::a1, on which fd00::7 is tentative; a gateway
// to 192.0.2.0/24.
class World : public HostContext, private NeighAnnouncer {
 public:
  World() {
    device_.ns = &ns_;
    device_.ifindex = 2;
    device_.name = "a";
    device_.id = {7, 1};
    device_.flags = IFF_BROADCAST | IFF_MULTICAST | IFF_UP;
    device_.address = kOurs;
    device_.inet = std::make_unique<InetDevice>();
    for (const char* address : {"10.0.0.1", "fd00::1", "fe80::a1"}) Add(address);
    Add("fd00::7", IFA_F_TENTATIVE);
    arp_.set_resolver(&stack_);
    nd_.set_resolver(&stack_);
  }

  void Receive(const Frame& frame, bool checksum_pending = false) {
    stack_.Receive(device_, frame, checksum_pending, now_);
  }
  void Overhear(const Frame& frame) { stack_.Overhear(device_, frame, now_); }
  std::string Sent() { return absl::StrJoin(std::exchange(sent_, {}), "\n"); }
  std::string Neighbours() const {
    std::vector<std::string> lines;
    for (const NeighTable* table : {&arp_, &nd_}) {
      std::optional<NeighTable::Key> key;
      while (const Neighbour* neighbour = table->After(key)) {
        key = NeighTable::KeyOf(*neighbour);
        lines.push_back(absl::StrCat(neighbour->address.ToString(), " ", MacText(neighbour->lladdr),
                                     " ", StateName(neighbour->state)));
      }
    }
    return absl::StrJoin(lines, "\n");
  }
  void Know(const std::string& address, const MacAddress& mac, uint8_t state) {
    NeighTable& table = Neighbours(ns_, Ip(address).family);
    Neighbour& neighbour = **table.Create(device_, Ip(address), 0, false, now_);
    EXPECT_TRUE(table.Update(neighbour, &mac, state, kNeighAdmin, 0, now_).ok());
    now_ += seconds(2);  // locktime is over
  }
  void Pass(milliseconds time) {
    now_ += time;
    arp_.Run(now_);
    nd_.Run(now_);
  }

  uint8_t TypeOf(const Namespace&, const IpAddress& address) override {
    if (address == Ip("10.0.0.1")) return RTN_LOCAL;
    if (address == Ip("10.0.0.255")) return RTN_BROADCAST;
    return address.IsMulticast() ? RTN_MULTICAST : RTN_UNICAST;
  }
  bool IsLocal(const Device& device, const IpAddress& address) override {
    return stack_.addresses().Find(device, address) == HostAddresses::State::kOurs;
  }
  std::optional<HostRoute> RouteTo(const Namespace&, const IpAddress&, const IpAddress& destination,
                                   const Device*) override {
    for (const char* link : {"10.0.0.0", "fd00::", "fe80::"}) {
      const uint8_t length = Ip(link).family == AF_INET ? 24 : 64;
      if (IpPrefix{Ip(link), length}.Contains(destination)) {
        return HostRoute{&device_, destination};
      }
    }
    if (!IpPrefix{Ip("192.0.2.0"), 24}.Contains(destination)) return std::nullopt;
    return HostRoute{&device_, Ip("10.0.0.254")};
  }
  std::optional<IpAddress> SourceFor(const Device&, const IpAddress& destination) override {
    if (destination.family == AF_INET) return Ip("10.0.0.1");
    return Ip(destination.IsLinkLocal() ? "fe80::a1" : "fd00::1");
  }
  NeighTable& Neighbours(const Namespace&, uint8_t family) override {
    return family == AF_INET ? arp_ : nd_;
  }
  void OnDuplicate(Device&, const IpAddress& address) override {
    sent_.push_back("duplicate " + address.ToString());
  }
  void Transmit(const Device& device, Bytes frame, const Offload&) override {
    EXPECT_EQ(&device, &device_);
    frames_.emplace_back(frame.begin(), frame.end());
    sent_.push_back(Describe(frame));
  }

  Namespace ns_{1};
  Device device_;
  MonotonicTime now_{seconds(1000)};
  std::vector<std::string> sent_;
  std::vector<Frame> frames_;
  NeighTable arp_{AF_INET, *this}, nd_{AF_INET6, *this};
  HostStack stack_{*this};

 private:
  void Add(const char* text, uint32_t flags = 0) {
    InetAddress address;
    address.local = address.peer = Ip(text);
    address.flags = flags;
    std::vector<InetAddress>& list = device_.inet->Of(address.family());
    list.insert(flags == 0 ? list.end() : list.begin(), address);
    stack_.addresses().Add(device_, address);
  }
  void Announce(const Neighbour&, uint16_t, uint32_t) override {}
  uint8_t TypeOf(const Device&, const IpAddress& address) override {
    return address.IsMulticast() ? RTN_MULTICAST : RTN_UNICAST;
  }
};

Frame Arp(bool reply, const char* sender, const MacAddress& sender_mac, const char* target,
          const MacAddress& to = kBroadcastMac, const MacAddress& target_mac = kNoMac) {
  return WriteArp({reply, sender_mac, target_mac, Ip(sender), Ip(target)}, to);
}
Frame Ask(const char* sender, const char* target) { return Arp(false, sender, kTheirs, target); }
Frame Tell(const char* sender, const MacAddress& mac, const char* target = "10.0.0.1") {
  return Arp(true, sender, mac, target, kOurs, kOurs);
}

// With another byte at `offset`.
Frame With(Frame frame, size_t offset, uint8_t value) {
  frame.at(offset) = value;
  return frame;
}
Frame Cut(Frame frame, size_t size) {
  frame.resize(size);
  return frame;
}

Frame Packet(const char* source, const char* destination, std::vector<uint8_t> message,
             uint8_t hop_limit = 64, const MacAddress& to = kOurs, uint8_t tos = 0) {
  const bool v6 = Ip(source).family == AF_INET6;
  const IpPacket packet{Ip(source),
                        Ip(destination),
                        tos,
                        hop_limit,
                        v6 ? uint8_t{IPPROTO_ICMPV6} : uint8_t{IPPROTO_ICMP},
                        message};
  Frame frame = WriteIcmp(packet);
  SetMacs(frame, to, kTheirs);
  return frame;
}

std::vector<uint8_t> EchoMessage(bool v6, const std::string& text = "text") {
  std::vector<uint8_t> message = {static_cast<uint8_t>(v6 ? 128 : 8), 0, 0, 0, 0x12, 0x34, 0, 1};
  message.resize(8 + text.size());
  std::copy(text.begin(), text.end(), message.begin() + 8);
  return message;
}
Frame Ping(const char* source, const char* destination, const MacAddress& to = kOurs) {
  return Packet(source, destination, EchoMessage(Ip(source).family == AF_INET6), 64, to);
}

// IPv4 header checksums follow what a row changes in the header.
Frame WithHeader(Frame frame, size_t offset, uint8_t value) {
  frame.at(14 + offset) = value;
  frame[24] = frame[25] = 0;
  uint32_t sum = 0;
  for (size_t i = 14; i < 34; i += 2) sum += uint32_t{frame[i]} << 8 | frame[i + 1];
  sum = (sum & 0xffff) + (sum >> 16);
  sum = ~((sum & 0xffff) + (sum >> 16));
  frame[24] = static_cast<uint8_t>(sum >> 8);
  frame[25] = static_cast<uint8_t>(sum);
  return frame;
}

constexpr MacAddress kSolicited1 = {0x33, 0x33, 0xff, 0, 0, 1};
constexpr MacAddress kSolicited7 = {0x33, 0x33, 0xff, 0, 0, 7};
constexpr MacAddress kAllNodesMac = {0x33, 0x33, 0, 0, 0, 1};
constexpr std::array<uint8_t, 6> kNonce = {1, 2, 3, 4, 5, 6};

Frame Solicit(const char* source, const char* destination, const char* target, const MacAddress& to,
              std::optional<MacAddress> source_mac = kTheirs) {
  return Packet(source, destination, WriteNd({.target = Ip(target), .source_mac = source_mac}), 255,
                to);
}

Frame Advert(const char* target, NdMessage message, const char* destination = "fd00::1",
             const MacAddress& to = kOurs) {
  message.advertisement = true;
  message.target = Ip(target);
  return Packet("fd00::2", destination, WriteNd(message), 255, to);
}

// An extension header of 8 bytes before the ICMPv6 message.
Frame WithExtension(uint8_t type, std::array<uint8_t, 7> rest) {
  Frame frame = Ping("fd00::2", "fd00::1");
  frame[20] = type;
  frame[19] = static_cast<uint8_t>(frame[19] + 8);
  frame.insert(frame.begin() + 54, rest.begin(), rest.end());
  frame.insert(frame.begin() + 54, IPPROTO_ICMPV6);
  return frame;
}

struct Row {
  const char* name;
  Frame in;
  const char* out;         // a line a frame
  const char* neighbours;  // a line an entry
  std::function<void(World&)> before = [](World&) {};
};

class HostStackTable : public testing::TestWithParam<Row> {};

TEST_P(HostStackTable, FrameInFramesOut) {
  const Row& row = GetParam();
  World world;
  row.before(world);
  world.sent_.clear();
  world.Receive(row.in);
  EXPECT_EQ(world.Sent(), row.out);
  EXPECT_EQ(world.Neighbours(), row.neighbours);
}

std::string RowName(const testing::TestParamInfo<Row>& info) { return info.param.name; }

const char kToldThem[] = "a1>b2 arp tell 10.0.0.1/a1>10.0.0.2/b2";

void KnowStale(World& world) { world.Know("10.0.0.2", kOther, NUD_STALE); }
void KnowReachable(World& world) { world.Know("10.0.0.2", kOther, NUD_REACHABLE); }
void SetDown(World& world) { world.device_.flags &= ~uint32_t{IFF_UP}; }
void SetNoArp(World& world) { world.device_.flags |= IFF_NOARP; }
// A packet of ours waits for it.
void AskFor(World& world) { world.Receive(Ping("10.0.0.2", "10.0.0.1")); }

INSTANTIATE_TEST_SUITE_P(
    Arp, HostStackTable,
    testing::Values(
        Row{"request_for_ours", Ask("10.0.0.2", "10.0.0.1"), kToldThem, "10.0.0.2 b2 STALE"},
        Row{"unicast_request", Arp(false, "10.0.0.2", kTheirs, "10.0.0.1", kOurs), kToldThem,
            "10.0.0.2 b2 STALE"},
        Row{"request_with_trailer", Cut(Ask("10.0.0.2", "10.0.0.1"), 60), kToldThem,
            "10.0.0.2 b2 STALE"},
        Row{"request_to_another_host", Arp(false, "10.0.0.2", kTheirs, "10.0.0.1", kOther), "", ""},
        Row{"request_for_others", Ask("10.0.0.2", "10.0.0.3"), "", ""},
        Row{"request_updates", Ask("10.0.0.2", "10.0.0.1"), kToldThem, "10.0.0.2 b2 STALE",
            KnowReachable},
        Row{"overheard_request_updates", Ask("10.0.0.2", "10.0.0.9"), "", "10.0.0.2 b2 STALE",
            KnowReachable},
        Row{"probe", Ask("0.0.0.0", "10.0.0.1"), "a1>b2 arp tell 10.0.0.1/a1>0.0.0.0/b2", ""},
        Row{"probe_for_others", Ask("0.0.0.0", "10.0.0.2"), "", ""},
        Row{"probe_as_reply", Arp(true, "0.0.0.0", kTheirs, "10.0.0.1"), "", ""},
        Row{"from_our_own_address", Ask("10.0.0.1", "10.0.0.1"), "", ""},
        Row{"from_a_multicast_address", Ask("224.0.0.5", "10.0.0.1"), "", ""},
        Row{"from_loopback", Ask("127.0.0.1", "10.0.0.1"), "", ""},
        Row{"from_network_zero", Ask("0.0.0.2", "10.0.0.1"), "", ""},
        Row{"for_a_multicast_address", Ask("10.0.0.2", "224.0.0.1"), "", "10.0.0.2 c3 STALE",
            KnowStale},
        Row{"gratuitous_request_creates_nothing", Ask("10.0.0.2", "10.0.0.2"), "", ""},
        Row{"gratuitous_request_updates", Ask("10.0.0.2", "10.0.0.2"), "", "10.0.0.2 b2 STALE",
            KnowReachable},
        Row{"gratuitous_reply_updates",
            Arp(true, "10.0.0.2", kTheirs, "10.0.0.2", kBroadcastMac, kTheirs), "",
            "10.0.0.2 b2 STALE", KnowReachable},
        Row{"reply_creates_nothing", Tell("10.0.0.2", kTheirs), "", ""},
        Row{"reply_confirms", Tell("10.0.0.2", kTheirs), "", "10.0.0.2 b2 REACHABLE", KnowStale},
        Row{"reply_to_all_does_not_confirm", Arp(true, "10.0.0.2", kTheirs, "10.0.0.1"), "",
            "10.0.0.2 b2 STALE", KnowStale},
        Row{"second_reply_is_not_believed", Tell("10.0.0.2", kOther), "", "10.0.0.2 b2 REACHABLE",
            [](World& world) {
              KnowStale(world);
              world.Receive(Tell("10.0.0.2", kTheirs));
            }},
        Row{"reply_lets_go_what_waits", Tell("10.0.0.2", kTheirs),
            "a1>b2 10.0.0.1>10.0.0.2 icmp 0 text", "10.0.0.2 b2 REACHABLE", AskFor},
        Row{"truncated", Cut(Ask("10.0.0.2", "10.0.0.1"), 41), "", ""},
        Row{"runt", Cut(Ask("10.0.0.2", "10.0.0.1"), 13), "", ""},
        Row{"nothing_but_ethernet", Cut(Ask("10.0.0.2", "10.0.0.1"), 14), "", ""},
        Row{"hardware_type", With(Ask("10.0.0.2", "10.0.0.1"), 15, 2), "", ""},
        Row{"hardware_type_802", With(Ask("10.0.0.2", "10.0.0.1"), 15, 6), kToldThem,
            "10.0.0.2 b2 STALE"},
        Row{"protocol_type", With(Ask("10.0.0.2", "10.0.0.1"), 17, 1), "", ""},
        Row{"hardware_length", With(Ask("10.0.0.2", "10.0.0.1"), 18, 8), "", ""},
        Row{"protocol_length", With(Ask("10.0.0.2", "10.0.0.1"), 19, 16), "", ""},
        Row{"reverse_arp", With(Ask("10.0.0.2", "10.0.0.1"), 21, 3), "", ""},
        Row{"device_down", Ask("10.0.0.2", "10.0.0.1"), "", "", SetDown},
        Row{"device_without_arp", Ask("10.0.0.2", "10.0.0.1"), "", "", SetNoArp}),
    RowName);

const char kEchoed[] = "a1>b2 10.0.0.1>10.0.0.2 icmp 0 text";
const char kAskedFirst[] = "a1>all arp ask 10.0.0.1/a1>10.0.0.2/0";

void Know2(World& world) { world.Know("10.0.0.2", kTheirs, NUD_REACHABLE); }
void KnowGateway(World& world) { world.Know("10.0.0.254", kOther, NUD_REACHABLE); }

INSTANTIATE_TEST_SUITE_P(
    Icmp, HostStackTable,
    testing::Values(
        Row{"echo", Ping("10.0.0.2", "10.0.0.1"), kEchoed, "10.0.0.2 b2 REACHABLE", Know2},
        Row{"echo_to_a_stale_neighbour", Ping("10.0.0.2", "10.0.0.1"),
            "a1>c3 10.0.0.1>10.0.0.2 icmp 0 text", "10.0.0.2 c3 DELAY", KnowStale},
        Row{"echo_to_an_unknown_neighbour", Ping("10.0.0.2", "10.0.0.1"), kAskedFirst,
            "10.0.0.2 0 INCOMPLETE"},
        Row{"echo_through_a_gateway", Ping("192.0.2.9", "10.0.0.1"),
            "a1>c3 10.0.0.1>192.0.2.9 icmp 0 text", "10.0.0.254 c3 REACHABLE", KnowGateway},
        Row{"echo_without_route", Ping("198.51.100.1", "10.0.0.1"), "", ""},
        Row{"type_of_service_comes_back",
            Packet("10.0.0.2", "10.0.0.1", EchoMessage(false), 64, kOurs, 0xb8),
            "a1>b2 10.0.0.1>10.0.0.2 tos=184 icmp 0 text", "10.0.0.2 b2 REACHABLE", Know2},
        Row{"hop_limit_one", Packet("10.0.0.2", "10.0.0.1", EchoMessage(false), 1), kEchoed,
            "10.0.0.2 b2 REACHABLE", Know2},
        Row{"trailing_bytes_are_not_echoed", Cut(Ping("10.0.0.2", "10.0.0.1"), 60), kEchoed,
            "10.0.0.2 b2 REACHABLE", Know2},
        Row{"echo_to_broadcast", Ping("10.0.0.2", "10.0.0.255", kBroadcastMac), "", ""},
        Row{"echo_to_all", Ping("10.0.0.2", "255.255.255.255", kBroadcastMac), "", ""},
        Row{"echo_to_all_hosts", Ping("10.0.0.2", "224.0.0.1"), "", ""},
        Row{"echo_to_others", Ping("10.0.0.2", "10.0.0.3"), "", ""},
        Row{"echo_to_another_mac", Ping("10.0.0.2", "10.0.0.1", kOther), "", ""},
        Row{"echo_from_ourselves", Ping("10.0.0.1", "10.0.0.1"), "", ""},
        Row{"echo_from_broadcast", Ping("255.255.255.255", "10.0.0.1"), "", ""},
        Row{"echo_from_multicast", Ping("224.0.0.9", "10.0.0.1"), "", ""},
        Row{"echo_from_loopback", Ping("127.0.0.1", "10.0.0.1"), "", ""},
        Row{"echo_reply", With(Ping("10.0.0.2", "10.0.0.1"), 34, 0), "", ""},
        Row{"bad_message_checksum", With(Ping("10.0.0.2", "10.0.0.1"), 45, 'x'), "", ""},
        Row{"bad_header_checksum", With(Ping("10.0.0.2", "10.0.0.1"), 22, 9), "", ""},
        Row{"version_5", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 0, 0x55), "", ""},
        Row{"header_too_short", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 0, 0x44), "", ""},
        Row{"header_beyond_the_end", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 0, 0x4f), "", ""},
        Row{"total_length_beyond_the_end", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 3, 33), "", ""},
        Row{"total_length_below_header", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 3, 19), "", ""},
        Row{"message_without_header", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 3, 27), "", ""},
        Row{"first_fragment", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 6, 0x20), "", ""},
        Row{"last_fragment", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 7, 1), "", ""},
        Row{"do_not_fragment", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 6, 0x40), kEchoed,
            "10.0.0.2 b2 REACHABLE", Know2},
        Row{"another_protocol", WithHeader(Ping("10.0.0.2", "10.0.0.1"), 9, 17), "", ""},
        Row{"truncated_header", Cut(Ping("10.0.0.2", "10.0.0.1"), 33), "", ""},
        Row{"no_ip_at_all", Cut(Ping("10.0.0.2", "10.0.0.1"), 14), "", ""},
        Row{"device_is_down", Ping("10.0.0.2", "10.0.0.1"), "", "", SetDown}),
    RowName);

const char kAdvertised[] = "a1>b2 fd00::1>fd00::2 ttl=255 na fd00::1 S O target=a1";
const char kProbed[] = "a1>33:33:00:00:00:01 fd00::1>ff02::1 ttl=255 na fd00::1 O target=a1";
const char kEchoed6[] = "a1>b2 fd00::1>fd00::2 icmp 129 text";

void KnowStale6(World& world) { world.Know("fd00::2", kOther, NUD_STALE); }
void KnowReachable6(World& world) { world.Know("fd00::2", kOther, NUD_REACHABLE); }
void Know26(World& world) { world.Know("fd00::2", kTheirs, NUD_REACHABLE); }
void AskFor6(World& world) { world.Receive(Ping("fd00::2", "fd00::1")); }
void SetMtu1000(World& world) { world.device_.mtu = world.device_.ip_mtu = 1000; }

INSTANTIATE_TEST_SUITE_P(
    Solicitation, HostStackTable,
    testing::Values(
        Row{"for_ours", Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), kAdvertised,
            "fd00::2 b2 DELAY"},
        Row{"for_our_link_local_address",
            Solicit("fe80::2", "ff02::1:ff00:a1", "fe80::a1", {0x33, 0x33, 0xff, 0, 0, 0xa1}),
            "a1>b2 fe80::a1>fe80::2 ttl=255 na fe80::a1 S O target=a1", "fe80::2 b2 DELAY"},
        Row{"unicast", Solicit("fd00::2", "fd00::1", "fd00::1", kOurs, std::nullopt),
            "a1>c3 fd00::1>fd00::2 ttl=255 na fd00::1 S", "fd00::2 c3 DELAY", KnowStale6},
        Row{"unicast_from_a_stranger",
            Solicit("fd00::2", "fd00::1", "fd00::1", kOurs, std::nullopt),
            "a1>33:33:ff:00:00:02 fd00::1>ff02::1:ff00:2 ttl=255 ns fd00::2 source=a1",
            "fd00::2 0 INCOMPLETE"},
        Row{"multicast_without_source",
            Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1, std::nullopt), "", ""},
        Row{"probe_for_ours", Solicit("::", "ff02::1:ff00:1", "fd00::1", kSolicited1, std::nullopt),
            kProbed, ""},
        Row{"probe_with_source", Solicit("::", "ff02::1:ff00:1", "fd00::1", kSolicited1), "", ""},
        Row{"probe_to_all_nodes", Solicit("::", "ff02::1", "fd00::1", kAllNodesMac, std::nullopt),
            "", ""},
        Row{"probe_for_what_we_probe",
            Solicit("::", "ff02::1:ff00:7", "fd00::7", kSolicited7, std::nullopt),
            "duplicate fd00::7", ""},
        Row{"probe_with_another_nonce",
            Packet("::", "ff02::1:ff00:7", WriteNd({.target = Ip("fd00::7"), .nonce = kNonce}), 255,
                   kSolicited7),
            "duplicate fd00::7", ""},
        Row{"for_what_we_probe", Solicit("fd00::2", "ff02::1:ff00:7", "fd00::7", kSolicited7), "",
            ""},
        Row{"for_others", Solicit("fd00::2", "ff02::1:ff00:1", "fd00::5:1", kSolicited1), "", ""},
        Row{"for_a_group", Solicit("fd00::2", "ff02::1:ff00:1", "ff02::1", kSolicited1), "", ""},
        Row{"updates", Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), kAdvertised,
            "fd00::2 b2 DELAY", KnowReachable6},
        Row{"forwarded",
            Packet("fd00::2", "ff02::1:ff00:1",
                   WriteNd({.target = Ip("fd00::1"), .source_mac = kTheirs}), 254, kSolicited1),
            "", ""},
        Row{"code", With(Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), 55, 1), "",
            ""},
        Row{"option_of_length_zero",
            With(Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), 79, 0), "", ""},
        Row{"option_beyond_the_end",
            With(Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), 79, 2), "", ""},
        Row{"truncated_message",
            Packet("fd00::2", "ff02::1:ff00:1",
                   std::vector<uint8_t>{ND_NEIGHBOR_SOLICIT, 0, 0, 0, 0, 0, 0, 0, 0xfd}, 255,
                   kSolicited1),
            "", ""},
        Row{"of_a_device_without_ipv6",
            Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1), "", "", SetMtu1000}),
    RowName);

INSTANTIATE_TEST_SUITE_P(
    Advertisement, HostStackTable,
    testing::Values(
        Row{"creates_nothing", Advert("fd00::2", {.solicited = true, .target_mac = kTheirs}), "",
            ""},
        Row{"lets_go_what_waits",
            Advert("fd00::2", {.solicited = true, .override = true, .target_mac = kTheirs}),
            kEchoed6, "fd00::2 b2 REACHABLE", AskFor6},
        Row{"confirms", Advert("fd00::2", {.solicited = true, .target_mac = kOther}), "",
            "fd00::2 c3 REACHABLE", KnowStale6},
        Row{"without_address_confirms", Advert("fd00::2", {.solicited = true}), "",
            "fd00::2 c3 REACHABLE", KnowStale6},
        Row{"overrides",
            Advert("fd00::2", {.solicited = true, .override = true, .target_mac = kTheirs}), "",
            "fd00::2 b2 REACHABLE", KnowReachable6},
        Row{"without_override_makes_stale",
            Advert("fd00::2", {.solicited = true, .target_mac = kTheirs}), "", "fd00::2 c3 STALE",
            KnowReachable6},
        Row{"unsolicited_to_all",
            Advert("fd00::2", {.override = true, .target_mac = kTheirs}, "ff02::1", kAllNodesMac),
            "", "fd00::2 b2 STALE", KnowReachable6},
        Row{"solicited_to_all",
            Advert("fd00::2", {.solicited = true, .override = true, .target_mac = kTheirs},
                   "ff02::1", kAllNodesMac),
            "", "fd00::2 c3 REACHABLE", KnowReachable6},
        Row{"of_what_we_probe", Advert("fd00::7", {.target_mac = kTheirs}, "ff02::1", kAllNodesMac),
            "duplicate fd00::7", ""},
        Row{"of_ours", Advert("fd00::1", {.target_mac = kTheirs}, "ff02::1", kAllNodesMac), "", ""},
        Row{"of_a_group", Advert("ff02::9", {.target_mac = kTheirs}), "", ""}),
    RowName);

INSTANTIATE_TEST_SUITE_P(
    Icmp6, HostStackTable,
    testing::Values(
        Row{"echo", Ping("fd00::2", "fd00::1"), kEchoed6, "fd00::2 b2 REACHABLE", Know26},
        Row{"echo_to_an_unknown_neighbour", Ping("fd00::2", "fd00::1"),
            "a1>33:33:ff:00:00:02 fd00::1>ff02::1:ff00:2 ttl=255 ns fd00::2 source=a1",
            "fd00::2 0 INCOMPLETE"},
        Row{"echo_to_all_nodes", Ping("fd00::2", "ff02::1", kAllNodesMac), kEchoed6,
            "fd00::2 b2 REACHABLE", Know26},
        Row{"echo_to_another_group", Ping("fd00::2", "ff02::2", {0x33, 0x33, 0, 0, 0, 2}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"echo_to_what_we_probe", Ping("fd00::2", "fd00::7"), "", "fd00::2 b2 REACHABLE",
            Know26},
        Row{"echo_to_others", Ping("fd00::2", "fd00::9"), "", "fd00::2 b2 REACHABLE", Know26},
        Row{"echo_from_nobody", Ping("::", "fd00::1"), "", ""},
        Row{"echo_from_a_group", Ping("ff02::5", "fd00::1"), "", ""},
        Row{"echo_from_loopback", Ping("::1", "fd00::1"), "", ""},
        Row{"echo_to_loopback", Ping("fd00::2", "::1"), "", ""},
        Row{"bad_checksum", With(Ping("fd00::2", "fd00::1"), 65, 'x'), "", ""},
        Row{"version_4", With(Ping("fd00::2", "fd00::1"), 14, 0x40), "", ""},
        Row{"length_beyond_the_end", With(Ping("fd00::2", "fd00::1"), 19, 13), "", ""},
        Row{"message_without_header", With(Ping("fd00::2", "fd00::1"), 19, 7), "", ""},
        Row{"truncated_header", Cut(Ping("fd00::2", "fd00::1"), 53), "", ""},
        Row{"another_next_header", With(Ping("fd00::2", "fd00::1"), 20, 59), "", ""},
        Row{"hop_by_hop_options", WithExtension(0, {0, 5, 2, 0, 0, 1, 0}), kEchoed6,
            "fd00::2 b2 REACHABLE", Know26},
        Row{"option_to_skip", WithExtension(60, {0, 0x1e, 4, 0, 0, 0, 0}), kEchoed6,
            "fd00::2 b2 REACHABLE", Know26},
        Row{"option_to_drop", WithExtension(60, {0, 0x5e, 4, 0, 0, 0, 0}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"extension_option_beyond_the_end", WithExtension(60, {0, 0x1e, 5, 0, 0, 0, 0}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"option_without_length", WithExtension(60, {0, 0, 0, 0, 0, 0, 0x1e}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"extension_header_beyond_the_end", WithExtension(60, {9, 0, 0, 0, 0, 0, 0}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"routing_header_at_its_end", WithExtension(43, {0, 0, 0, 0, 0, 0, 0}), kEchoed6,
            "fd00::2 b2 REACHABLE", Know26},
        Row{"routing_header_that_goes_on", WithExtension(43, {0, 0, 1, 0, 0, 0, 0}), "",
            "fd00::2 b2 REACHABLE", Know26},
        Row{"fragment", WithExtension(44, {0, 0, 1, 0, 0, 0, 0}), "", "fd00::2 b2 REACHABLE",
            Know26}),
    RowName);

TEST(HostStackTest, AChecksumLeftToOthersIsNotLookedAt) {
  World world;
  Know2(world);
  world.Receive(With(Ping("10.0.0.2", "10.0.0.1"), 45, 'x'), /*checksum_pending=*/true);
  EXPECT_EQ(world.Sent(), "a1>b2 10.0.0.1>10.0.0.2 icmp 0 texx");
}

TEST(HostStackTest, AnswersThatDoNotFitAreDropped) {
  World world;
  Know2(world);
  const auto ping = [&](size_t size) {
    world.Receive(Packet("10.0.0.2", "10.0.0.1", EchoMessage(false, std::string(size, 'x'))));
    return world.Sent();
  };
  EXPECT_NE(ping(1472), "");
  EXPECT_EQ(ping(1473), "");
}

TEST(HostStackTest, AsksThreeTimesThenGivesUp) {
  World world;
  world.Receive(Ping("10.0.0.2", "10.0.0.1"));
  EXPECT_EQ(world.Sent(), kAskedFirst);
  world.Pass(milliseconds(990));
  EXPECT_EQ(world.Sent(), "");
  for (int i = 0; i < 2; ++i) {
    world.Pass(milliseconds(1010));
    EXPECT_EQ(world.Sent(), kAskedFirst);
  }
  EXPECT_EQ(world.stack_.held(), 1u);
  world.Pass(seconds(1));
  EXPECT_EQ(world.Sent(), "");
  EXPECT_EQ(world.Neighbours(), "10.0.0.2 0 FAILED");
  EXPECT_EQ(world.stack_.held(), 0u);
}

TEST(HostStackTest, AsksANeighbourThatWasSilentBeforeAskingAll) {
  World world;
  world.Know("10.0.0.2", kTheirs, NUD_STALE);
  world.Know("fd00::2", kTheirs, NUD_STALE);
  world.Receive(Ping("10.0.0.2", "10.0.0.1"));
  world.Receive(Ping("fd00::2", "fd00::1"));
  world.Sent();
  world.Pass(milliseconds(5010));
  EXPECT_EQ(world.Sent(),
            "a1>b2 arp ask 10.0.0.1/a1>10.0.0.2/0\n"
            "a1>b2 fe80::a1>fd00::2 ttl=255 ns fd00::2 source=a1");
  EXPECT_EQ(world.Neighbours(), "10.0.0.2 b2 PROBE\nfd00::2 b2 PROBE");
}

TEST(HostStackTest, AsksInTheNameOfTheLastPacketThatWaits) {
  World world;
  for (const char* source : {"fd00::1", "fd00::5"}) {
    (void)world.stack_.SendOn(world.device_, Ip("fd00::2"),
                              {.frame = Frame(60), .source = Ip(source)}, world.now_);
  }
  EXPECT_EQ(world.Sent(),
            "a1>33:33:ff:00:00:02 fd00::1>ff02::1:ff00:2 ttl=255 ns fd00::2 source=a1");
  world.Pass(milliseconds(1010));  // the second source is not ours
  EXPECT_EQ(world.Sent(),
            "a1>33:33:ff:00:00:02 fe80::a1>ff02::1:ff00:2 ttl=255 ns fd00::2 source=a1");
}

TEST(HostStackTest, LearnsWhereAnotherStackAnswers) {
  World world;
  world.Overhear(Ask("10.0.0.2", "10.0.0.1"));
  world.Overhear(Solicit("fd00::2", "ff02::1:ff00:1", "fd00::1", kSolicited1));
  world.Overhear(Ping("10.0.0.2", "10.0.0.1"));
  world.Overhear(Ping("fd00::2", "fd00::1"));
  EXPECT_EQ(world.Sent(), "");
  EXPECT_EQ(world.Neighbours(), "10.0.0.2 b2 STALE\nfd00::2 b2 STALE");
}

TEST(HostStackTest, FindsWhomItAskedForWhereAnotherStackAnswers) {
  World world;
  for (const char* address : {"10.0.0.2", "fd00::2"}) {
    (void)world.stack_.SendOn(world.device_, Ip(address), {.frame = Frame(60), .source = {}},
                              world.now_);
  }
  EXPECT_EQ(world.stack_.held(), 2u);
  world.Overhear(Tell("10.0.0.2", kTheirs));
  world.Overhear(Advert("fd00::2", {.solicited = true, .target_mac = kTheirs}));
  EXPECT_EQ(world.stack_.held(), 0u);
  EXPECT_EQ(world.Neighbours(), "10.0.0.2 b2 REACHABLE\nfd00::2 b2 REACHABLE");
}

TEST(HostStackTest, TheOldestOfTooManyWaitingPacketsGo) {
  World world;
  for (size_t i = 0; i < HostStack::kHeldPackets + 10; ++i) {
    world.Receive(
        Packet("10.0.0.2", "10.0.0.1", EchoMessage(false, absl::StrCat("number ", i, "."))));
  }
  EXPECT_EQ(world.Sent(), kAskedFirst);
  EXPECT_EQ(world.stack_.held(), HostStack::kHeldPackets);
  world.Receive(Tell("10.0.0.2", kTheirs));
  EXPECT_EQ(world.sent_.size(), HostStack::kHeldPackets);
  EXPECT_EQ(world.sent_.front(), "a1>b2 10.0.0.1>10.0.0.2 icmp 0 number 10.");
  EXPECT_EQ(world.stack_.held(), 0u);
}

TEST(HostStackTest, WaitingPacketsAreLimitedInBytes) {
  World world;
  world.device_.mtu = 65000;
  for (int i = 0; i < 10; ++i) {
    world.Receive(Packet("10.0.0.2", "10.0.0.1", EchoMessage(false, std::string(50000, 'x'))));
  }
  EXPECT_EQ(world.stack_.held(), HostStack::kHeldBytes / 50000);
}

TEST(HostStackTest, WaitingPacketsAreLimitedForAllNeighboursTogether) {
  World world;
  for (uint32_t i = 0; i < 200; ++i) {
    const std::string source = absl::StrCat("10.0.0.", 2 + i);
    for (int j = 0; j < 20; ++j) world.Receive(Ping(source.c_str(), "10.0.0.1"));
  }
  EXPECT_EQ(world.stack_.held(), HostStack::kHeldPacketsInAll);
  world.arp_.Flush(world.device_, false);
  EXPECT_EQ(world.stack_.held(), 0u);
}

TEST(HostStackTest, ProbesForDuplicates) {
  World world;
  world.stack_.ProbeDuplicate(world.device_, Ip("fd00::7"));
  EXPECT_EQ(world.Sent(), "a1>33:33:ff:00:00:07 ::>ff02::1:ff00:7 ttl=255 ns fd00::7 nonce");
  // Our own question, sent back by a loop, is nobody else's.
  world.Receive(world.frames_.back());
  EXPECT_EQ(world.Sent(), "");
}

std::string Hex(Bytes bytes) {
  std::string text;
  for (const uint8_t byte : bytes) absl::StrAppend(&text, absl::Hex(byte, absl::kZeroPad2));
  return text;
}

Frame FromHex(const std::string& text) {
  const std::string bytes = absl::HexStringToBytes(text);
  return {bytes.begin(), bytes.end()};
}

// Recorded between two namespaces of Linux. IPv4 ids and IPv6 flow labels, which Linux draws, are
// zero here.
struct RecordedRow {
  const char* name;
  std::string in, out;
};

class Recorded : public testing::TestWithParam<RecordedRow> {};

TEST_P(Recorded, AnswersByteForByteAsLinux) {
  World world;
  Know2(world);
  Know26(world);
  world.Receive(FromHex(GetParam().in));
  ASSERT_FALSE(world.frames_.empty());
  Frame& answer = world.frames_.back();
  if (answer[12] == 0x08 && answer[13] == 0x00) answer = WithHeader(WithHeader(answer, 4, 0), 5, 0);
  EXPECT_EQ(Hex(answer), GetParam().out);
}

INSTANTIATE_TEST_SUITE_P(
    Linux, Recorded,
    testing::Values(
        RecordedRow{
            "arp",
            "ffffffffffff0200000000b2080600010800060400010200000000b20a0000020000000000000a000001",
            "0200000000b20200000000a1080600010800060400020200000000a10a0000010200000000b20a000002"},
        RecordedRow{"echo",
                    "0200000000a10200000000b2080045000020b804400040016ed60a0000020a000001"
                    "0800c9bd2c3d000100010203",
                    "0200000000b20200000000a10800450000200000000040" /* id 0 */
                    "0166db0a0000010a0000020000d1bd2c3d000100010203"},
        RecordedRow{"solicitation",
                    "3333ff0000010200000000b286dd6000000000203afffd000000000000000000000000000002"
                    "ff0200000000000000000001ff00000187007ce700000000fd00000000000000000000000000"
                    "000101010200000000b2",
                    "0200000000b20200000000a186dd6000000000203afffd000000000000000000000000000001"
                    "fd00000000000000000000000000000288001bfc60000000fd00000000000000000000000000"
                    "000102010200000000a1"},
        RecordedRow{"echo6",
                    "0200000000a10200000000b286dd6007de41000c3a40fd000000000000000000000000000002"
                    "fd000000000000000000000000000001800057712c3e000100010203",
                    "0200000000b20200000000a186dd60000000000c3a40fd000000000000000000000000000001"
                    "fd000000000000000000000000000002810056712c3e000100010203"}),
    [](const testing::TestParamInfo<RecordedRow>& info) { return info.param.name; });

TEST(HostStackTest, AsksByteForByteAsLinux) {
  World world;
  world.Receive(Ping("10.0.0.9", "10.0.0.1"));
  EXPECT_EQ(Hex(world.frames_.back()),
            "ffffffffffff0200000000a1080600010800060400010200000000a10a0000010000000000000a000009");
  world.Receive(Ping("fd00::9", "fd00::1"));
  EXPECT_EQ(Hex(world.frames_.back()),
            "3333ff0000090200000000a186dd6000000000203afffd000000000000000000000000000001ff020000"
            "0000000000000001ff00000987007ce900000000fd000000000000000000000000000009010102000000"
            "00a1");
}

// Linux's own question for a duplicate, with its nonce.
TEST(HostStackTest, UnderstandsHowLinuxAsksForDuplicates) {
  World world;
  world.Receive(
      FromHex("3333ff0000070200000000a186dd6000000000203aff00000000000000000000000000000000ff020000"
              "0000000000000001ff00000787003e6d00000000fd0000000000000000000000000000070e016483cd4d"
              "ff51"));
  EXPECT_EQ(world.Sent(), "duplicate fd00::7");
}

}  // namespace
}  // namespace vswitch
