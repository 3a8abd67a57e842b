// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_stats.h"

#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <optional>

#include "control/fill_link.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Policy = std::array<NlPolicy, IFLA_STATS_GETSET_MAX + 1>;

constexpr uint32_t Bit(int attribute) { return 1u << (attribute - 1); }

constexpr Policy kGetPolicy = {NlPolicy{}, NlPolicy{.type = NlType::kNested}, NlPolicy{}};
constexpr Policy kSetPolicy = {NlPolicy{}, NlPolicy{}, NlPolicy{.type = NlType::kU8}};
constexpr std::array<NlPolicy, IFLA_STATS_MAX + 1> kFilterPolicy = {
    NlPolicy{}, NlPolicy{}, NlPolicy{}, NlPolicy{}, NlPolicy{.type = NlType::kU32}, NlPolicy{}};
constexpr uint32_t kOffloadFilters = (1u << (IFLA_OFFLOAD_XSTATS_MAX + 1)) - 1;

constexpr size_t kHardwareStatsBytes = 9 * sizeof(uint64_t);  // struct rtnl_hw_stats64

// What is told about a device: attributes, and those inside IFLA_STATS_LINK_OFFLOAD_XSTATS.
struct Selection {
  uint32_t attributes = 0;
  uint32_t offloads = UINT32_MAX;
};

void PutHardwareInfo(const Device& device, NlWriter& writer) {
  const size_t info = writer.BeginNest(IFLA_OFFLOAD_XSTATS_HW_S_INFO, true);
  const size_t layer3 = writer.BeginNest(IFLA_OFFLOAD_XSTATS_L3_STATS, true);
  writer.PutU8(IFLA_OFFLOAD_XSTATS_HW_S_INFO_REQUEST, device.wants_l3_stats ? 1 : 0);
  writer.PutU8(IFLA_OFFLOAD_XSTATS_HW_S_INFO_USED, 0);
  writer.EndNest(layer3);
  writer.EndNest(info);
}

// rtnl_offload_xstats_fill. Nothing at all without anything in it.
void PutOffloads(const Device& device, uint32_t offloads, NlWriter& writer) {
  const bool info = (offloads & Bit(IFLA_OFFLOAD_XSTATS_HW_S_INFO)) != 0;
  const bool layer3 = (offloads & Bit(IFLA_OFFLOAD_XSTATS_L3_STATS)) != 0 && device.wants_l3_stats;
  if (!info && !layer3) return;
  const size_t nest = writer.BeginNest(IFLA_STATS_LINK_OFFLOAD_XSTATS);
  if (info) PutHardwareInfo(device, writer);
  if (layer3) writer.PutZeros(IFLA_OFFLOAD_XSTATS_L3_STATS, kHardwareStatsBytes);
  writer.EndNest(nest);
}

// rtnl_fill_statsinfo. No kind of link has statistics of its own, and no protocol that is here.
void Fill(const Device& device, const DeviceTotals& totals, const Selection& selection,
          const MessageHead& head, Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  if_stats_msg message{};
  message.ifindex = static_cast<uint32_t>(device.ifindex);
  message.filter_mask = selection.attributes;
  writer.PutStruct(message);
  if ((selection.attributes & Bit(IFLA_STATS_LINK_64)) != 0) {
    const rtnl_link_stats64 stats = LinkStats(totals);
    writer.PutBytes(IFLA_STATS_LINK_64, {reinterpret_cast<const uint8_t*>(&stats), sizeof(stats)});
  }
  if ((selection.attributes & Bit(IFLA_STATS_LINK_OFFLOAD_XSTATS)) != 0) {
    PutOffloads(device, selection.offloads, writer);
  }
  if ((selection.attributes & Bit(IFLA_STATS_AF_SPEC)) != 0) {
    writer.EndNest(writer.BeginNest(IFLA_STATS_AF_SPEC));
  }
  writer.End();
}

DeviceTotals TotalsOf(const Dataplane& dataplane, const Device& device) {
  return device.id.valid() ? dataplane.Totals(device.id) : DeviceTotals{};
}

// rtnl_valid_stats_req
absl::Status CheckHeader(const Request& request, bool dump) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(if_stats_msg)) {
    return ErrnoStatus(EINVAL, "Invalid header for stats dump");
  }
  if (!request.client.strict_check) return absl::OkStatus();
  const auto header = ReadStruct<if_stats_msg>(payload);
  if (header.pad1 != 0 || header.pad2 != 0 || (dump && header.ifindex != 0)) {
    return ErrnoStatus(EINVAL, "Invalid values in header for stats dump request");
  }
  if (header.filter_mask >= Bit(IFLA_STATS_MAX + 1)) {
    return ErrnoStatus(EINVAL, "Invalid stats requested through filter mask");
  }
  return absl::OkStatus();
}

absl::StatusOr<NlAttrs> ParseAttrs(const Request& request, const Policy& policy) {
  return ParseAttributes(request.message.payload().subspan(sizeof(if_stats_msg)),
                         sizeof(nlmsghdr) + sizeof(if_stats_msg), policy, NlParse::kExact,
                         &request.ack);
}

