// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETNEIGHTBL: limits and timing of the neighbour tables (neightbl_dump_info).
#include <linux/if_arp.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "control/fill_af_spec.h"
#include "control/fill_neigh.h"
#include "control/router.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint32_t kHashMask = 7;

// The int is made unsigned before it is divided, as Linux does.
uint32_t QueuePackets(const NeighParams& params) {
  const auto bytes = static_cast<uint64_t>(static_cast<int32_t>(params.queue_bytes));
  return static_cast<uint32_t>(bytes / kFrameTruesize);
}

void PutMilliseconds(NlWriter& writer, uint16_t type, Milliseconds time) {
  writer.PutU64(type, static_cast<uint32_t>(time.count()));
}

// neightbl_fill_parms. `device` is null for the defaults of the table.
void PutParams(NlWriter& writer, const NeighTable& table, const Device* device) {
  const NeighParams& params = device == nullptr ? table.defaults() : table.ParamsOf(*device);
  const size_t nest = writer.BeginNest(NDTA_PARMS);
  if (device != nullptr) writer.PutU32(NDTPA_IFINDEX, static_cast<uint32_t>(device->ifindex));
  const size_t users = device == nullptr ? 0 : table.CountOf(*device);
  writer.PutU32(NDTPA_REFCNT, static_cast<uint32_t>(1 + users));
  writer.PutU32(NDTPA_QUEUE_LENBYTES, params.queue_bytes);
  writer.PutU32(NDTPA_QUEUE_LEN, QueuePackets(params));
  writer.PutU32(NDTPA_PROXY_QLEN, params.proxy_queue);
  writer.PutU32(NDTPA_APP_PROBES, params.app_probes);
  writer.PutU32(NDTPA_UCAST_PROBES, params.unicast_probes);
  writer.PutU32(NDTPA_MCAST_PROBES, params.multicast_probes);
  writer.PutU32(NDTPA_MCAST_REPROBES, params.multicast_reprobes);
  PutMilliseconds(writer, NDTPA_REACHABLE_TIME, params.reachable);
  PutMilliseconds(writer, NDTPA_BASE_REACHABLE_TIME, params.base_reachable);
  PutMilliseconds(writer, NDTPA_GC_STALETIME, params.gc_stale);
  PutMilliseconds(writer, NDTPA_DELAY_PROBE_TIME, params.delay_probe);
  PutMilliseconds(writer, NDTPA_RETRANS_TIME, params.retransmit);
  PutMilliseconds(writer, NDTPA_ANYCAST_DELAY, params.anycast_delay);
  PutMilliseconds(writer, NDTPA_PROXY_DELAY, params.proxy_delay);
  PutMilliseconds(writer, NDTPA_LOCKTIME, params.locktime);
  PutMilliseconds(writer, NDTPA_INTERVAL_PROBE_TIME_MS, params.interval_probe);
  writer.EndNest(nest);
}

template <typename T>
void PutStructAttr(NlWriter& writer, uint16_t type, const T& value) {
  writer.PutBytes(type, {reinterpret_cast<const uint8_t*>(&value), sizeof(value)});
}

void PutLimits(NlWriter& writer, const NeighTable& table) {
  const NeighLimits& limits = table.limits();
  PutMilliseconds(writer, NDTA_GC_INTERVAL, limits.gc_interval);
  writer.PutU32(NDTA_THRESH1, limits.thresh1);
  writer.PutU32(NDTA_THRESH2, limits.thresh2);
  writer.PutU32(NDTA_THRESH3, limits.thresh3);
  const auto key_length = static_cast<uint16_t>(IpAddress::Size(table.family()));
  PutStructAttr(writer, NDTA_CONFIG,
                ndt_config{.ndtc_key_len = key_length,
                           .ndtc_entry_size = sizeof(Neighbour),
                           .ndtc_entries = static_cast<uint32_t>(table.size()),
                           .ndtc_hash_mask = kHashMask});
  PutStructAttr(writer, NDTA_STATS, ndt_stats{});
}

