// SPDX-License-Identifier: BSD-3-Clause
#include "control/fill_link.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <limits>

#include "control/fill_af_spec.h"
#include "control/link_kind.h"

namespace vswitch {

namespace {

Bytes AsBytes(const MacAddress& address) { return {address.data(), address.size()}; }

template <typename T>
Bytes StructBytes(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

// IFLA_OPERSTATE: a device that is not UP is DOWN, whatever is stored.
uint8_t ReportedOperState(const Device& device) {
  return static_cast<uint8_t>(device.up() ? device.operstate : OperState::kDown);
}

// Addresses, protocol state and queueing discipline are gone when RTM_DELLINK is sent.
bool IsLeaving(const Device& device, const LinkMessage& message) {
  return message.type == RTM_DELLINK || device.unregistering;
}

void PutHeader(const Device& device, const LinkMessage& message, uint8_t family, NlWriter& writer) {
  ifinfomsg header{};
  header.ifi_family = family;
  header.ifi_type = device.type;
  header.ifi_index = device.ifindex;
  header.ifi_flags = ReportedFlags(device);
  header.ifi_change = message.change;
  writer.Begin(message.type, message.flags, message.seq, message.pid);
  writer.PutStruct(header);
}

void PutBasics(const Device& device, NlWriter& writer) {
  writer.PutString(IFLA_IFNAME, device.name);
  writer.PutU32(IFLA_TXQLEN, device.txqlen);
  writer.PutU8(IFLA_OPERSTATE, ReportedOperState(device));
  writer.PutU8(IFLA_LINKMODE, device.link_mode);
  writer.PutU32(IFLA_MTU, device.mtu);
  writer.PutU32(IFLA_MIN_MTU, device.min_mtu);
  writer.PutU32(IFLA_MAX_MTU, device.max_mtu);
  writer.PutU32(IFLA_GROUP, device.group);
  writer.PutU32(IFLA_PROMISCUITY, device.promiscuity);
  writer.PutU32(IFLA_ALLMULTI, device.allmulti);
}

void PutQueuesAndOffloads(const Device& device, NlWriter& writer) {
  writer.PutU32(IFLA_NUM_TX_QUEUES, device.num_tx_queues);
  writer.PutU32(IFLA_GSO_MAX_SEGS, device.gso_max_segs);
  writer.PutU32(IFLA_GSO_MAX_SIZE, device.gso_max_size);
  writer.PutU32(IFLA_GRO_MAX_SIZE, device.gro_max_size);
  writer.PutU32(IFLA_TSO_MAX_SIZE, device.tso_max_size);
  writer.PutU32(IFLA_TSO_MAX_SEGS, device.tso_max_segs);
  writer.PutU32(IFLA_NUM_RX_QUEUES, device.num_rx_queues);
}

void PutState(const Device& device, const LinkMessage& message, NlWriter& writer) {
  if (device.master != nullptr) {
    writer.PutU32(IFLA_MASTER, static_cast<uint32_t>(device.master->ifindex));
  }
  writer.PutU8(IFLA_CARRIER, device.carrier ? 1 : 0);
  const bool has_qdisc = device.qdisc_active && !IsLeaving(device, message);
  writer.PutString(IFLA_QDISC, has_qdisc ? "noqueue" : "noop");
  if (!device.alias.empty()) writer.PutString(IFLA_IFALIAS, device.alias);
  writer.PutU32(IFLA_CARRIER_CHANGES, device.carrier_up_count + device.carrier_down_count);
  writer.PutU32(IFLA_CARRIER_UP_COUNT, device.carrier_up_count);
  writer.PutU32(IFLA_CARRIER_DOWN_COUNT, device.carrier_down_count);
  writer.PutU8(IFLA_PROTO_DOWN, 0);
  if (message.event.has_value()) writer.PutU32(IFLA_EVENT, *message.event);
  writer.PutZeros(IFLA_MAP, sizeof(rtnl_link_ifmap));
}

// Each 32-bit counter is the low half of the 64-bit one at the same place (copy_rtnl_link_stats).
rtnl_link_stats Stats32(const rtnl_link_stats64& wide) {
  constexpr size_t kCount = sizeof(rtnl_link_stats) / sizeof(uint32_t);
  static_assert(sizeof(rtnl_link_stats64) >= kCount * sizeof(uint64_t));
  uint64_t from[kCount];
  uint32_t to[kCount];
  std::memcpy(from, &wide, sizeof(from));
  std::transform(from, from + kCount, to, [](uint64_t n) { return static_cast<uint32_t>(n); });
  rtnl_link_stats stats;
  std::memcpy(&stats, to, sizeof(stats));
  return stats;
}

void PutStats(const DeviceTotals& totals, NlWriter& writer) {
  const rtnl_link_stats64 stats = LinkStats(totals);
  writer.PutBytes(IFLA_STATS64, StructBytes(stats));
  writer.PutBytes(IFLA_STATS, StructBytes(Stats32(stats)));
}

void PutXdp(NlWriter& writer) {
  const size_t nest = writer.BeginNest(IFLA_XDP);
  writer.PutU8(IFLA_XDP_ATTACHED, XDP_ATTACHED_NONE);
  writer.EndNest(nest);
}

void PutLinkInfo(const Device& device, NlWriter& writer) {
  if (device.kind == nullptr) return;
  const size_t info = writer.BeginNest(IFLA_LINKINFO);
  writer.PutString(IFLA_INFO_KIND, device.kind->name);
  if (device.kind->fill_info != nullptr) {
    const size_t data = writer.BeginNest(IFLA_INFO_DATA);
    device.kind->fill_info(device, writer);
    writer.EndNest(data);
  }
  writer.EndNest(info);
}

// IFLA_LINK, also when it names a device of another namespace that happens to have our own index.
void PutLink(const Device& device, const LinkMessage& message, NlWriter& writer) {
  if (message.link_netnsid.has_value()) writer.PutS32(IFLA_LINK_NETNSID, *message.link_netnsid);
  if (!device.has_link) return;
  const int32_t index = device.link == nullptr ? 0 : device.link->ifindex;
  if (index == device.ifindex && !message.link_netnsid.has_value()) return;
  writer.PutS32(IFLA_LINK, index);
}

void PutNewPlace(const LinkMessage& message, NlWriter& writer) {
  if (message.new_netnsid.has_value()) writer.PutS32(IFLA_NEW_NETNSID, *message.new_netnsid);
  if (message.new_ifindex.has_value()) writer.PutS32(IFLA_NEW_IFINDEX, *message.new_ifindex);
}

void PutAfSpec(const Device& device, const LinkMessage& message, NlWriter& writer) {
  const size_t spec = writer.BeginNest(IFLA_AF_SPEC);
  if (HasInet(device) && !IsLeaving(device, message)) {
    const size_t nest = writer.BeginNest(AF_INET);
    PutInet(device, writer);
    writer.EndNest(nest);
  }
  if (HasInet6(device) && !IsLeaving(device, message)) {
    const size_t nest = writer.BeginNest(AF_INET6);
    PutInet6(device, (message.ext_mask & RTEXT_FILTER_SKIP_STATS) == 0, writer);
    writer.EndNest(nest);
  }
  writer.EndNest(spec);
}

// As many names as one attribute can hold.
void PutAltNames(const Device& device, NlWriter& writer) {
  if (device.altnames.empty()) return;
  const size_t before = writer.size();
  const size_t nest = writer.BeginNest(IFLA_PROP_LIST, true);
  for (const std::string& name : device.altnames) {
    const size_t attribute = sizeof(nlattr) + NLA_ALIGN(name.size() + 1);
    if (writer.size() - before + attribute > std::numeric_limits<uint16_t>::max()) break;
    writer.PutString(IFLA_ALT_IFNAME, name);
  }
  writer.EndNest(nest);
}

void PutParent(const LinkMessage& message, NlWriter& writer) {
  if (!message.parent_name.empty()) writer.PutString(IFLA_PARENT_DEV_NAME, message.parent_name);
  if (!message.parent_bus.empty()) writer.PutString(IFLA_PARENT_DEV_BUS_NAME, message.parent_bus);
}

}  // namespace

rtnl_link_stats64 LinkStats(const DeviceTotals& totals) {
  rtnl_link_stats64 stats{};
  stats.rx_packets = totals.rx_packets;
  stats.tx_packets = totals.tx_packets;
  stats.rx_bytes = totals.rx_bytes;
  stats.tx_bytes = totals.tx_bytes;
  stats.rx_errors = totals.rx_errors;
  stats.tx_errors = totals.tx_errors;
  stats.rx_dropped = totals.rx_dropped;
  stats.tx_dropped = totals.tx_dropped;
  stats.multicast = totals.multicast;
  return stats;
}

uint32_t ReportedFlags(const Device& device) {
  uint32_t flags = device.flags & ~uint32_t{IFF_RUNNING | IFF_LOWER_UP | IFF_DORMANT};
  if (!device.up()) return flags;
  if (device.operstate == OperState::kUp || device.operstate == OperState::kUnknown) {
    flags |= IFF_RUNNING;
  }
  if (device.carrier) flags |= IFF_LOWER_UP;
  if (device.dormant) flags |= IFF_DORMANT;
  return flags;
}

void FillLink(const Device& device, const LinkMessage& message, Datagram& out) {
  NlWriter writer(out);
  PutHeader(device, message, AF_UNSPEC, writer);
  if (message.target_netnsid.has_value()) {
    writer.PutS32(IFLA_TARGET_NETNSID, *message.target_netnsid);
  }
  PutBasics(device, writer);
  PutQueuesAndOffloads(device, writer);
  PutState(device, message, writer);
  writer.PutBytes(IFLA_ADDRESS, AsBytes(device.address));
  writer.PutBytes(IFLA_BROADCAST, AsBytes(device.broadcast));
  PutStats(message.totals, writer);
  PutXdp(writer);
  PutLinkInfo(device, writer);
  PutLink(device, message, writer);
  PutNewPlace(message, writer);
  if (device.perm_address != MacAddress{}) {
    writer.PutBytes(IFLA_PERM_ADDRESS, AsBytes(device.perm_address));
  }
  PutAfSpec(device, message, writer);
  PutAltNames(device, writer);
  PutParent(message, writer);
  writer.End();
}

void FillLinkInet6(const Device& device, const LinkMessage& message, Datagram& out) {
  if (!HasInet6(device)) return;
  NlWriter writer(out);
  PutHeader(device, message, AF_INET6, writer);
  writer.PutString(IFLA_IFNAME, device.name);
  writer.PutBytes(IFLA_ADDRESS, AsBytes(device.address));
  writer.PutU32(IFLA_MTU, device.mtu);
  if (device.has_link && (device.link == nullptr || device.link->ifindex != device.ifindex)) {
    writer.PutS32(IFLA_LINK, device.link == nullptr ? 0 : device.link->ifindex);
  }
  writer.PutU8(IFLA_OPERSTATE, ReportedOperState(device));
  const size_t nest = writer.BeginNest(IFLA_PROTINFO);
  PutInet6(device, /*with_stats=*/true, writer);
  writer.EndNest(nest);
  writer.End();
}

}  // namespace vswitch
