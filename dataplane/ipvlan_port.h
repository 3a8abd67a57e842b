// SPDX-License-Identifier: BSD-3-Clause
// What all ipvlan slaves of one lower device share (struct ipvl_port).
#ifndef VSWITCH_DATAPLANE_IPVLAN_PORT_H_
#define VSWITCH_DATAPLANE_IPVLAN_PORT_H_

#include <atomic>
#include <cstdint>
#include <memory>

#include "dataplane/address_table.h"
#include "dataplane/ethernet.h"
#include "dataplane/multicast_backlog.h"
#include "dataplane/netdev.h"
#include "dataplane/next_hops.h"
#include "dataplane/slave_list.h"

namespace vswitch {

// The values of IFLA_IPVLAN_MODE and IFLA_IPVLAN_FLAGS.
enum class IpvlanMode : uint16_t { kL2 = 0, kL3 = 1, kL3s = 2 };
enum class IpvlanFlags : uint16_t { kBridge = 0, kPrivate = 1, kVepa = 2 };

// What is the same for all slaves. Const once published.
struct IpvlanPortState {
  IpvlanMode mode = IpvlanMode::kL3;
  IpvlanFlags flags = IpvlanFlags::kBridge;
  DeviceId phy;
  bool phy_up = false;
  uint32_t phy_mtu = 1500;
  EthernetAddress phy_address{};
  // The host stack finds phy's neighbours, and another one answers for it: both get what neighbours
  // say.
  bool shares_neighbours = false;
};

// Owned by the control thread and by every published slave and rx handler, so that it outlives the
// last reader.
class IpvlanPort {
 public:
  explicit IpvlanPort(const IpvlanPortState& state) : state_(new IpvlanPortState(state)) {}
  ~IpvlanPort() { delete state_.load(std::memory_order_relaxed); }
  IpvlanPort(const IpvlanPort&) = delete;

  // Worker thread, inside an RCU read section; control thread.
  const IpvlanPortState& state() const { return *state_.load(std::memory_order_acquire); }
  // Control thread. All slaves see it at once. The old one may be freed after a grace period
  // (Dataplane::Retire).
  [[nodiscard]] std::unique_ptr<const IpvlanPortState> Publish(const IpvlanPortState& state) {
    return std::unique_ptr<const IpvlanPortState>(
        state_.exchange(new IpvlanPortState(state), std::memory_order_acq_rel));
  }

  // Addresses of slaves that are UP. Control thread; false when one has it already.
  bool AddAddress(const AddressKey& address, DeviceId slave);
  bool RemoveAddress(const AddressKey& address) { return addresses_.Erase(address); }

  const AddressTable& addresses() const { return addresses_; }
  SlaveList& slaves() { return slaves_; }
  NextHops& next_hops() { return next_hops_; }
  MulticastBacklog& backlog() { return backlog_; }

 private:
  std::atomic<const IpvlanPortState*> state_;
  AddressTable addresses_;
  SlaveList slaves_;
  NextHops next_hops_;
  MulticastBacklog backlog_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_PORT_H_
