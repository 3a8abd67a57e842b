// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETNEXTHOPBUCKET and the upkeep of the buckets of resilient nexthop groups
// (rtm_get_nexthop_bucket, rtm_dump_nexthop_bucket).
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>

#include <array>
#include <cerrno>
#include <utility>

#include "control/message_head.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using RequestPolicy = std::array<NlPolicy, NHA_RES_BUCKET + 1>;
using BucketPolicy = std::array<NlPolicy, NHA_RES_BUCKET_NH_ID + 1>;

constexpr RequestPolicy MakePolicy(bool dump) {
  RequestPolicy policy{};
  policy[NHA_ID] = {.type = NlType::kU32};
  policy[NHA_RES_BUCKET] = {.type = NlType::kNested};
  if (dump) policy[NHA_OIF] = policy[NHA_MASTER] = {.type = NlType::kU32};
  return policy;
}
constexpr RequestPolicy kGetPolicy = MakePolicy(false), kDumpPolicy = MakePolicy(true);
constexpr std::array<NlPolicy, NHA_RES_BUCKET_INDEX + 1> kIndexPolicy = {
    NlPolicy{}, NlPolicy{.type = NlType::kU16}};

constexpr BucketPolicy MakeMemberPolicy() {
  BucketPolicy policy{};
  policy[NHA_RES_BUCKET_NH_ID] = {.type = NlType::kU32};
  return policy;
}
constexpr BucketPolicy kMemberPolicy = MakeMemberPolicy();

absl::StatusOr<NlAttrs> Parse(const Request& request, std::span<const NlPolicy> policy,
                              ExtAck* ack) {
  const Bytes payload = request.message.payload();
  if (payload.size() < sizeof(nhmsg)) return ErrnoStatus(EINVAL, "Invalid header length");
  return ParseAttributes(payload.subspan(sizeof(nhmsg)), NLMSG_LENGTH(sizeof(nhmsg)), policy,
                         NlParse::kExact, ack);
}

absl::StatusOr<NlAttrs> ParseBucket(const NlAttrs& attrs, std::span<const NlPolicy> policy,
                                    ExtAck& ack) {
  const NlAttr& nest = *attrs.Find(NHA_RES_BUCKET);
  return ParseAttributes(nest.value, nest.offset + static_cast<uint32_t>(NLA_HDRLEN), policy,
                         NlParse::kExact, &ack);
}

bool HasOddHeader(const Request& request) {
  const auto header = ReadStruct<nhmsg>(request.message.payload());
  return header.nh_protocol != 0 || header.resvd != 0 || header.nh_scope != 0 ||
         header.nh_flags != 0;
}

// One bucket of a group.
struct BucketId {
  uint32_t group = 0;
  uint16_t index = 0;
};

// nh_valid_get_bucket_req
absl::StatusOr<BucketId> ParseGet(const Request& request) {
  const auto attrs = Parse(request, kGetPolicy, &request.ack);
  if (!attrs.ok()) return attrs.status();
  if (HasOddHeader(request)) return ErrnoStatus(EINVAL, "Invalid values in header");
  if (!attrs->Has(NHA_ID)) return ErrnoStatus(EINVAL, "Nexthop id is missing");
  if (attrs->U32(NHA_ID) == 0) return ErrnoStatus(EINVAL, "Invalid nexthop id");
  if (!attrs->Has(NHA_RES_BUCKET)) return ErrnoStatus(EINVAL, "Bucket information is missing");
  const auto bucket = ParseBucket(*attrs, kIndexPolicy, request.ack);
  if (!bucket.ok()) return bucket.status();
  if (!bucket->Has(NHA_RES_BUCKET_INDEX)) return ErrnoStatus(EINVAL, "Bucket index is missing");
  return BucketId{attrs->U32(NHA_ID), bucket->U16(NHA_RES_BUCKET_INDEX)};
}

// What a dump is restricted to; 0: anything.
struct BucketFilter {
  uint8_t family = AF_UNSPEC;
  uint32_t group = 0, member = 0, oif = 0, master = 0;

  bool Passes(const NexthopObject& nexthop) const {
    const Device* device = nexthop.hop.device;
    if (member != 0 && member != nexthop.id) return false;
    if (family != AF_UNSPEC && family != nexthop.family) return false;
    if (oif != 0 && (device == nullptr || device->ifindex != static_cast<int32_t>(oif))) {
      return false;
    }
    if (master == 0) return true;
    return device != nullptr && device->master != nullptr &&
           device->master->ifindex == static_cast<int32_t>(master);
  }
};

// nh_valid_dump_nhid
absl::Status ReadId(const NlAttrs& attrs, uint16_t type, uint32_t& id) {
  if (!attrs.Has(type)) return absl::OkStatus();
  id = attrs.U32(type);
  return id == 0 ? ErrnoStatus(EINVAL, "Invalid nexthop id") : absl::OkStatus();
}

absl::Status ReadIndex(const NlAttrs& attrs, uint16_t type, const char* sentence, uint32_t& index) {
  if (!attrs.Has(type)) return absl::OkStatus();
  index = attrs.U32(type);
  return index > INT32_MAX ? ErrnoStatus(EINVAL, sentence) : absl::OkStatus();
}

