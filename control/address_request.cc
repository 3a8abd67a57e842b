// SPDX-License-Identifier: BSD-3-Clause
#include "control/address_request.h"

#include <linux/if.h>

#include <array>
#include <cerrno>
#include <string>

#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using Policy = std::array<NlPolicy, IFA_PROTO + 1>;

constexpr Policy MakeInetPolicy() {
  Policy policy{};
  for (const int type : {IFA_LOCAL, IFA_ADDRESS, IFA_BROADCAST, IFA_FLAGS, IFA_RT_PRIORITY}) {
    policy[type].type = NlType::kU32;
  }
  policy[IFA_LABEL] = {.type = NlType::kString, .max_len = IFNAMSIZ - 1};
  policy[IFA_CACHEINFO] = {.type = NlType::kUnspecified, .max_len = sizeof(ifa_cacheinfo)};
  policy[IFA_TARGET_NETNSID] = {.type = NlType::kS32};
  policy[IFA_PROTO] = {.type = NlType::kU8};
  return policy;
}

// Sizes without a type are at least what is given.
constexpr Policy MakeInet6Policy() {
  Policy policy{};
  for (const int type : {IFA_LOCAL, IFA_ADDRESS}) policy[type].max_len = 16;
  for (const int type : {IFA_FLAGS, IFA_RT_PRIORITY}) policy[type].max_len = sizeof(uint32_t);
  policy[IFA_CACHEINFO].max_len = sizeof(ifa_cacheinfo);
  policy[IFA_TARGET_NETNSID] = {.type = NlType::kS32};
  policy[IFA_PROTO] = {.type = NlType::kU8};
  return policy;
}

constexpr Policy kInetPolicy = MakeInetPolicy();
constexpr Policy kInet6Policy = MakeInet6Policy();

std::string Sentence(uint8_t family, const char* text) {
  return (family == AF_INET ? "ipv4: " : "ipv6: ") + std::string(text);
}

absl::Status Refuse(uint8_t family, const char* text) {
  return ErrnoStatus(EINVAL, Sentence(family, text));
}

bool IsShort(const NlMessage& message) { return message.payload().size() < sizeof(ifaddrmsg); }

AddressRequest ReadHeader(const NlMessage& message, uint8_t family) {
  return {.family = family,
          .nlmsg_flags = message.header.nlmsg_flags,
          .header = ReadStruct<ifaddrmsg>(message.payload())};
}

absl::Status ReadAttributes(const NlMessage& message, NlParse mode, AddressRequest& request,
                            ExtAck& ack) {
  const Policy& policy = request.family == AF_INET ? kInetPolicy : kInet6Policy;
  absl::StatusOr<NlAttrs> attrs =
      ParseAttributes(message.payload().subspan(sizeof(ifaddrmsg)),
                      sizeof(nlmsghdr) + sizeof(ifaddrmsg), policy, mode, &ack);
  if (attrs.ok()) request.attrs = *std::move(attrs);
  return attrs.status();
}

bool HasOtherValues(const ifaddrmsg& header) {
  return header.ifa_prefixlen != 0 || header.ifa_flags != 0 || header.ifa_scope != 0;
}

}  // namespace

Inet6Pair ExtractPair(const AddressRequest& request) {
  const std::optional<IpAddress> address = request.Find(IFA_ADDRESS);
  const std::optional<IpAddress> local = request.Find(IFA_LOCAL);
  if (!local.has_value()) return {.local = address};
  const bool other = address.has_value() && *address != *local;
  return {.local = local, .peer = other ? address : std::nullopt};
}

absl::StatusOr<AddressRequest> ParseAddress(const NlMessage& message, uint8_t family, ExtAck& ack) {
  if (IsShort(message)) return ErrnoStatus(EINVAL, "Invalid header length");
  AddressRequest request = ReadHeader(message, family);
  const absl::Status status = ReadAttributes(message, NlParse::kLegacy, request, ack);
  if (!status.ok()) return status;
  return request;
}

absl::StatusOr<AddressRequest> ParseGetAddress(const NlMessage& message, bool strict, ExtAck& ack) {
  if (IsShort(message)) return Refuse(AF_INET6, "Invalid header for get address request");
  AddressRequest request = ReadHeader(message, AF_INET6);
  if (strict && HasOtherValues(request.header)) {
    return Refuse(AF_INET6, "Invalid values in header for get address request");
  }
  const NlParse mode = strict ? NlParse::kStrict : NlParse::kLegacy;
  const absl::Status status = ReadAttributes(message, mode, request, ack);
  if (!status.ok()) return status;
  for (uint16_t type = 0; strict && type <= IFA_PROTO; ++type) {
    const bool allowed = type == IFA_TARGET_NETNSID || type == IFA_ADDRESS || type == IFA_LOCAL;
    if (request.attrs.Has(type) && !allowed) {
      return Refuse(AF_INET6, "Unsupported attribute in get address request");
    }
  }
  return request;
}

absl::StatusOr<AddressRequest> ParseDumpAddresses(const NlMessage& message, uint8_t family,
                                                  ExtAck& ack) {
  if (IsShort(message)) return Refuse(family, "Invalid header for address dump request");
  AddressRequest request = ReadHeader(message, family);
  if (HasOtherValues(request.header)) {
    return Refuse(family, "Invalid values in header for address dump request");
  }
  if (request.ifindex() != 0) ack.done_flags = NLM_F_DUMP_FILTERED;
  const absl::Status status = ReadAttributes(message, NlParse::kStrict, request, ack);
  if (!status.ok()) return status;
  for (uint16_t type = 0; type <= IFA_PROTO; ++type) {
    if (request.attrs.Has(type) && type != IFA_TARGET_NETNSID) {
      return Refuse(family, "Unsupported attribute in dump request");
    }
  }
  return request;
}

}  // namespace vswitch
