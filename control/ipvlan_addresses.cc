// SPDX-License-Identifier: BSD-3-Clause
#include "control/ipvlan_addresses.h"

#include <cerrno>

#include "control/ipvlan_master.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

uint8_t BucketOf(const InetAddress& address) {
  return MacFilter::BucketOf(SolicitedNodeMac(address.local));
}

// One more address that the slave is asked for. True for the first in its bucket.
bool Ask(IpvlanSlave& slave, const InetAddress& address) {
  return address.family() == AF_INET6 && slave.asked[BucketOf(address)]++ == 0;
}

// One less. True for the last one.
bool AskNoMore(IpvlanSlave& slave, const InetAddress& address) {
  if (address.family() != AF_INET6) return false;
  const auto asked = slave.asked.find(BucketOf(address));
  if (asked == slave.asked.end() || --asked->second > 0) return false;
  slave.asked.erase(asked);
  return true;
}

}  // namespace

absl::Status IpvlanAddresses::Validate(const Device& device, const InetAddress& address) const {
  if (device.ipvlan == nullptr) return absl::OkStatus();
  if (device.ipvlan->master->OwnerOf(IpvlanKey(address)) == nullptr) return absl::OkStatus();
  return ErrnoStatus(EADDRINUSE, "Address already assigned to an ipvlan device");
}

void IpvlanAddresses::OnAddressAdded(Device& device, const InetAddress& address) {
  if (device.ipvlan == nullptr) return;
  device.ipvlan->master->Add(device, IpvlanKey(address));
  FollowGroups(device, address, Ask(*device.ipvlan, address));
}

void IpvlanAddresses::OnAddressRemoved(Device& device, const InetAddress& address) {
  if (device.ipvlan == nullptr) return;
  device.ipvlan->master->Remove(device, IpvlanKey(address));
  FollowGroups(device, address, AskNoMore(*device.ipvlan, address));
}

// Publishing takes a look at all addresses, which is too much for every one that comes or goes.
void IpvlanAddresses::FollowGroups(const Device& device, const InetAddress& address, bool bucket) {
  const bool asked = bucket && (device.flags & IFF_NOARP) == 0;
  const bool joins = (address.flags & IFA_F_MCAUTOJOIN) != 0;
  if (device.up() && (asked || joins)) rtnl_.Republish(device);
}

}  // namespace vswitch
