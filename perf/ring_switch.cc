// SPDX-License-Identifier: BSD-3-Clause
#include "perf/ring_switch.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/veth.h"
#include "pmd/factory.h"

namespace vswitch {
namespace {

constexpr uint32_t kUsualMtu = 1500;

std::string NameOf(uint16_t port) { return absl::StrCat("port", port); }

}  // namespace

absl::StatusOr<std::unique_ptr<RingSwitch>> RingSwitch::Start(uint16_t pairs, unsigned lcore,
                                                              uint32_t frame_size) {
  std::unique_ptr<RingSwitch> ring_switch(new RingSwitch());
  const uint32_t mtu = std::max(kUsualMtu, frame_size - kEthernetHeaderSize);
  for (uint16_t port = 0; port < 2 * pairs; ++port) {
    if (absl::Status added = ring_switch->AddPort(port, mtu); !added.ok()) return added;
  }
  for (size_t i = 0; i < ring_switch->devices_.size(); ++i) {
    ring_switch->Connect(ring_switch->devices_[i], ring_switch->devices_[i ^ 1], mtu);
  }
  ring_switch->dataplane_.Commit();
  ring_switch->dataplane_.Start({lcore});
  return ring_switch;
}

absl::Status RingSwitch::AddPort(uint16_t port, uint32_t mtu) {
  BackendSpec spec;
  spec.type = BackendType::kRing;
  // No pool: it is for segments, and no frame here asks to be cut.
  auto backend = CreateBackend(spec, NameOf(port), mtu, {.rcu = &dataplane_.rcu()});
  if (!backend.ok()) return backend.status();
  devices_.push_back(dataplane_.CreateDevice());
  dataplane_.Attach(devices_.back(), *std::move(backend));
  return absl::OkStatus();
}

void RingSwitch::Connect(DeviceId self, DeviceId peer, uint32_t mtu) {
  const VethState state{.self = self, .peer = peer, .peer_mtu = mtu, .up = true, .carrier = true};
  dataplane_.Publish(self, std::make_unique<Veth>(state));
}

rte_ring* RingSwitch::In(uint16_t port) {
  return rte_ring_lookup(absl::StrCat(NameOf(port), "_rx").c_str());
}

rte_ring* RingSwitch::Out(uint16_t port) {
  return rte_ring_lookup(absl::StrCat(NameOf(port), "_tx").c_str());
}

SwitchCounts RingSwitch::Counts() const {
  const WorkerCounters& counters = dataplane_.workers().front()->counters();
  return {counters.packets.Read(), counters.busy_cycles.Read()};
}

}  // namespace vswitch
