// SPDX-License-Identifier: BSD-3-Clause
// What a kind of link keeps at a lower device that its own devices stand on (rx_handler_data), and
// how it learns what happens to that device (netdev_chain).
#ifndef VSWITCH_CONTROL_LOWER_PORT_H_
#define VSWITCH_CONTROL_LOWER_PORT_H_

#include <list>

namespace vswitch {

class Rtnl;
struct Device;
struct LinkKind;

// Control thread. A device has at most one: what it receives goes one way.
class LowerPort {
 public:
  virtual ~LowerPort() = default;

  // Of the devices that stand on it.
  virtual const LinkKind& kind() const = 0;
  virtual const std::list<Device*>& slaves() const = 0;

  // The lower device became UP, or carrier, operational state or flags changed while it is
  // (NETDEV_UP, NETDEV_CHANGE).
  virtual void OnStateChanged(Rtnl& rtnl) = 0;
  // After the RTM_NEWLINK of the lower device (NETDEV_CHANGEMTU, NETDEV_CHANGEADDR).
  virtual void OnMtuChanged(Rtnl& rtnl) = 0;
  virtual void OnAddressChanged(Rtnl& rtnl) = 0;
  // The lower device goes: before its RTM_DELLINK. Nothing stands on it afterwards
  // (NETDEV_UNREGISTER).
  virtual void OnUnregister(Rtnl& rtnl) = 0;
  // Workers must see the lower device as it is now.
  virtual void Publish(Rtnl& rtnl) = 0;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LOWER_PORT_H_
