// SPDX-License-Identifier: BSD-3-Clause
// veth: two devices, what goes into one comes out of the other (drivers/net/veth.c).
#include <linux/veth.h>

#include <array>
#include <cerrno>
#include <utility>

#include "control/link_check.h"
#include "control/link_create.h"
#include "control/link_kinds.h"
#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"
#include "dataplane/veth.h"

namespace vswitch {

namespace {

constexpr uint32_t kMinMtu = 68;
constexpr uint32_t kMaxMtu = 65535;

constexpr std::array<NlPolicy, VETH_INFO_PEER + 1> kDataPolicy = {
    NlPolicy{}, NlPolicy{.type = NlType::kUnspecified, .max_len = sizeof(ifinfomsg)}};

void Setup(Device& device) {
  device.flags = IFF_BROADCAST | IFF_MULTICAST;
  device.min_mtu = kMinMtu;
  device.max_mtu = kMaxMtu;
  device.tso_max_size = 524280;
  device.has_link = true;
}

// For either end. The sentences about the MTU come only with a later change.
absl::Status Validate(const NlAttrs& attrs, const NlAttrs*, ExtAck&) {
  const absl::Status address = CheckNewAddress(attrs);
  if (!address.ok() || !attrs.Has(IFLA_MTU)) return address;
  const uint32_t mtu = attrs.U32(IFLA_MTU);
  return mtu < kMinMtu || mtu > kMaxMtu ? ErrnoStatus(EINVAL) : absl::OkStatus();
}

// What a request says about the other end: the PEER nest, or without one the main attributes.
struct PeerRequest {
  bool nested = false;
  ifinfomsg header{};
  NlAttrs attrs = NlAttrs(0);
};

absl::StatusOr<PeerRequest> ReadPeer(const LinkRequest& request, ExtAck& ack) {
  const NlAttr* nest = request.data.has_value() ? request.data->Find(VETH_INFO_PEER) : nullptr;
  if (nest == nullptr) return PeerRequest{.attrs = request.attrs};
  PeerRequest peer{.nested = true, .header = ReadStruct<ifinfomsg>(nest->value)};
  if (peer.header.ifi_index < 0) {
    ack.offset = nest->offset;
    return ErrnoStatus(EINVAL, "ifindex can't be negative");
  }
  absl::StatusOr<NlAttrs> attrs = ParseAttributes(nest->value.subspan(sizeof(ifinfomsg)),
                                                  nest->offset + NLA_HDRLEN + sizeof(ifinfomsg),
                                                  LinkPolicy(), NlParse::kLegacy, &ack);
  if (!attrs.ok()) return attrs.status();
  peer.attrs = *std::move(attrs);
  const absl::Status valid = Validate(peer.attrs, nullptr, ack);
  if (!valid.ok()) return valid;
  return peer;
}

// Neither the name nor the address of the main device is the peer's. The peer's index counts only
// if the main one was asked for, too.
absl::StatusOr<std::unique_ptr<Device>> CreatePeer(const LinkRequest& request,
                                                   const PeerRequest& peer, bool index_given,
                                                   ExtAck& ack) {
  const auto ns = LinkNetns(peer.attrs, *request.client, *request.source);
  if (!ns.ok()) return ns.status();
  const bool named = peer.nested && peer.attrs.Has(IFLA_IFNAME);
  const std::string name = named ? peer.attrs.String(IFLA_IFNAME) : "veth%d";
  auto device = CreateLink(**ns, name, kVethKind, peer.attrs, ack);
  if (!device.ok()) return device;
  if (!peer.nested || !peer.attrs.Has(IFLA_ADDRESS)) (*device)->address = RandomAddress();
  if (peer.nested && index_given) (*device)->ifindex = peer.header.ifi_index;
  return device;
}

// Registered and announced before the main device exists: its link is 0 then.
absl::StatusOr<Device*> RegisterPeer(Rtnl& rtnl, std::unique_ptr<Device> device,
                                     const PeerRequest& request) {
  const absl::StatusOr<Device*> peer = rtnl.Register(std::move(device));
  if (!peer.ok()) return peer;
  rtnl.SetCarrier(**peer, false);
  const absl::Status status =
      rtnl.ConfigureLink(**peer, request.nested ? &request.header : nullptr);
  if (status.ok()) return peer;
  rtnl.UnregisterOne(**peer);
  return status;
}

absl::StatusOr<Device*> NewLink(Rtnl& rtnl, LinkRequest& request, std::unique_ptr<Device> device,
                                ExtAck& ack) {
  const absl::StatusOr<PeerRequest> peer_request = ReadPeer(request, ack);
  if (!peer_request.ok()) return peer_request.status();
  auto peer_device = CreatePeer(request, *peer_request, device->ifindex != 0, ack);
  if (!peer_device.ok()) return peer_device.status();
  const auto peer = RegisterPeer(rtnl, *std::move(peer_device), *peer_request);
  if (!peer.ok()) return peer;
  if (!request.attrs.Has(IFLA_ADDRESS)) device->address = RandomAddress();
  const absl::StatusOr<Device*> main = rtnl.Register(std::move(device));
  if (!main.ok()) {
    rtnl.UnregisterOne(**peer);
    return main;
  }
  rtnl.SetCarrier(**main, false);
  (*main)->link = *peer;
  (*peer)->link = *main;
  return main;
}

// Unties both ends first, so that neither names the other in what is announced from here on.
void DelLink(Rtnl&, Device& device, DeleteBatch& batch) {
  Device* peer = std::exchange(device.link, nullptr);
  batch.Add(device);
  if (peer == nullptr) return;
  peer->link = nullptr;
  batch.Add(*peer);
}

absl::Status Open(Rtnl& rtnl, Device& device) {
  if (device.link == nullptr) return ErrnoStatus(ENOTCONN);
  if (!device.link->up()) return absl::OkStatus();
  rtnl.SetCarrier(device, true);
  rtnl.SetCarrier(*device.link, true);
  return absl::OkStatus();
}

void Stop(Rtnl& rtnl, Device& device) {
  rtnl.SetCarrier(device, false);
  if (device.link != nullptr) rtnl.SetCarrier(*device.link, false);
}

std::unique_ptr<const Netdev> MakeNetdev(const Device& device) {
  VethState state{.self = device.id, .up = device.up(), .carrier = device.carrier};
  if (device.link != nullptr) {
    state.peer = device.link->id;
    state.peer_mtu = device.link->mtu;
  }
  return std::make_unique<Veth>(state);
}

}  // namespace

const LinkKind kVethKind = {
    .name = "veth",
    .data_policy = kDataPolicy,
    .setup = Setup,
    .validate = Validate,
    .newlink = NewLink,
    .changelink = nullptr,
    .dellink = DelLink,
    .open = Open,
    .stop = Stop,
    .change_rx_flags = nullptr,
    .fixed_address = false,
    .live_address_change = true,
    .can_change_carrier = false,
    .netns_refund = false,
    .can_have_backend = true,
    .fill_info = nullptr,
    .make_netdev = MakeNetdev,
};

}  // namespace vswitch
