// SPDX-License-Identifier: BSD-3-Clause
// IPv6 addresses (net/ipv6/addrconf.c).
#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <utility>

#include "control/addresses.h"
#include "control/fill_af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint8_t kMaxPrefix = 128;
constexpr uint8_t kTemporaryPrefix = 64;  // of addresses that temporary ones are made from

// What a request may set. IFA_F_OPTIMISTIC is left out: no device allows it (optimistic_dad).
constexpr uint32_t kSettableFlags =
    IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN;
// What a change clears unless the request sets it again.
constexpr uint32_t kReplacedFlags = IFA_F_DEPRECATED | IFA_F_PERMANENT | IFA_F_NODAD |
                                    IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE;

uint32_t FlagsOf(const AddressRequest& request) { return request.flags() & kSettableFlags; }

bool HasValidLifetimes(const AddressRequest& request) {
  const NlAttr* attr = request.attrs.Find(IFA_CACHEINFO);
  if (attr == nullptr) return true;
  const auto info = ReadStruct<ifa_cacheinfo>(attr->value);
  return info.ifa_valid != 0 && info.ifa_prefered <= info.ifa_valid;
}

// ipv6_add_addr
bool IsAssignable(const Device& device, const InetAddress& address) {
  const bool joins = (address.flags & IFA_F_MCAUTOJOIN) != 0;
  if (address.local.IsAny() || (address.local.IsMulticast() && !joins)) return false;
  return !address.local.IsLoopback() || (device.flags & IFF_LOOPBACK) != 0;
}

// A peer "::" is none.
IpAddress PeerOf(const Inet6Pair& pair) {
  return pair.peer.has_value() && !pair.peer->IsAny() ? *pair.peer : *pair.local;
}

InetAddress ReadAddress(const AddressRequest& request, const Inet6Pair& pair) {
  InetAddress address;
  address.local = *pair.local;
  address.peer = PeerOf(pair);
  address.prefix_length = request.header.ifa_prefixlen;
  address.scope = Ipv6RouteScope(address.local);
  address.flags = FlagsOf(request);
  if (request.attrs.Has(IFA_RT_PRIORITY)) address.rt_priority = request.attrs.U32(IFA_RT_PRIORITY);
  if (request.attrs.Has(IFA_PROTO)) address.protocol = request.attrs.U8(IFA_PROTO);
  return address;
}

}  // namespace

absl::Status Addresses::NewInet6(const Request& message) {
  const absl::StatusOr<AddressRequest> request =
      ParseAddress(message.message, AF_INET6, message.ack);
  if (!request.ok()) return request.status();
  const Inet6Pair pair = ExtractPair(*request);
  if (!pair.local.has_value()) return ErrnoStatus(EINVAL);
  Device* device = message.client.ns->FindByIndex(request->ifindex());
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!HasInet6(*device)) return ErrnoStatus(EINVAL);
  if (FindLocal(*device, *pair.local) != nullptr) return ChangeInet6(*device, *request, pair);
  return AddInet6(*device, *request, ReadAddress(*request, pair));
}

// inet6_addr_add
absl::Status Addresses::AddInet6(Device& device, const AddressRequest& request,
                                 InetAddress address) {
  if (address.prefix_length > kMaxPrefix || !HasValidLifetimes(request)) {
    return ErrnoStatus(EINVAL);
  }
  const bool manages = (address.flags & IFA_F_MANAGETEMPADDR) != 0;
  if (manages && address.prefix_length != kTemporaryPrefix) return ErrnoStatus(EINVAL);
  if ((device.flags & IFF_LOOPBACK) == 0) {
    TellObservers([&](AddressObserver& o) { o.OnInet6Start(device); });
  }
  const bool joins = (address.flags & IFA_F_MCAUTOJOIN) != 0;
  if (joins && !address.local.IsMulticast()) return ErrnoStatus(EINVAL);
  SetLifetimes(request, address);
  const absl::StatusOr<InetAddress*> added = InsertInet6(device, std::move(address));
  if (!added.ok()) return added.status();
  TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, **added); });
  if (((*added)->flags & IFA_F_NODAD) == 0) Tell(RTM_NEWADDR, device, **added, {});
  SettleLater(device, (*added)->local);
  ScheduleMore(device, **added);
  return absl::OkStatus();
}

// Larger scopes come first, and among equal ones what is newer (ipv6_link_dev_addr).
absl::StatusOr<InetAddress*> Addresses::InsertInet6(Device& device, InetAddress address) {
  if (!IsAssignable(device, address)) return ErrnoStatus(EADDRNOTAVAIL);
  if (const absl::Status valid = Validate(device, address); !valid.ok()) return valid;
  if (FindLocal(device, address.local) != nullptr) return ErrnoStatus(EEXIST);
  if ((address.flags & IFA_F_NODAD) == 0) address.flags |= IFA_F_TENTATIVE;
  address.created = address.updated = clock_();
  if (device.inet == nullptr) device.inet = std::make_unique<InetDevice>();
  List& list = device.inet->v6;
  const uint8_t scope = Ipv6SourceScope(address.local);
  const auto place = std::find_if(list.begin(), list.end(), [&](const InetAddress& other) {
    return scope >= Ipv6SourceScope(other.local);
  });
  owners6_[{device.ns, address.local, device.serial}] = &device;
  return &*list.insert(place, std::move(address));
}

