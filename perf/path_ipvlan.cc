// SPDX-License-Identifier: BSD-3-Clause
// ipvlan from ring to ring.
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "dataplane/ipvlan.h"
#include "dataplane/veth.h"
#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

constexpr EthernetAddress kPhyMac = {2, 0, 0, 0, 0, 1};
constexpr EthernetAddress kRouterMac = {2, 0, 0, 0, 0, 2};
constexpr uint32_t kFirstAddress = 0x0a000000;

// The nth of `count` addresses in an order that caches cannot guess; `count` is not a multiple of
// the factor, a prime.
uint32_t Scattered(uint64_t n, uint32_t count) {
  return kFirstAddress + static_cast<uint32_t>(n * 2654435761u % count);
}

std::array<uint8_t, 4> BytesOf(uint32_t address) {
  return {static_cast<uint8_t>(address >> 24), static_cast<uint8_t>(address >> 16),
          static_cast<uint8_t>(address >> 8), static_cast<uint8_t>(address)};
}

AddressKey KeyOf(uint32_t address) { return AddressKey::Ipv4(BytesOf(address)); }

void WritePacket(rte_mbuf* frame, uint32_t destination) {
  uint8_t* bytes = rte_pktmbuf_mtod(frame, uint8_t*);
  std::copy(kPhyMac.begin(), kPhyMac.end(), bytes);
  std::copy(kPhyMac.begin(), kPhyMac.end(), bytes + 6);
  constexpr std::array<uint8_t, 18> kStart = {8, 0,  0x45, 0, 0, 50, 0, 0, 0,
                                              0, 64, 17,   0, 0, 10, 1, 2, 3};
  std::copy(kStart.begin(), kStart.end(), bytes + 12);
  const std::array<uint8_t, 4> address = BytesOf(destination);
  std::copy(address.begin(), address.end(), bytes + 30);
}

// A lower device, which is one end of a veth pair, and two slaves. Frames come out of the first
// slave's ring.
class RingIpvlan {
 public:
  explicit RingIpvlan(IpvlanMode mode) : dataplane_(1) {
    const DeviceId phy = dataplane_.CreateDevice();
    wire_ = dataplane_.CreateDevice();
    port_ = std::make_shared<IpvlanPort>(
        IpvlanPortState{.mode = mode, .phy = phy, .phy_up = true, .phy_address = kPhyMac});
    dataplane_.Publish(phy, std::make_unique<Veth>(VethState{phy, wire_, 1500, true, true}));
    dataplane_.PublishRxHandler(phy, std::make_unique<IpvlanReceive>(port_));
    from_ = AddSlave("from");
    to_ = AddSlave("to");
    AttachRing(dataplane_, wire_, "wire");
    dataplane_.Commit();
  }

  DeviceId AddSlave(const std::string& name) {
    const DeviceId id = dataplane_.CreateDevice();
    dataplane_.Publish(
        id, std::make_unique<Ipvlan>(
                IpvlanState{.self = id, .up = true, .carrier = true, .answers_neighbours = true},
                port_));
    AttachRing(dataplane_, id, name);
    return id;
  }

  IpvlanPort& port() { return *port_; }
  DeviceId to() const { return to_; }
  void RunOnce() { dataplane_.workers()[0]->RunOnce(); }

 private:
  Dataplane dataplane_;
  std::shared_ptr<IpvlanPort> port_;
  DeviceId wire_, from_, to_;
};

// A burst to `addresses` destinations, one after the other.
class IpvlanHop : public Path {
 public:
  IpvlanHop(IpvlanMode mode, uint32_t addresses, const char* out)
      : Path(Burst::kCapacity),
        switch_(mode),
        addresses_(addresses),
        in_(FindRing("from_rx")),
        out_(FindRing(out)),
        frames_(NewFrames(units())) {}
  ~IpvlanHop() override { rte_pktmbuf_free_bulk(frames_.data(), units()); }

  void Before() override {
    for (rte_mbuf* frame : frames_) WritePacket(frame, Scattered(next_++, addresses_));
    EnqueueAll(in_, frames_);
  }
  void Run() override { switch_.RunOnce(); }
  void After() override { DequeueAll(out_, frames_); }

 protected:
  RingIpvlan switch_;
  const uint32_t addresses_;

 private:
  rte_ring* const in_;
  rte_ring* const out_;
  std::vector<rte_mbuf*> frames_;
  uint64_t next_ = 0;
};

class SiblingHop final : public IpvlanHop {
 public:
  SiblingHop(IpvlanMode mode, uint32_t addresses) : IpvlanHop(mode, addresses, "to_tx") {
    for (uint32_t i = 0; i < addresses; ++i) {
      switch_.port().AddAddress(KeyOf(kFirstAddress + i), switch_.to());
    }
  }
};

class WireHop final : public IpvlanHop {
 public:
  explicit WireHop(uint32_t addresses) : IpvlanHop(IpvlanMode::kL3, addresses, "wire_tx") {
    for (uint32_t i = 0; i < addresses; ++i) {
      switch_.port().next_hops().Remember(KeyOf(kFirstAddress + i),
                                          {DstEntry::Verdict::kNeighbour, kRouterMac});
    }
  }
};

}  // namespace

std::unique_ptr<Path> MakeIpvlanL2(uint32_t size) {
  return std::make_unique<SiblingHop>(IpvlanMode::kL2, size);
}

std::unique_ptr<Path> MakeIpvlanL3(uint32_t size) {
  return std::make_unique<SiblingHop>(IpvlanMode::kL3, size);
}

std::unique_ptr<Path> MakeIpvlanWire(uint32_t size) { return std::make_unique<WireHop>(size); }

}  // namespace vswitch
