// SPDX-License-Identifier: BSD-3-Clause
// RTM_GETADDR: dumps of one family or both, and one IPv6 address (inet_dump_ifaddr,
// inet6_dump_addr, inet6_rtm_getaddr).
#include <linux/rtnetlink.h>

#include <cerrno>
#include <string>
#include <utility>

#include "control/addresses.h"
#include "control/fill_address.h"
#include "control/rtnl_netns.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// What a request with strict checks narrows the dump to.
struct Filter {
  uint64_t netns = 0;
  int32_t ifindex = 0;  // 0: every device
  std::optional<int32_t> target_netnsid;
};

// Family after family, never two in one datagram (rtnl_dump_all).
class AddressDump final : public DumpSource {
 public:
  AddressDump(const Registry& registry, Clock clock, std::vector<uint8_t> families,
              const Filter& filter, AddressMessage message)
      : registry_(registry),
        clock_(std::move(clock)),
        families_(std::move(families)),
        filter_(filter),
        message_(message) {}

  bool Fill(DumpPage& page) override {
    const Namespace* ns = registry_.FindNamespace(filter_.netns);
    if (ns == nullptr) return true;
    message_.now = clock_();
    while (family_ < families_.size()) {
      if (!FillFamily(*ns, page)) return false;
      cursor_ = LinkCursor();
      ++family_;
      if (!page.empty() && family_ < families_.size()) return false;
    }
    return true;
  }

  uint64_t version() const override {
    const Namespace* ns = registry_.FindNamespace(filter_.netns);
    return ns == nullptr ? 0 : ns->changes() + ns->address_changes();
  }

 private:
  bool FillFamily(const Namespace& ns, DumpPage& page) {
    if (filter_.ifindex == 0) {
      return cursor_.Walk(ns, [&](const Device& device) { return FillDevice(device, page); });
    }
    const Device* device = ns.FindByIndex(filter_.ifindex);
    return device == nullptr || FillDevice(*device, page);
  }

  bool FillDevice(const Device& device, DumpPage& page) {
    if (device.inet != nullptr) {
      const std::vector<InetAddress>& list = device.inet->Of(families_[family_]);
      for (; next_ < list.size(); ++next_) {
        const auto fill = [&](Datagram& out) {
          FillAddress(device.ifindex, list[next_], message_, out);
        };
        if (!page.Add(fill)) return false;
      }
    }
    next_ = 0;
    return true;
  }

  const Registry& registry_;
  const Clock clock_;
  const std::vector<uint8_t> families_;
  const Filter filter_;
  AddressMessage message_;
  size_t family_ = 0;
  LinkCursor cursor_;
  size_t next_ = 0;  // address of the device that comes next
};

std::optional<int32_t> TargetNetnsId(const AddressRequest& request) {
  if (!request.attrs.Has(IFA_TARGET_NETNSID)) return std::nullopt;
  return request.attrs.S32(IFA_TARGET_NETNSID);
}

// The client's own namespace, or the one of IFA_TARGET_NETNSID.
absl::StatusOr<Namespace*> TargetNetns(const Client& client, const AddressRequest& request) {
  const std::optional<int32_t> id = TargetNetnsId(request);
  if (!id.has_value()) return client.ns;
  return NetnsById(*id, client);
}

absl::StatusOr<Filter> FilterOf(const Request& message, uint8_t family) {
  Filter filter{.netns = message.client.ns->inode()};
  if (!message.client.strict_check) return filter;
  const absl::StatusOr<AddressRequest> request =
      ParseDumpAddresses(message.message, family, message.ack);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Namespace*> ns = TargetNetns(message.client, *request);
  if (!ns.ok()) {
    const std::string protocol = family == AF_INET ? "ipv4" : "ipv6";
    return ErrnoStatus(ErrnoOf(ns.status()), protocol + ": Invalid target network namespace id");
  }
  filter = {(*ns)->inode(), request->ifindex(), TargetNetnsId(*request)};
  if (filter.ifindex == 0 || (*ns)->FindByIndex(filter.ifindex) != nullptr) return filter;
  return ErrnoStatus(ENODEV);
}

}  // namespace

DumpStart Addresses::Dump(const Request& request) {
  std::vector<uint8_t> families = {request.family()};
  if (families[0] != AF_INET && families[0] != AF_INET6) families = {AF_INET, AF_INET6};
  const absl::StatusOr<Filter> filter = FilterOf(request, families[0]);
  if (!filter.ok()) return filter.status();
  AddressMessage message{.type = RTM_NEWADDR, .flags = NLM_F_MULTI};
  if (filter->ifindex != 0) message.flags |= NLM_F_DUMP_FILTERED;
  message.seq = request.message.header.nlmsg_seq;
  message.pid = request.client.port_id;
  message.target_netnsid = filter->target_netnsid;
  return std::make_unique<AddressDump>(registry_, clock_, std::move(families), *filter, message);
}

// An index that is unknown selects no device, as 0 does, and then the newest that has the address
// answers.
absl::Status Addresses::GetInet6(const Request& message) {
  const absl::StatusOr<AddressRequest> request =
      ParseGetAddress(message.message, message.client.strict_check, message.ack);
  if (!request.ok()) return request.status();
  const absl::StatusOr<Namespace*> ns = TargetNetns(message.client, *request);
  if (!ns.ok()) return ns.status();
  const std::optional<IpAddress> local = ExtractPair(*request).local;
  if (!local.has_value()) return ErrnoStatus(EINVAL);
  Device* device = (*ns)->FindByIndex(request->ifindex());
  if (device == nullptr) device = FindOwner6(**ns, *local);
  const InetAddress* address = device == nullptr ? nullptr : FindLocal(*device, *local);
  if (address == nullptr) return ErrnoStatus(EADDRNOTAVAIL);
  AddressMessage answer{.type = RTM_NEWADDR, .seq = message.message.header.nlmsg_seq};
  answer.pid = message.client.port_id;
  answer.now = clock_();
  answer.target_netnsid = TargetNetnsId(*request);
  Datagram reply;
  FillAddress(device->ifindex, *address, answer, reply);
  message.client.Send(std::move(reply));
  return absl::OkStatus();
}

}  // namespace vswitch