Device* Addresses::FindOwner6(const Namespace& ns, const IpAddress& local) const {
  const auto next = owners6_.upper_bound({&ns, local, UINT64_MAX});
  if (next == owners6_.begin()) return nullptr;
  const auto& [key, device] = *std::prev(next);
  return std::get<0>(key) == &ns && std::get<1>(key) == local ? device : nullptr;
}

// inet6_addr_modify
absl::Status Addresses::ChangeInet6(Device& device, const AddressRequest& request,
                                    const Inet6Pair& pair) {
  InetAddress& address = *FindLocal(device, *pair.local);
  const bool replace = (request.nlmsg_flags & NLM_F_REPLACE) != 0;
  if ((request.nlmsg_flags & NLM_F_EXCL) != 0 || !replace) return ErrnoStatus(EEXIST);
  if (!HasValidLifetimes(request)) return ErrnoStatus(EINVAL);
  const uint32_t flags = FlagsOf(request);
  const bool manages = (flags & IFA_F_MANAGETEMPADDR) != 0;
  if (manages && address.prefix_length != kTemporaryPrefix) return ErrnoStatus(EINVAL);
  const IpAddress peer = pair.peer.has_value() ? PeerOf(pair) : address.peer;
  if (peer != address.peer) {
    TellObservers([&](AddressObserver& o) { o.OnPeerChange(device, address); });
  }
  const InetAddress before = address;
  address.flags = (address.flags & ~kReplacedFlags) | flags;
  SetLifetimes(request, address);
  address.protocol = request.attrs.Has(IFA_PROTO) ? request.attrs.U8(IFA_PROTO) : uint8_t{0};
  const uint32_t priority =
      request.attrs.Has(IFA_RT_PRIORITY) ? request.attrs.U32(IFA_RT_PRIORITY) : 0;
  if (priority != 0) address.rt_priority = priority;
  address.peer = peer;
  Schedule(device);
  if (!address.tentative()) Tell(RTM_NEWADDR, device, address, {});
  TellObservers([&](AddressObserver& o) { o.OnAddressChanged(device, before, address); });
  return absl::OkStatus();
}

absl::Status Addresses::DelInet6(const Request& message) {
  const absl::StatusOr<AddressRequest> request =
      ParseAddress(message.message, AF_INET6, message.ack);
  if (!request.ok()) return request.status();
  const Inet6Pair pair = ExtractPair(*request);
  if (!pair.local.has_value() || request->header.ifa_prefixlen > kMaxPrefix) {
    return ErrnoStatus(EINVAL);
  }
  Device* device = message.client.ns->FindByIndex(request->ifindex());
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!HasInet6(*device)) return ErrnoStatus(ENXIO);
  const InetAddress* address = FindLocal(*device, *pair.local);
  if (address == nullptr || address->prefix_length != request->header.ifa_prefixlen) {
    return ErrnoStatus(EADDRNOTAVAIL);
  }
  RemoveInet6(*device, static_cast<size_t>(address - device->inet->v6.data()));
  FreeIfEmpty(*device);
  return absl::OkStatus();
}

void Addresses::RemoveInet6(Device& device, size_t index) {
  Erase(device, device.inet->v6, index, {});
  ScheduleLess(device);
}

// addrconf_ifdown: nothing is kept (keep_addr_on_down is 0). Routes that addresses share are gone
// already, so none of them needs to know which others there are still.
void Addresses::FlushInet6(Device& device) {
  device.inet6_ready = false;
  if (device.inet == nullptr) return;
  for (const InetAddress& address : std::exchange(device.inet->v6, {})) {
    TellRemoved(device, address, {});
  }
  ScheduleLess(device);
  FreeIfEmpty(device);
}

// All settings go with it.
void Addresses::StopInet6(Device& device) {
  TellObservers([&](AddressObserver& o) { o.OnInet6Stop(device); });
  FlushInet6(device);
  device.addrgenmode = IN6_ADDR_GEN_MODE_EUI64;
  device.inet6_random_id = 0;
  device.inet6_token = {};
  TellNetconf(device, AF_INET6, true);
}

// ipv6_add_dev
void Addresses::StartInet6(Device& device) {
  device.inet6_without_dad = (device.flags & (IFF_NOARP | IFF_LOOPBACK)) != 0;
  TellNetconf(device, AF_INET6, false);
  if (!IsLinkReady(device)) return;
  device.inet6_ready = true;
  ConfigureInet6(device);
}

}  // namespace vswitch
