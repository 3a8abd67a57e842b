// SPDX-License-Identifier: BSD-3-Clause
#include "control/ipvlan_master.h"

#include <cerrno>
#include <utility>
#include <vector>

#include "control/ipvlan_key.h"
#include "control/ipvlan_trace.h"
#include "control/link_kinds.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"
#include "dataplane/ipvlan.h"

namespace vswitch {

std::shared_ptr<IpvlanMaster> IpvlanMaster::At(Device& phy) {
  const bool has_one = phy.lower_port != nullptr && &phy.lower_port->kind() == &kIpvlanKind;
  if (has_one) return static_cast<IpvlanMaster*>(phy.lower_port)->shared_from_this();
  return std::make_shared<IpvlanMaster>(phy);
}

IpvlanMaster::IpvlanMaster(Device& phy) : phy_(phy), port_(std::make_shared<IpvlanPort>(State())) {}

IpvlanPortState IpvlanMaster::State() const {
  return {.mode = static_cast<IpvlanMode>(mode_),
          .flags = static_cast<IpvlanFlags>(flags_),
          .phy = phy_.id,
          .phy_up = phy_.up(),
          .phy_mtu = phy_.mtu,
          .phy_address = phy_.address};
}

const LinkKind& IpvlanMaster::kind() const { return kIpvlanKind; }

void IpvlanMaster::SetMode(Rtnl& rtnl, uint16_t mode) {
  if (mode == mode_) return;
  mode_ = mode;
  for (Device* slave : slaves_) {
    const uint32_t before = slave->flags;
    const uint32_t cleared = before & ~uint32_t{IFF_NOARP};
    (void)rtnl.ChangeFlags(*slave,
                           routes() ? cleared | IFF_NOARP : cleared);  // stays as UP as it is
    rtnl.NotifyFlags(*slave, before, before ^ slave->flags);
  }
  if (!slaves_.empty()) Attach(rtnl);
  Publish(rtnl);
}

void IpvlanMaster::SetFlags(Rtnl& rtnl, uint16_t flags) {
  flags_ = flags;
  Publish(rtnl);
}

// In turn, so that a number that became free is not given away again soon (ida_alloc_range).
absl::Status IpvlanMaster::Number(Device& device) {
  for (uint32_t tried = kFirstNumber; tried < kEndOfNumbers; ++tried) {
    const uint16_t number = next_number_;
    next_number_ = number + 1 == kEndOfNumbers ? kFirstNumber : static_cast<uint16_t>(number + 1);
    if (numbers_.test(number)) continue;
    numbers_.set(number);
    device.dev_id = number;
    return absl::OkStatus();
  }
  return ErrnoStatus(ENOSPC);
}

void IpvlanMaster::Join(Rtnl& rtnl, Device& device) {
  IpvlanSlave& slave = *device.ipvlan;
  slave.position = slaves_.insert(slaves_.end(), &device);
  slave.joined = true;
  (void)port_->slaves().Add(device.id);  // has room for as many as there are numbers
  TakeState(rtnl, device);
  if (slaves_.size() > 1) return;
  phy_.lower_port = this;
  rtnl.Republish(phy_);
  rtnl.dataplane().PublishRxHandler(phy_.id, std::make_unique<IpvlanReceive>(port_));
  Attach(rtnl);
}

// Whose packets are routed here.
void IpvlanMaster::Attach(Rtnl& rtnl) {
  routes() ? rtnl.host_port().AddLower(phy_, port_) : rtnl.host_port().RemoveLower(phy_);
}

void IpvlanMaster::Detach(Rtnl& rtnl) {
  phy_.lower_port = nullptr;
  rtnl.dataplane().PublishRxHandler(phy_.id, nullptr);
  rtnl.host_port().RemoveLower(phy_);
}

void IpvlanMaster::Leave(Rtnl& rtnl, Device& device) {
  IpvlanSlave& slave = *device.ipvlan;
  if (!std::exchange(slave.joined, false)) return;
  ForEachAddress(device, [&](const IpAddress& address) { Remove(device, address); });
  SetUnicast(device, false);
  port_->slaves().Remove(device.id);
  numbers_.reset(device.dev_id);
  slaves_.erase(slave.position);
  if (slaves_.empty()) Detach(rtnl);
}

Device* IpvlanMaster::OwnerOf(const IpAddress& address) const {
  const auto owner = owners_.find(address);
  return owner == owners_.end() ? nullptr : owner->second;
}

void IpvlanMaster::Add(Device& device, const IpAddress& address) {
  if (!device.ipvlan->joined || !owners_.try_emplace(address, &device).second) return;
  TraceIpvlanAddress(device, address);
  if (device.up()) (void)port_->AddAddress(KeyOf(address), device.id);
}

void IpvlanMaster::Remove(const Device& device, const IpAddress& address) {
  const auto owner = owners_.find(address);
  if (owner == owners_.end() || owner->second != &device) return;
  owners_.erase(owner);
  (void)port_->RemoveAddress(KeyOf(address));
}

void IpvlanMaster::Open(const Device& device) {
  ForEachAddress(device, [&](const IpAddress& address) {
    if (OwnerOf(address) == &device) (void)port_->AddAddress(KeyOf(address), device.id);
  });
}

void IpvlanMaster::SetUnicast(const Device& device, bool on) {
  if (std::exchange(device.ipvlan->unicast, on) == on) return;
  on ? ++phy_.upper_unicast : --phy_.upper_unicast;
  SetRxMode(phy_);
}

void IpvlanMaster::Stop(const Device& device) {
  SetUnicast(device, false);
  ForEachAddress(device, [&](const IpAddress& address) {
    if (OwnerOf(address) == &device) (void)port_->RemoveAddress(KeyOf(address));
  });
}

template <typename Call>
void IpvlanMaster::ForEachAddress(const Device& device, Call call) {
  if (device.inet == nullptr) return;
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    for (const InetAddress& address : device.inet->Of(family)) call(IpvlanKey(address));
  }
}

