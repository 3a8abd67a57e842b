// SPDX-License-Identifier: BSD-3-Clause
// What happens to addresses and links, for those who keep something in step with them: the routes
// that come and go with addresses, neighbours, and the stack that answers for them.
#ifndef VSWITCH_CONTROL_ADDRESS_EVENTS_H_
#define VSWITCH_CONTROL_ADDRESS_EVENTS_H_

#include "absl/status/status.h"
#include "control/device.h"
#include "control/inet_device.h"

namespace vswitch {

// All on the control thread. Where each comes among the notifications that clients get is what
// Linux does (inetaddr_chain, netdev_chain, ipv6_ifa_notify); an observer that announces routes
// from inside a call gets their order right. `address` is in the list of the device when it is
// added, and no more when it is removed (of those that go at once, when the last is removed); the
// reference is valid during the call only, and a call must not change addresses.
class AddressObserver {
 public:
  virtual ~AddressObserver() = default;

  // Before anything is done: an error with the sentence that the client gets keeps the device from
  // getting the address (inetaddr_validator_chain, inet6addr_validator_chain).
  virtual absl::Status Validate(const Device& device, const InetAddress& address) const {
    (void)device, (void)address;
    return absl::OkStatus();
  }

  // IPv4: after RTM_NEWADDR. IPv6: before it; this is the time for the prefix route. The device may
  // be down.
  virtual void OnAddressAdded(Device& device, const InetAddress& address) = 0;
  // IPv6, after RTM_NEWADDR: duplicate address detection has ended well, or was not needed. From
  // now on packets to it are ours: the time for the local route.
  virtual void OnAddressReady(Device& device, const InetAddress& address) = 0;
  // IPv6: duplicate address detection asks now whether another node has the address.
  virtual void OnAddressProbed(Device& device, const InetAddress& address) {
    (void)device, (void)address;
  }
  // IPv6, before RTM_NEWADDR: a request gives the address another peer. It has the old one still.
  virtual void OnPeerChange(Device& device, const InetAddress& address) {
    (void)device, (void)address;
  }
  // A request changed flags, lifetimes, metric, or IPv6 peer; what time does to them is not told.
  // IPv4: before RTM_NEWADDR, IPv6: after it.
  virtual void OnAddressChanged(Device& device, const InetAddress& before,
                                const InetAddress& now) = 0;
  // After RTM_DELADDR, for every address that was added, ready or not.
  virtual void OnAddressRemoved(Device& device, const InetAddress& address) = 0;

  // IFF_UP was set (NETDEV_UP): after RTM_NEWLINK, 127.0.0.1 is there, IPv6 addresses of its own
  // the device gets afterwards.
  virtual void OnLinkUp(Device& device) = 0;
  // Carrier or a flag other than IFF_UP changed while the device is UP (NETDEV_CHANGE): before
  // RTM_NEWLINK for carrier, after it for flags.
  virtual void OnLinkChanged(Device& device) = 0;
  // IFF_UP was cleared (NETDEV_DOWN): after RTM_NEWLINK, before the device loses its IPv6
  // addresses. IPv4 addresses stay.
  virtual void OnLinkDown(Device& device) = 0;
  // IPv6 is about to give the device addresses, at a request or because the link is ready: the time
  // for the multicast route, which exists only while the device is UP (addrconf_add_dev). Comes
  // again and again. Not for `lo`.
  virtual void OnInet6Start(Device& device) { (void)device; }
  // IPv6 is being taken from the device, whose MTU became too small, before its addresses
  // (addrconf_ifdown). OnLinkDown implies it; of a device that goes it comes before OnLinkGone.
  virtual void OnInet6Stop(Device& device) { (void)device; }

  // The device is unregistering, or leaves its namespace: after the last OnAddressRemoved, before
  // RTM_DELLINK.
  virtual void OnLinkGone(Device& device) = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ADDRESS_EVENTS_H_
