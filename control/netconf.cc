// SPDX-License-Identifier: BSD-3-Clause
#include "control/netconf.h"

#include <linux/ip.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <string>

#include "control/fill_af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Policy = std::array<NlPolicy, NETCONFA_MAX + 1>;

constexpr Policy MakePolicy(bool inet) {
  Policy policy{};
  for (const int type : {NETCONFA_IFINDEX, NETCONFA_FORWARDING, NETCONFA_PROXY_NEIGH,
                         NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN}) {
    policy[type].max_len = sizeof(int32_t);
  }
  if (inet) policy[NETCONFA_RP_FILTER].max_len = sizeof(int32_t);
  return policy;
}

constexpr Policy kInetPolicy = MakePolicy(true);
constexpr Policy kInet6Policy = MakePolicy(false);

absl::Status Refuse(uint8_t family, const char* text) {
  return ErrnoStatus(EINVAL, (family == AF_INET ? "ipv4: " : "ipv6: ") + std::string(text));
}

void PutInetConf(const InetConf& conf, NlWriter& writer) {
  const auto put = [&](uint16_t type, int setting) { writer.PutS32(type, conf[setting - 1]); };
  put(NETCONFA_FORWARDING, IPV4_DEVCONF_FORWARDING);
  put(NETCONFA_RP_FILTER, IPV4_DEVCONF_RP_FILTER);
  put(NETCONFA_MC_FORWARDING, IPV4_DEVCONF_MC_FORWARDING);
  put(NETCONFA_BC_FORWARDING, IPV4_DEVCONF_BC_FORWARDING);
  put(NETCONFA_PROXY_NEIGH, IPV4_DEVCONF_PROXY_ARP);
  put(NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN, IPV4_DEVCONF_IGNORE_ROUTES_WITH_LINKDOWN);
}

// None of these can be set here.
void PutInet6Conf(NlWriter& writer) {
  for (const uint16_t type : {NETCONFA_FORWARDING, NETCONFA_MC_FORWARDING, NETCONFA_PROXY_NEIGH,
                              NETCONFA_IGNORE_ROUTES_WITH_LINKDOWN}) {
    writer.PutS32(type, 0);
  }
}

// `conf` is of IPv4; in RTM_DELNETCONF there is nothing but the index.
void Fill(int32_t ifindex, uint8_t family, const InetConf& conf, const MessageHead& head,
          Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(netconfmsg{.ncm_family = family});
  writer.PutS32(NETCONFA_IFINDEX, ifindex);
  if (head.type == RTM_NEWNETCONF) {
    family == AF_INET ? PutInetConf(conf, writer) : PutInet6Conf(writer);
  }
  writer.End();
}

bool HasFamily(const Device& device, uint8_t family) {
  return family == AF_INET ? HasInet(device) : HasInet6(device);
}

// inet_netconf_valid_get_req, inet6_netconf_valid_get_req
absl::StatusOr<NlAttrs> ParseGet(const Request& request) {
  const Bytes payload = request.message.payload();
  const uint8_t family = request.family();
  if (payload.size() < sizeof(netconfmsg)) {
    return Refuse(family, "Invalid header for netconf get request");
  }
  const bool strict = request.client.strict_check;
  // The header is one byte, padded as every header is.
  const size_t header = std::min<size_t>(payload.size(), NLMSG_ALIGN(sizeof(netconfmsg)));
  absl::StatusOr<NlAttrs> attrs =
      ParseAttributes(payload.subspan(header), static_cast<uint32_t>(sizeof(nlmsghdr) + header),
                      family == AF_INET ? kInetPolicy : kInet6Policy,
                      strict ? NlParse::kStrict : NlParse::kLegacy, &request.ack);
  if (!attrs.ok() || !strict) return attrs;
  for (uint16_t type = 0; type <= NETCONFA_MAX; ++type) {
    if (attrs->Has(type) && type != NETCONFA_IFINDEX) {
      return Refuse(family, "Unsupported attribute in netconf get request");
    }
  }
  return attrs;
}

