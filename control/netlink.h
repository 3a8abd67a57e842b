// SPDX-License-Identifier: BSD-3-Clause
// Netlink over untrusted bytes: a bounds-checked reader with the kernel's attribute policies, and a
// writer.
#ifndef VSWITCH_CONTROL_NETLINK_H_
#define VSWITCH_CONTROL_NETLINK_H_

#include <linux/netlink.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace vswitch {

using Bytes = std::span<const uint8_t>;
using Datagram = std::vector<uint8_t>;

// One request inside a datagram.
struct NlMessage {
  nlmsghdr header{};  // a copy
  Bytes bytes;        // header and payload, header.nlmsg_len bytes

  Bytes payload() const { return bytes.subspan(sizeof(nlmsghdr)); }
};

// Walks the requests of a datagram as netlink_rcv_skb does: stops for good at fewer than 16 bytes,
// at an nlmsg_len below 16 or beyond the datagram. Advances by nlmsg_len rounded up to 4.
class NlReader {
 public:
  explicit NlReader(Bytes datagram) : rest_(datagram) {}
  std::optional<NlMessage> Next();

 private:
  Bytes rest_;
};

// The first sizeof(T) bytes of `bytes` as a T, copied; bytes that are missing read as zero.
template <typename T>
T ReadStruct(Bytes bytes) {
  static_assert(std::is_trivially_copyable_v<T>);
  T value{};
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), std::min(sizeof(T), bytes.size()));
  return value;
}

struct NlAttr {
  uint16_t type = 0;    // without the NESTED and BYTEORDER bits
  uint32_t offset = 0;  // of the attribute header from the start of the request message
  Bytes value;
  bool nested_bit = false;  // NLA_F_NESTED
};

// Walks the attributes of one level and stops for good at the first malformed one.
class NlAttrReader {
 public:
  // `attrs` starts `offset` bytes into the request message.
  NlAttrReader(Bytes attrs, uint32_t offset) : rest_(attrs), offset_(offset) {}
  std::optional<NlAttr> Next();
  // Bytes not consumed: after the last Next() these are no attribute.
  size_t leftover() const { return rest_.size(); }

 private:
  Bytes rest_;
  uint32_t offset_;
};

enum class NlType : uint8_t {
  kUnspecified,  // at least max_len bytes, if max_len > 0
  kU8,
  kU16,
  kU32,
  kS32,
  kU64,
  kString,     // 1..max_len bytes without the optional trailing NUL
  kNulString,  // as kString, and a NUL must be there
  kBinary,     // 0..max_len bytes; at least `min`, if there is one
  kNested,     // 0 bytes, or at least an attribute header
  kFlag,       // 0 bytes: being there says it all
  kReject,     // never allowed in a request
};

struct NlPolicy {
  NlType type = NlType::kUnspecified;
  uint16_t max_len = 0;
  std::optional<int64_t> min = std::nullopt;  // integers, and the size of kBinary
  uint32_t mask = 0;                          // bits that an integer may have; 0: any
  uint16_t exact_from = 0;  // of entry 0: this type and those above are checked as in kExact
};

// What an answer can carry beside the errno and the sentence of an absl::Status (NETLINK_EXT_ACK).
struct ExtAck {
  std::string warning;             // sentence for an answer that has none of its own
  std::optional<uint32_t> offset;  // NLMSGERR_ATTR_OFFS
  Datagram policy;                 // payload of NLMSGERR_ATTR_POLICY; empty for none
  uint16_t done_flags = 0;         // NLM_F_* of an NLMSG_DONE, beside NLM_F_MULTI
};

// The attributes of one level, last of each type wins. Views into the request: valid while its
// bytes are.
class NlAttrs {
 public:
  explicit NlAttrs(uint16_t max_type = 0) : table_(size_t{max_type} + 1) {}

  void Set(const NlAttr& attr) { table_[attr.type] = attr; }
  bool Has(uint16_t type) const { return type < table_.size() && table_[type].has_value(); }
  const NlAttr* Find(uint16_t type) const { return Has(type) ? &*table_[type] : nullptr; }
  uint16_t max_type() const { return static_cast<uint16_t>(table_.size() - 1); }

  // REQUIRES: Has(type), and the policy made sure of the size (bytes that are missing read as
  // zero).
  uint8_t U8(uint16_t type) const { return ReadStruct<uint8_t>(table_[type]->value); }
  uint16_t U16(uint16_t type) const { return ReadStruct<uint16_t>(table_[type]->value); }
  uint32_t U32(uint16_t type) const { return ReadStruct<uint32_t>(table_[type]->value); }
  int32_t S32(uint16_t type) const { return ReadStruct<int32_t>(table_[type]->value); }
  Bytes Binary(uint16_t type) const { return table_[type]->value; }
  // Up to the first NUL or the end.
  std::string String(uint16_t type) const;