// The defaults of a table with its limits, or the parameters of one device.
void FillTable(const NeighTable& table, const Device* device, const MessageHead& head,
               Datagram& out) {
  NlWriter writer(out);
  writer.Begin(head.type, head.flags, head.seq, head.pid);
  writer.PutStruct(ndtmsg{.ndtm_family = table.family()});
  writer.PutString(NDTA_NAME, NeighTableName(table.family()));
  if (device == nullptr) PutLimits(writer, table);
  PutParams(writer, table, device);
  writer.End();
}

class NeighTableDump final : public DumpSource {
 public:
  NeighTableDump(Registry& registry, Router& router, const Request& request)
      : registry_(registry),
        router_(router),
        netns_(request.client.ns->inode()),
        family_(request.family()),
        head_(ReplyHead(request, RTM_NEWNEIGHTBL, NLM_F_MULTI)) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(netns_);
    if (ns == nullptr) return true;
    for (; table_ < 2; ++table_, defaults_done_ = false) {
      RouterTables& tables = router_.TablesOf(*ns);
      const NeighTable& table = table_ == 0 ? tables.arp : tables.nd;
      if (family_ != AF_UNSPEC && family_ != table.family()) continue;
      if (!FillOne(*ns, table, page)) return false;
    }
    return true;
  }

  uint64_t version() const override { return 0; }

 private:
  bool FillOne(const Namespace& ns, const NeighTable& table, DumpPage& page) {
    if (!defaults_done_ &&
        !page.Add([&](Datagram& out) { FillTable(table, nullptr, head_, out); })) {
      return false;
    }
    if (!std::exchange(defaults_done_, true)) devices_ = DevicesOf(ns, table.family());
    for (; !devices_.empty(); devices_.pop_back()) {
      const Device* device = ns.FindByIndex(devices_.back());
      if (device == nullptr) continue;
      if (!page.Add([&](Datagram& out) { FillTable(table, device, head_, out); })) return false;
    }
    return true;
  }

  // Indexes, the most recent last.
  static std::vector<int32_t> DevicesOf(const Namespace& ns, uint8_t family) {
    std::vector<Device*> devices = ns.DumpOrder();
    std::sort(devices.begin(), devices.end(),
              [](const Device* a, const Device* b) { return a->serial < b->serial; });
    std::vector<int32_t> indexes;
    for (const Device* device : devices) {
      const bool has = family == AF_INET ? HasInet(*device) : HasInet6(*device);
      if (has) indexes.push_back(device->ifindex);
    }
    return indexes;
  }

  Registry& registry_;
  Router& router_;
  const uint64_t netns_;
  const uint8_t family_;
  const MessageHead head_;
  int table_ = 0;
  bool defaults_done_ = false;
  std::vector<int32_t> devices_;  // those that are left, by index, the next last
};

// neightbl_valid_dump_info
absl::Status CheckHeader(const Bytes payload) {
  if (payload.size() < sizeof(ndtmsg)) {
    return ErrnoStatus(EINVAL, "Invalid header for neighbor table dump request");
  }
  const auto header = ReadStruct<ndtmsg>(payload);
  if (header.ndtm_pad1 != 0 || header.ndtm_pad2 != 0) {
    return ErrnoStatus(EINVAL, "Invalid values in header for neighbor table dump request");
  }
  if (payload.size() > sizeof(ndtmsg)) {
    return ErrnoStatus(EINVAL, "Invalid data after header in neighbor table dump request");
  }
  return absl::OkStatus();
}

}  // namespace

DumpStart Router::DumpNeighTables(const Request& request) {
  if (request.client.strict_check) {
    const absl::Status status = CheckHeader(request.message.payload());
    if (!status.ok()) return status;
  }
  return std::make_unique<NeighTableDump>(registry_, *this, request);
}

}  // namespace vswitch
