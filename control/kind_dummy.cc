// SPDX-License-Identifier: BSD-3-Clause
// dummy: takes everything and sends nothing (drivers/net/dummy.c).
#include "control/link_check.h"
#include "control/link_create.h"
#include "control/link_kinds.h"
#include "control/rtnl.h"
#include "dataplane/sink.h"

namespace vswitch {

namespace {

void Setup(Device& device) {
  device.flags = IFF_BROADCAST | IFF_NOARP;
  device.address = RandomAddress();
  device.min_mtu = 0;
  device.max_mtu = 0;
}

absl::Status Validate(const NlAttrs& attrs, const NlAttrs*, ExtAck&) {
  return CheckNewAddress(attrs);
}

void DelLink(Rtnl&, Device& device, DeleteBatch& batch) { batch.Add(device); }

std::unique_ptr<const Netdev> MakeNetdev(const Device& device) {
  return std::make_unique<Dummy>(device.id, device.up() && device.carrier);
}

}  // namespace

const LinkKind kDummyKind = {
    .name = "dummy",
    .data_policy = {},
    .setup = Setup,
    .validate = Validate,
    .newlink = nullptr,
    .changelink = nullptr,
    .dellink = DelLink,
    .open = nullptr,
    .stop = nullptr,
    .change_rx_flags = nullptr,
    .fixed_address = false,
    .live_address_change = true,
    .can_change_carrier = true,
    .netns_refund = false,
    .can_have_backend = true,
    .fill_info = nullptr,
    .make_netdev = MakeNetdev,
};

}  // namespace vswitch
