// SPDX-License-Identifier: BSD-3-Clause
// Echo requests to our addresses (icmp_echo, icmpv6_echo_reply).
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>

#include <algorithm>

#include "control/fill_af_spec.h"
#include "control/host_stack.h"

namespace vswitch {

namespace {

constexpr size_t kIcmpHeader = 8;

}  // namespace

// Requests to broadcast and multicast addresses are ignored (icmp_echo_ignore_broadcasts is 1).
void HostStack::ReceiveIpv4(const Arrival& arrival) {
  Device& device = arrival.device;
  const std::optional<IpPacket> packet = ReadIpv4(arrival.frame.payload);
  if (!packet.has_value() || !HasInet(device) || packet->protocol != IPPROTO_ICMP) return;
  if (packet->payload.size() < kIcmpHeader || packet->payload[0] != ICMP_ECHO) return;
  if (!IsForUs(device, packet->source, packet->destination)) return;
  if (!arrival.checksum_pending && !IsIcmpChecksumValid(*packet)) return;
  Echo(arrival, *packet, packet->destination, nullptr);
}

// ipv6_rcv
void HostStack::ReceiveIpv6(const Arrival& arrival) {
  Device& device = arrival.device;
  const std::optional<IpPacket> packet = ReadIpv6(arrival.frame.payload);
  if (!packet.has_value() || !HasInet6(device) || packet->protocol != IPPROTO_ICMPV6) return;
  const IpAddress& to = packet->destination;
  if (packet->source.IsMulticast() || packet->source.IsLoopback() || to.IsLoopback()) return;
  const bool ours =
      to.IsMulticast() ? addresses_.IsMember(device, to) : context_.IsLocal(device, to);
  if (!ours || packet->payload.size() < kIcmpHeader) return;
  if (!arrival.checksum_pending && !IsIcmpChecksumValid(*packet)) return;
  ReceiveIcmp6(arrival, *packet);
}

void HostStack::ReceiveIcmp6(const Arrival& arrival, const IpPacket& packet) {
  switch (packet.payload[0]) {
    case ND_NEIGHBOR_SOLICIT:
    case ND_NEIGHBOR_ADVERT:
      return ReceiveNd(arrival, packet);
    case ICMP6_ECHO_REQUEST:
      break;
    default:
      return;
  }
  // Requests to a group are answered, too (icmp/echo_ignore_multicast is 0).
  const std::optional<IpAddress> source = packet.destination.IsMulticast()
                                              ? context_.SourceFor(arrival.device, packet.source)
                                              : packet.destination;
  const Device* link = packet.source.IsLinkLocal() ? &arrival.device : nullptr;
  if (source.has_value() && !packet.source.IsAny()) Echo(arrival, packet, *source, link);
}

// The request comes back as it was, with another type.
void HostStack::Echo(const Arrival& arrival, const IpPacket& request, const IpAddress& source,
                     const Device* device) {
  if (arrival.answered) return;
  std::vector<uint8_t> message(request.payload.begin(), request.payload.end());
  message[0] = request.protocol == IPPROTO_ICMP ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY;
  Send(*arrival.device.ns,
       {.source = source,
        .destination = request.source,
        .traffic_class = request.traffic_class,
        .protocol = request.protocol,
        .payload = message},
       device, arrival.now);
}

}  // namespace vswitch
