// SPDX-License-Identifier: BSD-3-Clause
#include "control/link_request.h"

#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "control/link_kind.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr size_t kKindNameLimit = 55;  // MODULE_NAME_LEN - 1: longer names are cut

// Attributes behind a fixed header of `header_size` bytes. REQUIRES: the payload has them.
absl::StatusOr<NlAttrs> ParseAfterHeader(const NlMessage& message, size_t header_size, NlParse mode,
                                         ExtAck& ack) {
  const size_t aligned = std::min(NLMSG_ALIGN(header_size), message.payload().size());
  return ParseAttributes(message.payload().subspan(aligned),
                         static_cast<uint32_t>(sizeof(nlmsghdr) + aligned), LinkPolicy(), mode,
                         &ack);
}

LinkRequest StartRequest(const NlMessage& message, Client& client) {
  LinkRequest request;
  request.message = message;
  request.client = &client;
  request.header = ReadStruct<ifinfomsg>(message.payload());
  return request;
}

absl::StatusOr<LinkRequest> ParseWith(const NlMessage& message, Client& client, NlParse mode,
                                      ExtAck& ack) {
  absl::StatusOr<NlAttrs> attrs = ParseAfterHeader(message, sizeof(ifinfomsg), mode, ack);
  if (!attrs.ok()) return attrs.status();
  LinkRequest request = StartRequest(message, client);
  request.attrs = *std::move(attrs);
  return request;
}

bool HasHeader(const NlMessage& message) { return message.payload().size() >= sizeof(ifinfomsg); }

// Whether the header fields that select nothing are zero, as they must be in a strict request.
bool HeaderIsClean(const ifinfomsg& header) {
  return header.__ifi_pad == 0 && header.ifi_type == 0 && header.ifi_flags == 0 &&
         header.ifi_change == 0;
}

absl::Status Invalid(const char* sentence) { return ErrnoStatus(EINVAL, sentence); }

absl::Status CheckAllowed(const NlAttrs& attrs, std::initializer_list<uint16_t> allowed,
                          const char* sentence) {
  for (uint16_t type = 1; type <= attrs.max_type(); ++type) {
    const bool listed = std::find(allowed.begin(), allowed.end(), type) != allowed.end();
    if (attrs.Has(type) && !listed) return Invalid(sentence);
  }
  return absl::OkStatus();
}

// rtnl_valid_getlink_req
absl::StatusOr<LinkRequest> ParseGet(const NlMessage& message, Client& client, ExtAck& ack) {
  if (!HasHeader(message)) return Invalid("Invalid header for get link");
  if (!client.strict_check) return ParseWith(message, client, NlParse::kLegacy, ack);
  if (!HeaderIsClean(ReadStruct<ifinfomsg>(message.payload()))) {
    return Invalid("Invalid values in header for get link request");
  }
  absl::StatusOr<LinkRequest> request = ParseWith(message, client, NlParse::kStrict, ack);
  if (!request.ok()) return request;
  const absl::Status allowed = CheckAllowed(
      request->attrs, {IFLA_IFNAME, IFLA_ALT_IFNAME, IFLA_EXT_MASK, IFLA_TARGET_NETNSID},
      "Unsupported attribute in get link request");
  if (!allowed.ok()) return allowed;
  return request;
}

// rtnl_valid_dump_ifinfo_req and the attribute loop of rtnl_dump_ifinfo.
absl::StatusOr<LinkRequest> ParseStrictDump(const NlMessage& message, Client& client, ExtAck& ack) {
  if (!HasHeader(message)) return Invalid("Invalid header for link dump");
  const auto header = ReadStruct<ifinfomsg>(message.payload());
  if (!HeaderIsClean(header)) return Invalid("Invalid values in header for link dump request");
  if (header.ifi_index != 0) return Invalid("Filter by device index not supported for link dumps");
  absl::StatusOr<LinkRequest> request = ParseWith(message, client, NlParse::kStrict, ack);
  if (!request.ok()) return request;
  const absl::Status allowed =
      CheckAllowed(request->attrs, {IFLA_TARGET_NETNSID, IFLA_EXT_MASK, IFLA_MASTER, IFLA_LINKINFO},
                   "Unsupported attribute in link dump request");
  if (!allowed.ok()) return allowed;
  return request;
}

// Old clients send one byte of header (rtgenmsg), or anything at all as attributes: a dump that
// cannot be parsed is a dump without filters, though the sentence about it stays.
LinkRequest ParseLegacyDump(const NlMessage& message, Client& client, ExtAck& ack) {
  const size_t header_size = HasHeader(message) ? sizeof(ifinfomsg) : sizeof(rtgenmsg);
  LinkRequest request = StartRequest(message, client);
  request.attrs = NlAttrs(IFLA_ALLMULTI);
  absl::StatusOr<NlAttrs> attrs = ParseAfterHeader(message, header_size, NlParse::kLegacy, ack);
  if (attrs.ok()) {
    request.attrs = *std::move(attrs);
  } else {
    const absl::string_view sentence = attrs.status().message();
    ack.warning.assign(sentence.data(), sentence.size());
  }
  return request;
}

