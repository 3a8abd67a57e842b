// SPDX-License-Identifier: BSD-3-Clause
// IPv4 addresses (net/ipv4/devinet.c).
#include <linux/if.h>
#include <linux/ip.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>
#include <string>

#include "absl/strings/str_cat.h"
#include "control/addresses.h"
#include "control/fill_af_spec.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

constexpr uint8_t kMaxPrefix = 32;
constexpr size_t kMaxLabel = IFNAMSIZ - 1;
constexpr uint32_t kInet6OnlyFlags = IFA_F_NODAD | IFA_F_OPTIMISTIC | IFA_F_DADFAILED |
                                     IFA_F_HOMEADDRESS | IFA_F_TENTATIVE | IFA_F_MANAGETEMPADDR |
                                     IFA_F_STABLE_PRIVACY;

// Whether both are of one subnet, so that one of them is secondary.
bool ShareSubnet(const InetAddress& a, const InetAddress& b) {
  return a.prefix_length == b.prefix_length && a.prefix().Contains(b.peer);
}

bool IsSecondaryOf(const InetAddress& address, const InetAddress& primary) {
  return address.secondary() && ShareSubnet(primary, address);
}

bool HasValidLifetimes(const AddressRequest& request) {
  const NlAttr* attr = request.attrs.Find(IFA_CACHEINFO);
  if (attr == nullptr) return true;
  const auto info = ReadStruct<ifa_cacheinfo>(attr->value);
  return info.ifa_valid != 0 && info.ifa_prefered <= info.ifa_valid;
}

// rtm_to_ifaddr
InetAddress ReadAddress(const AddressRequest& request, const Device& device) {
  InetAddress address;
  address.local = *request.Find(IFA_LOCAL);
  address.peer = request.Find(IFA_ADDRESS).value_or(address.local);
  address.broadcast = request.Find(IFA_BROADCAST).value_or(IpAddress());
  address.prefix_length = request.header.ifa_prefixlen;
  address.scope = request.header.ifa_scope;
  address.flags = request.flags();
  address.label = request.attrs.Has(IFA_LABEL) ? request.attrs.String(IFA_LABEL) : device.name;
  if (request.attrs.Has(IFA_RT_PRIORITY)) address.rt_priority = request.attrs.U32(IFA_RT_PRIORITY);
  if (request.attrs.Has(IFA_PROTO)) address.protocol = request.attrs.U8(IFA_PROTO);
  return address;
}

// Whether RTM_DELADDR means this address: everything that the request says must be so.
bool Matches(const InetAddress& address, const AddressRequest& request) {
  const std::optional<IpAddress> local = request.Find(IFA_LOCAL);
  if (local.has_value() && address.local != *local) return false;
  const bool labelled = request.attrs.Has(IFA_LABEL);
  if (labelled && address.label != request.attrs.String(IFA_LABEL)) return false;
  const std::optional<IpAddress> subnet = request.Find(IFA_ADDRESS);
  if (!subnet.has_value()) return true;
  return request.header.ifa_prefixlen == address.prefix_length &&
         address.prefix().Contains(*subnet);
}

bool PromotesSecondaries(const Device& device) {
  return device.inet_conf != nullptr &&
         (*device.inet_conf)[IPV4_DEVCONF_PROMOTE_SECONDARIES - 1] != 0;
}

// Primary addresses come before secondary ones, those of smaller scope first
// (__inet_insert_ifa).
size_t PlaceOfPrimary(const std::vector<InetAddress>& list, uint8_t scope) {
  const auto place = std::partition_point(list.begin(), list.end(), [scope](const InetAddress& a) {
    return !a.secondary() && scope <= a.scope;
  });
  return static_cast<size_t>(place - list.begin());
}

// The first keeps the name of the device, the others what follows the colon, or their number
// (inetdev_changename).
std::string NewLabel(const std::string& old_label, const std::string& name, size_t number) {
  if (number == 1) return name;
  const size_t colon = old_label.find(':');
  const std::string tail =
      colon == std::string::npos ? absl::StrCat(":", number) : old_label.substr(colon);
  const size_t room = kMaxLabel - std::min(kMaxLabel, tail.size());
  return name.substr(0, room) + tail;
}

}  // namespace

