// SPDX-License-Identifier: BSD-3-Clause
// A lower device m0 with slaves s1 and s2, the other end of its wire w0, a far end behind each:
// what one frame does in there.
#ifndef VSWITCH_TESTS_SUPPORT_IPVLAN_WORLD_H_
#define VSWITCH_TESTS_SUPPORT_IPVLAN_WORLD_H_

#include <memory>
#include <string>
#include <vector>

#include "dataplane/dataplane.h"
#include "dataplane/ipvlan.h"
#include "tests/support/frames.h"
#include "tests/support/ipvlan_frames.h"

namespace vswitch {

// Addresses: s1 has 10.0.0.1 and fd00::1, s2 has 10.0.0.2 and fd00::2; s2 listens to
// 01:00:5e:00:00:05. Known destinations: 10.0.0.9 and fd00::9 behind kOtherMac, 10.0.0.254 and
// fd00::fe are m0's own, 10.9.9.9 is unreachable.
class IpvlanWorld {
 public:
  struct End {
    std::string name;
    DeviceId id;
    std::unique_ptr<FarEnd> far;
  };

  IpvlanWorld(IpvlanMode mode, IpvlanFlags flags, uint16_t workers = 1);

  End& m0() { return ends_[0]; }
  End& s1() { return ends_[1]; }
  End& s2() { return ends_[2]; }
  End& w0() { return ends_[3]; }

  void Publish(End& slave, const IpvlanState& state) {
    plane.Publish(slave.id, std::make_unique<Ipvlan>(state, port));
  }
  void PublishPort(const IpvlanPortState& state) { plane.Retire(port->Publish(state)); }
  IpvlanState StateOf(const End& slave) const;

  void Offer(End& end, const FrameContent& frame) { end.far->input.push_back(PacketOf(frame)); }
  // Rounds of all workers: by default more than any test needs until nothing moves.
  void Run(int rounds = 100);
  // Forgets what has come out.
  void Clear();
  // What comes out when `end` sends the frame, e.g. "s2 w0"; "control" for the control thread, the
  // drop reason where the sender counts one as tx_dropped, "" for nothing.
  std::string Outcome(End& end, const FrameContent& frame);

  DeviceTotals Totals(const End& end) const { return plane.Totals(end.id); }
  uint64_t Drops(const End& end, DropReason reason) const {
    return Totals(end).drops[static_cast<size_t>(reason)];
  }

 private:
  std::vector<End> ends_;  // outlives the backends in `plane`

 public:
  Dataplane plane;
  std::shared_ptr<IpvlanPort> port;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_IPVLAN_WORLD_H_
