// SPDX-License-Identifier: BSD-3-Clause
// ipvlan: devices that share the address of a lower device and are told apart by IP addresses
// (drivers/net/ipvlan/ipvlan_main.c).
#include <linux/if_link.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include "control/ipvlan_master.h"
#include "control/ipvlan_trace.h"
#include "control/link_kinds.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"
#include "dataplane/ipvlan.h"

namespace vswitch {

namespace {

constexpr uint16_t kFlags = IPVLAN_F_PRIVATE | IPVLAN_F_VEPA;

constexpr std::array<NlPolicy, IFLA_IPVLAN_FLAGS + 1> kDataPolicy = {
    NlPolicy{}, NlPolicy{.type = NlType::kU16}, NlPolicy{.type = NlType::kU16}};

void Setup(Device& device) {
  device.flags = IFF_BROADCAST | IFF_MULTICAST;
  device.has_link = true;
  TraceIpvlanSetup(device);
}

absl::Status Validate(const NlAttrs&, const NlAttrs* data, ExtAck&) {
  if (data == nullptr) return absl::OkStatus();
  const uint16_t mode = data->Has(IFLA_IPVLAN_MODE) ? data->U16(IFLA_IPVLAN_MODE) : uint16_t{0};
  const uint16_t flags = data->Has(IFLA_IPVLAN_FLAGS) ? data->U16(IFLA_IPVLAN_FLAGS) : uint16_t{0};
  const bool valid = mode < IPVLAN_MODE_MAX && (flags & ~kFlags) == 0 && flags != kFlags;
  return valid ? absl::OkStatus() : ErrnoStatus(EINVAL);
}

// The lower device: of an ipvlan its own one.
absl::StatusOr<Device*> FindPhy(const LinkRequest& request) {
  if (!request.attrs.Has(IFLA_LINK)) return ErrnoStatus(EINVAL);
  Device* phy = request.source->FindByIndex(request.attrs.S32(IFLA_LINK));
  if (phy == nullptr) return ErrnoStatus(ENODEV);
  if (phy->ipvlan != nullptr) return phy->link;
  if (phy->type != ARPHRD_ETHER || (phy->flags & IFF_LOOPBACK) != 0) return ErrnoStatus(EINVAL);
  const bool busy = phy->lower_port != nullptr && &phy->lower_port->kind() != &kIpvlanKind;
  return busy ? absl::StatusOr<Device*>(ErrnoStatus(EBUSY)) : phy;
}

// What a new device has of phy (ipvlan_init). An address in the request is not taken, but that
// there was one means that the address is not a permanent one.
void Inherit(const Device& phy, const NlAttrs& attrs, Device& device) {
  if (!attrs.Has(IFLA_MTU)) device.mtu = phy.mtu;
  device.address = phy.address;
  if (!attrs.Has(IFLA_ADDRESS)) device.perm_address = phy.address;
  device.carrier = phy.carrier;
  device.dormant = phy.dormant;
  device.tso_max_size = phy.tso_max_size;
  device.tso_max_segs = phy.tso_max_segs;
  device.gso_max_size = std::min(device.gso_max_size, device.tso_max_size);
}

void SetFlags(Rtnl& rtnl, const NlAttrs& data, IpvlanMaster& master) {
  if (data.Has(IFLA_IPVLAN_FLAGS)) master.SetFlags(rtnl, data.U16(IFLA_IPVLAN_FLAGS));
}

// Flags and mode are those of all slaves, and the last word counts: without a mode it is L3.
void SetPortWide(Rtnl& rtnl, const std::optional<NlAttrs>& data, IpvlanMaster& master) {
  if (data.has_value()) SetFlags(rtnl, *data, master);
  const bool given = data.has_value() && data->Has(IFLA_IPVLAN_MODE);
  master.SetMode(rtnl, given ? data->U16(IFLA_IPVLAN_MODE) : uint16_t{IPVLAN_MODE_L3});
}

absl::StatusOr<Device*> NewLink(Rtnl& rtnl, LinkRequest& request, std::unique_ptr<Device> device,
                                ExtAck&) {
  const absl::StatusOr<Device*> found = FindPhy(request);
  if (!found.ok()) return found;
  Device& phy = **found;
  Inherit(phy, request.attrs, *device);
  device->link = &phy;
  const std::shared_ptr<IpvlanMaster> master = IpvlanMaster::At(phy);
  device->ipvlan = std::make_shared<IpvlanSlave>(IpvlanSlave{.master = master});
  const absl::StatusOr<Device*> slave = rtnl.Register(std::move(device));
  if (!slave.ok()) return slave;
  if (const absl::Status numbered = master->Number(**slave); !numbered.ok()) {
    rtnl.UnregisterOne(**slave);
    return numbered;
  }
  rtnl.notifier().NewLink(phy, 0);  // it has an upper device now
  SetPortWide(rtnl, request.data, *master);
  master->Join(rtnl, **slave);
  TraceIpvlanNewlink(**slave, phy);
  return slave;
}

absl::Status ChangeLink(Rtnl& rtnl, Device& device, const NlAttrs& data, ExtAck&) {
  IpvlanMaster& master = *device.ipvlan->master;
  if (data.Has(IFLA_IPVLAN_MODE)) master.SetMode(rtnl, data.U16(IFLA_IPVLAN_MODE));
  SetFlags(rtnl, data, master);
  return absl::OkStatus();
}

void DelLink(Rtnl& rtnl, Device& device, DeleteBatch& batch) {
  batch.Add(device);
  if (!device.ipvlan->joined) return;
  device.ipvlan->master->Leave(rtnl, device);
  const Device& phy = *device.link;
  TraceIpvlanDellink(device, phy);
  if (!phy.unregistering) rtnl.notifier().NewLink(phy, 0);  // one upper device less
}

// Whether it speaks ARP follows from the mode; what the user set is lost.
absl::Status Open(Rtnl&, Device& device) {
  IpvlanMaster& master = *device.ipvlan->master;
  device.flags &= ~uint32_t{IFF_NOARP};
  if (master.routes()) device.flags |= IFF_NOARP;
  master.Open(device);
  return absl::OkStatus();
}

void Stop(Rtnl&, Device& device) { device.ipvlan->master->Stop(device); }

// phy then has to let multicast frames through. It learns nothing of promiscuity.
void ChangeRxFlags(Rtnl& rtnl, Device& device, uint32_t changed) {
  if ((changed & IFF_ALLMULTI) != 0)
    device.link->allmulti += device.allmulti != 0 ? 1u : UINT32_MAX;
  rtnl.Republish(device);
}

// phy lets through what is for the slave.
void SyncUnicast(Device& device) { device.ipvlan->master->SetUnicast(device, HasUnicast(device)); }

void FillInfo(const Device& device, NlWriter& writer) {
  writer.PutU16(IFLA_IPVLAN_MODE, device.ipvlan->master->mode());
  writer.PutU16(IFLA_IPVLAN_FLAGS, device.ipvlan->master->flags());
}

MacFilter FilterOf(const Device& device) {
  MacFilter filter;
  for (const MacAddress& group : ReceivedMacs(device)) filter.Add(group);
  if (device.promiscuity + device.allmulti > 0) filter.AddAll();
  return filter;
}

std::unique_ptr<const Netdev> MakeNetdev(const Device& device) {
  device.ipvlan->groups = FilterOf(device);
  const IpvlanState state{.self = device.id,
                          .mtu = device.mtu,
                          .up = device.up(),
                          .carrier = device.carrier,
                          .groups = device.ipvlan->groups,
                          .answers_neighbours = true};
  return std::make_unique<Ipvlan>(state, device.ipvlan->master->port());
}

}  // namespace

const LinkKind kIpvlanKind = {
    .name = "ipvlan",
    .data_policy = kDataPolicy,
    .setup = Setup,
    .validate = Validate,
    .newlink = NewLink,
    .changelink = ChangeLink,
    .dellink = DelLink,
    .open = Open,
    .stop = Stop,
    .change_rx_flags = ChangeRxFlags,
    .set_rx_mode = SyncUnicast,
    .fixed_address = true,
    .live_address_change = false,
    .can_change_carrier = false,
    .netns_refund = false,
    .can_have_backend = true,
    .has_wire = false,
    .fill_info = FillInfo,
    .make_netdev = MakeNetdev,
};

}  // namespace vswitch
