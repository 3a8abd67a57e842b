// SPDX-License-Identifier: BSD-3-Clause
// What knows how to validate, create, change, delete and describe one kind of link: struct
// rtnl_link_ops and the part of net_device_ops that the control plane calls.
#ifndef VSWITCH_CONTROL_LINK_KIND_H_
#define VSWITCH_CONTROL_LINK_KIND_H_

#include <memory>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/device.h"
#include "control/netlink.h"
#include "dataplane/netdev.h"

namespace vswitch {

class Rtnl;
class DeleteBatch;
struct LinkRequest;  // link_request.h: header, attributes, parsed LINKINFO

// All functions run on the control thread. A null function means the kind does not have it.
struct LinkKind {
  std::string_view name;
  // Policy of IFLA_INFO_DATA; empty: not parsed at all.
  std::span<const NlPolicy> data_policy;

  // Defaults of a new device.
  void (*setup)(Device& device);
  // Before anything is done, also on modify. `data` is null without INFO_DATA.
  absl::Status (*validate)(const NlAttrs& attrs, const NlAttrs* data, ExtAck& ack);
  // Registers `device` (and what belongs to it, such as a peer) with Rtnl::Register; null: just
  // that. On error nothing is left behind but used-up indexes.
  absl::StatusOr<Device*> (*newlink)(Rtnl& rtnl, LinkRequest& request,
                                     std::unique_ptr<Device> device, ExtAck& ack);
  absl::Status (*changelink)(Rtnl& rtnl, Device& device, const NlAttrs& data, ExtAck& ack);
  // Adds the device and all that goes with it to `batch`, in the order of their RTM_DELLINKs.
  void (*dellink)(Rtnl& rtnl, Device& device, DeleteBatch& batch);

  absl::Status (*open)(Rtnl& rtnl, Device& device);  // becomes UP (ndo_open)
  void (*stop)(Rtnl& rtnl, Device& device);          // stops being UP (ndo_stop)
  // IFF_PROMISC or IFF_ALLMULTI, in `changed`, were set or cleared (ndo_change_rx_flags).
  void (*change_rx_flags)(Rtnl& rtnl, Device& device, uint32_t changed);
  // It is up and what it receives changed; null: there is no filter to set (ndo_set_rx_mode).
  void (*set_rx_mode)(Device& device);
  bool fixed_address;        // no ndo_set_mac_address
  bool live_address_change;  // IFF_LIVE_ADDR_CHANGE
  bool can_change_carrier;   // ndo_change_carrier
  bool netns_refund;         // outlives its namespace
  bool can_have_backend;     // `vsctl attach` and `vsctl detach` allowed
  // Its backend is the wire: carrier, address and MTU limits are those of a NIC.
  bool has_wire;

  // INFO_DATA of RTM_NEWLINK; null: none.
  void (*fill_info)(const Device& device, NlWriter& writer);
  // What the poll-mode cores see of the device as it is now.
  std::unique_ptr<const Netdev> (*make_netdev)(const Device& device);
};

// The explicit list: veth, dummy, ethdev, ipvlan. Null for an unknown kind.
const LinkKind* FindLinkKind(std::string_view name);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_LINK_KIND_H_
