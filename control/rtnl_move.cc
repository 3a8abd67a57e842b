// SPDX-License-Identifier: BSD-3-Clause
// Links that move to another network namespace (__dev_change_net_namespace).
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "control/rtnl.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// The name it will have there. `fallback` (empty: none) is for a name that is taken.
absl::StatusOr<std::string> NameIn(Namespace& to, const Device& device,
                                   const std::string& fallback) {
  if (to.FindByName(device.name) == nullptr) return device.name;
  return fallback.empty() ? ErrnoStatus(EEXIST) : to.ResolveName(fallback);
}

bool HasAnyName(const Namespace& to, const std::vector<std::string>& names) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return to.FindByName(name) != nullptr; });
}

}  // namespace

absl::Status Rtnl::MoveLink(Device& device, Namespace& to, const std::string& fallback_name,
                            int32_t wanted_index) {
  if (device.kind == nullptr) return ErrnoStatus(EINVAL);  // NETIF_F_NETNS_LOCAL
  if (device.ns == &to) return absl::OkStatus();
  const absl::StatusOr<std::string> name = NameIn(to, device, fallback_name);
  if (!name.ok()) return name.status();
  if (HasAnyName(to, device.altnames)) return ErrnoStatus(EEXIST);
  if (wanted_index != 0 && to.FindByIndex(wanted_index) != nullptr) return ErrnoStatus(EBUSY);
  TakeOut(device, to, wanted_index);
  device.name = *name;
  (void)to.Insert(device);  // nothing is taken
  to.touched = true;
  device.unregistering = false;
  addresses_.LinkRegistered(device);
  notifier_.NewLink(device, UINT32_MAX);
  return absl::OkStatus();
}

// Closes it and announces that it goes; its index is the new one already.
void Rtnl::TakeOut(Device& device, Namespace& to, int32_t wanted_index) {
  if (device.up()) {
    Close(device);
    notifier_.NewLink(device, IFF_UP | IFF_RUNNING);
    addresses_.LinkDown(device);
  }
  device.ns->Remove(device);
  device.unregistering = true;
  addresses_.LinkGone(device);
  device.qdisc_active = device.was_down = false;
  const int32_t index = wanted_index != 0 ? wanted_index : to.IndexFor(device);
  notifier_.MovedLink(device, to, index);
  device.ifindex = index;
}

}  // namespace vswitch
