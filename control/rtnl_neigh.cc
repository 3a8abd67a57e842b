// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWNEIGH, RTM_DELNEIGH, RTM_GETNEIGH (neigh_add, neigh_delete, neigh_get, neigh_dump_info).
#include <linux/if_ether.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "control/fill_af_spec.h"
#include "control/fill_neigh.h"
#include "control/neigh_request.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kNoMaster = UINT32_MAX;

ndmsg HeaderOf(const Request& request) { return ReadStruct<ndmsg>(request.message.payload()); }

uint32_t FlagsOf(const ndmsg& header, const NlAttrs& attrs) {
  const uint32_t extended = attrs.Has(NDA_FLAGS_EXT) ? attrs.U32(NDA_FLAGS_EXT) : 0;
  return header.ndm_flags | extended << kNtfExtShift;
}

// How NeighTable::Update must treat the entry.
uint32_t UpdateFlags(uint32_t flags, bool replace) {
  uint32_t update = kNeighAdmin;
  if (replace) update |= kNeighOverride | kNeighOverrideRouter;
  if ((flags & NTF_EXT_LEARNED) != 0) update |= kNeighExtLearned;
  if ((flags & NTF_ROUTER) != 0) update |= kNeighRouter;
  if ((flags & kNtfManaged) != 0) update |= kNeighManaged;
  if ((flags & NTF_USE) != 0) update |= kNeighUse;
  return update;
}

MacAddress ReadMac(Bytes value) { return ReadStruct<MacAddress>(value); }

// What a dump is restricted to.
struct NeighFilter {
  uint8_t family = AF_UNSPEC;
  bool proxies = false;
  uint32_t ifindex = 0;
  uint32_t master = 0;

  bool active() const { return ifindex != 0 || master != 0; }
  bool Passes(uint8_t entry_family, int32_t entry_ifindex, const Device* device) const {
    if (family != AF_UNSPEC && family != entry_family) return false;
    if (ifindex != 0 && static_cast<int32_t>(ifindex) != entry_ifindex) return false;
    if (master == 0) return true;
    const Device* upper = device == nullptr ? nullptr : device->master;
    if (upper == nullptr) return master == kNoMaster;
    return upper->ifindex == static_cast<int32_t>(master);
  }
};

// neigh_valid_dump_req
absl::StatusOr<NeighFilter> ParseDump(const Request& request) {
  const bool strict = request.client.strict_check;
  const ndmsg header = HeaderOf(request);
  const bool complete = request.message.payload().size() >= sizeof(ndmsg);
  NeighFilter filter{.family = request.family(),
                     .proxies = complete && header.ndm_flags == NTF_PROXY};
  if (strict && !complete) {
    return ErrnoStatus(EINVAL, "Invalid header for neighbor dump request");
  }
  if (strict && (header.ndm_pad1 != 0 || header.ndm_pad2 != 0 || header.ndm_ifindex != 0 ||
                 header.ndm_state != 0 || header.ndm_type != 0)) {
    return ErrnoStatus(EINVAL, "Invalid values in header for neighbor dump request");
  }
  if (strict && (header.ndm_flags & ~NTF_PROXY) != 0) {
    return ErrnoStatus(EINVAL, "Invalid flags in header for neighbor dump request");
  }
  const auto attrs = ParseNeigh(request, strict ? NlParse::kStrict : NlParse::kLegacy);
  if (!attrs.ok() && strict) return attrs.status();
  if (!attrs.ok()) {  // a dump without filters, though the sentence stays
    request.ack.warning = std::string(attrs.status().message());
    return filter;
  }
  for (uint16_t type = 1; strict && type <= NDA_MAX; ++type) {
    if (!attrs->Has(type) || type == NDA_IFINDEX || type == NDA_MASTER) continue;
    return ErrnoStatus(EINVAL, "Unsupported attribute in neighbor dump request");
  }
  if (attrs->Has(NDA_IFINDEX)) filter.ifindex = attrs->U32(NDA_IFINDEX);
  if (attrs->Has(NDA_MASTER)) filter.master = attrs->U32(NDA_MASTER);
  return filter;
}

