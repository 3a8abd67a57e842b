// SPDX-License-Identifier: BSD-3-Clause
// Hostile frames against the host stack: whatever arrives, and whenever, what the stack keeps stays
// within its limits and what it sends is well formed.
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cstring>
#include <memory>

#include "control/host_stack.h"
#include "control/registry.h"
#include "tests/fuzz/fuzz.h"

namespace vswitch {
namespace {

constexpr MacAddress kOurs = {2, 0, 0, 0, 0, 0xa1};

IpAddress Ip(const char* text) { return *IpAddress::Parse(text); }

// One device with an address of each kind; everything is on its link.
class World : public HostContext, private NeighAnnouncer {
 public:
  World() {
    device_.ns = &ns_;
    device_.ifindex = 2;
    device_.flags = IFF_BROADCAST | IFF_MULTICAST | IFF_UP;
    device_.address = kOurs;
    device_.inet = std::make_unique<InetDevice>();
    for (const char* address : {"10.0.0.1", "fd00::1", "fe80::a1", "fd00::7"}) {
      InetAddress entry;
      entry.local = entry.peer = Ip(address);
      if (entry.local == Ip("fd00::7")) entry.flags = IFA_F_TENTATIVE;
      device_.inet->Of(entry.family()).push_back(entry);
      stack_.addresses().Add(device_, entry);
    }
    arp_.set_resolver(&stack_);
    nd_.set_resolver(&stack_);
  }

  void Receive(Bytes frame, bool checksum_pending) {
    sent_ = 0;
    stack_.Receive(device_, frame, checksum_pending, now_);
    Check();
  }
  // Nothing is answered: at most what waited goes.
  void Overhear(Bytes frame) {
    const size_t held = stack_.held();
    sent_ = 0;
    stack_.Overhear(device_, frame, now_);
    FUZZ_CHECK(sent_ <= held - stack_.held());
    Check();
  }
  void Check() const {
    // An answer, or a neighbour's whole queue.
    FUZZ_CHECK(sent_ <= HostStack::kHeldPackets + 1);
    FUZZ_CHECK(stack_.held() <= HostStack::kHeldPacketsInAll);
  }

  void Pass(uint8_t deciseconds) {
    now_ += std::chrono::milliseconds(100 * deciseconds);
    arp_.Run(now_);
    nd_.Run(now_);
  }

  // Without neighbours nothing waits for any.
  void Flush() {
    arp_.Flush(device_, false);
    nd_.Flush(device_, false);
    FUZZ_CHECK(stack_.held() == 0);
  }

  uint8_t TypeOf(const Namespace&, const IpAddress& address) override {
    return TypeOf(device_, address);
  }
  bool IsLocal(const Device& device, const IpAddress& address) override {
    return stack_.addresses().Find(device, address) == HostAddresses::State::kOurs;
  }
  std::optional<HostRoute> RouteTo(const Namespace&, const IpAddress&, const IpAddress& to,
                                   const Device*) override {
    return HostRoute{&device_, to};
  }
  std::optional<IpAddress> SourceFor(const Device&, const IpAddress& to) override {
    return Ip(to.family == AF_INET ? "10.0.0.1" : "fd00::1");
  }
  NeighTable& Neighbours(const Namespace&, uint8_t family) override {
    return family == AF_INET ? arp_ : nd_;
  }
  void OnDuplicate(Device&, const IpAddress& address) override {
    FUZZ_CHECK(address == Ip("fd00::7"));
  }
  void Transmit(const Device& device, Bytes bytes, const Offload&) override {
    ++sent_;
    const auto frame = ReadEthernet(bytes);
    FUZZ_CHECK(frame.has_value() && frame->source == device.address);
    FUZZ_CHECK(bytes.size() <= device.mtu + 14);
    if (frame->ethertype == 0x0806) {
      FUZZ_CHECK(ReadArp(frame->payload).has_value());
      return;
    }
    const auto packet =
        frame->ethertype == 0x86dd ? ReadIpv6(frame->payload) : ReadIpv4(frame->payload);
    FUZZ_CHECK(packet.has_value() && !packet->source.IsMulticast());
    FUZZ_CHECK(IsIcmpChecksumValid(*packet));
  }

 private:
  void Announce(const Neighbour&, uint16_t, uint32_t) override {}
  uint8_t TypeOf(const Device&, const IpAddress& address) override {
    if (address == Ip("10.0.0.1")) return RTN_LOCAL;
    return address.IsMulticast() ? RTN_MULTICAST : RTN_UNICAST;
  }

  Namespace ns_{1};
  Device device_;
  MonotonicTime now_{std::chrono::seconds(1000)};
  uint32_t sent_ = 0;
  NeighTable arp_{AF_INET, *this}, nd_{AF_INET6, *this};
  HostStack stack_{*this};
};

}  // namespace
}  // namespace vswitch

// Frames, each behind 4 bytes: its length, the time that passes before it in tenths of a second,
// and whether its checksum is left to others.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vswitch;
  World world;
  Bytes input(data, size);
  while (input.size() >= 4) {
    const size_t length = std::min<size_t>(input.size() - 4, input[0] << 8 | input[1]);
    world.Pass(input[2]);
    const Bytes frame = input.subspan(4, length);
    (input[3] & 2) != 0 ? world.Overhear(frame) : world.Receive(frame, (input[3] & 1) != 0);
    input = input.subspan(4 + length);
  }
  world.Flush();
  return 0;
}
