// SPDX-License-Identifier: BSD-3-Clause
// ARP as net/ipv4/arp.c does it with the default settings: arp_ignore, arp_filter, arp_accept and
// arp_announce are 0.
#include <linux/if.h>
#include <linux/rtnetlink.h>

#include "control/fill_af_spec.h"
#include "control/host_stack.h"

namespace vswitch {

namespace {

bool IsZeroNet(const IpAddress& address) { return address.bytes[0] == 0; }
bool IsLimitedBroadcast(const IpAddress& address) { return address.ToV4() == UINT32_MAX; }

}  // namespace

// arp_rcv, arp_process
void HostStack::ReceiveArp(const Arrival& arrival) {
  const Device& device = arrival.device;
  if ((device.flags & IFF_NOARP) != 0 || !HasInet(device)) return;
  const std::optional<ArpPacket> packet = ReadArp(arrival.frame.payload);
  if (!packet.has_value()) return;
  if (packet->target.IsMulticast() || packet->target.IsLoopback()) return;
  if (packet->sender.IsAny()) {
    // Duplicate address detection (RFC 2131, RFC 5227): whoever asks is no neighbour yet.
    const bool ours = context_.TypeOf(*device.ns, packet->target) == RTN_LOCAL;
    if (ours && !packet->reply) AnswerArp(arrival, *packet);
  } else if (!packet->reply && IsForUs(device, packet->sender, packet->target)) {
    // neigh_event_ns
    NeighTable& table = context_.Neighbours(*device.ns, AF_INET);
    const auto neighbour = table.Create(arrival.device, packet->sender, 0, false, arrival.now);
    if (!neighbour.ok()) return;
    (void)table.Update(**neighbour, &packet->sender_mac, NUD_STALE, kNeighOverride, 0, arrival.now);
    AnswerArp(arrival, *packet);
  } else {
    LearnFromArp(arrival, *packet);
  }
}

// ip_route_input as far as local input goes, without rp_filter.
bool HostStack::IsForUs(const Device& device, const IpAddress& source,
                        const IpAddress& destination) {
  if (source.IsMulticast() || IsLimitedBroadcast(source) || IsZeroNet(source)) return false;
  if (source.IsLoopback() || destination.IsLoopback() || IsZeroNet(destination)) return false;
  if (context_.TypeOf(*device.ns, destination) != RTN_LOCAL) return false;
  return context_.TypeOf(*device.ns, source) != RTN_LOCAL;
}

void HostStack::AnswerArp(const Arrival& arrival, const ArpPacket& request) {
  if (arrival.answered) return;
  const ArpPacket answer{true, arrival.device.address, request.sender_mac, request.target,
                         request.sender};
  context_.Transmit(arrival.device, WriteArp(answer, request.sender_mac), {});
}

// Only entries that are there already change (arp_accept is 0).
void HostStack::LearnFromArp(const Arrival& arrival, const ArpPacket& packet) {
  NeighTable& table = context_.Neighbours(*arrival.device.ns, AF_INET);
  Neighbour* neighbour = table.Find(arrival.device, packet.sender);
  if (neighbour == nullptr) return;
  // Of several answers the first one counts.
  const bool recently =
      arrival.now <= neighbour->updated + table.ParamsOf(*neighbour->device).locktime;
  const bool override = !recently || IsGratuitous(arrival.device, packet);
  // Neither broadcasts nor requests prove that packets reach the neighbour.
  const uint8_t state = packet.reply && arrival.to_us() ? NUD_REACHABLE : NUD_STALE;
  (void)table.Update(*neighbour, &packet.sender_mac, state, override ? kNeighOverride : 0u, 0,
                     arrival.now);
}

// arp_is_garp
bool HostStack::IsGratuitous(const Device& device, const ArpPacket& packet) {
  if (packet.sender != packet.target) return false;
  if (packet.reply && packet.target_mac != packet.sender_mac) return false;
  return context_.TypeOf(*device.ns, packet.sender) == RTN_UNICAST;
}

// arp_solicit
void HostStack::SolicitArp(const Neighbour& neighbour) {
  const Device& device = *neighbour.device;
  ArpPacket request;
  request.sender_mac = device.address;
  request.target = neighbour.address;
  const std::optional<IpAddress> source = SourceOfHeld(neighbour);
  const bool ours = source.has_value() && context_.TypeOf(*device.ns, *source) == RTN_LOCAL;
  request.sender =
      ours ? *source
           : context_.SourceFor(device, neighbour.address).value_or(IpAddress::Any(AF_INET));
  context_.Transmit(device, WriteArp(request, neighbour.valid() ? neighbour.lladdr : kBroadcastMac),
                    {});
}

}  // namespace vswitch