// The neighbours or proxies of a namespace.
class NeighDump final : public DumpSource {
 public:
  NeighDump(Registry& registry, Router& router, const Request& request, const NeighFilter& filter)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        filter_(filter),
        head_(ReplyHead(request, RTM_NEWNEIGH,
                        NLM_F_MULTI | (filter.active() ? NLM_F_DUMP_FILTERED : 0))) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    RouterTables& tables = router_.TablesOf(*ns);
    if (filter_.proxies) return FillProxies(*ns, tables.proxies, page);
    for (; table_ < 2; ++table_, last_.reset()) {
      if (!FillTable(table_ == 0 ? tables.arp : tables.nd, page)) return false;
    }
    return true;
  }

  // The kernel does not say when neighbours came and went meanwhile.
  uint64_t version() const override { return 0; }

 private:
  bool FillTable(const NeighTable& table, DumpPage& page) {
    const MonotonicTime now = MonotonicTime::clock::now();
    while (const Neighbour* neighbour = table.After(last_)) {
      const Device& device = *neighbour->device;
      if (filter_.Passes(table.family(), device.ifindex, &device) &&
          !page.Add([&](Datagram& out) { FillNeigh(*neighbour, head_, now, out); })) {
        return false;
      }
      last_ = NeighTable::KeyOf(*neighbour);
    }
    return true;
  }

  bool FillProxies(const Namespace& ns, const NeighProxies& proxies, DumpPage& page) {
    while (const NeighProxy* proxy = proxies.After(last_proxy_)) {
      const Device* device = ns.FindByIndex(proxy->ifindex);
      if (filter_.Passes(proxy->address.family, proxy->ifindex, device) &&
          !page.Add([&](Datagram& out) { FillProxy(*proxy, head_, out); })) {
        return false;
      }
      last_proxy_ = NeighProxies::KeyOf(*proxy);
    }
    return true;
  }

  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const NeighFilter filter_;
  const MessageHead head_;
  int table_ = 0;
  std::optional<NeighTable::Key> last_;
  std::optional<NeighProxies::Key> last_proxy_;
};

// neigh_valid_get_req: what the header must be.
absl::Status CheckGetHeader(const Request& request) {
  const ndmsg header = HeaderOf(request);
  if (request.message.payload().size() < sizeof(ndmsg)) {
    return ErrnoStatus(EINVAL, "Invalid header for neighbor get request");
  }
  if (header.ndm_pad1 != 0 || header.ndm_pad2 != 0 || header.ndm_state != 0 ||
      header.ndm_type != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for neighbor get request");
  }
  if ((header.ndm_flags & ~NTF_PROXY) != 0) {
    return ErrnoStatus(EINVAL, "Invalid flags in header for neighbor get request");
  }
  return absl::OkStatus();
}

// The same for its attributes: the address that is looked for, without family if there is none.
absl::StatusOr<IpAddress> ParseGet(const Request& request) {
  if (const absl::Status status = CheckGetHeader(request); !status.ok()) return status;
  const auto attrs = ParseNeigh(request, NlParse::kStrict);
  if (!attrs.ok()) return attrs.status();
  const uint8_t family = request.family();
  if (IpAddress::Size(family) == 0) {
    return ErrnoStatus(EAFNOSUPPORT, "Unsupported family in header for neighbor get request");
  }
  for (uint16_t type = 1; type <= NDA_MAX; ++type) {
    if (!attrs->Has(type)) continue;
    if (type != NDA_DST) {
      return ErrnoStatus(EINVAL, "Unsupported attribute in neighbor get request");
    }
    if (attrs->Binary(NDA_DST).size() != IpAddress::Size(family)) {
      return ErrnoStatus(EINVAL, "Invalid network address in neighbor get request");
    }
  }
  return FindAddress(*attrs, NDA_DST, family).value_or(IpAddress{});
}

}  // namespace

