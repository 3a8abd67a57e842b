// SPDX-License-Identifier: BSD-3-Clause
// An ipvlan slave: what comes out of its backend goes to the sibling that has the destination
// address, else out of the lower device (drivers/net/ipvlan, ipvlan_queue_xmit).
#ifndef VSWITCH_DATAPLANE_IPVLAN_H_
#define VSWITCH_DATAPLANE_IPVLAN_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

#include "dataplane/ipvlan_port.h"
#include "dataplane/mac_filter.h"
#include "dataplane/netdev.h"
#include "dataplane/rx_handler.h"

namespace vswitch {

struct IpvlanState {
  DeviceId self;
  uint32_t mtu = 1500;
  bool up = false;
  bool carrier = false;
  MacFilter groups;
  // Asks of its stack for neighbours are answered in L3 modes: a guest's NIC resolves addresses,
  // where the kernel's slave is NOARP.
  bool answers_neighbours = false;
};

// How many packets of a slave the control thread is asked about in one of its turns, so that a
// guest that sprays destinations leaves room for others. Any worker.
class AskShare {
 public:
  static constexpr uint32_t kATurn = 128;

  // How many of `count` more packets are within the share.
  uint16_t Take(uint32_t turn, uint16_t count);

 private:
  std::atomic<uint64_t> taken_{0};  // the turn, and below it how many
};

class Ipvlan final : public Netdev {
 public:
  Ipvlan(const IpvlanState& state, std::shared_ptr<IpvlanPort> port)
      : state_(state), port_(std::move(port)) {}
  void Forward(Worker& worker, uint16_t queue, Burst& burst) const override;

  const IpvlanState& state() const { return state_; }

 private:
  const IpvlanState state_;
  const std::shared_ptr<IpvlanPort> port_;
  mutable AskShare share_;
};

// What the lower device receives goes to the slave that has the destination address
// (ipvlan_handle_frame, ipvlan_l3_rcv). Published once for a port.
class IpvlanReceive final : public RxHandler {
 public:
  explicit IpvlanReceive(std::shared_ptr<IpvlanPort> port) : port_(std::move(port)) {}
  void Receive(Worker& worker, const Route& route, Burst& burst) const override;
  bool Work(Worker& worker) const override;

 private:
  const std::shared_ptr<IpvlanPort> port_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_IPVLAN_H_
