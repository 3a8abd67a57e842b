// SPDX-License-Identifier: BSD-3-Clause
// What link kinds call: registering, opening, closing and unregistering devices
// (net/core/dev.c).
#include <cerrno>
#include <utility>

#include "control/lower_port.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// Flags that are just stored. UP, PROMISC and ALLMULTI have effects of their own; a client cannot
// set the others.
constexpr uint32_t kStoredFlags = IFF_DEBUG | IFF_NOTRAILERS | IFF_NOARP | IFF_DYNAMIC |
                                  IFF_MULTICAST | IFF_PORTSEL | IFF_AUTOMEDIA;

// A client's own request for a mode adds one to the count of those who want it. Returns the bit if
// with that the device is in the mode, or no longer.
uint32_t ToggleCounted(Device& device, uint32_t flags, uint32_t bit, uint32_t& count) {
  if (((device.flags ^ flags) & bit) == 0) return 0;
  const bool was_on = count != 0;
  device.flags ^= bit;
  (flags & bit) != 0 ? ++count : --count;
  return was_on != (count != 0) ? bit : 0;
}

}  // namespace

absl::StatusOr<Device*> Rtnl::Register(std::unique_ptr<Device> device) {
  Namespace& ns = *device->ns;
  absl::StatusOr<std::string> name = ns.ResolveName(device->name);
  if (!name.ok()) return name.status();
  device->name = *std::move(name);
  if (const absl::Status inserted = ns.Insert(*device); !inserted.ok()) return inserted;
  device->id = dataplane_.CreateDevice();
  if (!device->id.valid()) {
    ns.Remove(*device);
    return ErrnoStatus(ENOSPC, "the device table is full");
  }
  const bool settled = device->carrier && !device->dormant && !device->testing;
  if (!settled) SettleOperState(*device);  // linkwatch_init_dev
  Device& added = registry_.Add(std::move(device));
  addresses_.LinkRegistered(added);
  return &added;
}

absl::Status Rtnl::ConfigureLink(Device& device, const ifinfomsg* header) {
  const uint32_t old_flags = device.flags;
  if (header != nullptr && (header->ifi_flags != 0 || header->ifi_change != 0)) {
    const absl::Status status = ChangeFlags(device, CombineFlags(device, *header));
    if (!status.ok()) return status;
  }
  device.announced = true;
  NotifyFlags(device, old_flags, UINT32_MAX);
  return absl::OkStatus();
}

void Rtnl::NotifyFlags(Device& device, uint32_t old_flags, uint32_t changes) {
  constexpr uint32_t kUntold = IFF_UP | IFF_PROMISC | IFF_ALLMULTI;
  const uint32_t changed = device.flags ^ old_flags;
  if (changes != 0) notifier_.NewLink(device, changes);
  if ((changed & IFF_UP) != 0)
    device.up() ? addresses_.LinkUp(device) : addresses_.LinkDown(device);
  const bool state_changed = device.up() && (changed & ~(IFF_PROMISC | IFF_ALLMULTI)) != 0;
  if (state_changed && device.lower_port != nullptr) device.lower_port->OnStateChanged(*this);
  if (device.up() && (changed & IFF_NOARP) != 0) {
    router_.OnLinkAddressChanged(device);
    Republish(device);  // it joins or leaves groups
  }
  if (device.up() && (changed & ~kUntold) != 0) addresses_.LinkChanged(device, changed);
}

void Rtnl::NotifyState(Device& device) {
  if (!device.up()) return;
  if (device.lower_port != nullptr) device.lower_port->OnStateChanged(*this);
  addresses_.LinkChanged(device, 0);
  notifier_.NewLink(device, 0);
}

uint32_t CombineFlags(const Device& device, const ifinfomsg& header) {
  if (header.ifi_change == 0) return header.ifi_flags;
  return (header.ifi_flags & header.ifi_change) | (device.flags & ~header.ifi_change);
}

absl::Status Rtnl::ChangeFlags(Device& device, uint32_t flags) {
  const bool up = (flags & IFF_UP) != 0;
  device.flags = (flags & kStoredFlags) | (device.flags & ~kStoredFlags);
  absl::Status status;
  if (up && !device.up()) status = Open(device);
  if (!up && device.up()) Close(device);
  const uint32_t changed = ToggleCounted(device, flags, IFF_PROMISC, device.promiscuity) |
                           ToggleCounted(device, flags, IFF_ALLMULTI, device.allmulti);
  if (changed != 0 && device.kind != nullptr && device.kind->change_rx_flags != nullptr) {
    device.kind->change_rx_flags(*this, device, changed);
  }
  return status;
}

// __dev_open. The queue discipline is attached at the first time and stays.
absl::Status Rtnl::Open(Device& device) {
  if (device.kind != nullptr && device.kind->open != nullptr) {
    const absl::Status status = device.kind->open(*this, device);
    if (!status.ok()) return status;
  }
  device.flags |= IFF_UP;
  device.qdisc_active = true;
  SetRxMode(device);
  Republish(device);
  return absl::OkStatus();
}

// __dev_close
void Rtnl::Close(Device& device) {
  if (device.kind != nullptr && device.kind->stop != nullptr) device.kind->stop(*this, device);
  device.flags &= ~static_cast<uint32_t>(IFF_UP);
  device.was_down = true;
  Republish(device);
}

void Rtnl::Unregister(const DeleteBatch& batch, const Cause& cause) {
  const std::vector<Device*> devices = batch.Devices();
  std::vector<Device*> closed;
  for (Device* device : devices) {
    if (!device->up()) continue;
    Close(*device);
    closed.push_back(device);
  }
  for (Device* device : closed) {
    notifier_.NewLink(*device, IFF_UP | IFF_RUNNING);
    addresses_.LinkDown(*device);
  }
  for (Device* device : devices) {
    device->ns->Remove(*device);
    device->unregistering = true;
  }
  link_watch_.ForgetUnregistering();
  for (Device* device : devices) Destroy(*device, cause);
  for (Device* device : devices) registry_.Forget(*device);
}

void Rtnl::UnregisterOne(Device& device) {
  DeleteBatch batch;
  batch.Add(device);
  Unregister(batch, {});
}

// Announce and unpublish. Workers may use what was published until the next Commit. Others of the
// batch may name the record until all of it is done.
void Rtnl::Destroy(Device& device, const Cause& cause) {
  addresses_.LinkGone(device);
  if (device.lower_port != nullptr) device.lower_port->OnUnregister(*this);
  device.qdisc_active = false;
  if (device.announced) notifier_.DelLink(device, cause);
  if (device.kind != nullptr && device.kind->has_wire) std::erase(wired_, &device);
  dataplane_.RemoveDevice(device.id);
}

// Only packets that come out of a backend ask a device where to go, so a device without one is not
// published at all: that keeps creating links cheap. One with the host stack has something like a
// backend, and so has one that others stand on, or that stands on another.
void Rtnl::PublishOne(const Device& device) {
  if (!device.id.valid()) return;
  const bool sends = dataplane_.PortOf(device.id) != nullptr ||
                     dataplane_.HasHostStack(device.id) || device.lower_port != nullptr ||
                     device.ipvlan != nullptr;
  if (!sends) return;
  dataplane_.Publish(device.id, device.kind->make_netdev(device));
}

void Rtnl::Republish(const Device& device) {
  PublishOne(device);
  if (device.link != nullptr) PublishOne(*device.link);
  if (device.lower_port != nullptr) device.lower_port->Publish(*this);
}

}  // namespace vswitch