// inet_netconf_dump_devconf, inet6_netconf_dump_devconf
absl::Status CheckDump(const Request& request, uint8_t family) {
  if (!request.client.strict_check) return absl::OkStatus();
  const size_t size = request.message.payload().size();
  if (size < sizeof(netconfmsg)) {
    return Refuse(family, "Invalid header for netconf dump request");
  }
  if (size != NLMSG_ALIGN(sizeof(netconfmsg))) {
    return Refuse(family, "Invalid data after header in netconf dump request");
  }
  return absl::OkStatus();
}

// Every device, then "all" and "default"; family after family.
class NetconfDump final : public DumpSource {
 public:
  NetconfDump(const Registry& registry, const Request& request, std::vector<uint8_t> families)
      : registry_(registry),
        inode_(request.client.ns->inode()),
        head_(ReplyHead(request, RTM_NEWNETCONF, NLM_F_MULTI)),
        families_(std::move(families)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(inode_);
    if (ns == nullptr) return true;
    while (family_ < families_.size()) {
      if (!FillFamily(*ns, page)) return false;
      cursor_ = LinkCursor();
      totals_ = 0;
      ++family_;
      if (!page.empty() && family_ < families_.size()) return false;
    }
    return true;
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(inode_);
    return ns == nullptr ? 0 : ns->changes() + ns->address_changes();
  }

 private:
  bool FillFamily(const Namespace& ns, DumpPage& page) {
    const uint8_t family = families_[family_];
    const bool visited = cursor_.Walk(ns, [&](const Device& device) {
      return !HasFamily(device, family) || Add(device.ifindex, InetConfOf(device), page);
    });
    if (!visited) return false;
    constexpr int32_t kTotals[] = {NETCONFA_IFINDEX_ALL, NETCONFA_IFINDEX_DEFAULT};
    for (; totals_ < std::size(kTotals); ++totals_) {
      if (!Add(kTotals[totals_], DefaultInetConf(), page)) return false;
    }
    return true;
  }

  bool Add(int32_t ifindex, const InetConf& conf, DumpPage& page) const {
    return page.Add(
        [&](Datagram& out) { vswitch::Fill(ifindex, families_[family_], conf, head_, out); });
  }

  const Registry& registry_;
  const uint64_t inode_;
  const MessageHead head_;
  const std::vector<uint8_t> families_;
  size_t family_ = 0, totals_ = 0;
  LinkCursor cursor_;
};

}  // namespace

absl::Status GetNetconf(const Request& request) {
  const uint8_t family = request.family();
  if (family != AF_INET && family != AF_INET6) return ErrnoStatus(EOPNOTSUPP);
  const absl::StatusOr<NlAttrs> attrs = ParseGet(request);
  if (!attrs.ok()) return attrs.status();
  if (!attrs->Has(NETCONFA_IFINDEX)) return ErrnoStatus(EINVAL);
  const int32_t ifindex = attrs->S32(NETCONFA_IFINDEX);
  const InetConf* conf = &DefaultInetConf();
  if (ifindex != NETCONFA_IFINDEX_ALL && ifindex != NETCONFA_IFINDEX_DEFAULT) {
    const Device* device = request.client.ns->FindByIndex(ifindex);
    if (device == nullptr || !HasFamily(*device, family)) return ErrnoStatus(EINVAL);
    conf = &InetConfOf(*device);
  }
  Datagram reply;
  Fill(ifindex, family, *conf, ReplyHead(request, RTM_NEWNETCONF), reply);
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart DumpNetconf(const Registry& registry, const Request& request) {
  std::vector<uint8_t> families = {request.family()};
  if (families[0] != AF_INET && families[0] != AF_INET6) families = {AF_INET, AF_INET6};
  const absl::Status status = CheckDump(request, families[0]);
  if (!status.ok()) return status;
  return std::make_unique<NetconfDump>(registry, request, std::move(families));
}

void NotifyNetconf(Multicast& multicast, const Device& device, uint8_t family, bool gone) {
  const uint32_t group = family == AF_INET ? RTNLGRP_IPV4_NETCONF : RTNLGRP_IPV6_NETCONF;
  if (!multicast.HasMembers(*device.ns, group)) return;
  Datagram datagram;
  const uint16_t type = gone ? RTM_DELNETCONF : RTM_NEWNETCONF;
  Fill(device.ifindex, family, InetConfOf(device), {.type = type}, datagram);
  multicast.Notify(*device.ns, group, datagram);
}

}  // namespace vswitch