 private:
  std::vector<std::optional<NlAttr>> table_;
};

enum class NlParse : uint8_t {
  kLegacy,  // unknown types skipped; trailing bytes only set ack->warning (nla_parse_deprecated)
  kStrict,  // unknown types: EINVAL "Unknown attribute type"; trailing bytes: EINVAL
            // (nla_parse_deprecated_strict)
  kExact,   // as kStrict; integers have exactly their size, only and all nested attributes have the
            // NESTED bit, and kUnspecified is "Unsupported attribute": EINVAL (nla_parse)
};

// Parses `attrs` (which starts `offset` bytes into the request) against policy[type]; types above
// policy.size() - 1 are unknown. Errors: ERANGE or EINVAL with the kernel's sentence, ack->offset
// and ack->policy set as the kernel sets them. With a null `ack` (LINKINFO) errors carry no
// sentence.
absl::StatusOr<NlAttrs> ParseAttributes(Bytes attrs, uint32_t offset,
                                        std::span<const NlPolicy> policy, NlParse mode,
                                        ExtAck* ack);

// The same for the payload of a nested attribute of the request.
absl::StatusOr<NlAttrs> ParseNested(const NlAttr& nest, std::span<const NlPolicy> policy,
                                    ExtAck* ack);

// All attributes of one level in order, with no policy; stops at the first malformed one. For lists
// (PROP_LIST, AF_SPEC).
std::vector<NlAttr> ListAttributes(Bytes attrs, uint32_t offset);

// Appends messages to a datagram, or bare attributes when there is no Begin. Begin/End and
// BeginNest/EndNest pair up. 64-bit values are not aligned to 8 bytes: Linux inserts no padding
// attribute either where unaligned access is cheap (nla_need_padding_for_64bit).
// REQUIRES: an attribute, header and nested attributes included, stays below 64 KiB.
class NlWriter {
 public:
  explicit NlWriter(Datagram& out) : out_(out), start_(out.size()) {}

  // Starts a message; its nlmsg_len is filled in by End().
  void Begin(uint16_t type, uint16_t flags, uint32_t seq, uint32_t pid);
  void End();

  template <typename T>
  void PutStruct(const T& value) {
    static_assert(std::is_trivially_copyable_v<T>);
    Append({reinterpret_cast<const uint8_t*>(&value), sizeof(T)});
  }
  // Appends bytes that are no attribute, padded with zeros.
  void PutRaw(Bytes bytes) { Append(bytes); }
  void PutBytes(uint16_t type, Bytes value);
  // Appends an attribute of `size` zero bytes.
  void PutZeros(uint16_t type, size_t size);
  void PutU8(uint16_t type, uint8_t value) { PutBytes(type, {&value, 1}); }
  void PutU16(uint16_t type, uint16_t value) { PutValue(type, value); }
  void PutU32(uint16_t type, uint32_t value) { PutValue(type, value); }
  void PutS32(uint16_t type, int32_t value) { PutValue(type, value); }
  void PutU64(uint16_t type, uint64_t value) { PutValue(type, value); }
  void PutS64(uint16_t type, int64_t value) { PutValue(type, value); }
  void PutString(uint16_t type, std::string_view value);  // with a trailing NUL

  // The token is for EndNest. `nested_bit` sets NLA_F_NESTED.
  size_t BeginNest(uint16_t type, bool nested_bit = false);
  void EndNest(size_t token);
  // Bytes of the message being written so far.
  size_t size() const { return out_.size() - start_; }

 private:
  template <typename T>
  void PutValue(uint16_t type, T value) {
    PutBytes(type, {reinterpret_cast<const uint8_t*>(&value), sizeof(T)});
  }
  void Append(Bytes bytes);  // padded to 4

  Datagram& out_;
  size_t start_;
};

// NLMSG_ERROR for `request`: errno and sentence from `status`, rest from `ack`. Layout by semantics
// of netlink_ack: `cap_ack` and `ext_ack` are the client's socket options.
Datagram EncodeAck(const NlMessage& request, const absl::Status& status, const ExtAck& ack,
                   uint32_t port_id, bool cap_ack, bool ext_ack);

// NLMSG_DONE of a dump: payload is 0 or a negative errno, with the sentence when `ext_ack`.
Datagram EncodeDone(const NlMessage& request, const absl::Status& status, const ExtAck& ack,
                    uint32_t port_id, bool ext_ack);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NETLINK_H_
