// SPDX-License-Identifier: BSD-3-Clause
#include "control/host_addresses.h"

#include "control/host_frame.h"

namespace vswitch {

void HostAddresses::Add(const Device& device, const InetAddress& address) {
  if (address.family() != AF_INET6) return;
  const State state = address.tentative() ? State::kTentative : State::kOurs;
  const bool added = states_.insert_or_assign(Key(&device, address.local), state).second;
  if (added) ++solicited_nodes_[Key(&device, SolicitedNode(address.local))];
}

void HostAddresses::Ready(const Device& device, const InetAddress& address) {
  const auto found = states_.find(Key(&device, address.local));
  if (found != states_.end()) found->second = State::kOurs;
}

void HostAddresses::Remove(const Device& device, const InetAddress& address) {
  if (states_.erase(Key(&device, address.local)) == 0) return;
  const auto group = solicited_nodes_.find(Key(&device, SolicitedNode(address.local)));
  if (--group->second == 0) solicited_nodes_.erase(group);
}

HostAddresses::State HostAddresses::Find(const Device& device, const IpAddress& address) const {
  const auto found = states_.find(Key(&device, address));
  return found == states_.end() ? State::kNone : found->second;
}

bool HostAddresses::IsMember(const Device& device, const IpAddress& group) const {
  return group == AllNodes() || solicited_nodes_.contains(Key(&device, group));
}

}  // namespace vswitch