// rtnl_stats_get_parse_filters
absl::Status ReadFilters(const Request& request, const NlAttr& nest, Selection& selection) {
  const absl::StatusOr<NlAttrs> filters = ParseAttributes(
      nest.value, nest.offset + NLA_HDRLEN, kFilterPolicy, NlParse::kExact, &request.ack);
  if (!filters.ok()) return filters.status();
  const NlAttr* offloads = filters->Find(IFLA_STATS_LINK_OFFLOAD_XSTATS);
  if (offloads == nullptr) return absl::OkStatus();
  const auto mask = ReadStruct<uint32_t>(offloads->value);
  if ((mask & ~kOffloadFilters) != 0) {
    request.ack.offset = offloads->offset;
    return ErrnoStatus(EINVAL, "reserved bit set");
  }
  if ((selection.attributes & Bit(IFLA_STATS_LINK_OFFLOAD_XSTATS)) == 0) {
    return ErrnoStatus(EINVAL, "Filtered attribute not enabled in filter_mask");
  }
  selection.offloads = mask;
  return absl::OkStatus();
}

absl::StatusOr<Selection> ReadSelection(const Request& request, const char* no_mask) {
  const auto header = ReadStruct<if_stats_msg>(request.message.payload());
  if (header.filter_mask == 0) return ErrnoStatus(EINVAL, no_mask);
  Selection selection{.attributes = header.filter_mask};
  const absl::StatusOr<NlAttrs> attrs = ParseAttrs(request, kGetPolicy);
  if (!attrs.ok()) return attrs.status();
  const NlAttr* filters = attrs->Find(IFLA_STATS_GET_FILTERS);
  if (filters == nullptr) return selection;
  const absl::Status status = ReadFilters(request, *filters, selection);
  if (!status.ok()) return status;
  return selection;
}

absl::StatusOr<Device*> FindDevice(const Request& request) {
  const auto header = ReadStruct<if_stats_msg>(request.message.payload());
  const auto ifindex = static_cast<int32_t>(header.ifindex);
  if (header.ifindex == 0) return ErrnoStatus(EINVAL);
  Device* device = request.client.ns->FindByIndex(ifindex);
  if (device == nullptr) return ErrnoStatus(ENODEV);
  return device;
}

class StatsDump final : public DumpSource {
 public:
  StatsDump(const Registry& registry, const Dataplane& dataplane, const Request& request,
            const Selection& selection)
      : registry_(registry),
        dataplane_(dataplane),
        netns_(request.client.ns->inode()),
        selection_(selection),
        head_(ReplyHead(request, RTM_NEWSTATS, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    return cursor_.Walk(*ns, [&](const Device& device) {
      return page.Add([&](Datagram& out) {
        vswitch::Fill(device, TotalsOf(dataplane_, device), selection_, head_, out);
      });
    });
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    return ns == nullptr ? 0 : ns->changes();
  }

 private:
  const Registry& registry_;
  const Dataplane& dataplane_;
  const uint64_t netns_;
  const Selection selection_;
  const MessageHead head_;
  LinkCursor cursor_;
};

void NotifyHardwareInfo(Multicast& multicast, const Device& device) {
  if (!multicast.HasMembers(*device.ns, RTNLGRP_STATS)) return;
  Datagram datagram;
  Fill(device, {},
       {.attributes = Bit(IFLA_STATS_LINK_OFFLOAD_XSTATS),
        .offloads = Bit(IFLA_OFFLOAD_XSTATS_HW_S_INFO)},
       {.type = RTM_NEWSTATS}, datagram);
  multicast.Notify(*device.ns, RTNLGRP_STATS, datagram);
}

}  // namespace

absl::Status GetStats(const Dataplane& dataplane, const Request& request) {
  const absl::Status valid = CheckHeader(request, false);
  if (!valid.ok()) return valid;
  const absl::StatusOr<Device*> device = FindDevice(request);
  if (!device.ok()) return device.status();
  const absl::StatusOr<Selection> selection =
      ReadSelection(request, "Filter mask must be set for stats get");
  if (!selection.ok()) return selection.status();
  Datagram reply;
  Fill(**device, TotalsOf(dataplane, **device), *selection, ReplyHead(request, RTM_NEWSTATS),
       reply);
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart DumpStats(const Registry& registry, const Dataplane& dataplane, const Request& request) {
  const absl::Status valid = CheckHeader(request, true);
  if (!valid.ok()) return valid;
  const absl::StatusOr<Selection> selection =
      ReadSelection(request, "Filter mask must be set for stats dump");
  if (!selection.ok()) return selection.status();
  return std::make_unique<StatsDump>(registry, dataplane, request, *selection);
}

absl::Status SetStats(Multicast& multicast, const Request& request) {
  const absl::Status valid = CheckHeader(request, false);
  if (!valid.ok()) return valid;
  const auto header = ReadStruct<if_stats_msg>(request.message.payload());
  if (header.family != AF_UNSPEC) {
    return ErrnoStatus(EINVAL, "Address family should be AF_UNSPEC");
  }
  const absl::StatusOr<Device*> device = FindDevice(request);
  if (!device.ok()) return device.status();
  if (header.filter_mask != 0) {
    return ErrnoStatus(EINVAL, "Filter mask must be 0 for stats set");
  }
  const absl::StatusOr<NlAttrs> attrs = ParseAttrs(request, kSetPolicy);
  if (!attrs.ok()) return attrs.status();
  const NlAttr* wanted = attrs->Find(IFLA_STATS_SET_OFFLOAD_XSTATS_L3_STATS);
  if (wanted == nullptr) return absl::OkStatus();
  if (wanted->value[0] > 1) {
    request.ack.offset = wanted->offset;
    return ErrnoStatus(ERANGE, "integer out of range");
  }
  const bool want = wanted->value[0] == 1;
  if (std::exchange((*device)->wants_l3_stats, want) != want) {
    NotifyHardwareInfo(multicast, **device);
  }
  return absl::OkStatus();
}

}  // namespace vswitch
