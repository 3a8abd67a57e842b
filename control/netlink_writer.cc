// SPDX-License-Identifier: BSD-3-Clause
#include <cassert>
#include <limits>

#include "control/netlink.h"

namespace vswitch {

namespace {

constexpr size_t kMaxAttr = std::numeric_limits<uint16_t>::max();

size_t Align4(size_t size) { return (size + 3) & ~size_t{3}; }

}  // namespace

void NlWriter::Append(Bytes bytes) {
  out_.insert(out_.end(), bytes.begin(), bytes.end());
  out_.resize(start_ + Align4(size()));
}

void NlWriter::Begin(uint16_t type, uint16_t flags, uint32_t seq, uint32_t pid) {
  start_ = out_.size();
  PutStruct(nlmsghdr{0, type, flags, seq, pid});
}

void NlWriter::End() {
  const auto length = static_cast<uint32_t>(size());
  std::memcpy(out_.data() + start_ + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
}

void NlWriter::PutBytes(uint16_t type, Bytes value) {
  const size_t length = sizeof(nlattr) + value.size();
  assert(length <= kMaxAttr);
  PutStruct(nlattr{static_cast<uint16_t>(length), type});
  Append(value);
}

void NlWriter::PutZeros(uint16_t type, size_t size) {
  const size_t length = sizeof(nlattr) + size;
  assert(length <= kMaxAttr);
  PutStruct(nlattr{static_cast<uint16_t>(length), type});
  out_.resize(out_.size() + Align4(size));
}

void NlWriter::PutString(uint16_t type, std::string_view value) {
  const size_t length = sizeof(nlattr) + value.size() + 1;
  assert(length <= kMaxAttr);
  PutStruct(nlattr{static_cast<uint16_t>(length), type});
  out_.insert(out_.end(), value.begin(), value.end());
  out_.push_back(0);
  out_.resize(start_ + Align4(size()));
}

size_t NlWriter::BeginNest(uint16_t type, bool nested_bit) {
  const size_t token = out_.size();
  PutStruct(nlattr{0, static_cast<uint16_t>(type | (nested_bit ? NLA_F_NESTED : 0))});
  return token;
}

void NlWriter::EndNest(size_t token) {
  assert(out_.size() - token <= kMaxAttr);
  const auto length = static_cast<uint16_t>(out_.size() - token);
  std::memcpy(out_.data() + token + offsetof(nlattr, nla_len), &length, sizeof(length));
}

}  // namespace vswitch
