// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>

#include "control/netlink.h"

namespace vswitch {

namespace {

constexpr size_t kAttrHeader = sizeof(nlattr);

size_t Align4(size_t size) { return (size + 3) & ~size_t{3}; }

// Whether `bytes` starts with a whole attribute (nla_ok).
bool StartsWithAttribute(Bytes bytes) {
  if (bytes.size() < kAttrHeader) return false;
  const size_t length = ReadStruct<nlattr>(bytes).nla_len;
  return length >= kAttrHeader && length <= bytes.size();
}

}  // namespace

std::optional<NlMessage> NlReader::Next() {
  if (rest_.size() < sizeof(nlmsghdr)) return std::nullopt;
  const auto header = ReadStruct<nlmsghdr>(rest_);
  if (header.nlmsg_len < sizeof(nlmsghdr) || header.nlmsg_len > rest_.size()) return std::nullopt;
  const NlMessage message{header, rest_.first(header.nlmsg_len)};
  rest_ = rest_.subspan(std::min(rest_.size(), Align4(header.nlmsg_len)));
  return message;
}

std::optional<NlAttr> NlAttrReader::Next() {
  if (!StartsWithAttribute(rest_)) return std::nullopt;
  const auto header = ReadStruct<nlattr>(rest_);
  const NlAttr attr{static_cast<uint16_t>(header.nla_type & NLA_TYPE_MASK), offset_,
                    rest_.subspan(kAttrHeader, header.nla_len - kAttrHeader),
                    (header.nla_type & NLA_F_NESTED) != 0};
  const size_t advance = std::min(rest_.size(), Align4(header.nla_len));
  rest_ = rest_.subspan(advance);
  offset_ += static_cast<uint32_t>(advance);
  return attr;
}

std::string NlAttrs::String(uint16_t type) const {
  const Bytes value = table_[type]->value;
  return std::string(value.begin(), std::find(value.begin(), value.end(), 0));
}

std::vector<NlAttr> ListAttributes(Bytes attrs, uint32_t offset) {
  std::vector<NlAttr> list;
  NlAttrReader reader(attrs, offset);
  while (const std::optional<NlAttr> attr = reader.Next()) list.push_back(*attr);
  return list;
}

}  // namespace vswitch
