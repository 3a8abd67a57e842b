// SPDX-License-Identifier: BSD-3-Clause
// What a slave sends (drivers/net/ipvlan/ipvlan_core.c: ipvlan_xmit_mode_l2, ipvlan_xmit_mode_l3,
// ipvlan_process_outbound).
#include <rte_ether.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>

#include "dataplane/address_memo.h"
#include "dataplane/ipvlan.h"
#include "dataplane/ipvlan_answer.h"
#include "dataplane/ipvlan_classify.h"
#include "dataplane/ipvlan_deliver.h"
#include "dataplane/ipvlan_multicast.h"
#include "dataplane/ipvlan_verdict.h"
#include "dataplane/packet_edit.h"
#include "dataplane/stage_burst.h"
#include "dataplane/wire_length.h"
#include "dataplane/worker.h"

namespace vswitch {

namespace {

static_assert(Burst::kCapacity <= AddressTable::kBatch);

// Where a packet goes. No larger than a DeviceId, so that two are compared at once.
class Exit {
 public:
  using Way = IpvlanWay;

  Exit() = default;  // too short
  explicit Exit(Way way) : code_{.generation = static_cast<uint32_t>(way)} {}
  static Exit To(DeviceId sibling) {
    Exit exit;
    exit.code_ = sibling;
    return exit;
  }
  static Exit Drop(DropReason reason) {
    Exit exit;
    exit.code_.generation = static_cast<uint32_t>(reason) << 8;
    return exit;
  }

  Way way() const {
    return code_.valid() ? Way::kSibling : static_cast<Way>(code_.generation & 0xff);
  }
  DeviceId sibling() const { return code_; }
  DropReason reason() const { return static_cast<DropReason>(code_.generation >> 8); }
  friend bool operator==(const Exit&, const Exit&) = default;

 private:
  // The sibling, or without a slot the way and above it the reason.
  DeviceId code_{.generation = static_cast<uint32_t>(DropReason::kTooShort) << 8};
};

// One burst on its way out.
class Transmission {
 public:
  Transmission(Worker& worker, const IpvlanState& slave, AskShare& share, IpvlanPort& port,
               uint16_t queue, Burst& burst)
      : worker_(worker),
        slave_(slave),
        share_(share),
        port_(port),
        state_(port.state()),
        queue_(queue),
        burst_(burst) {}

  void Run() {
    if (!ChooseKnown()) state_.mode == IpvlanMode::kL2 ? ChooseL2() : ChooseL3();
    StageBurst(std::span<Exit>(exits_), burst_,
               [this](const Exit& exit, Burst& packets) { Take(exit, packets); });
  }

 private:
  using Keys = std::array<AddressKey, Burst::kCapacity>;

  bool ChooseKnown();
  void ChooseL2();
  Exit WithoutLookup(const Packet& packet, AddressKey& key);
  void ChooseL3();
  Exit WithoutRoute(Packet& packet, AddressKey& key);
  void RouteRest();
  Exit RouteOut(Packet& packet, const DstEntry& hop);
  // Lets choose(packet, key) say where every packet goes whose key, which it fills, the address
  // table does not know. What that needs of the table is on its way meanwhile.
  template <typename Choose>
  void FindSiblings(const Choose& choose);

  void Take(const Exit& exit, Burst& packets);
  void ToLowerStack(Burst& packets);
  void ToGroup(Burst& packets);
  void ToControl(Burst& packets);
  void Drop(DropReason reason, std::span<const Packet> packets);
  // Accepted: what becomes of them later is not the sender's affair.
  void CountSent(const Burst& packets) {
    worker_.CountReceived({.from = slave_.self, .to = {}}, packets.view());
  }

