// SPDX-License-Identifier: BSD-3-Clause
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <string>
#include <utility>

#include "control/af_spec.h"
#include "control/fill_af_spec.h"
#include "control/link_check.h"
#include "control/lower_port.h"
#include "control/modify_link.h"
#include "control/rtnl.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kMaxTxQueueLength = 32767;

// One request on one device. Each step looks for its attribute and does nothing without it.
class Modification {
 public:
  Modification(Rtnl& rtnl, const LinkRequest& request, Device& device, bool notify)
      : rtnl_(rtnl), request_(request), attrs_(request.attrs), device_(device), notify_(notify) {}

  absl::Status Run() {
    using Step = absl::Status (Modification::*)();
    constexpr Step kSteps[] = {
        &Modification::MoveToNetns,  &Modification::SetMap,       &Modification::SetAddress,
        &Modification::SetMtu,       &Modification::SetGroup,     &Modification::Rename,
        &Modification::SetAlias,     &Modification::SetBroadcast, &Modification::SetFlags,
        &Modification::Enslave,      &Modification::SetCarrier,   &Modification::SetTxQueueLength,
        &Modification::SetOffloads,  &Modification::SetOperState, &Modification::SetLinkMode,
        &Modification::SetFunctions, &Modification::SetAfSpec,    &Modification::SetProtoDown,
        &Modification::SetXdp};
    absl::Status status;
    for (const Step step : kSteps) {
      status = (this->*step)();
      if (!status.ok()) break;
    }
    if (notify_) rtnl_.NotifyState(device_);
    return status;
  }

 private:
  absl::Status MoveToNetns() {
    if (!NamesNetns(attrs_)) return absl::OkStatus();
    const auto to = LinkNetnsOrId(attrs_, *request_.client, *device_.ns);
    if (!to.ok()) return to.status();
    const std::string fallback = attrs_.Has(IFLA_IFNAME) ? attrs_.String(IFLA_IFNAME) : "";
    const int32_t index = attrs_.Has(IFLA_NEW_IFINDEX) ? attrs_.S32(IFLA_NEW_IFINDEX) : 0;
    return rtnl_.MoveLink(device_, **to, fallback, index);
  }

  absl::Status SetMap() {
    return attrs_.Has(IFLA_MAP) ? ErrnoStatus(EOPNOTSUPP) : absl::OkStatus();
  }

  absl::Status SetAddress() {
    if (!attrs_.Has(IFLA_ADDRESS)) return absl::OkStatus();
    if (device_.kind != nullptr && device_.kind->fixed_address) return ErrnoStatus(EOPNOTSUPP);
    const bool live = device_.kind == nullptr || device_.kind->live_address_change;
    if (device_.up() && !live) return ErrnoStatus(EBUSY);
    const Bytes address = attrs_.Binary(IFLA_ADDRESS);
    if (!IsUnicastAddress(address)) return ErrnoStatus(EADDRNOTAVAIL);
    if (const absl::Status status = TellBackend(ReadAddress(address)); !status.ok()) return status;
    device_.address = ReadAddress(address);
    return TellAddressChanged();
  }

  absl::Status SetMtu() {
    if (!attrs_.Has(IFLA_MTU) || attrs_.U32(IFLA_MTU) == device_.mtu) return absl::OkStatus();
    const absl::Status status = CheckMtu(device_, attrs_.U32(IFLA_MTU));
    if (!status.ok()) return status;
    if (const absl::Status told = TellMtu(attrs_.U32(IFLA_MTU)); !told.ok()) return told;
    const uint32_t old_mtu = std::exchange(device_.mtu, attrs_.U32(IFLA_MTU));
    rtnl_.Republish(device_);
    Announce();
    rtnl_.addresses().MtuChanged(device_);
    rtnl_.router().OnMtuChanged(device_, old_mtu);
    if (device_.lower_port != nullptr) device_.lower_port->OnMtuChanged(rtnl_);
    return absl::OkStatus();
  }

  absl::Status SetGroup() {
    if (!attrs_.Has(IFLA_GROUP)) return absl::OkStatus();
    device_.group = attrs_.U32(IFLA_GROUP);
    notify_ = true;
    return absl::OkStatus();
  }

  // dev_change_name. Only for a device that was selected by index: otherwise the name selects.
  absl::Status Rename() {
    if (request_.header.ifi_index <= 0 || !attrs_.Has(IFLA_IFNAME)) return absl::OkStatus();
    const std::string wanted = attrs_.String(IFLA_IFNAME);
    if (wanted.empty()) return absl::OkStatus();
    if (device_.up()) return ErrnoStatus(EBUSY);
    if (wanted == device_.name) return absl::OkStatus();
    const absl::StatusOr<std::string> name = device_.ns->ResolveName(wanted);
    if (!name.ok()) return name.status();
    device_.ns->Rename(device_, *name);
    Announce();
    rtnl_.addresses().Renamed(device_);
    return absl::OkStatus();
  }

