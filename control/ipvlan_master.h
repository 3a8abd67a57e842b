// SPDX-License-Identifier: BSD-3-Clause
// What all ipvlans on one lower device share: mode, flags, addresses (struct ipvl_port).
#ifndef VSWITCH_CONTROL_IPVLAN_MASTER_H_
#define VSWITCH_CONTROL_IPVLAN_MASTER_H_

#include <linux/if_link.h>

#include <bitset>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>

#include "absl/container/btree_map.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "control/delete_batch.h"
#include "control/device.h"
#include "control/ip_address.h"
#include "control/lower_port.h"
#include "dataplane/ipvlan_port.h"
#include "dataplane/mac_filter.h"

namespace vswitch {

class IpvlanMaster;

// An ipvlan's own part (struct ipvl_dev).
struct IpvlanSlave {
  std::shared_ptr<IpvlanMaster> master;
  bool joined = false;   // in its list of slaves
  bool unicast = false;  // counts in the lower device's upper_unicast
  std::list<Device*>::iterator position{};
  MacFilter groups = {};  // that workers know of
  // How many of its IPv6 addresses are asked for in a group of the bucket.
  absl::flat_hash_map<uint8_t, uint32_t> asked = {};
};

// Control thread. Its slaves own it; while it has any, the lower device (`phy`, as the kernel calls
// it) names it as its LowerPort. Addresses are those by which packets find a slave: of IPv4 the
// peer's, if there is one.
class IpvlanMaster final : public LowerPort, public std::enable_shared_from_this<IpvlanMaster> {
 public:
  // The one of `phy`, or a new one.
  static std::shared_ptr<IpvlanMaster> At(Device& phy);

  explicit IpvlanMaster(Device& phy);
  IpvlanMaster(const IpvlanMaster&) = delete;

  uint16_t mode() const { return mode_; }    // IPVLAN_MODE_*
  uint16_t flags() const { return flags_; }  // IPVLAN_F_*
  const std::list<Device*>& slaves() const override { return slaves_; }
  // Valid while there are slaves.
  Device& phy() const { return phy_; }
  // Slaves do not speak ARP: packets are routed below them.
  bool routes() const { return mode_ != IPVLAN_MODE_L2; }

  // For all slaves, those that exist already included (ipvlan_set_port_mode). Announces slaves
  // whose flags change.
  void SetMode(Rtnl& rtnl, uint16_t mode);
  void SetFlags(Rtnl& rtnl, uint16_t flags);

  // Gives the device a number that no other slave has: ENOSPC when there is none.
  absl::Status Number(Device& device);
  // The device becomes a slave, in the state of phy. REQUIRES: it has a number.
  void Join(Rtnl& rtnl, Device& device);
  // It is one no longer; number and addresses are free.
  void Leave(Rtnl& rtnl, Device& device);

  // The slave that has the address, UP or not; null if none has.
  Device* OwnerOf(const IpAddress& address) const;
  // The slave has the address, or has it no longer. Packets find it there only while it is UP.
  void Add(Device& device, const IpAddress& address);
  void Remove(const Device& device, const IpAddress& address);
  // Whether the lower device must receive unicast for the slave.
  void SetUnicast(const Device& device, bool on);
  // The slave becomes UP or stops being it: packets find all its addresses, or none.
  void Open(const Device& device);
  void Stop(const Device& device);

  // What workers share of it.
  const std::shared_ptr<IpvlanPort>& port() const { return port_; }

  const LinkKind& kind() const override;
  void OnStateChanged(Rtnl& rtnl) override;
  void OnMtuChanged(Rtnl& rtnl) override;
  void OnAddressChanged(Rtnl& rtnl) override;
  void OnUnregister(Rtnl& rtnl) override;
  void Publish(Rtnl& rtnl) override;

 private:
  static constexpr uint16_t kFirstNumber = 1, kEndOfNumbers = 0xfffe;

  IpvlanPortState State() const;
  void Attach(Rtnl& rtnl);
  void Detach(Rtnl& rtnl);
  void TakeState(Rtnl& rtnl, Device& device) const;
  // Calls with every address by which packets find the slave.
  template <typename Call>
  static void ForEachAddress(const Device& device, Call call);

  Device& phy_;
  uint16_t mode_ = IPVLAN_MODE_L3;
  uint16_t flags_ = 0;
  std::list<Device*> slaves_;
  std::bitset<kEndOfNumbers> numbers_;
  uint16_t next_number_ = kFirstNumber;
  absl::btree_map<IpAddress, Device*> owners_;  // no pause when it grows
  const std::shared_ptr<IpvlanPort> port_;
};

// By which packets find the device that has it.
inline const IpAddress& IpvlanKey(const InetAddress& address) {
  return address.family() == AF_INET ? address.peer : address.local;
}

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_IPVLAN_MASTER_H_
