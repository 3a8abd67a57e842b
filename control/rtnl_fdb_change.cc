// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWNEIGH, RTM_DELNEIGH and RTM_GETNEIGH of family AF_BRIDGE (rtnl_fdb_add, rtnl_fdb_del,
// rtnl_fdb_get): no link is the port of a bridge, so it is about what a link itself receives.
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>

#include "control/fill_neigh.h"
#include "control/link_check.h"
#include "control/neigh_request.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint16_t kNoVlan = 0, kVlanMask = 4095;

// fdb_del_bulk_policy
constexpr std::array<NlPolicy, NDA_MAX + 1> MakeBulkPolicy() {
  std::array<NlPolicy, NDA_MAX + 1> policy{};
  policy[NDA_VLAN] = {.type = NlType::kU16};
  policy[NDA_IFINDEX] = {.type = NlType::kS32, .min = 1};
  policy[NDA_NDM_STATE_MASK] = {.type = NlType::kU16};
  policy[NDA_NDM_FLAGS_MASK] = {.type = NlType::kU8};
  return policy;
}
constexpr std::array<NlPolicy, NDA_MAX + 1> kBulkPolicy = MakeBulkPolicy();

// What a change is about.
struct FdbRequest {
  ndmsg header{};
  Device* device = nullptr;
  MacAddress mac{};
  uint16_t vlan = kNoVlan;
};

absl::StatusOr<NlAttrs> ParseChange(const Request& request, bool bulk) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(ndmsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  const std::array<NlPolicy, NDA_MAX + 1> any{};
  return ParseAttributes(payload.subspan(sizeof(ndmsg)), NLMSG_LENGTH(sizeof(ndmsg)),
                         bulk ? kBulkPolicy : any, bulk ? NlParse::kExact : NlParse::kLegacy,
                         &request.ack);
}

// fdb_vid_parse
absl::StatusOr<uint16_t> ParseVlan(const NlAttrs& attrs) {
  if (!attrs.Has(NDA_VLAN)) return kNoVlan;
  if (attrs.Binary(NDA_VLAN).size() != sizeof(uint16_t)) {
    return ErrnoStatus(EINVAL, "invalid vlan attribute size");
  }
  const uint16_t vlan = attrs.U16(NDA_VLAN);
  if (vlan == kNoVlan || vlan >= kVlanMask) return ErrnoStatus(EINVAL, "invalid vlan id");
  return vlan;
}

absl::StatusOr<FdbRequest> ParseFdb(const Request& request, bool bulk) {
  const auto attrs = ParseChange(request, bulk);
  if (!attrs.ok()) return attrs.status();
  FdbRequest fdb{.header = ReadStruct<ndmsg>(request.message.payload())};
  if (fdb.header.ndm_ifindex == 0) return ErrnoStatus(EINVAL, "invalid ifindex");
  fdb.device = request.client.ns->FindByIndex(fdb.header.ndm_ifindex);
  if (fdb.device == nullptr) return ErrnoStatus(ENODEV, "unknown ifindex");
  if (!bulk && (!attrs->Has(NDA_LLADDR) || attrs->Binary(NDA_LLADDR).size() != ETH_ALEN)) {
    return ErrnoStatus(EINVAL, "invalid address");
  }
  if (!bulk) fdb.mac = ReadAddress(attrs->Binary(NDA_LLADDR));
  const absl::StatusOr<uint16_t> vlan = ParseVlan(*attrs);
  if (!vlan.ok()) return vlan.status();
  fdb.vlan = *vlan;
  return fdb;
}

FdbEntry EntryOf(const FdbRequest& fdb) {
  return {fdb.device->ifindex, fdb.mac, fdb.header.ndm_state, fdb.vlan};
}

MacLists& ListsOf(Device& device) {
  if (device.mac_lists == nullptr) device.mac_lists = std::make_unique<MacLists>();
  FollowGroups(device);
  return *device.mac_lists;
}

// Where an address is looked for; 0: nowhere.
struct FdbTarget {
  int32_t ifindex = 0, bridge = 0;
  uint8_t flags = 0;
};

absl::Status CheckGetHeader(const Request& request) {
  if (request.message.payload().size() < sizeof(ndmsg)) {
    return ErrnoStatus(EINVAL, "Invalid header for fdb get request");
  }
  const auto header = ReadStruct<ndmsg>(request.message.payload());
  if (header.ndm_pad1 != 0 || header.ndm_pad2 != 0 || header.ndm_state != 0 ||
      header.ndm_type != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for fdb get request");
  }
  if ((header.ndm_flags & ~(NTF_MASTER | NTF_SELF)) != 0) {
    return ErrnoStatus(EINVAL, "Invalid flags in header for fdb get request");
  }
  return absl::OkStatus();
}

absl::Status CheckGetAttribute(const NlAttrs& attrs, uint16_t type) {
  switch (type) {
    case NDA_MASTER:
    case NDA_VNI:
      return absl::OkStatus();
    case NDA_LLADDR:
      if (attrs.Binary(type).size() == ETH_ALEN) return absl::OkStatus();
      return ErrnoStatus(EINVAL, "Invalid address in fdb get request");
    case NDA_VLAN:
      return ParseVlan(attrs).status();
    default:
      return ErrnoStatus(EINVAL, "Unsupported attribute in fdb get request");
  }
}

