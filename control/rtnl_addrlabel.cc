// SPDX-License-Identifier: BSD-3-Clause
// RTM_NEWADDRLABEL, RTM_DELADDRLABEL, RTM_GETADDRLABEL (net/ipv6/addrlabel.c).
#include <linux/if_addrlabel.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>

#include "control/address_labels.h"
#include "control/message_head.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// ifal_policy
constexpr std::array<NlPolicy, IFAL_MAX + 1> kPolicy = {NlPolicy{}, NlPolicy{.max_len = 16},
                                                        NlPolicy{.max_len = sizeof(uint32_t)}};

ifaddrlblmsg HeaderOf(const Request& request) {
  return ReadStruct<ifaddrlblmsg>(request.message.payload());
}

bool HasHeader(const Request& request) {
  return request.message.payload().size() >= sizeof(ifaddrlblmsg);
}

absl::StatusOr<NlAttrs> Parse(const Request& request, NlParse mode) {
  if (!HasHeader(request)) return ErrnoStatus(EINVAL, "Invalid header length");
  return ParseAttributes(request.message.payload().subspan(sizeof(ifaddrlblmsg)),
                         NLMSG_LENGTH(sizeof(ifaddrlblmsg)), kPolicy, mode, &request.ack);
}

// What a change is about.
struct LabelRequest {
  IpPrefix prefix;
  int32_t ifindex = 0;
  uint32_t label = 0;
};

// The part of ip6addrlbl_newdel that both have.
absl::StatusOr<LabelRequest> ParseChange(const Request& request) {
  const auto attrs = Parse(request, NlParse::kLegacy);
  if (!attrs.ok()) return attrs.status();
  const ifaddrlblmsg header = HeaderOf(request);
  const auto address = FindAddress(*attrs, IFAL_ADDRESS, AF_INET6);
  if (header.ifal_prefixlen > 128 || !address.has_value() || !attrs->Has(IFAL_LABEL) ||
      attrs->U32(IFAL_LABEL) == AddressLabels::kNoLabel) {
    return ErrnoStatus(EINVAL);
  }
  return LabelRequest{.prefix = {*address, header.ifal_prefixlen},
                      .ifindex = static_cast<int32_t>(header.ifal_index),
                      .label = attrs->U32(IFAL_LABEL)};
}

absl::Status CheckLink(const Request& request, int32_t ifindex) {
  const bool known = ifindex == 0 || request.client.ns->FindByIndex(ifindex) != nullptr;
  return known ? absl::OkStatus() : ErrnoStatus(EINVAL);
}

// ip6addrlbl_valid_get_req
absl::StatusOr<NlAttrs> ParseGet(const Request& request) {
  if (!HasHeader(request)) {
    return ErrnoStatus(EINVAL, "ipv6: Invalid header for addrlabel get request");
  }
  if (!request.client.strict_check) return Parse(request, NlParse::kLegacy);
  const ifaddrlblmsg header = HeaderOf(request);
  if (header.__ifal_reserved != 0 || header.ifal_flags != 0 || header.ifal_seq != 0) {
    return ErrnoStatus(EINVAL, "ipv6: Invalid values in header for addrlabel get request");
  }
  auto attrs = Parse(request, NlParse::kStrict);
  if (!attrs.ok() || !attrs->Has(IFAL_LABEL)) return attrs;
  return ErrnoStatus(EINVAL, "ipv6: Unsupported attribute in addrlabel get request");
}

// ip6addrlbl_valid_dump_req
absl::Status CheckDump(const Request& request) {
  if (!HasHeader(request)) {
    return ErrnoStatus(EINVAL, "ipv6: Invalid header for address label dump request");
  }
  const ifaddrlblmsg header = HeaderOf(request);
  if (header.__ifal_reserved != 0 || header.ifal_prefixlen != 0 || header.ifal_flags != 0 ||
      header.ifal_index != 0 || header.ifal_seq != 0) {
    return ErrnoStatus(EINVAL, "ipv6: Invalid values in header for address label dump request");
  }
  if (request.message.payload().size() > sizeof(ifaddrlblmsg)) {
    return ErrnoStatus(EINVAL, "ipv6: Invalid data after header for address label dump request");
  }
  return absl::OkStatus();
}

// ip6addrlbl_fill
void FillLabel(const AddressLabel& label, uint32_t changes, const MessageHead& head,
               Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(ifaddrlblmsg{.ifal_family = AF_INET6,
                                .ifal_prefixlen = label.prefix.length,
                                .ifal_index = static_cast<uint32_t>(label.ifindex),
                                .ifal_seq = changes});
  writer.PutBytes(IFAL_ADDRESS, label.prefix.address.AsBytes());
  writer.PutU32(IFAL_LABEL, label.label);
  writer.End();
}

class LabelDump final : public DumpSource {
 public:
  LabelDump(Registry& registry, Router& router, const Request& request)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        head_(ReplyHead(request, RTM_NEWADDRLABEL, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    const AddressLabels& labels = router_.TablesOf(*ns).address_labels;
    for (; done_ < labels.entries().size(); ++done_) {
      const AddressLabel& label = labels.entries()[done_];
      if (!page.Add([&](Datagram& out) { FillLabel(label, labels.changes(), head_, out); })) {
        return false;
      }
    }
    return true;
  }

  // The kernel does not say when labels came and went meanwhile.
  uint64_t version() const override { return 0; }

 private:
  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const MessageHead head_;
  size_t done_ = 0;
};

}  // namespace

absl::Status Router::NewAddressLabel(const Request& request) {
  const auto wanted = ParseChange(request);
  if (!wanted.ok()) return wanted.status();
  if (const absl::Status status = CheckLink(request, wanted->ifindex); !status.ok()) return status;
  return TablesOf(*request.client.ns)
      .address_labels.Add(wanted->prefix, wanted->ifindex, wanted->label,
                          (request.flags() & NLM_F_REPLACE) != 0);
}

absl::Status Router::DelAddressLabel(const Request& request) {
  const auto wanted = ParseChange(request);
  if (!wanted.ok()) return wanted.status();
  return TablesOf(*request.client.ns).address_labels.Remove(wanted->prefix, wanted->ifindex);
}

absl::Status Router::GetAddressLabel(const Request& request) {
  const auto attrs = ParseGet(request);
  if (!attrs.ok()) return attrs.status();
  const ifaddrlblmsg header = HeaderOf(request);
  const auto ifindex = static_cast<int32_t>(header.ifal_index);
  if (header.ifal_prefixlen != 128) return ErrnoStatus(EINVAL);
  if (const absl::Status status = CheckLink(request, ifindex); !status.ok()) return status;
  const auto address = FindAddress(*attrs, IFAL_ADDRESS, AF_INET6);
  if (!address.has_value()) return ErrnoStatus(EINVAL);
  const AddressLabels& labels = TablesOf(*request.client.ns).address_labels;
  const AddressLabel* found = labels.FindForClient(*address, ifindex);
  if (found == nullptr) return ErrnoStatus(ESRCH);
  Datagram reply;
  FillLabel(*found, labels.changes(), ReplyHead(request, RTM_NEWADDRLABEL), reply);
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart Router::DumpAddressLabels(const Request& request) {
  if (request.client.strict_check) {
    if (const absl::Status status = CheckDump(request); !status.ok()) return status;
  }
  return std::make_unique<LabelDump>(registry_, *this, request);
}

}  // namespace vswitch
