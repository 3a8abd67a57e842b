// SPDX-License-Identifier: BSD-3-Clause
#include "control/mroute.h"

#include <linux/if_link.h>
#include <linux/mroute.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <memory>
#include <string>
#include <vector>

#include "control/registry.h"
#include "control/route_request.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Policy = std::array<NlPolicy, RTA_MAX + 1>;

// rtm_ipmr_policy
constexpr Policy MakeChangePolicy() {
  Policy policy{};
  for (const uint16_t type : {RTA_SRC, RTA_DST, RTA_IIF, RTA_TABLE}) {
    policy[type] = {.type = NlType::kU32};
  }
  policy[RTA_MULTIPATH] = {.max_len = sizeof(rtnexthop)};
  return policy;
}
constexpr Policy kChangePolicy = MakeChangePolicy();

// ip6mr_getroute_policy
constexpr Policy MakeGetPolicy6() {
  Policy policy{};
  for (const uint16_t type : {RTA_SRC, RTA_DST}) {
    policy[type] = {.type = NlType::kBinary, .max_len = 16, .min = 16};
  }
  policy[RTA_TABLE] = {.type = NlType::kU32};
  return policy;
}
constexpr Policy kGetPolicy6 = MakeGetPolicy6();

// The only table of a family.
uint32_t TableOf(uint8_t family) {
  return family == RTNL_FAMILY_IPMR ? RT_TABLE_DEFAULT : RT_TABLE_MAIN;
}

rtmsg HeaderOf(const Request& request) { return ReadStruct<rtmsg>(request.message.payload()); }

bool HasHeader(const Request& request) { return request.message.payload().size() >= sizeof(rtmsg); }

absl::StatusOr<NlAttrs> Parse(const Request& request, std::span<const NlPolicy> policy,
                              NlParse mode) {
  return ParseAttributes(request.message.payload().subspan(sizeof(rtmsg)),
                         NLMSG_LENGTH(sizeof(rtmsg)), policy, mode, &request.ack);
}

// What a request for one route must have in its header.
absl::Status CheckGetHeader(const rtmsg& header, uint8_t bits, const std::string& name) {
  const bool lengths = (header.rtm_src_len == 0 || header.rtm_src_len == bits) &&
                       (header.rtm_dst_len == 0 || header.rtm_dst_len == bits);
  if (lengths && header.rtm_tos == 0 && header.rtm_table == 0 && header.rtm_protocol == 0 &&
      header.rtm_scope == 0 && header.rtm_type == 0 && header.rtm_flags == 0) {
    return absl::OkStatus();
  }
  return ErrnoStatus(EINVAL, name + "Invalid values in header for multicast route get request");
}

absl::Status CheckGetLengths(const rtmsg& header, const NlAttrs& attrs, const char* sentence) {
  const bool wrong = (attrs.Has(RTA_SRC) && header.rtm_src_len == 0) ||
                     (attrs.Has(RTA_DST) && header.rtm_dst_len == 0);
  return wrong ? ErrnoStatus(EINVAL, sentence) : absl::OkStatus();
}

// ipmr_rtm_valid_getroute_req
absl::StatusOr<NlAttrs> ParseGet4(const Request& request) {
  if (!HasHeader(request)) {
    return ErrnoStatus(EINVAL, "ipv4: Invalid header for multicast route get request");
  }
  if (!request.client.strict_check) return Parse(request, RoutePolicy(AF_INET), NlParse::kLegacy);
  const rtmsg header = HeaderOf(request);
  absl::Status status = CheckGetHeader(header, 32, "ipv4: ");
  if (!status.ok()) return status;
  const auto attrs = Parse(request, RoutePolicy(AF_INET), NlParse::kStrict);
  if (!attrs.ok()) return attrs;
  status = CheckGetLengths(header, *attrs, "ipv4: rtm_src_len and rtm_dst_len must be 32 for IPv4");
  if (!status.ok()) return status;
  for (uint16_t type = 1; type <= RTA_MAX; ++type) {
    if (!attrs->Has(type) || type == RTA_SRC || type == RTA_DST || type == RTA_TABLE) continue;
    return ErrnoStatus(EINVAL, "ipv4: Unsupported attribute in multicast route get request");
  }
  return attrs;
}

// ip6mr_rtm_valid_getroute_req
absl::StatusOr<NlAttrs> ParseGet6(const Request& request) {
  if (!HasHeader(request)) return ErrnoStatus(EINVAL, "Invalid header length");
  const auto attrs = Parse(request, kGetPolicy6, NlParse::kExact);
  if (!attrs.ok()) return attrs;
  const rtmsg header = HeaderOf(request);
  absl::Status status = CheckGetHeader(header, 128, "ipv6: ");
  if (!status.ok()) return status;
  status =
      CheckGetLengths(header, *attrs, "ipv6: rtm_src_len and rtm_dst_len must be 128 for IPv6");
  if (!status.ok()) return status;
  return attrs;
}