absl::Status Addresses::NewInet(const Request& message) {
  const absl::StatusOr<AddressRequest> request =
      ParseAddress(message.message, AF_INET, message.ack);
  if (!request.ok()) return request.status();
  if (request->header.ifa_prefixlen > kMaxPrefix || !request->attrs.Has(IFA_LOCAL)) {
    return ErrnoStatus(EINVAL);
  }
  Device* device = message.client.ns->FindByIndex(request->ifindex());
  if (device == nullptr) return ErrnoStatus(ENODEV);
  if (!HasInet(*device)) return ErrnoStatus(ENOBUFS);
  if (!HasValidLifetimes(*request)) return ErrnoStatus(EINVAL);
  InetAddress address = ReadAddress(*request, *device);
  const Cause cause{&message.client, &message.message.header};
  if (InetAddress* same = FindSame(*device, address)) {
    return ChangeInet(*device, *same, *request, cause);
  }
  SetLifetimes(*request, address);
  address.created = address.updated;
  const bool joins = (address.flags & IFA_F_MCAUTOJOIN) != 0;
  if (joins && !address.local.IsMulticast()) return ErrnoStatus(EINVAL);
  return InsertInet(*device, std::move(address), cause);
}

// The address itself, if the device has it; null otherwise.
InetAddress* Addresses::FindSame(Device& device, const InetAddress& address) {
  const bool has =
      device.inet != nullptr && device.inet->v4_subnets.Has(address.prefix(), address.local);
  if (!has) return nullptr;
  List& list = device.inet->v4;
  const auto same = std::find_if(list.begin(), list.end(), [&](const InetAddress& other) {
    return other.local == address.local && ShareSubnet(other, address);
  });
  return &*same;
}

// Lifetimes and metric are all that can be changed.
absl::Status Addresses::ChangeInet(Device& device, InetAddress& address,
                                   const AddressRequest& request, const Cause& cause) {
  const bool replace = (request.nlmsg_flags & NLM_F_REPLACE) != 0;
  if ((request.nlmsg_flags & NLM_F_EXCL) != 0 || !replace) return ErrnoStatus(EEXIST);
  const InetAddress before = address;
  address.rt_priority = request.attrs.Has(IFA_RT_PRIORITY) ? request.attrs.U32(IFA_RT_PRIORITY) : 0;
  SetLifetimes(request, address);
  TellObservers([&](AddressObserver& o) { o.OnAddressChanged(device, before, address); });
  Schedule(device);
  Tell(RTM_NEWADDR, device, address, cause);
  return absl::OkStatus();
}

absl::Status Addresses::InsertInet(Device& device, InetAddress address, const Cause& cause) {
  if (address.local.IsAny()) return absl::OkStatus();
  address.flags &= ~(kInet6OnlyFlags | IFA_F_SECONDARY);
  if (device.inet == nullptr) device.inet = std::make_unique<InetDevice>();
  List& list = device.inet->v4;
  InetSubnets& subnets = device.inet->v4_subnets;
  if (subnets.Has(address.prefix(), address.local)) return ErrnoStatus(EEXIST);
  const std::optional<uint8_t> scope = subnets.ScopeOf(address.prefix());
  if (scope.value_or(address.scope) != address.scope) return ErrnoStatus(EINVAL);
  if (scope.has_value()) address.flags |= IFA_F_SECONDARY;
  if (const absl::Status valid = Validate(device, address); !valid.ok()) {
    FreeIfEmpty(device);
    return valid;
  }
  const size_t place = address.secondary() ? list.size() : PlaceOfPrimary(list, address.scope);
  subnets.Add(address.prefix(), address.local, address.scope);
  const auto added = list.insert(list.begin() + static_cast<ptrdiff_t>(place), std::move(address));
  ScheduleMore(device, *added);
  Tell(RTM_NEWADDR, device, *added, cause);
  TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, *added); });
  return absl::OkStatus();
}

absl::Status Addresses::DelInet(const Request& message) {
  const absl::StatusOr<AddressRequest> request =
      ParseAddress(message.message, AF_INET, message.ack);
  if (!request.ok()) return request.status();
  Device* device = message.client.ns->FindByIndex(request->ifindex());
  if (device == nullptr || !HasInet(*device)) return ErrnoStatus(ENODEV);
  if (device->inet == nullptr) return ErrnoStatus(EADDRNOTAVAIL);
  const List& list = device->inet->v4;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const InetAddress& a) { return Matches(a, *request); });
  if (found == list.end()) return ErrnoStatus(EADDRNOTAVAIL);
  RemoveInet(*device, static_cast<size_t>(found - list.begin()),
             {&message.client, &message.message.header});
  FreeIfEmpty(*device);
  return absl::OkStatus();
}

