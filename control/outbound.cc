// SPDX-License-Identifier: BSD-3-Clause
#include "control/outbound.h"

#include <linux/rtnetlink.h>
#include <rte_ether.h>

#include <algorithm>
#include <utility>

#include "control/fill_af_spec.h"
#include "control/host_frame.h"
#include "control/ipvlan_key.h"
#include "dataplane/ipvlan_classify.h"
#include "dataplane/wire_length.h"

namespace vswitch {

namespace {

using Verdict = DstEntry::Verdict;

constexpr size_t kIpv4Size = 20, kIpv6Size = 40;
constexpr uint8_t kTosMask = 0x1c;  // IPTOS_RT_MASK
constexpr uint8_t kTosStep = 4;

bool IsZeroNet(const IpAddress& address) { return address.bytes[0] == 0; }
bool IsLimitedBroadcast(const IpAddress& address) { return address.ToV4() == UINT32_MAX; }

// Whether IPv4 sends from the address at all; one that is not known yet is 0.0.0.0.
bool IsSource4(const IpAddress& source) {
  if (source.IsAny()) return true;
  return !source.IsMulticast() && !source.IsLoopback() && !IsZeroNet(source) &&
         !IsLimitedBroadcast(source);
}

bool IsDestination4(const IpAddress& destination) {
  return !IsZeroNet(destination) && !destination.IsMulticast() && !IsLimitedBroadcast(destination);
}

bool IsKnown(const AddressTable& addresses, const IpAddress& address) {
  return addresses.Find(KeyOf(address)) != AddressTable::kNone;
}

// Whether the rule looks at no more of a packet than where it goes to.
bool LooksAtDestinationOnly(const Rule& rule) {
  return !rule.src.has_value() && rule.tos == 0 && rule.ip_protocol == 0 &&
         rule.sport == PortRange{} && rule.dport == PortRange{};
}

}  // namespace

void Outbound::Add(Device& lower, std::shared_ptr<IpvlanPort> port) {
  const auto [added, fresh] = lowers_.try_emplace(lower.id, Lower{&lower, std::move(port)});
  // What workers know may be from before.
  if (fresh) Forget(added->second);
}

void Outbound::Remove(const Device& lower) {
  const auto found = lowers_.find(lower.id);
  if (found == lowers_.end()) return;
  Forget(found->second);
  lowers_.erase(found);
}

void Outbound::Forget(const Namespace& ns) {
  for (auto& [id, lower] : lowers_) {
    if (lower.device->ns == &ns) Forget(lower);
  }
}

void Outbound::Forget(Lower& lower) {
  lower.neighbours.clear();
  if (lower.port->next_hops().size() == 0) return;
  dataplane_.Retire(std::shared_ptr<const AddressTable>(lower.port->next_hops().Forget()));
}

void Outbound::OnNeighbour(const Neighbour& neighbour, bool gone) {
  const auto lower = lowers_.find(neighbour.device->id);
  if (lower == lowers_.end()) return;
  const auto told = lower->second.neighbours.find(neighbour.address);
  if (told == lower->second.neighbours.end()) return;
  const bool right = !gone && neighbour.valid() && neighbour.lladdr == told->second.mac;
  if (right && neighbour.state != NUD_STALE) return;
  if (right && told->second.destinations.size() > kBusyNeighbour) {
    stale_.emplace_back(lower->first, neighbour.address);
    return;
  }
  for (const IpAddress& destination : told->second.destinations) {
    lower->second.port->next_hops().Forget(KeyOf(destination));
  }
  lower->second.neighbours.erase(told);
}

void Outbound::UseStale(MonotonicTime now) {
  for (const auto& [id, address] : std::exchange(stale_, {})) {
    const auto lower = lowers_.find(id);
    if (lower == lowers_.end()) continue;
    const Device& device = *lower->second.device;
    NeighTable& table = *router_.TablesOf(*device.ns).Neighbours(address.family);
    if (Neighbour* neighbour = table.Find(device, address)) (void)table.Use(*neighbour, now);
  }
}

void Outbound::MakeRoom(MonotonicTime now) {
  for (auto& [id, lower] : lowers_) {
    if (lower.port->next_hops().full()) Forget(lower);
  }
  full_ = false;
  room_made_ = now;
}

uint32_t Outbound::Run(uint32_t budget, MonotonicTime now) {
  UseStale(now);
  if (full_ && now >= room_made_ + kMakeRoomInterval) MakeRoom(now);
  uint32_t handled = 0;
  for (; handled < budget && dataplane_.host().ReceiveOutbound(frame_); ++handled) Handle(now);
  dataplane_.host().EndOutboundTurn();
  return handled;
}

void Outbound::Handle(MonotonicTime now) {
  const auto lower = lowers_.find(frame_.lower);
  const std::optional<Header> header = Read(frame_.bytes);
  if (lower == lowers_.end() || !header.has_value()) return;
  const Way way = FindForGuest(lower->second, *header);
  const std::optional<DropReason> refusal = Refusal(way);
  Count(refusal);
  if (way.verdict != Verdict::kNeighbour) {
    Remember(lower->second, *header, way, {.verdict = way.verdict});
  }
  if (!refusal.has_value()) Send(lower->second, *header, way, now);
}

// As workers do with packets whose way they know. Nothing is cut into fragments.
std::optional<DropReason> Outbound::Refusal(const Way& way) const {
  if (way.verdict == Verdict::kUnreachable) return DropReason::kNoRoute;
  if (way.verdict == Verdict::kLocal) {
    if (IsNeighbourDiscovery(frame_.bytes)) return DropReason::kNotRouted;
    return std::nullopt;
  }
  const auto length = static_cast<uint32_t>(frame_.bytes.size());
  const bool fits =
      WireLength(frame_.bytes, length, frame_.offload) <= way.device->mtu + kEthernetHeaderSize;
  return fits ? std::nullopt : std::optional(DropReason::kTooBig);
}

// ipvlan_process_outbound: what routing refuses the sender failed to send; what happens to a packet
// afterwards is not its business.
void Outbound::Count(const std::optional<DropReason>& refusal) {
  DeviceCounters* counters = dataplane_.ControlCounters(frame_.sender);
  if (counters == nullptr) return;
  if (refusal.has_value()) {
    counters->tx_dropped.Add(1);
    counters->CountDrop(*refusal, 1);
  } else {
    counters->tx_packets.Add(1);
    counters->tx_bytes.Add(frame_.bytes.size());
  }
}

void Outbound::Send(Lower& lower, const Header& header, const Way& way, MonotonicTime now) {
  way.verdict == Verdict::kLocal ? HandIn(*lower.device) : Deliver(lower, header, way, now);
}

// To whatever is the lower device's stack: ours, or one that is attached.
void Outbound::HandIn(const Device& lower) {
  if (pool_ == nullptr) return;
  SetMacs(frame_.bytes, lower.address, lower.address);
  const uint16_t worker = dataplane_.WorkerFor(lower.id);
  (void)dataplane_.host().HandIn(worker, lower.id, frame_.bytes, pool_, frame_.offload);
}

void Outbound::Deliver(Lower& lower, const Header& header, const Way& way, MonotonicTime now) {
  // Who asks for the neighbour gets the answer: not an address that is a slave's.
  const bool slaves = IsKnown(lower.port->addresses(), header.source);
  const IpAddress source = slaves ? IpAddress::Any(header.source.family) : header.source;
  const std::optional<MacAddress> mac = stack_.SendOn(
      *way.device, way.next_hop,
      {.frame = std::move(frame_.bytes), .source = source, .offload = frame_.offload}, now);
  if (!mac.has_value() || way.device != lower.device) return;
  Remember(lower, header, way, {.verdict = Verdict::kNeighbour, .address = *mac});
}

void Outbound::Remember(Lower& lower, const Header& header, const Way& way, const DstEntry& entry) {
  if (!DependsOnDestinationAlone(*lower.device, header, way)) return;
  NextHops& next_hops = lower.port->next_hops();
  full_ |= next_hops.full();
  if (next_hops.full()) return;
  next_hops.Remember(KeyOf(header.destination), entry);
  if (way.verdict != Verdict::kNeighbour) return;
  Told& told = lower.neighbours[way.next_hop];
  told.mac = entry.address;
  told.destinations.insert(header.destination);
}

std::optional<Outbound::Header> Outbound::Read(Bytes frame) {
  const std::optional<EthernetFrame> ethernet = ReadEthernet(frame);
  if (!ethernet.has_value()) return std::nullopt;
  const Bytes ip = ethernet->payload;
  if (ethernet->ethertype == RTE_ETHER_TYPE_IPV4 && ip.size() >= kIpv4Size) {
    return Header{.source = IpAddress::Read(AF_INET, ip.subspan(12, 4)),
                  .destination = IpAddress::Read(AF_INET, ip.subspan(16, 4)),
                  .tos = static_cast<uint8_t>(ip[1] & kTosMask)};
  }
  if (ethernet->ethertype == RTE_ETHER_TYPE_IPV6 && ip.size() >= kIpv6Size) {
    return Header{.source = IpAddress::Read(AF_INET6, ip.subspan(8, 16)),
                  .destination = IpAddress::Read(AF_INET6, ip.subspan(24, 16)),
                  .protocol = ip[6]};
  }
  return std::nullopt;
}

// A slave's address is its guest's, even where it is one of this namespace. IPv6 is strict about
// the link, so that it sees no address of another, for who has no source yet.
Outbound::Way Outbound::FindForGuest(const Lower& lower, const Header& header) const {
  const Way way = Find(*lower.device, header);
  const bool slaves = IsKnown(lower.port->addresses(), header.destination);
  if (way.verdict != Verdict::kLocal || !slaves) return way;
  Header unbound = header;
  unbound.source = IpAddress::Any(header.source.family);
  return Find(*lower.device, unbound);
}

Outbound::Way Outbound::Find(Device& lower, const Header& header) const {
  if (!lower.up()) return {};
  return header.destination.family == AF_INET ? Find4(lower, header) : Find6(lower, header);
}

// ip_route_output_flow with the link given: whoever no route leads to is taken to be on it.
Outbound::Way Outbound::Find4(Device& lower, const Header& header) const {
  if (!HasInet(lower) || !IsSource4(header.source) || !IsDestination4(header.destination)) {
    return {};
  }
  Flow flow{
      .dst = header.destination, .src = header.source, .oif = lower.ifindex, .tos = header.tos};
  const RouteResult result = router_.TablesOf(*lower.ns).fib4.Resolve(flow);
  if (!result.ok()) return {Verdict::kNeighbour, &lower, header.destination};
  if (result.type == RTN_LOCAL) return {.verdict = Verdict::kLocal};
  if (result.type != RTN_UNICAST || result.hop == nullptr) return {};
  const IpAddress& gateway = result.hop->gateway;
  return {Verdict::kNeighbour, &lower, gateway.valid() ? gateway : header.destination};
}

// ip6_route_output with the link given, which counts only where a route leads to it. Groups are as
// good as anybody.
Outbound::Way Outbound::Find6(const Device& lower, const Header& header) const {
  if (!HasInet6(lower)) return {};
  const Flow flow{.dst = header.destination,
                  .src = header.source,
                  .oif = lower.ifindex,
                  .protocol = header.protocol};
  const RouteResult result = router_.TablesOf(*lower.ns).fib6.Resolve(flow);
  if (!result.ok()) return {};
  if (result.type == RTN_LOCAL || result.type == RTN_ANYCAST) return {.verdict = Verdict::kLocal};
  if (result.hop == nullptr || result.hop->device == nullptr) return {};
  const IpAddress& gateway = result.hop->gateway;
  return {Verdict::kNeighbour, result.hop->device, gateway.valid() ? gateway : header.destination};
}

// Of several hops of one route the first that was chosen is as good as the others.
bool Outbound::DependsOnDestinationAlone(Device& lower, const Header& header,
                                         const Way& way) const {
  const RouterTables& tables = router_.TablesOf(*lower.ns);
  const bool v4 = header.destination.family == AF_INET;
  const std::vector<Rule>& rules = (v4 ? tables.rules4 : tables.rules6).rules();
  if (!std::all_of(rules.begin(), rules.end(), LooksAtDestinationOnly)) return false;
  if (!v4) {
    return !header.source.IsAny() && !tables.fib6.tables().HasSourcesTo(header.destination);
  }
  if (!IsSource4(header.source)) return false;
  for (uint8_t tos = 0; tos <= kTosMask; tos += kTosStep) {
    Header other = header;
    other.tos = tos;
    if (Find(lower, other) != way) return false;
  }
  return true;
}

}  // namespace vswitch