  absl::Status SetAlias() {
    if (!attrs_.Has(IFLA_IFALIAS)) return absl::OkStatus();
    device_.alias = attrs_.String(IFLA_IFALIAS);
    notify_ = true;
    return absl::OkStatus();
  }

  absl::Status SetBroadcast() {
    if (!attrs_.Has(IFLA_BROADCAST)) return absl::OkStatus();
    device_.broadcast = ReadAddress(attrs_.Binary(IFLA_BROADCAST));
    return TellAddressChanged();
  }

  // NETDEV_CHANGEADDR
  absl::Status TellAddressChanged() {
    rtnl_.router().OnLinkAddressChanged(device_);
    Announce();
    if (device_.lower_port != nullptr) device_.lower_port->OnAddressChanged(rtnl_);
    return absl::OkStatus();
  }

  // dev_change_flags. A failed change is not announced, even if it changed something.
  absl::Status SetFlags() {
    const ifinfomsg& header = request_.header;
    if (header.ifi_flags == 0 && header.ifi_change == 0) return absl::OkStatus();
    const uint32_t before = device_.flags;
    const absl::Status status = rtnl_.ChangeFlags(device_, CombineFlags(device_, header));
    const uint32_t changed = before ^ device_.flags;
    if (status.ok()) rtnl_.NotifyFlags(device_, before, changed);
    return status;
  }

  absl::Status Enslave() {
    if (!attrs_.Has(IFLA_MASTER)) return absl::OkStatus();
    return SetMaster(device_, attrs_.S32(IFLA_MASTER));
  }

  absl::Status SetCarrier() {
    if (!attrs_.Has(IFLA_CARRIER)) return absl::OkStatus();
    const bool changeable = device_.kind != nullptr && device_.kind->can_change_carrier;
    if (!changeable) return ErrnoStatus(EOPNOTSUPP);
    rtnl_.SetCarrier(device_, attrs_.U8(IFLA_CARRIER) != 0);
    rtnl_.Republish(device_);
    return absl::OkStatus();
  }

  absl::Status SetTxQueueLength() {
    if (!attrs_.Has(IFLA_TXQLEN)) return absl::OkStatus();
    const uint32_t length = attrs_.U32(IFLA_TXQLEN);
    if (length > kMaxTxQueueLength) return ErrnoStatus(ERANGE);
    if (length == device_.txqlen) return absl::OkStatus();
    device_.txqlen = length;
    Announce();
    return absl::OkStatus();
  }

  // GRO has no upper limit in 6.1.
  absl::Status SetOffloads() {
    const absl::Status size =
        SetLimited(IFLA_GSO_MAX_SIZE, device_.tso_max_size, device_.gso_max_size);
    if (!size.ok()) return size;
    const absl::Status segments =
        SetLimited(IFLA_GSO_MAX_SEGS, std::min(device_.tso_max_segs, uint32_t{UINT16_MAX}),
                   device_.gso_max_segs);
    if (!segments.ok()) return segments;
    return SetLimited(IFLA_GRO_MAX_SIZE, UINT32_MAX, device_.gro_max_size);
  }

  absl::Status SetLimited(uint16_t type, uint32_t limit, uint32_t& value) {
    if (!attrs_.Has(type)) return absl::OkStatus();
    if (attrs_.U32(type) > limit) return ErrnoStatus(EINVAL);
    value = attrs_.U32(type);
    return absl::OkStatus();
  }

  absl::Status SetOperState() {
    if (!attrs_.Has(IFLA_OPERSTATE)) return absl::OkStatus();
    if (RequestOperState(device_, attrs_.U8(IFLA_OPERSTATE))) {
      rtnl_.NotifyState(device_);
    }
    return absl::OkStatus();
  }

  absl::Status SetLinkMode() {
    if (!attrs_.Has(IFLA_LINKMODE)) return absl::OkStatus();
    const uint8_t mode = attrs_.U8(IFLA_LINKMODE);
    if (mode != device_.link_mode) notify_ = true;
    device_.link_mode = mode;
    return absl::OkStatus();
  }

  // No link has virtual functions or virtual ports.
  absl::Status SetFunctions() {
    if (attrs_.Has(IFLA_VFINFO_LIST)) {
      const NlAttr& list = *attrs_.Find(IFLA_VFINFO_LIST);
      for (const NlAttr& entry : ListAttributes(list.value, list.offset + NLA_HDRLEN)) {
        const bool valid = entry.type == IFLA_VF_INFO && !ListAttributes(entry.value, 0).empty();
        return ErrnoStatus(valid ? EOPNOTSUPP : EINVAL);
      }
      notify_ = true;
    }
    const bool ports = attrs_.Has(IFLA_VF_PORTS) || attrs_.Has(IFLA_PORT_SELF);
    return ports ? ErrnoStatus(EOPNOTSUPP) : absl::OkStatus();
  }

