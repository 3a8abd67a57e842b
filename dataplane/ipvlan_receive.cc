// SPDX-License-Identifier: BSD-3-Clause
// What a lower device receives (drivers/net/ipvlan: ipvlan_handle_frame, ipvlan_l3_rcv,
// ipvlan_nf_input).
#include <algorithm>
#include <array>
#include <bit>
#include <optional>

#include "dataplane/ipvlan.h"
#include "dataplane/ipvlan_classify.h"
#include "dataplane/ipvlan_multicast.h"
#include "dataplane/ipvlan_verdict.h"
#include "dataplane/packet_edit.h"
#include "dataplane/stage_burst.h"
#include "dataplane/worker.h"

namespace vswitch {

namespace {

// Nobody's address: AddressTable::kNone.
using Owner = uint64_t;
using Owners = std::array<Owner, Burst::kCapacity>;

// One burst on its way in.
class Reception {
 public:
  Reception(Worker& worker, IpvlanPort& port, const Route& route, Burst& burst)
      : worker_(worker), port_(port), state_(port.state()), route_(route), burst_(burst) {}

  void Run() {
    if (state_.mode == IpvlanMode::kL2) CopyGroups();
    if (FindOwners()) TakeOut();
    if (state_.shares_neighbours) CopyNeighbours();
  }

 private:
  // Leaves in the burst what no slave has the address of.
  void TakeOut() {
    BlankBurst passed;
    MoveOut(Owner{AddressTable::kNone}, std::span<Owner>(owners_), burst_, passed.burst);
    worker_.CountReceived(route_, burst_.view());
    StageBurst(std::span<Owner>(owners_), burst_, [this](Owner owner, Burst& packets) {
      TraceIpvlanReceive(route_.to, std::bit_cast<DeviceId>(owner), packets.count);
      worker_.Deliver({.from = {}, .to = std::bit_cast<DeviceId>(owner), .queue = route_.queue},
                      packets);
    });
    std::copy_n(passed.burst.packets.begin(), passed.burst.count, burst_.packets.begin());
    burst_.count = passed.burst.count;
  }

  // Whoever stands behind the lower device gets the originals.
  void CopyNeighbours() {
    for (const Packet& packet : burst_.view()) {
      if (!IsAboutNeighbours(packet)) continue;
      const std::optional<Packet> twin = Duplicate(packet);
      if (!twin.has_value() || worker_.host().Post({.from = {}, .to = route_.to}, {&*twin, 1}) == 1)
        continue;
      worker_.Drop(route_.to, DropReason::kHostQueueFull, {&*twin, 1});
    }
  }

  // The lower device's own stack gets the original at once.
  void CopyGroups() {
    for (const Packet& packet : burst_.view()) {
      if (!IsForGroup(packet) || IsReflected(packet)) continue;
      if (const std::optional<Packet> twin = Duplicate(packet)) {
        PostToGroup(worker_, port_, {.from = {}, .to = route_.to, .queue = route_.queue}, *twin);
      }
    }
  }

  static bool IsForGroup(const Packet& packet) {
    return HasEthernetHeader(packet) && EthernetView(packet.Headers()).IsForGroup();
  }

  // A slave sent it, and somebody outside sent it back.
  bool IsReflected(const Packet& packet) const {
    if (EthernetView(packet.Headers()).source() != state_.phy_address) return false;
    return port_.addresses().Find(ReceivedFrom(packet)) != AddressTable::kNone;
  }

  // The destination MAC decides nothing, except that in L2 mode groups are not for one slave, and
  // that in L3S mode the lower device's IP input must have taken the packet.
  AddressKey KeyOf(const Packet& packet) const {
    switch (state_.mode) {
      case IpvlanMode::kL2:
        return IsForGroup(packet) ? AddressKey{} : ReceivedFor(packet);
      case IpvlanMode::kL3:
        return ReceivedFor(packet);
      case IpvlanMode::kL3s:
        return IsForLowerDevice(packet) ? TakenInFor(packet) : AddressKey{};
    }
    return {};
  }

  // PACKET_OTHERHOST otherwise.
  bool IsForLowerDevice(const Packet& packet) const {
    if (!HasEthernetHeader(packet)) return false;
    const EthernetView ethernet(packet.Headers());
    return ethernet.IsForGroup() || ethernet.destination() == state_.phy_address;
  }

  bool FindOwners() {
    std::array<AddressKey, Burst::kCapacity> keys;
    for (uint16_t i = 0; i < burst_.count; ++i) keys[i] = KeyOf(burst_.packets[i]);
    port_.addresses().Find({keys.data(), burst_.count}, owners_);
    return std::any_of(owners_.begin(), owners_.begin() + burst_.count,
                       [](Owner owner) { return owner != AddressTable::kNone; });
  }

  Worker& worker_;
  IpvlanPort& port_;
  const IpvlanPortState& state_;
  const Route& route_;
  Burst& burst_;
  Owners owners_;
};

}  // namespace

void IpvlanReceive::Receive(Worker& worker, const Route& route, Burst& burst) const {
  Reception(worker, *port_, route, burst).Run();
  if (burst.count > 0) TraceIpvlanReceive(route.to, {}, burst.count);
}

bool IpvlanReceive::Work(Worker& worker) const { return WorkOffBacklog(worker, *port_); }

}  // namespace vswitch
