// SPDX-License-Identifier: BSD-3-Clause
// Attribute policies as lib/nlattr.c applies them (validate_nla, __nla_validate_parse) and tells
// them to the client (netlink_policy_dump_write_attr).
#include <algorithm>
#include <cerrno>
#include <limits>

#include "control/netlink.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr char kPolicyFailed[] = "Attribute failed policy validation";
constexpr char kOutOfRange[] = "integer out of range";
constexpr char kSizeOutOfRange[] = "binary attribute size out of range";
constexpr char kLeftover[] = "bytes leftover after parsing attributes";

size_t IntegerSize(NlType type) {
  switch (type) {
    case NlType::kU8:
      return 1;
    case NlType::kU16:
      return 2;
    case NlType::kU32:
    case NlType::kS32:
      return 4;
    case NlType::kU64:
      return 8;
    default:
      return 0;
  }
}

// A string of 1..max_len bytes; max_len 0 sets no limit. One NUL at the end does not count.
bool StringFits(Bytes value, size_t max_len) {
  if (value.empty()) return false;
  const size_t length = value.size() - (value.back() == 0 ? 1 : 0);
  return max_len == 0 || length <= max_len;
}

bool HasNul(Bytes value, size_t max_len) {
  if (max_len != 0) value = value.first(std::min(value.size(), max_len + 1));
  return std::find(value.begin(), value.end(), 0) != value.end();
}

// The errno of a value whose size or form the policy does not allow; 0 if it does.
int CheckForm(Bytes value, const NlPolicy& policy) {
  switch (policy.type) {
    case NlType::kReject:
      return EINVAL;
    case NlType::kNulString:
      if (!HasNul(value, policy.max_len)) return EINVAL;
      [[fallthrough]];
    case NlType::kString:
      return StringFits(value, policy.max_len) ? 0 : ERANGE;
    case NlType::kBinary:
      return policy.max_len == 0 || policy.min.has_value() || value.size() <= policy.max_len
                 ? 0
                 : ERANGE;
    case NlType::kFlag:
      return value.empty() ? 0 : ERANGE;
    case NlType::kNested:
      return value.empty() || value.size() >= sizeof(nlattr) ? 0 : ERANGE;
    case NlType::kUnspecified:
      return value.size() >= policy.max_len ? 0 : ERANGE;
    default:
      return value.size() >= IntegerSize(policy.type) ? 0 : ERANGE;
  }
}

// REQUIRES: CheckForm allowed the value.
bool InRange(Bytes value, const NlPolicy& policy) {
  if (!policy.min.has_value()) return true;
  if (policy.type == NlType::kBinary) {
    return value.size() >= static_cast<size_t>(*policy.min) && value.size() <= policy.max_len;
  }
  if (policy.type == NlType::kS32) return ReadStruct<int32_t>(value) >= *policy.min;
  const auto number = ReadStruct<uint64_t>(value.first(IntegerSize(policy.type)));
  return *policy.min <= 0 || number >= static_cast<uint64_t>(*policy.min);
}

uint32_t TypeForClient(NlType type) {
  switch (type) {
    case NlType::kU8:
      return NL_ATTR_TYPE_U8;
    case NlType::kU16:
      return NL_ATTR_TYPE_U16;
    case NlType::kU32:
      return NL_ATTR_TYPE_U32;
    case NlType::kS32:
      return NL_ATTR_TYPE_S32;
    case NlType::kU64:
      return NL_ATTR_TYPE_U64;
    case NlType::kString:
      return NL_ATTR_TYPE_STRING;
    case NlType::kNulString:
      return NL_ATTR_TYPE_NUL_STRING;
    case NlType::kBinary:
      return NL_ATTR_TYPE_BINARY;
    case NlType::kFlag:
      return NL_ATTR_TYPE_FLAG;
    case NlType::kNested:
      return NL_ATTR_TYPE_NESTED;
    case NlType::kUnspecified:
    case NlType::kReject:
      return NL_ATTR_TYPE_INVALID;
  }
  return NL_ATTR_TYPE_INVALID;
}

void PutRange(NlWriter& writer, const NlPolicy& policy) {
  if (policy.mask != 0) return writer.PutU64(NL_POLICY_TYPE_ATTR_MASK, policy.mask);
  if (policy.type == NlType::kS32) {
    writer.PutS64(NL_POLICY_TYPE_ATTR_MIN_VALUE_S,
                  policy.min.value_or(std::numeric_limits<int32_t>::min()));
    writer.PutS64(NL_POLICY_TYPE_ATTR_MAX_VALUE_S, std::numeric_limits<int32_t>::max());
    return;
  }
  const size_t bits = 8 * IntegerSize(policy.type);
  writer.PutU64(NL_POLICY_TYPE_ATTR_MIN_VALUE_U, static_cast<uint64_t>(policy.min.value_or(0)));
  writer.PutU64(NL_POLICY_TYPE_ATTR_MAX_VALUE_U,
                std::numeric_limits<uint64_t>::max() >> (64 - bits));
}