  absl::Status SetAfSpec() {
    const NlAttr* nest = attrs_.Find(IFLA_AF_SPEC);
    if (nest == nullptr) return absl::OkStatus();
    const absl::Status status = ApplyAfSpec(device_, *nest);
    if (!status.ok()) return status;
    if (!ListAttributes(nest->value, nest->offset + NLA_HDRLEN).empty()) notify_ = true;
    return absl::OkStatus();
  }

  absl::Status SetProtoDown() {
    if (!attrs_.Has(IFLA_PROTO_DOWN) && !attrs_.Has(IFLA_PROTO_DOWN_REASON)) {
      return absl::OkStatus();
    }
    return ErrnoStatus(EOPNOTSUPP, "Protodown not supported by device");
  }

  // Removing a program where none can be is fine; attaching one is not.
  absl::Status SetXdp() {
    if (!attrs_.Has(IFLA_XDP)) return absl::OkStatus();
    static constexpr std::array<NlPolicy, IFLA_XDP_FLAGS + 1> kPolicy = {
        NlPolicy{}, NlPolicy{.type = NlType::kS32}, NlPolicy{.type = NlType::kU8},
        NlPolicy{.type = NlType::kU32}};
    const absl::StatusOr<NlAttrs> xdp = ParseNested(*attrs_.Find(IFLA_XDP), kPolicy, nullptr);
    if (!xdp.ok()) return xdp.status();
    if (xdp->Has(IFLA_XDP_ATTACHED)) return ErrnoStatus(EINVAL);
    if (xdp->Has(IFLA_XDP_FLAGS) && !AreXdpFlags(xdp->U32(IFLA_XDP_FLAGS))) {
      return ErrnoStatus(EINVAL);
    }
    if (!xdp->Has(IFLA_XDP_FD)) return absl::OkStatus();
    if (xdp->S32(IFLA_XDP_FD) >= 0) {
      return ErrnoStatus(EOPNOTSUPP, "XDP programs cannot be attached to vswitch links");
    }
    notify_ = true;
    return absl::OkStatus();
  }

  static bool AreXdpFlags(uint32_t flags) {
    const uint32_t modes = flags & XDP_FLAGS_MODES;
    return (flags & ~XDP_FLAGS_MASK) == 0 && (modes & (modes - 1)) == 0;
  }

  // ndo_set_mac_address
  absl::Status TellBackend(const MacAddress& address) {
    const Port* port = rtnl_.dataplane().PortOf(device_.id);
    if (port == nullptr) return absl::OkStatus();
    const absl::Status set =
        device_.kind->has_wire ? port->backend->SetAddress(address) : absl::OkStatus();
    if (set.ok()) port->backend->OnAddress(address);
    return set;
  }

  // ndo_change_mtu
  absl::Status TellMtu(uint32_t mtu) {
    const Port* port = rtnl_.dataplane().PortOf(device_.id);
    return port == nullptr ? absl::OkStatus() : port->backend->SetMtu(mtu);
  }

  // What the kernel announces as an event of its own, UP or not (rtnetlink_event).
  void Announce() { rtnl_.notifier().NewLink(device_, 0); }

  Rtnl& rtnl_;
  const LinkRequest& request_;
  const NlAttrs& attrs_;
  Device& device_;
  bool notify_;
};

}  // namespace

absl::Status ModifyLink(Rtnl& rtnl, const LinkRequest& request, Device& device, bool notify,
                        ExtAck& ack) {
  const absl::Status status = CheckLinkMessage(&device, request.attrs, ack);
  if (!status.ok()) return status;
  return Modification(rtnl, request, device, notify).Run();
}

absl::Status SetMaster(const Device& device, int32_t ifindex) {
  if (ifindex == 0) return absl::OkStatus();
  const bool known = device.ns->FindByIndex(ifindex) != nullptr;
  return ErrnoStatus(known ? EOPNOTSUPP : EINVAL);
}

absl::Status Rtnl::SetLink(const NlMessage& message, Client& client, ExtAck& ack) {
  const absl::StatusOr<LinkRequest> request = ParseLinkRequest(message, client, ack);
  if (!request.ok()) return request.status();
  const absl::Status netns = CheckOneNetns(request->attrs);
  if (!netns.ok()) return netns;
  if (!SelectsDevice(*request)) return ErrnoStatus(EINVAL);
  Device* device = SelectDevice(*request);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  return ModifyLink(*this, *request, *device, false, ack);
}

}  // namespace vswitch
