// SPDX-License-Identifier: BSD-3-Clause
#include "control/host_stack.h"

#include <linux/if.h>
#include <rte_ether.h>

#include <algorithm>
#include <random>
#include <utility>

namespace vswitch {

namespace {

uint64_t DrawSecret() {
  std::random_device random;
  return uint64_t{random()} << 32 | random();
}

}  // namespace

HostStack::HostStack(HostContext& context) : context_(context), secret_(DrawSecret()) {}

void HostStack::Receive(Device& device, Bytes bytes, bool checksum_pending, MonotonicTime now) {
  const std::optional<EthernetFrame> frame = ReadEthernet(bytes);
  if (frame.has_value()) Handle({device, *frame, checksum_pending, false, now});
}

void HostStack::Overhear(Device& device, Bytes bytes, MonotonicTime now) {
  const std::optional<EthernetFrame> frame = ReadEthernet(bytes);
  if (frame.has_value()) Handle({device, *frame, false, true, now});
}

void HostStack::Handle(const Arrival& arrival) {
  const bool group = (arrival.frame.destination[0] & 1) != 0;
  if (!arrival.device.up()) return;
  if (!group && !arrival.to_us()) return;  // PACKET_OTHERHOST
  switch (arrival.frame.ethertype) {
    case RTE_ETHER_TYPE_ARP:
      return ReceiveArp(arrival);
    case RTE_ETHER_TYPE_IPV4:
      return ReceiveIpv4(arrival);
    case RTE_ETHER_TYPE_IPV6:
      return ReceiveIpv6(arrival);
    default:
      return;
  }
}

void HostStack::Send(const Namespace& ns, const IpPacket& packet, const Device* device,
                     MonotonicTime now) {
  const std::optional<HostRoute> route =
      context_.RouteTo(ns, packet.source, packet.destination, device);
  if (route.has_value()) SendThrough(*route->device, route->next_hop, packet, now);
}

// What does not fit is dropped: packets are answers to packets that came in one piece.
void HostStack::SendThrough(Device& device, const IpAddress& next_hop, const IpPacket& packet,
                            MonotonicTime now) {
  Frame frame = WriteIcmp(packet);
  if (!device.up() || frame.size() > device.mtu + sizeof(rte_ether_hdr)) return;
  (void)SendOn(device, next_hop, {.frame = std::move(frame), .source = packet.source}, now);
}

std::optional<MacAddress> HostStack::SendOn(Device& device, const IpAddress& next_hop,
                                            Outgoing packet, MonotonicTime now) {
  NeighTable& table = context_.Neighbours(*device.ns, next_hop.family);
  const absl::StatusOr<Neighbour*> neighbour = table.Create(device, next_hop, 0, false, now);
  if (!neighbour.ok()) return std::nullopt;
  // Before it is asked for, so that the question comes from the address the packet comes from.
  if (!(*neighbour)->valid()) Hold(**neighbour, std::exchange(packet, {}));
  if (!table.Use(**neighbour, now) || packet.frame.empty()) return std::nullopt;
  Transmit(device, std::move(packet), (*neighbour)->lladdr);
  return (*neighbour)->lladdr;
}

void HostStack::SendToGroup(const Device& device, const IpPacket& packet) {
  Transmit(device, {.frame = WriteIcmp(packet)}, Ipv6MulticastMac(packet.destination));
}

void HostStack::Transmit(const Device& device, Outgoing packet, const MacAddress& destination) {
  SetMacs(packet.frame, destination, device.address);
  context_.Transmit(device, packet.frame, packet.offload);
}

// __neigh_event_send: the oldest make room for the newest.
void HostStack::Hold(const Neighbour& neighbour, Outgoing packet) {
  const bool full =
      held_packets_ == kHeldPacketsInAll || held_bytes_ + packet.frame.size() > kHeldBytesInAll;
  if (full) return;
  Queue& queue = queues_[&neighbour];
  queue.bytes += packet.frame.size();
  held_bytes_ += packet.frame.size();
  queue.packets.push_back(std::move(packet));
  ++held_packets_;
  while (queue.packets.size() > kHeldPackets || queue.bytes > kHeldBytes) DropOldest(queue);
}

void HostStack::DropOldest(Queue& queue) {
  queue.bytes -= queue.packets.front().frame.size();
  held_bytes_ -= queue.packets.front().frame.size();
  queue.packets.pop_front();
  --held_packets_;
}

// It was taken out of queues_.
void HostStack::Release(const Queue& queue) {
  held_packets_ -= queue.packets.size();
  held_bytes_ -= queue.bytes;
}

// neigh_probe
std::optional<IpAddress> HostStack::SourceOfHeld(const Neighbour& neighbour) const {
  const auto queue = queues_.find(&neighbour);
  if (queue == queues_.end()) return std::nullopt;
  return queue->second.packets.back().source;
}

void HostStack::Solicit(const Neighbour& neighbour) {
  neighbour.address.family == AF_INET ? SolicitArp(neighbour) : SolicitNd(neighbour);
}

void HostStack::Resolved(const Neighbour& neighbour) {
  auto queue = queues_.extract(&neighbour);
  if (queue.empty()) return;
  Release(queue.mapped());
  for (Outgoing& packet : queue.mapped().packets) {
    Transmit(*neighbour.device, std::move(packet), neighbour.lladdr);
  }
}

void HostStack::Failed(const Neighbour& neighbour) {
  const auto queue = queues_.extract(&neighbour);
  if (!queue.empty()) Release(queue.mapped());
}

}  // namespace vswitch
