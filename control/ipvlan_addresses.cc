// SPDX-License-Identifier: BSD-3-Clause
#include "control/ipvlan_addresses.h"

#include <cerrno>

#include "control/ipvlan_master.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"

namespace vswitch {

absl::Status IpvlanAddresses::Validate(const Device& device, const InetAddress& address) const {
  if (device.ipvlan == nullptr) return absl::OkStatus();
  if (device.ipvlan->master->OwnerOf(IpvlanKey(address)) == nullptr) return absl::OkStatus();
  return ErrnoStatus(EADDRINUSE, "Address already assigned to an ipvlan device");
}

void IpvlanAddresses::OnAddressAdded(Device& device, const InetAddress& address) {
  if (device.ipvlan == nullptr) return;
  device.ipvlan->master->Add(device, IpvlanKey(address));
  const uint8_t bucket = MacFilter::BucketOf(SolicitedNodeMac(address.local));
  const bool heard = address.family() == AF_INET || device.ipvlan->groups.Passes(bucket);
  if (device.up() && !heard) rtnl_.Republish(device);
}

void IpvlanAddresses::OnAddressRemoved(Device& device, const InetAddress& address) {
  if (device.ipvlan == nullptr) return;
  device.ipvlan->master->Remove(device, IpvlanKey(address));
  if (device.up() && address.family() == AF_INET6) rtnl_.Republish(device);
}

}  // namespace vswitch