// netif_stacked_transfer_operstate
void IpvlanMaster::TakeState(Rtnl& rtnl, Device& device) const {
  const bool had_carrier = device.carrier;
  rtnl.SetDormant(device, phy_.operstate == OperState::kDormant);
  rtnl.SetTesting(device, phy_.operstate == OperState::kTesting);
  rtnl.SetCarrier(device, phy_.carrier);
  if (device.carrier != had_carrier) rtnl.Republish(device);
}

void IpvlanMaster::OnStateChanged(Rtnl& rtnl) {
  for (Device* slave : slaves_) TakeState(rtnl, *slave);
}

// ipvlan_adjust_mtu. Nobody is told; a guest is.
void IpvlanMaster::OnMtuChanged(Rtnl& rtnl) {
  for (Device* slave : slaves_) {
    slave->mtu = phy_.mtu;
    const Port* port = rtnl.dataplane().PortOf(slave->id);
    if (port != nullptr) (void)port->backend->SetMtu(slave->mtu);
    rtnl.Republish(*slave);
  }
}

void IpvlanMaster::OnAddressChanged(Rtnl& rtnl) {
  for (Device* slave : slaves_) {
    slave->address = phy_.address;
    const Port* port = rtnl.dataplane().PortOf(slave->id);
    if (port != nullptr) port->backend->OnAddress(slave->address);
    rtnl.router().OnLinkAddressChanged(*slave);
    rtnl.notifier().NewLink(*slave, 0);
  }
  rtnl.Republish(phy_);
}

void IpvlanMaster::OnUnregister(Rtnl& rtnl) {
  DeleteBatch batch;
  for (Device* slave : std::vector<Device*>(slaves_.begin(), slaves_.end())) {
    kIpvlanKind.dellink(rtnl, *slave, batch);
  }
  rtnl.Unregister(batch, {});
}

void IpvlanMaster::Publish(Rtnl& rtnl) {
  IpvlanPortState state = State();
  state.shares_neighbours = routes() && rtnl.host_port().HasOtherStack(phy_);
  rtnl.dataplane().Retire(std::shared_ptr<const IpvlanPortState>(port_->Publish(state)));
}

}  // namespace vswitch