// inet6_valid_dump_ifinfo. The dump knows no attributes: a legacy client's are not looked at.
absl::StatusOr<LinkRequest> ParseInet6Dump(const NlMessage& message, Client& client) {
  LinkRequest request = StartRequest(message, client);
  request.attrs = NlAttrs(IFLA_ALLMULTI);
  if (!client.strict_check) return request;
  if (!HasHeader(message)) return Invalid("ipv6: Invalid header for link dump request");
  if (message.payload().size() > sizeof(ifinfomsg)) {
    return Invalid("ipv6: Invalid data after header");
  }
  if (!HeaderIsClean(request.header) || request.header.ifi_index != 0) {
    return Invalid("ipv6: Invalid values in header for dump request");
  }
  return request;
}

// valid_bridge_getlink_req
absl::StatusOr<LinkRequest> ParseBridgeDump(const NlMessage& message, Client& client, ExtAck& ack) {
  if (!client.strict_check) {
    LinkRequest request = ParseLegacyDump(message, client, ack);
    if (!HasHeader(message)) ack.warning = "Invalid header length";
    return request;
  }
  if (!HasHeader(message)) return Invalid("Invalid header for bridge link dump");
  const auto header = ReadStruct<ifinfomsg>(message.payload());
  if (!HeaderIsClean(header) || header.ifi_index != 0) {
    return Invalid("Invalid values in header for bridge link dump request");
  }
  absl::StatusOr<LinkRequest> request = ParseWith(message, client, NlParse::kStrict, ack);
  if (!request.ok()) return request;
  const absl::Status allowed = CheckAllowed(request->attrs, {IFLA_EXT_MASK},
                                            "Unsupported attribute in bridge link dump request");
  if (!allowed.ok()) return allowed;
  return request;
}

// ipmr_valid_dumplink
absl::StatusOr<LinkRequest> ParseMrouteDump(const NlMessage& message, Client& client) {
  LinkRequest request = StartRequest(message, client);
  request.attrs = NlAttrs(IFLA_ALLMULTI);
  if (!client.strict_check) return request;
  if (!HasHeader(message)) return Invalid("ipv4: Invalid header for ipmr link dump");
  if (message.payload().size() > sizeof(ifinfomsg)) {
    return Invalid("Invalid data after header in ipmr link dump");
  }
  if (!HeaderIsClean(request.header) || request.header.ifi_index != 0) {
    return Invalid("Invalid values in header for ipmr link dump request");
  }
  return request;
}

absl::Status ParseInfoData(LinkRequest& request, ExtAck& ack) {
  if (request.kind == nullptr || request.kind->data_policy.empty()) return absl::OkStatus();
  if (request.info_data == nullptr) return absl::OkStatus();
  absl::StatusOr<NlAttrs> data = ParseNested(*request.info_data, request.kind->data_policy, &ack);
  if (!data.ok()) return data.status();
  request.data = *std::move(data);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<LinkRequest> ParseLinkRequest(const NlMessage& message, Client& client,
                                             ExtAck& ack) {
  if (!HasHeader(message)) return Invalid("Invalid header length");
  return ParseWith(message, client, NlParse::kLegacy, ack);
}

absl::StatusOr<LinkRequest> ParseLinkProp(const NlMessage& message, Client& client, ExtAck& ack) {
  if (!HasHeader(message)) return Invalid("Invalid header length");
  return ParseWith(message, client, NlParse::kExact, ack);
}

absl::Status ParseLinkInfo(LinkRequest& request, ExtAck& ack) {
  const NlAttr* nest = request.attrs.Find(IFLA_LINKINFO);
  if (nest == nullptr) return absl::OkStatus();
  absl::StatusOr<NlAttrs> info = ParseNested(*nest, LinkInfoPolicy(), nullptr);
  if (!info.ok()) return info.status();
  request.link_info = *std::move(info);
  if (request.link_info.Has(IFLA_INFO_KIND)) {
    request.kind_name = request.link_info.String(IFLA_INFO_KIND).substr(0, kKindNameLimit);
    request.kind = FindLinkKind(request.kind_name);
  }
  request.info_data = request.link_info.Find(IFLA_INFO_DATA);
  request.slave_data = request.link_info.Find(IFLA_INFO_SLAVE_DATA);
  return ParseInfoData(request, ack);
}

absl::StatusOr<LinkRequest> ParseGetLink(const NlMessage& message, Client& client, bool dump,
                                         ExtAck& ack) {
  if (!dump) return ParseGet(message, client, ack);
  switch (ReadStruct<rtgenmsg>(message.payload()).rtgen_family) {
    case AF_INET6:
      return ParseInet6Dump(message, client);
    case AF_BRIDGE:
      return ParseBridgeDump(message, client, ack);
    case RTNL_FAMILY_IPMR:
      return ParseMrouteDump(message, client);
    default:
      break;
  }
  if (client.strict_check) return ParseStrictDump(message, client, ack);
  return ParseLegacyDump(message, client, ack);
}

}  // namespace vswitch
