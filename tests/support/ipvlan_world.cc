// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/ipvlan_world.h"

#include "dataplane/veth.h"

namespace vswitch {

IpvlanWorld::IpvlanWorld(IpvlanMode mode, IpvlanFlags flags, uint16_t workers) : plane(workers) {
  for (const char* name : {"m0", "s1", "s2", "w0"}) {
    ends_.push_back({name, plane.CreateDevice(), std::make_unique<FarEnd>()});
  }
  plane.Publish(m0().id, std::make_unique<Veth>(VethState{m0().id, w0().id, 1500, true, true}));
  plane.Publish(w0().id, std::make_unique<Veth>(VethState{w0().id, m0().id, 1500, true, true}));
  port = std::make_shared<IpvlanPort>(IpvlanPortState{.mode = mode,
                                                      .flags = flags,
                                                      .phy = m0().id,
                                                      .phy_up = true,
                                                      .phy_mtu = 1500,
                                                      .phy_address = kPhyMac});
  plane.PublishRxHandler(m0().id, std::make_unique<IpvlanReceive>(port));
  for (End* slave : {&s1(), &s2()}) {
    Publish(*slave, StateOf(*slave));
    port->slaves().Add(slave->id);
    port->AddAddress(KeyOf("10.0.0." + slave->name.substr(1)), slave->id);
    port->AddAddress(KeyOf("fd00::" + slave->name.substr(1)), slave->id);
  }
  NextHops& hops = port->next_hops();
  for (const char* address : {"10.0.0.9", "fd00::9"}) {
    hops.Remember(KeyOf(address), {DstEntry::Verdict::kNeighbour, kOtherMac});
  }
  for (const char* address : {"10.0.0.254", "fd00::fe"}) {
    hops.Remember(KeyOf(address), {DstEntry::Verdict::kLocal, {}});
  }
  hops.Remember(KeyOf("10.9.9.9"), {DstEntry::Verdict::kUnreachable, {}});
  for (End& end : ends_) plane.Attach(end.id, std::make_unique<FakeBackend>(*end.far));
  plane.Commit();
}

IpvlanState IpvlanWorld::StateOf(const End& slave) const {
  IpvlanState state{.self = slave.id, .mtu = 1500, .up = true, .carrier = true};
  if (slave.name == "s2") state.groups.Add({1, 0, 0x5e, 0, 0, 5});
  return state;
}

void IpvlanWorld::Run(int rounds) {
  for (int round = 0; round < rounds; ++round) {
    for (const auto& worker : plane.workers()) worker->RunOnce();
  }
}

void IpvlanWorld::Clear() {
  for (const End& end : ends_) end.far->sent.clear();
  OutboundFrame outbound;
  while (plane.host().ReceiveOutbound(outbound)) {
  }
}

std::string IpvlanWorld::Outcome(End& end, const FrameContent& frame) {
  const DeviceTotals before = Totals(end);
  Offer(end, frame);
  Run();
  std::string outcome;
  const auto add = [&](const std::string& name) { outcome += (outcome.empty() ? "" : " ") + name; };
  for (End& other : ends_) {
    for (size_t i = 0; i < other.far->sent.size(); ++i) add(other.name);
  }
  OutboundFrame outbound;
  while (plane.host().ReceiveOutbound(outbound)) add("control");
  const DeviceTotals after = Totals(end);
  if (after.tx_dropped == before.tx_dropped) return outcome;
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    if (after.drops[i] != before.drops[i]) add(DropReasonName(static_cast<DropReason>(i)));
  }
  return outcome;
}

}  // namespace vswitch