void Addresses::RemoveInet(Device& device, size_t index, const Cause& cause) {
  List& list = device.inet->v4;
  const InetAddress address = list[index];
  const bool alone = device.inet->v4_subnets.CountOf(address.prefix()) == 1;
  const auto secondary = std::find_if(
      list.begin() + static_cast<ptrdiff_t>(alone ? list.size() : index + 1), list.end(),
      [&](const InetAddress& a) { return !address.secondary() && IsSecondaryOf(a, address); });
  if (secondary == list.end()) {
    Erase(device, list, index, cause);
  } else if (PromotesSecondaries(device)) {
    PromoteSecondary(device, index, static_cast<size_t>(secondary - list.begin()), cause);
  } else {
    RemoveSecondaries(device, address, cause);
    Erase(device, list, index, cause);
  }
  ScheduleLess(device);
}

void Addresses::RemoveSecondaries(Device& device, const InetAddress& primary, const Cause& cause) {
  List& list = device.inet->v4;
  for (size_t i = 0; i < list.size();) {
    IsSecondaryOf(list[i], primary) ? Erase(device, list, i, cause) : void(++i);
  }
}

// The routes of all addresses of the subnet name the primary one as their source: they go before it
// does, and come back after the new one is there.
void Addresses::PromoteSecondary(Device& device, size_t index, size_t promoted,
                                 const Cause& cause) {
  List& list = device.inet->v4;
  const InetAddress primary = list[index];
  const auto retell = [&](auto call) {
    for (const InetAddress& address : List(list)) {
      if (IsSecondaryOf(address, primary)) call(address);
    }
  };
  retell([&](const InetAddress& address) {
    TellObservers([&](AddressObserver& o) { o.OnAddressRemoved(device, address); });
  });
  Erase(device, list, index, cause);
  InetAddress heir = list[promoted - 1];
  list.erase(list.begin() + static_cast<ptrdiff_t>(promoted) - 1);
  heir.flags &= ~uint32_t{IFA_F_SECONDARY};
  const size_t place = std::max(index, PlaceOfPrimary(list, primary.scope));
  const auto added = list.insert(list.begin() + static_cast<ptrdiff_t>(place), heir);
  Tell(RTM_NEWADDR, device, *added, cause);
  TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, *added); });
  retell([&](const InetAddress& address) {
    TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, address); });
  });
}

void Addresses::Erase(Device& device, List& list, size_t index, const Cause& cause) {
  const InetAddress address = std::move(list[index]);
  list.erase(list.begin() + static_cast<ptrdiff_t>(index));
  if (address.family() == AF_INET) {
    device.inet->v4_subnets.Remove(address.prefix(), address.local);
  }
  TellRemoved(device, address, cause);
}

void Addresses::TellRemoved(Device& device, const InetAddress& address, const Cause& cause) {
  owners6_.erase({device.ns, address.local, device.serial});
  Tell(RTM_DELADDR, device, address, cause);
  TellObservers([&](AddressObserver& o) { o.OnAddressRemoved(device, address); });
}

// inetdev_event, NETDEV_UP. It may be there already.
void Addresses::AddLoopback(Device& device) {
  InetAddress address;
  address.local = address.peer = IpAddress::V4(0x7f000001);
  address.prefix_length = 8;
  address.scope = RT_SCOPE_HOST;
  address.label = device.name;
  address.flags = IFA_F_PERMANENT;
  address.created = address.updated = clock_();
  (void)InsertInet(device, std::move(address), {});
}

// inetdev_destroy: one by one, in their order, promoting nothing. All are in the list until the
// last one goes.
void Addresses::StopInet(Device& device) {
  if (device.inet != nullptr && !device.inet->v4.empty()) {
    List& list = device.inet->v4;
    device.inet->v4_stops = true;
    for (size_t i = 0; i + 1 < list.size(); ++i) TellRemoved(device, list[i], {});
    const InetAddress last = std::move(list.back());
    list = {};
    device.inet->v4_subnets = {};
    TellRemoved(device, last, {});
    device.inet->v4_stops = false;
    ScheduleLess(device);
    FreeIfEmpty(device);
  }
  device.inet_conf.reset();
  TellNetconf(device, AF_INET, true);
}

void Addresses::RenameLabels(Device& device) {
  if (device.inet == nullptr) return;
  size_t number = 0;
  for (InetAddress& address : device.inet->v4) {
    address.label = NewLabel(address.label, device.name, ++number);
    Tell(RTM_NEWADDR, device, address, {});
  }
}

}  // namespace vswitch
