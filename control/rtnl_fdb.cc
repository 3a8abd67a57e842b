// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETNEIGH of all neighbours of family AF_BRIDGE: forwarding tables of bridges. There are no
// bridges, but every link has a table of its own with the addresses it receives (rtnl_fdb_dump,
// ndo_dflt_fdb_dump).
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <cerrno>
#include <vector>

#include "control/fill_neigh.h"
#include "control/link_request.h"
#include "control/message_head.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

class FdbDump final : public DumpSource {
 public:
  FdbDump(const Registry& registry, const Request& request, int32_t ifindex)
      : registry_(registry),
        netns_(request.client.ns->inode()),
        ifindex_(ifindex),
        head_(ReplyHead(request, RTM_NEWNEIGH, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    return cursor_.Walk(*ns, [&](const Device& device) {
      const bool wanted = ifindex_ == 0 || ifindex_ == device.ifindex;
      return !wanted || FillLink(device, page);
    });
  }

  uint64_t version() const override { return 0; }

 private:
  bool FillLink(const Device& device, DumpPage& page) {
    if (device.ifindex != link_) done_ = 0;  // the other one went
    if (done_ == 0) macs_ = ReceivedMacs(device);
    link_ = device.ifindex;
    for (; done_ < macs_.size(); ++done_) {
      const FdbEntry entry{device.ifindex, macs_[done_], NUD_PERMANENT};
      if (!page.Add([&](Datagram& out) { FillFdb(entry, head_, out); })) return false;
    }
    done_ = 0;
    return true;
  }

  const Registry& registry_;
  const uint64_t netns_;
  const int32_t ifindex_;
  const MessageHead head_;
  LinkCursor cursor_;
  // Of the link at the cursor, as it was when its first page was composed.
  int32_t link_ = 0;
  std::vector<MacAddress> macs_;
  size_t done_ = 0;
};

// The bridge and the link that a dump is restricted to; 0: any.
struct FdbFilter {
  int32_t bridge = 0, ifindex = 0;
};

// valid_fdb_dump_strict
absl::StatusOr<FdbFilter> ParseStrict(const Request& request) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(ndmsg)) {
    return ErrnoStatus(EINVAL, "Invalid header for fdb dump request");
  }
  const auto header = ReadStruct<ndmsg>(payload);
  if (header.ndm_pad1 != 0 || header.ndm_pad2 != 0 || header.ndm_state != 0 ||
      header.ndm_flags != 0 || header.ndm_type != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for fdb dump request");
  }
  FdbFilter filter{.ifindex = header.ndm_ifindex};
  const std::vector<NlPolicy> any(NDA_MAX + 1);
  const auto attrs = ParseAttributes(payload.subspan(sizeof(ndmsg)), NLMSG_LENGTH(sizeof(ndmsg)),
                                     any, NlParse::kStrict, &request.ack);
  if (!attrs.ok()) return attrs.status();
  for (uint16_t type = 1; type <= NDA_MAX; ++type) {
    if (!attrs->Has(type)) continue;
    const bool number = attrs->Binary(type).size() == sizeof(uint32_t);
    if (type == NDA_IFINDEX) {
      if (!number) return ErrnoStatus(EINVAL, "Invalid IFINDEX attribute in fdb dump request");
      filter.ifindex = attrs->S32(type);
    } else if (type == NDA_MASTER) {
      if (!number) return ErrnoStatus(EINVAL, "Invalid MASTER attribute in fdb dump request");
      filter.bridge = attrs->S32(type);
    } else {
      return ErrnoStatus(EINVAL, "Unsupported attribute in fdb dump request");
    }
  }
  return filter;
}

// valid_fdb_dump_legacy: old clients send the header of a neighbour, others that of a link.
absl::StatusOr<FdbFilter> ParseLegacy(const Request& request) {
  const Bytes payload = request.message.payload();
  const bool neighbour = payload.size() == sizeof(ndmsg) ||
                         payload.size() == sizeof(ndmsg) + NLA_HDRLEN + sizeof(uint32_t);
  if (neighbour) return FdbFilter{};
  if (payload.size() < sizeof(ifinfomsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  FdbFilter filter{.ifindex = ReadStruct<ifinfomsg>(payload).ifi_index};
  const auto attrs =
      ParseAttributes(payload.subspan(sizeof(ifinfomsg)), NLMSG_LENGTH(sizeof(ifinfomsg)),
                      LinkPolicy(), NlParse::kLegacy, &request.ack);
  if (!attrs.ok()) return attrs.status();
  if (attrs->Has(IFLA_MASTER)) filter.bridge = attrs->S32(IFLA_MASTER);
  return filter;
}

}  // namespace

DumpStart Router::DumpFdb(const Request& request) {
  const auto filter = request.client.strict_check ? ParseStrict(request) : ParseLegacy(request);
  if (!filter.ok()) return filter.status();
  if (filter->bridge != 0) {
    const bool known = request.client.ns->FindByIndex(filter->bridge) != nullptr;
    if (known) return nullptr;  // it has no ports
    return ErrnoStatus(ENODEV);
  }
  return std::make_unique<FdbDump>(registry_, request, filter->ifindex);
}

}  // namespace vswitch
