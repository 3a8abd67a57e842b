// SPDX-License-Identifier: BSD-3-Clause
// Neighbour discovery (RFC 4861) as net/ipv6/ndisc.c does it for a host: solicitations and
// advertisements. Routers are neither looked for nor listened to.
#include <netinet/icmp6.h>
#include <netinet/in.h>

#include <cstring>

#include "absl/hash/hash.h"
#include "control/host_stack.h"

namespace vswitch {

namespace {

constexpr uint8_t kHopLimit = 255;  // proves that no router forwarded it
constexpr uint8_t kLinkScope = 2;   // of RFC 4291, 2.7

// Who asks when nobody's packet waits; nothing while there is none (ipv6_get_lladdr). They are the
// last of the list, where what is wider need not be looked at.
std::optional<IpAddress> LinkLocalOf(const Device& device) {
  if (device.inet == nullptr) return std::nullopt;
  const std::vector<InetAddress>& list = device.inet->v6;
  for (auto address = list.rbegin(); address != list.rend(); ++address) {
    if (Ipv6SourceScope(address->local) > kLinkScope) break;
    if (address->local.IsLinkLocal() && !address->tentative()) return address->local;
  }
  return std::nullopt;
}

}  // namespace

// ndisc_rcv
void HostStack::ReceiveNd(const Arrival& arrival, const IpPacket& packet) {
  const uint8_t code = packet.payload[1];
  if (packet.hop_limit != kHopLimit || code != 0) return;
  const std::optional<NdMessage> message = ReadNd(packet.payload);
  if (!message.has_value() || message->target.IsMulticast()) return;
  message->advertisement ? ReceiveAdvertisement(arrival, packet, *message)
                         : ReceiveSolicitation(arrival, packet, *message);
}

// ndisc_recv_ns
void HostStack::ReceiveSolicitation(const Arrival& arrival, const IpPacket& packet,
                                    const NdMessage& message) {
  Device& device = arrival.device;
  const bool probe = packet.source.IsAny();  // duplicate address detection
  const bool to_solicited_node = packet.destination == SolicitedNode(packet.destination);
  if (probe && !to_solicited_node) return;
  if (probe && message.source_mac.has_value()) return;
  const HostAddresses::State state = addresses_.Find(device, message.target);
  if (state == HostAddresses::State::kNone) return;
  if (state == HostAddresses::State::kTentative) {
    // Who asks for an address that we ask for, too, has it as little as we do. A question with our
    // own nonce came back to us.
    const bool echoed = message.nonce == NonceFor(device, message.target);
    if (probe && !echoed) context_.OnDuplicate(device, message.target);
    return;
  }
  if (!probe) {
    NeighTable& table = context_.Neighbours(*device.ns, AF_INET6);
    const bool create = !packet.destination.IsMulticast() || message.source_mac.has_value();
    Neighbour* neighbour = table.Find(device, packet.source);
    if (neighbour == nullptr && create) {
      neighbour = table.Create(device, packet.source, 0, false, arrival.now).value_or(nullptr);
    }
    if (neighbour == nullptr) return;
    const MacAddress* mac = message.source_mac.has_value() ? &*message.source_mac : nullptr;
    (void)table.Update(*neighbour, mac, NUD_STALE, kNeighWeakOverride | kNeighOverride, 0,
                       arrival.now);
  }
  Advertise(arrival, packet, message);
}

// ndisc_send_na
void HostStack::Advertise(const Arrival& arrival, const IpPacket& solicitation,
                          const NdMessage& message) {
  if (arrival.answered) return;
  const bool probe = solicitation.source.IsAny();
  const bool multicast = solicitation.destination.IsMulticast();
  NdMessage answer;
  answer.advertisement = true;
  answer.solicited = !probe;
  answer.override = multicast;
  answer.target = message.target;
  if (multicast) answer.target_mac = arrival.device.address;
  const std::vector<uint8_t> payload = WriteNd(answer);
  IpPacket packet{.source = message.target,
                  .destination = probe ? AllNodes() : solicitation.source,
                  .hop_limit = kHopLimit,
                  .protocol = IPPROTO_ICMPV6,
                  .payload = payload};
  if (probe) return SendToGroup(arrival.device, packet);
  SendThrough(arrival.device, packet.destination, packet, arrival.now);
}

// ndisc_recv_na
void HostStack::ReceiveAdvertisement(const Arrival& arrival, const IpPacket& packet,
                                     const NdMessage& message) {
  Device& device = arrival.device;
  if (packet.destination.IsMulticast() && message.solicited) return;
  const HostAddresses::State state = addresses_.Find(device, message.target);
  if (state == HostAddresses::State::kTentative) context_.OnDuplicate(device, message.target);
  if (state != HostAddresses::State::kNone) return;
  NeighTable& table = context_.Neighbours(*device.ns, AF_INET6);
  Neighbour* neighbour = table.Find(device, message.target);
  if (neighbour == nullptr || (neighbour->state & NUD_FAILED) != 0) return;
  const MacAddress* mac = message.target_mac.has_value() ? &*message.target_mac : nullptr;
  const uint32_t flags = kNeighWeakOverride | kNeighOverrideRouter |
                         (message.override ? kNeighOverride : 0u) |
                         (message.router ? kNeighRouter : 0u);
  (void)table.Update(*neighbour, mac, message.solicited ? NUD_REACHABLE : NUD_STALE, flags, 0,
                     arrival.now);
}

// ndisc_solicit
void HostStack::SolicitNd(const Neighbour& neighbour) {
  const Device& device = *neighbour.device;
  std::optional<IpAddress> source = SourceOfHeld(neighbour);
  const bool ours =
      source.has_value() && addresses_.Find(device, *source) == HostAddresses::State::kOurs;
  if (!ours) source = LinkLocalOf(device);
  if (!source.has_value()) return;
  NdMessage question;
  question.target = neighbour.address;
  question.source_mac = device.address;
  const std::vector<uint8_t> payload = WriteNd(question);
  IpPacket packet{.source = *source,
                  .destination = neighbour.address,
                  .hop_limit = kHopLimit,
                  .protocol = IPPROTO_ICMPV6,
                  .payload = payload};
  if (neighbour.valid()) return Transmit(device, {.frame = WriteIcmp(packet)}, neighbour.lladdr);
  packet.destination = SolicitedNode(neighbour.address);
  SendToGroup(device, packet);
}

void HostStack::ProbeDuplicate(const Device& device, const IpAddress& address) {
  NdMessage question;
  question.target = address;
  question.nonce = NonceFor(device, address);
  const std::vector<uint8_t> payload = WriteNd(question);
  SendToGroup(device, {.source = IpAddress::Any(AF_INET6),
                       .destination = SolicitedNode(address),
                       .hop_limit = kHopLimit,
                       .protocol = IPPROTO_ICMPV6,
                       .payload = payload});
}

// Differs between devices: two of ours may be on one link (RFC 7527).
std::array<uint8_t, 6> HostStack::NonceFor(const Device& device, const IpAddress& address) const {
  const uint64_t hash = absl::HashOf(secret_, device.id, address);
  std::array<uint8_t, 6> nonce;
  std::memcpy(nonce.data(), &hash, nonce.size());
  return nonce;
}

}  // namespace vswitch