absl::Status Router::NewNeigh(const Request& request) {
  const auto attrs = ParseNeigh(request, NlParse::kLegacy);
  if (!attrs.ok()) return attrs.status();
  const ndmsg header = HeaderOf(request);
  if (!attrs->Has(NDA_DST)) return ErrnoStatus(EINVAL, "Network address not specified");
  Device* device = nullptr;
  if (header.ndm_ifindex != 0) {
    device = request.client.ns->FindByIndex(header.ndm_ifindex);
    if (device == nullptr) return ErrnoStatus(ENODEV);
    if (attrs->Has(NDA_LLADDR) && attrs->Binary(NDA_LLADDR).size() < ETH_ALEN) {
      return ErrnoStatus(EINVAL, "Invalid link address");
    }
  }
  RouterTables& tables = TablesOf(*request.client.ns);
  NeighTable* table = tables.Neighbours(header.ndm_family);
  if (table == nullptr) return ErrnoStatus(EAFNOSUPPORT);
  if (attrs->Binary(NDA_DST).size() < IpAddress::Size(header.ndm_family)) {
    return ErrnoStatus(EINVAL, "Invalid network address");
  }
  if ((header.ndm_flags & NTF_PROXY) != 0) return NewProxy(header, *attrs, device, tables.proxies);
  if (device == nullptr) return ErrnoStatus(EINVAL, "Device not specified");
  if (header.ndm_family == AF_INET6 && !HasInet6(*device)) {
    return ErrnoStatus(EINVAL, "IPv6 is disabled on this device");
  }
  return ChangeNeigh(request, *attrs, *table, *device);
}

absl::Status Router::NewProxy(const ndmsg& header, const NlAttrs& attrs, const Device* device,
                              NeighProxies& proxies) {
  const uint32_t flags = FlagsOf(header, attrs);
  if ((flags & kNtfManaged) != 0) return ErrnoStatus(EINVAL, "Invalid NTF_* flag combination");
  const bool v6 = header.ndm_family == AF_INET6;
  const int32_t ifindex = device == nullptr ? 0 : device->ifindex;
  const IpAddress address = *FindAddress(attrs, NDA_DST, header.ndm_family);
  NeighProxy* proxy = proxies.Find(address, ifindex);
  if (proxy == nullptr) {
    if (v6 && (device == nullptr || !HasInet6(*device))) return ErrnoStatus(ENOBUFS);
    proxy = &proxies.Add(address, ifindex);
  }
  proxy->flags = flags;
  if (attrs.Has(NDA_PROTOCOL) && attrs.U8(NDA_PROTOCOL) != 0) {
    proxy->protocol = attrs.U8(NDA_PROTOCOL);
  }
  return absl::OkStatus();
}

// The part of NewNeigh for an entry of a table: makes it if there is none, and changes it.
absl::Status Router::ChangeNeigh(const Request& request, const NlAttrs& attrs, NeighTable& table,
                                 Device& device) {
  const MonotonicTime now = MonotonicTime::clock::now();
  const ndmsg header = HeaderOf(request);
  const uint32_t flags = FlagsOf(header, attrs);
  const IpAddress address = *FindAddress(attrs, NDA_DST, table.family());
  Neighbour* neighbour = table.Find(device, address);
  bool replace = true;
  if (neighbour == nullptr) {
    const bool permanent = (header.ndm_state & NUD_PERMANENT) != 0;
    if ((request.flags() & NLM_F_CREATE) == 0) return ErrnoStatus(ENOENT);
    if (permanent && (flags & kNtfManaged) != 0) {
      return ErrnoStatus(EINVAL, "Invalid NTF_* flag for permanent entry");
    }
    if (!HasInet(device)) return ErrnoStatus(EINVAL);
    const auto created =
        table.Create(device, address, flags & (NTF_EXT_LEARNED | kNtfManaged), permanent, now);
    if (!created.ok()) return created.status();
    neighbour = *created;
  } else {
    if ((request.flags() & NLM_F_EXCL) != 0) return ErrnoStatus(EEXIST);
    replace = (request.flags() & NLM_F_REPLACE) != 0;
  }
  if (attrs.Has(NDA_PROTOCOL) && attrs.U8(NDA_PROTOCOL) != 0) {
    neighbour->protocol = attrs.U8(NDA_PROTOCOL);
  }
  std::optional<MacAddress> lladdr;
  if (attrs.Has(NDA_LLADDR)) lladdr = ReadMac(attrs.Binary(NDA_LLADDR));
  neighbour->held = true;
  const absl::Status status = table.Update(
      *neighbour, lladdr.has_value() ? &*lladdr : nullptr, static_cast<uint8_t>(header.ndm_state),
      UpdateFlags(flags, replace), request.client.port_id, now);
  neighbour->held = false;
  if (status.ok() && (flags & (NTF_USE | kNtfManaged)) != 0) (void)table.Use(*neighbour, now);
  return status;
}

