// SPDX-License-Identifier: BSD-3-Clause
// The minimal host stack: it answers for addresses of devices that have no other stack, and finds
// neighbours. ARP, neighbour discovery, ICMP and ICMPv6 echo; no TCP, no UDP, nothing is forwarded.
#ifndef VSWITCH_CONTROL_HOST_STACK_H_
#define VSWITCH_CONTROL_HOST_STACK_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "control/host_addresses.h"
#include "control/host_frame.h"
#include "control/neigh_table.h"
#include "dataplane/packet.h"

namespace vswitch {

// Where a packet goes: to `next_hop`, a neighbour on the link of `device`.
struct HostRoute {
  Device* device = nullptr;
  IpAddress next_hop;
};

// A frame to a neighbour, whose Ethernet addresses are filled in when it goes. `source` is whom its
// packet is from.
struct Outgoing {
  Frame frame;
  IpAddress source;
  Offload offload = {};
};

// What the stack asks others. Control thread.
class HostContext {
 public:
  virtual ~HostContext() = default;

  // What an IPv4 address is to the namespace, RTN_* (inet_addr_type).
  virtual uint8_t TypeOf(const Namespace& ns, const IpAddress& address) = 0;
  // Whether packets to an IPv6 address that arrive on the device are ours (ip6_route_input).
  virtual bool IsLocal(const Device& device, const IpAddress& address) = 0;
  // Nothing when there is no way, or it leads to ourselves. With `device`: only through that.
  virtual std::optional<HostRoute> RouteTo(const Namespace& ns, const IpAddress& source,
                                           const IpAddress& destination, const Device* device) = 0;
  // Our address with which to talk to one on the link of the device; nothing when there is none
  // (inet_select_addr, ipv6_dev_get_saddr).
  virtual std::optional<IpAddress> SourceFor(const Device& device,
                                             const IpAddress& destination) = 0;
  virtual NeighTable& Neighbours(const Namespace& ns, uint8_t family) = 0;
  // Another node has the address that the device has or wants.
  virtual void OnDuplicate(Device& device, const IpAddress& address) = 0;
  // A frame leaves the device, with what its sender left to others.
  virtual void Transmit(const Device& device, Bytes frame, const Offload& offload) = 0;
};

// Control thread. Files: host_stack.cc dispatches, routes and keeps packets for neighbours;
// host_arp.cc is net/ipv4/arp.c, host_nd.cc net/ipv6/ndisc.c, host_icmp.cc net/ipv4/icmp.c and
// net/ipv6/icmp.c.
class HostStack final : public NeighResolver {
 public:
  // A neighbour's queue: as unres_qlen_bytes and the packets of 1,500 bytes that this is in Linux.
  static constexpr size_t kHeldBytes = 212992;
  static constexpr size_t kHeldPackets = 101;
  // All queues together, which Linux does not limit.
  static constexpr size_t kHeldPacketsInAll = 2048;
  static constexpr size_t kHeldBytesInAll = size_t{16} << 20;

  explicit HostStack(HostContext& context);
  HostStack(const HostStack&) = delete;

  // Anything that `device` received. With `checksum_pending` the sender trusted others to fill in
  // the checksum of the message.
  void Receive(Device& device, Bytes frame, bool checksum_pending, MonotonicTime now);

  // The same of a device that another stack answers for: whoever is heard of becomes known.
  void Overhear(Device& device, Bytes frame, MonotonicTime now);

  // Sends to a neighbour on the link of `device`, or keeps the frame until the neighbour is found.
  // Returns the neighbour's address when that is known.
  std::optional<MacAddress> SendOn(Device& device, const IpAddress& next_hop, Outgoing packet,
                                   MonotonicTime now);

  // Asks whether another node has the IPv6 address, which is tentative (addrconf_dad_work).
  void ProbeDuplicate(const Device& device, const IpAddress& address);

  // What is kept in step with the addresses of devices by whom the stack works for.
  HostAddresses& addresses() { return addresses_; }

  // NeighResolver.
  void Solicit(const Neighbour& neighbour) override;
  void Resolved(const Neighbour& neighbour) override;
  void Failed(const Neighbour& neighbour) override;

  size_t held() const { return held_packets_; }

 private:
  // A frame that arrived, while it is being handled.
  struct Arrival {
    Device& device;
    const EthernetFrame& frame;
    bool checksum_pending;
    bool answered;  // by another stack
    MonotonicTime now;

    bool to_us() const { return frame.destination == device.address; }
  };
  struct Queue {
    std::deque<Outgoing> packets;
    size_t bytes = 0;
  };

  // Sends an IP packet on its way. `device` limits the route to itself.
  void Send(const Namespace& ns, const IpPacket& packet, const Device* device, MonotonicTime now);
  void SendThrough(Device& device, const IpAddress& next_hop, const IpPacket& packet,
                   MonotonicTime now);
  // To a multicast group on the link.
  void SendToGroup(const Device& device, const IpPacket& packet);
  void Transmit(const Device& device, Outgoing packet, const MacAddress& destination);
  void Hold(const Neighbour& neighbour, Outgoing packet);
  void DropOldest(Queue& queue);
  void Release(const Queue& queue);
  void Handle(const Arrival& arrival);
  // Whom the packet that waits shortest says it is from; nothing when none waits.
  std::optional<IpAddress> SourceOfHeld(const Neighbour& neighbour) const;

  // host_arp.cc
  void ReceiveArp(const Arrival& arrival);
  void AnswerArp(const Arrival& arrival, const ArpPacket& request);
  void LearnFromArp(const Arrival& arrival, const ArpPacket& packet);
  bool IsGratuitous(const Device& device, const ArpPacket& packet);
  // Whether Linux would give an ARP request or a packet with these addresses to its local input.
  bool IsForUs(const Device& device, const IpAddress& source, const IpAddress& destination);
  void SolicitArp(const Neighbour& neighbour);

  // host_nd.cc
  void ReceiveNd(const Arrival& arrival, const IpPacket& packet);
  void ReceiveSolicitation(const Arrival& arrival, const IpPacket& packet,
                           const NdMessage& message);
  void ReceiveAdvertisement(const Arrival& arrival, const IpPacket& packet,
                            const NdMessage& message);
  void Advertise(const Arrival& arrival, const IpPacket& solicitation, const NdMessage& message);
  void SolicitNd(const Neighbour& neighbour);
  std::array<uint8_t, 6> NonceFor(const Device& device, const IpAddress& address) const;

  // host_icmp.cc
  void ReceiveIpv4(const Arrival& arrival);
  void ReceiveIpv6(const Arrival& arrival);
  void ReceiveIcmp6(const Arrival& arrival, const IpPacket& packet);
  void Echo(const Arrival& arrival, const IpPacket& request, const IpAddress& source,
            const Device* device);

  HostContext& context_;
  const uint64_t secret_;  // for nonces
  HostAddresses addresses_;
  absl::flat_hash_map<const Neighbour*, Queue> queues_;
  size_t held_packets_ = 0, held_bytes_ = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HOST_STACK_H_