  Worker& worker_;
  const IpvlanState& slave_;
  AskShare& share_;
  IpvlanPort& port_;
  const IpvlanPortState& state_;
  const uint16_t queue_;
  Burst& burst_;
  std::array<Exit, Burst::kCapacity> exits_;
};

// This worker's.
AddressMemo& Memo() {
  thread_local AddressMemo memo;
  return memo;
}

// A burst of nothing but IPv4 to siblings that this worker sent to lately, as most are. False, and
// nothing is chosen, for any other.
bool Transmission::ChooseKnown() {
  if (state_.flags != IpvlanFlags::kBridge) return false;
  const AddressMemo& memo = Memo();
  const uint64_t stamp = port_.addresses().stamp();
  const bool l2 = state_.mode == IpvlanMode::kL2;
  for (uint16_t i = 0; i < burst_.count; ++i) {
    const Packet& packet = burst_.packets[i];
    uint32_t destination;
    if (!IsPlainIpv4(packet, destination)) return false;
    if (l2 && !EthernetView(packet.Headers()).IsForItself()) return false;
    const uint64_t found = memo.Find(destination, stamp);
    if (found == AddressTable::kNone) return false;
    exits_[i] = Exit::To(std::bit_cast<DeviceId>(found));
  }
  return true;
}

template <typename Choose>
void Transmission::FindSiblings(const Choose& choose) {
  constexpr uint16_t kAtOnce = 8;
  constexpr uint16_t kRemembered = 4;  // of a burst: that costs something, and others will follow
  const AddressTable& addresses = port_.addresses();
  const uint64_t stamp = addresses.stamp();
  AddressTable::Lookups lookups(addresses);
  Keys keys;
  for (uint16_t i = 0; i < burst_.count;) {
    const uint16_t first = i;
    const auto end = std::min<uint16_t>(burst_.count, first + kAtOnce);
    for (; i < end; ++i) exits_[i] = choose(burst_.packets[i], keys[i]);
    addresses.Begin({keys.data(), end}, first, lookups);
  }
  std::array<uint64_t, Burst::kCapacity> found;
  addresses.Finish({keys.data(), burst_.count}, lookups, found);
  const bool isolated = state_.flags == IpvlanFlags::kPrivate;
  for (uint16_t i = 0; i < burst_.count; ++i) {
    if (found[i] == AddressTable::kNone) continue;
    if (i < kRemembered && keys[i].family == AddressKey::Family::kIpv4) {
      Memo().Remember(static_cast<uint32_t>(keys[i].low), stamp, found[i]);
    }
    exits_[i] =
        isolated ? Exit::Drop(DropReason::kIsolated) : Exit::To(std::bit_cast<DeviceId>(found[i]));
  }
}

// All slaves have the lower device's MAC: a frame from a MAC to itself is for one of them, or for
// the lower device.
void Transmission::ChooseL2() {
  FindSiblings([this](Packet& packet, AddressKey& key) { return WithoutLookup(packet, key); });
}

Exit Transmission::WithoutLookup(const Packet& packet, AddressKey& key) {
  if (!HasEthernetHeader(packet)) return {};
  const EthernetView ethernet(packet.Headers());
  if (ethernet.IsForItself() && state_.flags != IpvlanFlags::kVepa) {
    key = SentTo(packet);
    return Exit(Exit::Way::kLowerStack);
  }
  return Exit(ethernet.IsForGroup() ? Exit::Way::kGroup : Exit::Way::kWire);
}

void Transmission::ChooseL3() {
  FindSiblings([this](Packet& packet, AddressKey& key) { return WithoutRoute(packet, key); });
  RouteRest();
}

// Anything but a drop for being too short: to be routed, unless it is for a sibling.
Exit Transmission::WithoutRoute(Packet& packet, AddressKey& key) {
  if (!HasEthernetHeader(packet)) return Exit::Drop(DropReason::kTooShort);
  const bool may_ask = slave_.answers_neighbours &&
                       EthernetView(packet.Headers()).ethertype() != RTE_ETHER_TYPE_IPV4;
  if (may_ask) [[unlikely]] {
    const NeighbourAnswer answer =
        AnswerNeighbour(packet, state_.phy_address, slave_.self, port_.addresses());
    if (answer == NeighbourAnswer::kReady) return Exit(Exit::Way::kAnswer);
    if (answer == NeighbourAnswer::kOwn) return Exit(Exit::Way::kOwn);
  }
  if (state_.flags != IpvlanFlags::kVepa) key = SentTo(packet);
  return Exit::Drop(DropReason::kNotRouted);
}

void Transmission::RouteRest() {
  const std::span<const Exit> exits(exits_.data(), burst_.count);
  if (std::ranges::find(exits, Exit::Drop(DropReason::kNotRouted)) == exits.end()) return;
  Keys keys;
  bool ask = false;
  for (uint16_t i = 0; i < burst_.count; ++i) {
    const Packet& packet = burst_.packets[i];
    const bool routed = exits_[i] == Exit::Drop(DropReason::kNotRouted) &&
                        !EthernetView(packet.Headers()).IsForGroup();
    keys[i] = routed ? RoutedBy(packet) : AddressKey{};
    ask |= keys[i].valid();
  }
  if (!ask) return;
  std::array<DstEntry, Burst::kCapacity> hops;
  port_.next_hops().Find({keys.data(), burst_.count}, hops);
  for (uint16_t i = 0; i < burst_.count; ++i) {
    if (keys[i].valid()) exits_[i] = RouteOut(burst_.packets[i], hops[i]);
  }
}

// Becomes a packet of the lower device. Its TTL stays: ipvlan is no router.
Exit Transmission::RouteOut(Packet& packet, const DstEntry& hop) {
  if (hop.verdict == DstEntry::Verdict::kUnreachable) return Exit::Drop(DropReason::kNoRoute);
  const uint32_t length = WireLength(packet.Headers(), packet.length(), packet.offload());
  if (length > state_.phy_mtu + kEthernetHeaderSize) return Exit::Drop(DropReason::kTooBig);
  const bool local = hop.verdict == DstEntry::Verdict::kLocal;
  if (local && IsNeighbourDiscovery(packet.Headers())) return Exit::Drop(DropReason::kNotRouted);
  const std::span<uint8_t> headers = WritableHeaders(packet);
  if (headers.empty()) return Exit::Drop(DropReason::kOffload);
  if (packet.length() == kShortestFrame) [[unlikely]]
    Shorten(packet, LengthWithoutPadding(headers));
  CompleteIpHeader(headers, packet.length());
  const bool away = hop.verdict == DstEntry::Verdict::kNeighbour;
  SetAddresses(headers, away ? hop.address : state_.phy_address, state_.phy_address);
  if (away) return Exit(Exit::Way::kWire);
  return Exit(local ? Exit::Way::kLowerStack : Exit::Way::kControl);
}

void Transmission::Take(const Exit& exit, Burst& packets) {
  TraceIpvlanTransmit(slave_.self, exit.way(), exit.reason(), exit.sibling(), packets.count);
  switch (exit.way()) {
    case Exit::Way::kDrop:
      return Drop(exit.reason(), packets.view());
    case Exit::Way::kSibling:
      CountSent(packets);
      return ForwardToSlave(worker_, exit.sibling(), queue_, 0, packets);
    case Exit::Way::kWire:
      CountSent(packets);
      return worker_.Transmit(state_.phy, queue_, packets);
    case Exit::Way::kLowerStack:
      return ToLowerStack(packets);
    case Exit::Way::kGroup:
      return ToGroup(packets);
    case Exit::Way::kControl:
      return ToControl(packets);
    case Exit::Way::kOwn:
      return Drop(DropReason::kNotRouted, packets.view());
    case Exit::Way::kAnswer:
      return worker_.Deliver({{}, slave_.self, queue_, kCountNothing}, packets);
  }
}

// dev_forward_skb to the lower device, which does not count what comes from above; what was routed
// comes by way of the loopback device, where no handler is.
void Transmission::ToLowerStack(Burst& packets) {
  CountSent(packets);
  uint16_t kept = 0;
  for (const Packet& packet : packets.view()) {
    if (state_.phy_up && IsForwardable(packet, state_.phy_mtu)) {
      packets.packets[kept++] = packet;
    } else {
      const DropReason reason = state_.phy_up ? DropReason::kTooBig : DropReason::kDeviceDown;
      worker_.Drop(state_.phy, reason, {&packet, 1});
    }
  }
  packets.count = kept;
  const bool routed = state_.mode != IpvlanMode::kL2;
  const uint16_t marks = routed ? kCountNothing | kPastHandler : kCountNothing;
  worker_.HandIn({{}, state_.phy, queue_, marks}, packets);
}

void Transmission::ToGroup(Burst& packets) {
  CountSent(packets);
  for (const Packet& packet : packets.view()) {
    PostToGroup(worker_, port_, {slave_.self, state_.phy, queue_}, packet);
  }
}

void Transmission::ToControl(Burst& packets) {
  HostQueue& host = worker_.host();
  const uint16_t share = share_.Take(host.outbound_turn(), packets.count);
  const uint16_t posted =
      host.PostOutbound({slave_.self, state_.phy, queue_}, packets.view().first(share));
  Drop(DropReason::kHostQueueFull, packets.view().subspan(posted));
}

void Transmission::Drop(DropReason reason, std::span<const Packet> packets) {
  if (DeviceCounters* counters = worker_.CountersOf(slave_.self)) {
    counters->tx_dropped.Add(packets.size());
  }
  worker_.Drop(slave_.self, reason, packets);
}

}  // namespace

uint16_t AskShare::Take(uint32_t turn, uint16_t count) {
  const uint64_t before = taken_.load(std::memory_order_relaxed);
  const uint32_t taken = before >> 32 == turn ? static_cast<uint32_t>(before) : 0;
  const auto share = static_cast<uint16_t>(std::min<uint32_t>(count, kATurn - taken));
  taken_.store(uint64_t{turn} << 32 | (taken + share), std::memory_order_relaxed);
  return share;
}

void Ipvlan::Forward(Worker& worker, uint16_t queue, Burst& burst) const {
  if (state_.up && state_.carrier) [[likely]]
    return Transmission(worker, state_, share_, *port_, queue, burst).Run();
  // As veth: neither moves a kernel counter.
  const DropReason reason = state_.up ? DropReason::kNoCarrier : DropReason::kDeviceDown;
  worker.Drop(state_.self, reason, burst.view());
  burst.count = 0;
}

}  // namespace vswitch