absl::Status Router::DelNeigh(const Request& request) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(ndmsg)) return ErrnoStatus(EINVAL);
  const ndmsg header = HeaderOf(request);
  const auto attrs = ListAttributes(payload.subspan(sizeof(ndmsg)), NLMSG_LENGTH(sizeof(ndmsg)));
  const auto dst = std::find_if(attrs.begin(), attrs.end(),
                                [](const NlAttr& attr) { return attr.type == NDA_DST; });
  if (dst == attrs.end()) return ErrnoStatus(EINVAL, "Network address not specified");
  const Device* device = nullptr;
  if (header.ndm_ifindex != 0) {
    device = request.client.ns->FindByIndex(header.ndm_ifindex);
    if (device == nullptr) return ErrnoStatus(ENODEV);
  }
  RouterTables& tables = TablesOf(*request.client.ns);
  NeighTable* table = tables.Neighbours(header.ndm_family);
  if (table == nullptr) return ErrnoStatus(EAFNOSUPPORT);
  if (dst->value.size() < IpAddress::Size(header.ndm_family)) {
    return ErrnoStatus(EINVAL, "Invalid network address");
  }
  const IpAddress address = IpAddress::Read(header.ndm_family, dst->value);
  if ((header.ndm_flags & NTF_PROXY) != 0) {
    const bool removed = tables.proxies.Remove(address, device == nullptr ? 0 : device->ifindex);
    return removed ? absl::OkStatus() : ErrnoStatus(ENOENT);
  }
  if (device == nullptr) return ErrnoStatus(EINVAL);
  Neighbour* neighbour = table->Find(*device, address);
  if (neighbour == nullptr) return ErrnoStatus(ENOENT);
  table->Delete(*neighbour, request.client.port_id, MonotonicTime::clock::now());
  return absl::OkStatus();
}

absl::Status Router::GetNeigh(const Request& request) {
  const absl::StatusOr<IpAddress> address = ParseGet(request);
  if (!address.ok()) return address.status();
  const ndmsg header = HeaderOf(request);
  const Device* device = nullptr;
  if (header.ndm_ifindex != 0) {
    device = request.client.ns->FindByIndex(header.ndm_ifindex);
    if (device == nullptr) return ErrnoStatus(ENODEV, "Unknown device ifindex");
  }
  if (!address->valid()) return ErrnoStatus(EINVAL, "Network address not specified");
  const MessageHead head = ReplyHead(request, RTM_NEWNEIGH);
  RouterTables& tables = TablesOf(*request.client.ns);
  Datagram reply;
  if ((header.ndm_flags & NTF_PROXY) != 0) {
    const NeighProxy* proxy =
        tables.proxies.Find(*address, device == nullptr ? 0 : device->ifindex);
    if (proxy == nullptr) return ErrnoStatus(ENOENT, "Proxy neighbour entry not found");
    FillProxy(*proxy, head, reply);
  } else {
    if (device == nullptr) return ErrnoStatus(EINVAL, "No device specified");
    Neighbour* neighbour = tables.Neighbours(header.ndm_family)->Find(*device, *address);
    if (neighbour == nullptr) return ErrnoStatus(ENOENT, "Neighbour entry not found");
    neighbour->held = true;
    FillNeigh(*neighbour, head, MonotonicTime::clock::now(), reply);
    neighbour->held = false;
  }
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart Router::DumpNeighs(const Request& request) {
  if (request.family() == AF_BRIDGE) return DumpFdb(request);
  const absl::StatusOr<NeighFilter> filter = ParseDump(request);
  if (!filter.ok()) return filter.status();
  return std::make_unique<NeighDump>(registry_, *this, request, *filter);
}

void Router::Announce(const Neighbour& neighbour, uint16_t type, uint32_t pid) {
  const Namespace& ns = *neighbour.device->ns;
  on_neighbour_(neighbour, type == RTM_DELNEIGH);
  if (!multicast_.HasMembers(ns, RTNLGRP_NEIGH)) return;
  Datagram datagram;
  const uint16_t flags = type == RTM_GETNEIGH ? NLM_F_REQUEST : 0;
  FillNeigh(neighbour, {.type = type, .flags = flags, .pid = pid}, MonotonicTime::clock::now(),
            datagram);
  multicast_.Notify(ns, RTNLGRP_NEIGH, datagram);
}

}  // namespace vswitch