// valid_fdb_get_strict
absl::StatusOr<FdbTarget> ParseGet(const Request& request) {
  if (const absl::Status status = CheckGetHeader(request); !status.ok()) return status;
  const auto attrs = ParseNeigh(request, NlParse::kStrict);
  if (!attrs.ok()) return attrs.status();
  for (uint16_t type = 1; type <= NDA_MAX; ++type) {
    if (!attrs->Has(type)) continue;
    const absl::Status status = CheckGetAttribute(*attrs, type);
    if (!status.ok()) return status;
  }
  if (!attrs->Has(NDA_LLADDR)) {
    return ErrnoStatus(EINVAL, "Missing lookup address for fdb get request");
  }
  const auto header = ReadStruct<ndmsg>(request.message.payload());
  return FdbTarget{.ifindex = header.ndm_ifindex,
                   .bridge = attrs->Has(NDA_MASTER) ? attrs->S32(NDA_MASTER) : 0,
                   .flags = header.ndm_flags};
}

}  // namespace

absl::Status Router::ExecuteFdb(const Request& request) {
  switch (request.message.header.nlmsg_type) {
    case RTM_NEWNEIGH:
      return NewFdb(request);
    case RTM_DELNEIGH:
      return DelFdb(request);
    default:
      return GetFdb(request);
  }
}

// ndo_dflt_fdb_add
absl::Status Router::NewFdb(const Request& request) {
  const absl::StatusOr<FdbRequest> fdb = ParseFdb(request, false);
  if (!fdb.ok()) return fdb.status();
  if (fdb->device->type != ARPHRD_ETHER) {
    return ErrnoStatus(EINVAL, "FDB add only supported for Ethernet devices");
  }
  if ((fdb->header.ndm_flags & NTF_SELF) == 0) return ErrnoStatus(EOPNOTSUPP);
  const uint16_t state = fdb->header.ndm_state;
  if (state != 0 && (state & NUD_PERMANENT) == 0) return ErrnoStatus(EINVAL);
  if (fdb->vlan != kNoVlan) return ErrnoStatus(EINVAL);
  const absl::Status added = ListsOf(*fdb->device).Add(fdb->mac);
  if (!added.ok() && (request.flags() & NLM_F_EXCL) != 0) return added;
  on_macs_(*fdb->device);
  AnnounceFdb(RTM_NEWNEIGH, *fdb->device->ns, EntryOf(*fdb));
  return absl::OkStatus();
}

// ndo_dflt_fdb_del
absl::Status Router::DelFdb(const Request& request) {
  const bool bulk = (request.flags() & NLM_F_BULK) != 0;
  const absl::StatusOr<FdbRequest> fdb = ParseFdb(request, bulk);
  if (!fdb.ok()) return fdb.status();
  if (fdb->device->type != ARPHRD_ETHER) {
    return ErrnoStatus(EINVAL, "FDB delete only supported for Ethernet devices");
  }
  if (bulk || (fdb->header.ndm_flags & NTF_SELF) == 0) return ErrnoStatus(EOPNOTSUPP);
  const uint16_t state = fdb->header.ndm_state;
  if ((state & NUD_PERMANENT) == 0) return ErrnoStatus(EINVAL);
  const absl::Status removed = ListsOf(*fdb->device).Remove(fdb->mac);
  if (!removed.ok()) return removed;
  on_macs_(*fdb->device);
  AnnounceFdb(RTM_DELNEIGH, *fdb->device->ns, EntryOf(*fdb));
  return absl::OkStatus();
}

// No link keeps a table that could be asked (ndo_fdb_get), but what is wrong with the request is
// said first.
absl::Status Router::GetFdb(const Request& request) {
  const absl::StatusOr<FdbTarget> target = ParseGet(request);
  if (!target.ok()) return target.status();
  const Namespace& ns = *request.client.ns;
  const bool link = target->ifindex != 0, bridge = target->bridge != 0;
  if (link && ns.FindByIndex(target->ifindex) == nullptr) {
    return ErrnoStatus(ENODEV, "Unknown device ifindex");
  }
  if (link && bridge) return ErrnoStatus(EINVAL, "Master and device are mutually exclusive");
  if (bridge && ns.FindByIndex(target->bridge) == nullptr) {
    return ErrnoStatus(EINVAL, "Invalid master ifindex");
  }
  if (link && target->flags != NTF_SELF) return ErrnoStatus(EINVAL, "Device is not a bridge port");
  if (!link && !bridge) return ErrnoStatus(ENODEV, "No device specified");
  return ErrnoStatus(EOPNOTSUPP, "Fdb get operation not supported by device");
}

void Router::AnnounceFdb(uint16_t type, const Namespace& ns, const FdbEntry& entry) {
  Publish(ns, RTNLGRP_NEIGH, {}, [&](MessageHead head, Datagram& out) {
    head.type = type;
    FillFdb(entry, head, out);
  });
}

}  // namespace vswitch