absl::Status CheckChangeHeader(const rtmsg& header) {
  const bool protocol =
      header.rtm_protocol == RTPROT_STATIC || header.rtm_protocol == RTPROT_MROUTED;
  const bool valid = header.rtm_dst_len == 32 && header.rtm_type == RTN_MULTICAST &&
                     header.rtm_scope == RT_SCOPE_UNIVERSE && protocol;
  return valid ? absl::OkStatus() : ErrnoStatus(EINVAL);
}

// rtm_to_ipmr_mfcc: attributes count in the order in which they come.
absl::Status CheckChangeAttr(const NlAttr& attr, const Namespace& ns) {
  if (attr.type == RTA_IIF && ns.FindByIndex(ReadStruct<int32_t>(attr.value)) == nullptr) {
    return ErrnoStatus(ENODEV);
  }
  if (attr.type != RTA_MULTIPATH) return absl::OkStatus();
  bool leftover = false;
  const size_t hops = ListHops(attr, leftover).size();
  return leftover || hops >= MAXVIFS ? ErrnoStatus(EINVAL) : absl::OkStatus();
}

// The tables of a namespace as messages about links.
class MrouteLinkDump final : public DumpSource {
 public:
  explicit MrouteLinkDump(const Request& request)
      : seq_(request.message.header.nlmsg_seq), pid_(request.client.port_id) {}

  bool Fill(DumpPage& page) override {
    page.Add([&](Datagram& out) { Describe(out); });
    return true;
  }
  uint64_t version() const override { return 0; }

 private:
  void Describe(Datagram& out) const {
    NlWriter writer(out);
    writer.Begin(RTM_NEWLINK, NLM_F_MULTI, seq_, pid_);
    writer.PutStruct(ifinfomsg{.ifi_family = RTNL_FAMILY_IPMR});
    const size_t spec = writer.BeginNest(IFLA_AF_SPEC);
    writer.PutU32(IPMRA_TABLE_ID, TableOf(RTNL_FAMILY_IPMR));
    writer.PutU32(IPMRA_TABLE_CACHE_RES_QUEUE_LEN, 0);
    writer.PutS32(IPMRA_TABLE_MROUTE_REG_VIF_NUM, -1);
    for (const uint16_t type : {IPMRA_TABLE_MROUTE_DO_ASSERT, IPMRA_TABLE_MROUTE_DO_PIM,
                                IPMRA_TABLE_MROUTE_DO_WRVIFWHOLE}) {
      writer.PutU8(type, 0);
    }
    writer.EndNest(writer.BeginNest(IPMRA_TABLE_VIFS));
    writer.EndNest(spec);
    writer.End();
  }

  const uint32_t seq_, pid_;
};

}  // namespace

bool IsMrouteFamily(uint8_t family) {
  return family == RTNL_FAMILY_IPMR || family == RTNL_FAMILY_IP6MR;
}

absl::Status ChangeMroute(const Request& request) {
  if (!HasHeader(request)) return ErrnoStatus(EINVAL);
  const auto attrs = Parse(request, kChangePolicy, NlParse::kLegacy);
  if (!attrs.ok()) return attrs.status();
  if (const absl::Status status = CheckChangeHeader(HeaderOf(request)); !status.ok()) return status;
  const Bytes payload = request.message.payload();
  for (const NlAttr& attr :
       ListAttributes(payload.subspan(sizeof(rtmsg)), NLMSG_LENGTH(sizeof(rtmsg)))) {
    const absl::Status status = CheckChangeAttr(attr, *request.client.ns);
    if (!status.ok()) return status;
  }
  const uint32_t own_table = TableOf(RTNL_FAMILY_IPMR);
  if (attrs->Has(RTA_TABLE) && attrs->U32(RTA_TABLE) != own_table) return ErrnoStatus(ENOENT);
  const bool adds = request.message.header.nlmsg_type == RTM_NEWROUTE;
  return ErrnoStatus(adds ? ENFILE : ENOENT);  // no link takes part
}

absl::Status GetMroute(const Request& request) {
  const bool v4 = request.family() == RTNL_FAMILY_IPMR;
  const auto attrs = v4 ? ParseGet4(request) : ParseGet6(request);
  if (!attrs.ok()) return attrs.status();
  if (v4) return ErrnoStatus(ENOENT);
  // The default is not the table that there is.
  const bool known = attrs->Has(RTA_TABLE) && attrs->U32(RTA_TABLE) == TableOf(RTNL_FAMILY_IP6MR);
  return ErrnoStatus(ENOENT,
                     known ? "ipv6: MR cache entry not found" : "ipv6: MR table does not exist");
}

DumpStart DumpMroutes(uint8_t family, uint32_t table) {
  if (table == 0 || table == TableOf(family)) return nullptr;
  return ErrnoStatus(ENOENT, family == RTNL_FAMILY_IPMR ? "ipv4: MR table does not exist"
                                                        : "ipv6: MR table does not exist");
}

DumpStart DumpMrouteLinks(const Request& request) {
  return std::make_unique<MrouteLinkDump>(request);
}

}  // namespace vswitch
