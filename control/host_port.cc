// SPDX-License-Identifier: BSD-3-Clause
#include "control/host_port.h"

#include <linux/if.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <utility>

#include "control/link_kind.h"

namespace vswitch {

HostPort::HostPort(Dataplane& dataplane, Router& router, rte_mempool* pool,
                   OnDuplicateAddress duplicate)
    : dataplane_(dataplane), router_(router), pool_(pool), duplicate_(std::move(duplicate)) {
  router_.SetResolver(AF_INET, &stack_);
  router_.SetResolver(AF_INET6, &stack_);
  router_.SetFollowers(
      [this](const Namespace& ns) { outbound_.Forget(ns); },
      [this](const Neighbour& neighbour, bool gone) { outbound_.OnNeighbour(neighbour, gone); });
}

HostPort::~HostPort() {
  router_.SetResolver(AF_INET, nullptr);
  router_.SetResolver(AF_INET6, nullptr);
  router_.SetFollowers([](const Namespace&) {}, [](const Neighbour&, bool) {});
}

void HostPort::Run(MonotonicTime now) {
  uint32_t handled = 0;
  while (handled < kFramesPerRound && dataplane_.host().Receive(frame_)) {
    ++handled;
    const auto device = devices_.find(frame_.device);
    if (device == devices_.end()) continue;
    Device& receiver = *device->second;
    HasOtherStack(receiver) ? stack_.Overhear(receiver, frame_.bytes, now)
                            : stack_.Receive(receiver, frame_.bytes, frame_.checksum_pending, now);
  }
  handled = std::max(handled, outbound_.Run(kFramesPerRound, now));
  if (handled > 0) last_frame_ = now;
  next_.reset();
  if (devices_.empty()) return;
  const bool busy = last_frame_.has_value() && now < *last_frame_ + kBusyTime;
  next_ = handled == kFramesPerRound ? now : now + (busy ? kBusyInterval : kIdleInterval);
}

void HostPort::AddLower(Device& lower, std::shared_ptr<IpvlanPort> port) {
  outbound_.Add(lower, std::move(port));
  Enable(lower);
}

void HostPort::RemoveLower(const Device& lower) {
  outbound_.Remove(lower);
  if (!NeedsStack(lower)) Disable(lower);
}

bool HostPort::NeedsStack(const Device& device) const {
  const InetDevice* inet = device.inet.get();
  return (inet != nullptr && !(inet->v4.empty() && inet->v6.empty())) || outbound_.Has(device.id);
}

void HostPort::OnAddressAdded(Device& device, const InetAddress& address) {
  stack_.addresses().Add(device, address);
  outbound_.Forget(*device.ns);
  Enable(device);
}

void HostPort::OnAddressReady(Device& device, const InetAddress& address) {
  stack_.addresses().Ready(device, address);
  outbound_.Forget(*device.ns);
}

void HostPort::OnAddressRemoved(Device& device, const InetAddress& address) {
  stack_.addresses().Remove(device, address);
  outbound_.Forget(*device.ns);
  if (!NeedsStack(device)) Disable(device);
}

// The device may only have left its namespace, and what stands on it stays.
void HostPort::OnLinkGone(Device& device) {
  outbound_.Forget(*device.ns);
  if (!outbound_.Has(device.id)) Disable(device);
}

void HostPort::OnAddressProbed(Device& device, const InetAddress& address) {
  stack_.ProbeDuplicate(device, address.local);
}

// Devices of no kind have no place in the dataplane: `lo`.
void HostPort::Enable(Device& device) {
  if (device.kind == nullptr || !devices_.emplace(device.id, &device).second) return;
  dataplane_.SetHostStack(device.id, true);
  dataplane_.Publish(device.id, device.kind->make_netdev(device));
  if (!next_.has_value()) next_ = MonotonicTime{};
}

void HostPort::Disable(const Device& device) {
  if (devices_.erase(device.id) > 0) dataplane_.SetHostStack(device.id, false);
  if (devices_.empty()) next_.reset();
}

bool HostPort::HasOtherStack(const Device& device) const {
  return device.kind->can_have_backend && dataplane_.PortOf(device.id) != nullptr;
}

uint8_t HostPort::TypeOf(const Namespace& ns, const IpAddress& address) {
  return router_.TablesOf(ns).fib4.TypeOf(address);
}

bool HostPort::IsLocal(const Device& device, const IpAddress& address) {
  const Fib6& fib = router_.TablesOf(*device.ns).fib6;
  const RouteResult result = fib.ResolveInput({.dst = address, .iif = device.ifindex});
  return result.ok() && result.type == RTN_LOCAL;
}

std::optional<HostRoute> HostPort::RouteTo(const Namespace& ns, const IpAddress& source,
                                           const IpAddress& destination, const Device* device) {
  const RouterTables& tables = router_.TablesOf(ns);
  Flow flow{.dst = destination, .src = source, .oif = device == nullptr ? 0 : device->ifindex};
  const RouteResult result =
      destination.family == AF_INET ? tables.fib4.Resolve(flow) : tables.fib6.Resolve(flow);
  const bool leaves = result.ok() && result.type == RTN_UNICAST && result.hop != nullptr;
  if (!leaves || result.hop->device == nullptr) return std::nullopt;
  if ((result.hop->device->flags & IFF_LOOPBACK) != 0) return std::nullopt;
  const IpAddress& gateway = result.hop->gateway;
  return HostRoute{result.hop->device, gateway.valid() ? gateway : destination};
}

std::optional<IpAddress> HostPort::SourceFor(const Device& device, const IpAddress& destination) {
  const RouterTables& tables = router_.TablesOf(*device.ns);
  if (destination.family == AF_INET6) return tables.fib6.SelectOwnSource(device, destination);
  const IpAddress source = tables.fib4.SelectSource(&device, destination, RT_SCOPE_LINK);
  return source.IsAny() ? std::nullopt : std::optional(source);
}

NeighTable& HostPort::Neighbours(const Namespace& ns, uint8_t family) {
  return *router_.TablesOf(ns).Neighbours(family);
}

void HostPort::OnDuplicate(Device& device, const IpAddress& address) {
  duplicate_(device, address);
}

// What a worker cannot take is lost, as on a wire.
void HostPort::Transmit(const Device& device, Bytes frame, const Offload& offload) {
  if (pool_ == nullptr || !devices_.contains(device.id)) return;
  if (HasOtherStack(device) && !outbound_.Has(device.id)) return;
  const uint16_t worker = dataplane_.WorkerFor(device.id);
  (void)dataplane_.host().Send(worker, device.id, frame, pool_, offload);
}

}  // namespace vswitch