// nh_valid_dump_bucket_req. An attribute that does not belong here is refused without a word.
absl::StatusOr<BucketFilter> ParseDump(const Request& request) {
  const auto attrs = Parse(request, kDumpPolicy, nullptr);
  if (!attrs.ok()) return ErrnoStatus(ErrnoOf(attrs.status()));
  BucketFilter filter{.family = ReadStruct<nhmsg>(request.message.payload()).nh_family};
  absl::Status status = ReadId(*attrs, NHA_ID, filter.group);
  if (status.ok() && attrs->Has(NHA_RES_BUCKET)) {
    const auto bucket = ParseBucket(*attrs, kMemberPolicy, request.ack);
    status = bucket.ok() ? ReadId(*bucket, NHA_RES_BUCKET_NH_ID, filter.member) : bucket.status();
  }
  if (status.ok()) status = ReadIndex(*attrs, NHA_OIF, "Invalid device index", filter.oif);
  if (status.ok()) {
    status = ReadIndex(*attrs, NHA_MASTER, "Invalid master device index", filter.master);
  }
  if (!status.ok()) return status;
  if (!HasOddHeader(request)) return filter;
  return ErrnoStatus(EINVAL, "Invalid values in header for nexthop dump request");
}

// nexthop_find_group_resilient
absl::StatusOr<const NexthopObject*> FindResilient(const Nexthops& nexthops, uint32_t id) {
  const std::shared_ptr<NexthopObject> nexthop = nexthops.Find(id);
  if (nexthop == nullptr) return ErrnoStatus(ENOENT);
  if (!nexthop->group()) return ErrnoStatus(EINVAL, "Not a nexthop group");
  if (nexthop->resilient == nullptr) {
    return ErrnoStatus(EINVAL, "Nexthop group not of type resilient");
  }
  return nexthop.get();
}

// nh_fill_res_bucket
void FillBucket(const NexthopObject& group, uint16_t index, const MessageHead& head,
                Datagram& out) {
  const ResilientTable::Bucket& bucket = group.resilient->buckets()[index];
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(nhmsg{.nh_protocol = group.protocol});
  writer.PutU32(NHA_ID, group.id);
  const size_t nest = writer.BeginNest(NHA_RES_BUCKET, true);
  writer.PutU16(NHA_RES_BUCKET_INDEX, index);
  writer.PutU32(NHA_RES_BUCKET_NH_ID, bucket.member);
  writer.PutU64(NHA_RES_BUCKET_IDLE_TIME, Hundredths(MonotonicTime::clock::now() - bucket.used));
  writer.EndNest(nest);
  writer.End();
}

class BucketDump final : public DumpSource {
 public:
  BucketDump(Registry& registry, Router& router, const Request& request, const BucketFilter& filter)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        filter_(filter),
        head_(ReplyHead(request, RTM_NEWNEXTHOPBUCKET, NLM_F_MULTI)),
        group_(filter.group) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    const Nexthops& nexthops = router_.TablesOf(*ns).nexthops;
    const Nexthops::Map& all = nexthops.all();
    for (auto entry = all.lower_bound(group_); entry != all.end(); ++entry) {
      if (filter_.group != 0 && entry->first != filter_.group) return true;
      if (entry->first != group_) bucket_ = 0;
      group_ = entry->first;
      if (!FillGroup(nexthops, *entry->second, page)) return false;
      bucket_ = 0;
    }
    return true;
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    return ns == nullptr ? 0 : router_.TablesOf(*ns).nexthops.changes();
  }

 private:
  bool FillGroup(const Nexthops& nexthops, const NexthopObject& group, DumpPage& page) {
    if (group.resilient == nullptr) return true;
    const auto& buckets = group.resilient->buckets();
    for (; bucket_ < buckets.size(); ++bucket_) {
      const std::shared_ptr<NexthopObject> member = nexthops.Find(buckets[bucket_].member);
      if (member == nullptr || !filter_.Passes(*member)) continue;
      const auto index = static_cast<uint16_t>(bucket_);
      if (!page.Add([&](Datagram& out) { FillBucket(group, index, head_, out); })) return false;
    }
    return true;
  }

  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const BucketFilter filter_;
  const MessageHead head_;
  uint32_t group_;     // the next to show, and in it
  size_t bucket_ = 0;  // the next bucket
};

}  // namespace

absl::Status Router::GetBucket(const Request& request) {
  const absl::StatusOr<BucketId> id = ParseGet(request);
  if (!id.ok()) return id.status();
  const auto group = FindResilient(TablesOf(*request.client.ns).nexthops, id->group);
  if (!group.ok()) return group.status();
  if (id->index >= (*group)->resilient->buckets().size()) {
    return ErrnoStatus(ENOENT, "Bucket index out of bounds");
  }
  Datagram reply;
  FillBucket(**group, id->index, ReplyHead(request, RTM_NEWNEXTHOPBUCKET), reply);
  request.client.Send(std::move(reply));
  return absl::OkStatus();
}

DumpStart Router::DumpBuckets(const Request& request) {
  const absl::StatusOr<BucketFilter> filter = ParseDump(request);
  if (!filter.ok()) return filter.status();
  if (filter->group != 0) {
    const auto group = FindResilient(TablesOf(*request.client.ns).nexthops, filter->group);
    if (!group.ok()) return group.status();
  }
  return std::make_unique<BucketDump>(registry_, *this, request, *filter);
}

// nh_res_table_upkeep_dw
void Router::RunNexthops(const Namespace& ns, Nexthops& nexthops, MonotonicTime now) {
  while (NexthopObject* group = nexthops.FindDue(now)) {
    for (const uint16_t bucket : group->resilient->Upkeep(now)) {
      Publish(ns, RTNLGRP_NEXTHOP, {}, [&](MessageHead head, Datagram& out) {
        head.type = RTM_NEWNEXTHOPBUCKET;
        head.flags = NLM_F_REPLACE;
        FillBucket(*group, bucket, head, out);
      });
    }
    nexthops.Schedule(*group);
  }
}

}  // namespace vswitch
