// SPDX-License-Identifier: BSD-3-Clause
// ethdev: a device whose backend is a DPDK port, named by devargs. It lives as long as the port.
#include <linux/if_link.h>

#include <array>
#include <cerrno>
#include <optional>

#include "control/link_check.h"
#include "control/link_create.h"
#include "control/link_kinds.h"
#include "control/protocol.h"
#include "control/rtnl.h"
#include "dataplane/errno_status.h"
#include "dataplane/sink.h"

namespace vswitch {

namespace {

constexpr uint16_t kMaxDevargs = 4095;
constexpr std::array<NlPolicy, kEthdevDevargs + 1> kDataPolicy = {
    NlPolicy{}, NlPolicy{.type = NlType::kString, .max_len = kMaxDevargs}};

// Without carrier until the port says otherwise, as NIC drivers do it.
void Setup(Device& device) {
  device.flags = IFF_BROADCAST | IFF_MULTICAST;
  device.address = RandomAddress();
  device.carrier = false;
}

absl::Status Validate(const NlAttrs& attrs, const NlAttrs*, ExtAck&) {
  return CheckNewAddress(attrs);
}

// A client's address goes to the port, otherwise the port's comes from there, if it has one.
absl::Status SettleAddress(const NlAttrs& attrs, const NicState& nic, Backend& port,
                           Device& device) {
  const bool has_address = IsUnicastAddress(nic.address);
  if (has_address) device.perm_address = nic.address;
  if (has_address && !attrs.Has(IFLA_ADDRESS)) {
    device.address = nic.address;
    return absl::OkStatus();
  }
  return port.SetAddress(device.address);
}

absl::Status MakePort(Rtnl& rtnl, const NlAttrs& attrs, Device& device) {
  BackendSpec spec;
  spec.type = BackendType::kEthdev;
  spec.devargs = device.devargs;
  if (const absl::Status made = rtnl.MakeBackend(device, spec); !made.ok()) return made;
  Backend& port = *rtnl.dataplane().PortOf(device.id)->backend;
  const std::optional<NicState> nic = port.Nic();
  if (!nic.has_value()) return absl::OkStatus();
  device.min_mtu = nic->min_mtu;
  device.max_mtu = nic->max_mtu;
  rtnl.SetCarrier(device, nic->carrier);
  return SettleAddress(attrs, *nic, port, device);
}

absl::StatusOr<Device*> NewLink(Rtnl& rtnl, LinkRequest& request, std::unique_ptr<Device> device,
                                ExtAck&) {
  if (request.data.has_value() && request.data->Has(kEthdevDevargs)) {
    device->devargs = request.data->String(kEthdevDevargs);
  }
  if (device->devargs.empty()) {
    return ErrnoStatus(EINVAL, "an ethdev device needs devargs, such as net_tap0,iface=up0");
  }
  const absl::StatusOr<Device*> registered = rtnl.Register(std::move(device));
  if (!registered.ok()) return registered;
  const absl::Status made = MakePort(rtnl, request.attrs, **registered);
  if (made.ok()) return registered;
  rtnl.UnregisterOne(**registered);
  return made;
}

void DelLink(Rtnl&, Device& device, DeleteBatch& batch) { batch.Add(device); }

void FillInfo(const Device& device, NlWriter& writer) {
  writer.PutString(kEthdevDevargs, device.devargs);
}

std::unique_ptr<const Netdev> MakeNetdev(const Device& device) {
  return std::make_unique<Wire>(device.id, device.up());
}

}  // namespace

const LinkKind kEthdevKind = {
    .name = "ethdev",
    .data_policy = kDataPolicy,
    .setup = Setup,
    .validate = Validate,
    .newlink = NewLink,
    .changelink = nullptr,
    .dellink = DelLink,
    .open = nullptr,
    .stop = nullptr,
    .change_rx_flags = nullptr,
    .fixed_address = false,
    .live_address_change = true,
    .can_change_carrier = false,
    .netns_refund = true,
    .can_have_backend = false,
    .has_wire = true,
    .fill_info = FillInfo,
    .make_netdev = MakeNetdev,
};

}  // namespace vswitch
