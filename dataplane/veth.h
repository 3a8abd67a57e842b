// SPDX-License-Identifier: BSD-3-Clause
// One end of a veth pair: what comes out of this end's backend goes into the other end's backend
// (drivers/net/veth.c, veth_xmit).
#ifndef VSWITCH_DATAPLANE_VETH_H_
#define VSWITCH_DATAPLANE_VETH_H_

#include <cstdint>

#include "dataplane/netdev.h"

namespace vswitch {

struct VethState {
  DeviceId self;
  DeviceId peer;
  uint32_t peer_mtu = 1500;
  bool up = false;       // this end is administratively up
  bool carrier = false;  // both ends are up
};

class Veth final : public Netdev {
 public:
  explicit Veth(const VethState& state)
      : state_(state), max_length_(state.peer_mtu + kEthernetHeaderSize + kVlanTagSize) {}
  void Forward(Worker& worker, uint16_t queue, Burst& burst) const override;

 private:
  // A whole Ethernet header, and no more than the peer takes (is_skb_forwardable): GSO frames are
  // exempt, whoever puts them on a wire cuts them up.
  bool Fits(const Packet& packet) const;
  // True: all fit. False: some may not, or ask for segmentation.
  bool AllFitPlainly(const Burst& burst) const;
  // Keeps the others in order.
  void DropUnfit(Worker& worker, Burst& burst) const;
  void DropOne(Worker& worker, const Packet& packet) const;

  const VethState state_;
  const uint32_t max_length_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_VETH_H_
