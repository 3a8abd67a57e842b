// SPDX-License-Identifier: BSD-3-Clause
// Keeps the addresses of ipvlans apart (ipvlan_addr4_event, ipvlan_addr6_event and their
// validators), and the groups that they are asked for in.
#ifndef VSWITCH_CONTROL_IPVLAN_ADDRESSES_H_
#define VSWITCH_CONTROL_IPVLAN_ADDRESSES_H_

#include "absl/status/status.h"
#include "control/address_events.h"

namespace vswitch {

class Rtnl;

class IpvlanAddresses final : public AddressObserver {
 public:
  explicit IpvlanAddresses(Rtnl& rtnl) : rtnl_(rtnl) {}

  // EADDRINUSE for what a slave of the same lower device has.
  absl::Status Validate(const Device& device, const InetAddress& address) const override;

  void OnAddressAdded(Device& device, const InetAddress& address) override;
  void OnAddressReady(Device&, const InetAddress&) override {}
  void OnAddressChanged(Device&, const InetAddress&, const InetAddress&) override {}
  void OnAddressRemoved(Device& device, const InetAddress& address) override;
  void OnLinkUp(Device&) override {}
  void OnLinkChanged(Device&) override {}
  void OnLinkDown(Device&) override {}
  void OnLinkGone(Device&) override {}

 private:
  // Lets workers know which groups the slave listens to, if that changed with the address.
  // `bucket`: no other address of the slave is asked for in the same bucket of groups.
  void FollowGroups(const Device& device, const InetAddress& address, bool bucket);

  Rtnl& rtnl_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IPVLAN_ADDRESSES_H_
