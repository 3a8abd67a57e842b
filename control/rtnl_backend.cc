// SPDX-License-Identifier: BSD-3-Clause
// Backends behind devices.
#include <cerrno>
#include <chrono>
#include <optional>
#include <utility>

#include "control/lower_port.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// As often as the kernel looks at a PHY that does not interrupt (PHY_STATE_TIME).
constexpr std::chrono::seconds kWirePeriod{1};

std::string KindName(const Device& device) {
  return device.kind == nullptr ? "loopback" : std::string(device.kind->name);
}

bool TakesBackends(const Device& device) {
  return device.kind != nullptr && device.kind->can_have_backend;
}

}  // namespace

// What was removed in this batch may still hold the socket, port or name that the new backend
// wants, so the batch ends here.
absl::Status Rtnl::MakeBackend(Device& device, const BackendSpec& spec) {
  Commit();
  absl::StatusOr<std::unique_ptr<Backend>> backend =
      CreateBackend(spec, device.name, device.mtu, backend_env_);
  if (!backend.ok()) return backend.status();
  (*backend)->OnAddress(device.address);
  dataplane_.Publish(device.id, device.kind->make_netdev(device));
  dataplane_.Attach(device.id, *std::move(backend));
  if (device.lower_port != nullptr) device.lower_port->Publish(*this);
  if (!device.kind->has_wire) return absl::OkStatus();
  if (wired_.empty()) wires_due_ = clock_() + kWirePeriod;
  wired_.push_back(&device);
  return absl::OkStatus();
}

// Not every driver tells of changes by itself.
void Rtnl::FollowWires(MonotonicTime now) {
  if (wired_.empty() || now < wires_due_) return;
  wires_due_ = now + kWirePeriod;
  for (Device* device : wired_) {
    const std::optional<NicState> nic = dataplane_.PortOf(device->id)->backend->Nic();
    if (nic.has_value()) SetCarrier(*device, nic->carrier);
  }
  link_watch_.Run([this](Device& device) { NotifyState(device); });
}

absl::Status Rtnl::Attach(Device& device, const BackendSpec& spec) {
  if (device.id.valid() && dataplane_.PortOf(device.id) != nullptr) {
    return ErrnoStatus(EBUSY, "device already has a backend");
  }
  if (!TakesBackends(device)) {
    return ErrnoStatus(EOPNOTSUPP, "nothing can be attached to a " + KindName(device) + " device");
  }
  const absl::Status made = MakeBackend(device, spec);
  if (made.ok()) notifier_.NewLink(device, 0);
  return made;
}

absl::Status Rtnl::Detach(Device& device) {
  if (!device.id.valid() || dataplane_.PortOf(device.id) == nullptr) {
    return ErrnoStatus(ENOENT, "device has no backend");
  }
  if (!TakesBackends(device)) {
    return ErrnoStatus(EOPNOTSUPP,
                       "the backend of a " + KindName(device) + " device goes with the device");
  }
  dataplane_.Detach(device.id);
  if (device.lower_port != nullptr) device.lower_port->Publish(*this);
  notifier_.NewLink(device, 0);
  return absl::OkStatus();
}

}  // namespace vswitch