// The policy as the client is told; empty for those that Linux 6.1 does not describe.
Datagram DescribePolicy(const NlPolicy& policy) {
  Datagram description;
  const uint32_t type = TypeForClient(policy.type);
  if (type == NL_ATTR_TYPE_INVALID) return description;
  NlWriter writer(description);
  if (IntegerSize(policy.type) != 0) {
    PutRange(writer, policy);
  } else if (policy.type != NlType::kNested && policy.max_len != 0) {
    if (policy.min.has_value()) {
      writer.PutU32(NL_POLICY_TYPE_ATTR_MIN_LENGTH, static_cast<uint32_t>(*policy.min));
    }
    writer.PutU32(NL_POLICY_TYPE_ATTR_MAX_LENGTH, policy.max_len);
  }
  writer.PutU32(NL_POLICY_TYPE_ATTR_TYPE, type);
  return description;
}

// An error about one attribute; with a null `ack` the client learns the errno only.
absl::Status AttributeError(int error, const char* sentence, const NlAttr& attr, ExtAck* ack) {
  if (ack == nullptr) return ErrnoStatus(error);
  ack->offset = attr.offset;
  return ErrnoStatus(error, sentence);
}

absl::Status PolicyError(int error, const char* sentence, const NlAttr& attr,
                         const NlPolicy& policy, ExtAck* ack) {
  if (ack != nullptr) ack->policy = DescribePolicy(policy);
  return AttributeError(error, sentence, attr, ack);
}

// What NL_VALIDATE_STRICT asks for beyond nla_parse_deprecated_strict.
absl::Status CheckExact(const NlAttr& attr, const NlPolicy& policy, ExtAck* ack) {
  const bool nested = policy.type == NlType::kNested;
  const size_t size = IntegerSize(policy.type);
  if (policy.type == NlType::kUnspecified) {
    return AttributeError(EINVAL, "Unsupported attribute", attr, ack);
  }
  if (size != 0 && attr.value.size() != size) {
    return PolicyError(EINVAL, "invalid attribute length", attr, policy, ack);
  }
  if (attr.nested_bit == nested) return absl::OkStatus();
  return PolicyError(EINVAL, nested ? "NLA_F_NESTED is missing" : "NLA_F_NESTED not expected", attr,
                     policy, ack);
}

absl::Status CheckAttribute(const NlAttr& attr, const NlPolicy& policy, NlParse mode, ExtAck* ack) {
  if (mode == NlParse::kExact) {
    const absl::Status status = CheckExact(attr, policy, ack);
    if (!status.ok()) return status;
  }
  if (const int error = CheckForm(attr.value, policy); error != 0) {
    return PolicyError(error, kPolicyFailed, attr, policy, ack);
  }
  if (!InRange(attr.value, policy)) {
    const bool binary = policy.type == NlType::kBinary;
    return PolicyError(ERANGE, binary ? kSizeOutOfRange : kOutOfRange, attr, policy, ack);
  }
  if (policy.mask != 0 && (ReadStruct<uint32_t>(attr.value) & ~policy.mask) != 0) {
    return AttributeError(EINVAL, "reserved bit set", attr, ack);
  }
  return absl::OkStatus();
}

// Bytes after the last attribute that are none.
absl::Status CheckLeftover(size_t leftover, NlParse mode, ExtAck* ack) {
  if (leftover == 0) return absl::OkStatus();
  if (mode != NlParse::kLegacy) return ErrnoStatus(EINVAL, ack == nullptr ? "" : kLeftover);
  if (ack != nullptr) ack->warning = kLeftover;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NlAttrs> ParseAttributes(Bytes attrs, uint32_t offset,
                                        std::span<const NlPolicy> policy, NlParse mode,
                                        ExtAck* ack) {
  NlAttrs table(static_cast<uint16_t>(policy.empty() ? 0 : policy.size() - 1));
  NlAttrReader reader(attrs, offset);
  while (const std::optional<NlAttr> attr = reader.Next()) {
    if (attr->type == 0 || attr->type > table.max_type()) {
      if (mode == NlParse::kLegacy) continue;
      return AttributeError(EINVAL, "Unknown attribute type", *attr, ack);
    }
    const uint16_t exact_from = policy[0].exact_from;
    const bool exact = exact_from != 0 && attr->type >= exact_from;
    const absl::Status status =
        CheckAttribute(*attr, policy[attr->type], exact ? NlParse::kExact : mode, ack);
    if (!status.ok()) return status;
    table.Set(*attr);
  }
  const absl::Status status = CheckLeftover(reader.leftover(), mode, ack);
  if (!status.ok()) return status;
  return table;
}

absl::StatusOr<NlAttrs> ParseNested(const NlAttr& nest, std::span<const NlPolicy> policy,
                                    ExtAck* ack) {
  return ParseAttributes(nest.value, nest.offset + static_cast<uint32_t>(sizeof(nlattr)), policy,
                         NlParse::kLegacy, ack);
}

}  // namespace vswitch
