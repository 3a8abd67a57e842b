// SPDX-License-Identifier: BSD-3-Clause
#include "control/addresses.h"

#include <linux/rtnetlink.h>

#include <algorithm>
#include <cerrno>

#include "control/fill_address.h"
#include "control/fill_af_spec.h"
#include "control/fill_link.h"
#include "control/netconf.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

using std::chrono::seconds;

MonotonicTime After(MonotonicTime start, uint32_t lifetime) { return start + seconds(lifetime); }

// Whether time does anything to the address (check_lifetime, addrconf_verify_rtnl).
bool IsAgeless(const InetAddress& address) {
  const bool permanent = (address.flags & IFA_F_PERMANENT) != 0;
  return permanent && (address.family() == AF_INET || address.preferred_lifetime == kForever);
}

std::optional<MonotonicTime> DeadlineOf(const InetAddress& address) {
  std::optional<MonotonicTime> deadline;
  const auto consider = [&](MonotonicTime time) {
    if (!deadline.has_value() || time < *deadline) deadline = time;
  };
  if (address.probing) consider(address.probed_until);
  if (IsAgeless(address)) return deadline;
  if (address.valid_lifetime != kForever) consider(After(address.updated, address.valid_lifetime));
  const bool deprecated = (address.flags & IFA_F_DEPRECATED) != 0;
  if (address.preferred_lifetime != kForever && !deprecated) {
    consider(After(address.updated, address.preferred_lifetime));
  }
  return deadline;
}

bool IsPast(uint32_t lifetime, const InetAddress& address, MonotonicTime now) {
  return lifetime != kForever && now >= After(address.updated, lifetime);
}

}  // namespace

absl::Status Addresses::Execute(const Request& request) {
  const bool inet6 = request.family() == AF_INET6;
  switch (request.message.header.nlmsg_type) {
    case RTM_NEWADDR:
      return inet6 ? NewInet6(request) : NewInet(request);
    case RTM_DELADDR:
      return inet6 ? DelInet6(request) : DelInet(request);
    default:
      return inet6 ? GetInet6(request) : ErrnoStatus(EOPNOTSUPP);
  }
}

InetAddress* Addresses::FindLocal(Device& device, const IpAddress& local) const {
  if (!owners6_.contains({device.ns, local, device.serial})) return nullptr;
  List& list = device.inet->v6;
  const auto found = std::find_if(list.begin(), list.end(),
                                  [&](const InetAddress& a) { return a.local == local; });
  return found == list.end() ? nullptr : &*found;
}

absl::Status Addresses::Validate(const Device& device, const InetAddress& address) const {
  for (const AddressObserver* observer : observers_) {
    absl::Status status = observer->Validate(device, address);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

void Addresses::Tell(uint16_t type, const Device& device, const InetAddress& address,
                     const Cause& cause) {
  device.ns->CountAddressChange();
  const bool inet = address.family() == AF_INET;
  const uint32_t group = inet ? RTNLGRP_IPV4_IFADDR : RTNLGRP_IPV6_IFADDR;
  if (!WantsNotification(multicast_, *device.ns, group, cause)) return;
  AddressMessage message{.type = type, .now = clock_()};
  if (cause.header != nullptr) message.seq = cause.header->nlmsg_seq;
  if (cause.client != nullptr) message.pid = cause.client->port_id;
  Datagram datagram;
  FillAddress(device.ifindex, address, message, datagram);
  Notify(multicast_, *device.ns, group, datagram, cause);
}

void Addresses::TellNetconf(const Device& device, uint8_t family, bool gone) {
  NotifyNetconf(multicast_, device, family, gone);
}

void Addresses::TellInet6Link(const Device& device) {
  if (!multicast_.HasMembers(*device.ns, RTNLGRP_IPV6_IFINFO)) return;
  Datagram datagram;
  FillLinkInet6(device, {.type = RTM_NEWLINK}, datagram);
  multicast_.Notify(*device.ns, RTNLGRP_IPV6_IFINFO, datagram);
}

// REQUIRES: the lifetimes of the request were found valid.
void Addresses::SetLifetimes(const AddressRequest& request, InetAddress& address) const {
  address.valid_lifetime = address.preferred_lifetime = kForever;
  if (const NlAttr* attr = request.attrs.Find(IFA_CACHEINFO)) {
    const auto info = ReadStruct<ifa_cacheinfo>(attr->value);
    address.valid_lifetime = info.ifa_valid;
    address.preferred_lifetime = info.ifa_prefered;
  }
  address.flags &= ~uint32_t{IFA_F_PERMANENT | IFA_F_DEPRECATED};
  if (address.valid_lifetime == kForever) address.flags |= IFA_F_PERMANENT;
  if (address.preferred_lifetime == 0) address.flags |= IFA_F_DEPRECATED;
  address.updated = clock_();
}

void Addresses::LinkRegistered(Device& device) {
  device.ip_mtu = device.mtu;
  device.inet6_without_dad = (device.flags & (IFF_NOARP | IFF_LOOPBACK)) != 0;
  if (HasInet(device)) TellNetconf(device, AF_INET, false);
  if (HasInet6(device)) TellNetconf(device, AF_INET6, false);
}

void Addresses::LinkUp(Device& device) {
  if (device.ip_mtu != device.mtu) MtuChanged(device);
  if ((device.flags & IFF_LOOPBACK) != 0 && HasInet(device)) AddLoopback(device);
  TellObservers([&](AddressObserver& o) { o.OnLinkUp(device); });
  Inet6Up(device);
}

void Addresses::LinkDown(Device& device) {
  TellObservers([&](AddressObserver& o) { o.OnLinkDown(device); });
  FlushInet6(device);
}

void Addresses::LinkChanged(Device& device, uint32_t changed_flags) {
  TellObservers([&](AddressObserver& o) { o.OnLinkChanged(device); });
  Inet6Changed(device, changed_flags);
}

void Addresses::LinkGone(Device& device) {
  if (HasInet(device)) StopInet(device);
  if (HasInet6(device)) StopInet6(device);
  TellObservers([&](AddressObserver& o) { o.OnLinkGone(device); });
  ForgetNew(device);
  FreeIfEmpty(device);
}

// Each protocol leaves a device whose MTU is too small for it, and comes back.
void Addresses::MtuChanged(Device& device) {
  const uint32_t old_mtu = std::exchange(device.ip_mtu, device.mtu);
  const bool loopback = (device.flags & IFF_LOOPBACK) != 0;
  const bool had_inet = NeedsMtu(AF_INET) <= old_mtu;
  const bool had_inet6 = NeedsMtu(AF_INET6) <= old_mtu;
  const bool has_inet6 = NeedsMtu(AF_INET6) <= device.mtu;
  if (had_inet && !HasInet(device)) StopInet(device);
  if (!had_inet && HasInet(device)) TellNetconf(device, AF_INET, false);
  if (loopback && !has_inet6) FlushInet6(device);
  if (loopback || had_inet6 == has_inet6) return;
  has_inet6 ? StartInet6(device) : StopInet6(device);
}

// The settings are published anew under the new name.
void Addresses::Renamed(Device& device) {
  RenameLabels(device);
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    if (!(family == AF_INET ? HasInet(device) : HasInet6(device))) continue;
    TellNetconf(device, family, true);
    TellNetconf(device, family, false);
  }
}

void Addresses::Schedule(Device& device) {
  if (device.inet == nullptr) return;
  std::optional<MonotonicTime> first;
  for (const List* list : {&device.inet->v4, &device.inet->v6}) {
    for (const InetAddress& address : *list) {
      const std::optional<MonotonicTime> time = DeadlineOf(address);
      if (time.has_value() && (!first.has_value() || *time < *first)) first = time;
    }
  }
  SetDeadline(device, first);
}

void Addresses::ScheduleMore(Device& device, const InetAddress& address) {
  const std::optional<AddressDeadline>& deadline = device.inet->deadline;
  const std::optional<MonotonicTime> time = DeadlineOf(address);
  if (!time.has_value() || (deadline.has_value() && deadline->first <= *time)) return;
  SetDeadline(device, time);
}

void Addresses::ScheduleLess(Device& device) {
  if (device.inet != nullptr && device.inet->deadline.has_value()) Schedule(device);
}

void Addresses::SetDeadline(Device& device, std::optional<MonotonicTime> time) {
  std::optional<AddressDeadline>& deadline = device.inet->deadline;
  if (time.has_value() && deadline.has_value() && deadline->first == *time) return;
  Unschedule(device);
  if (!time.has_value()) return;
  deadline.emplace(*time, ++last_deadline_);
  deadlines_.emplace(*deadline, &device);
}

void Addresses::Unschedule(Device& device) {
  if (device.inet == nullptr || !device.inet->deadline.has_value()) return;
  deadlines_.erase(*device.inet->deadline);
  device.inet->deadline.reset();
}

void Addresses::FreeIfEmpty(Device& device) {
  if (device.inet == nullptr || !device.inet->v4.empty() || !device.inet->v6.empty()) return;
  Unschedule(device);
  device.inet.reset();
}

std::optional<MonotonicTime> Addresses::NextDeadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.begin()->first.first;
}

void Addresses::Run(MonotonicTime now) {
  while (!deadlines_.empty() && deadlines_.begin()->first.first <= now) {
    Device& device = *deadlines_.begin()->second;
    RunDevice(device, now);
    Schedule(device);
    FreeIfEmpty(device);
  }
}

// From the start again whenever the list has changed.
void Addresses::RunDevice(Device& device, MonotonicTime now) {
  for (const uint8_t family : {uint8_t{AF_INET}, uint8_t{AF_INET6}}) {
    for (size_t i = 0; i < device.inet->Of(family).size(); ++i) {
      InetAddress& address = device.inet->Of(family)[i];
      if (!IsAgeless(address) && IsPast(address.valid_lifetime, address, now)) {
        family == AF_INET ? RemoveInet(device, i, {}) : RemoveInet6(device, i);
        i = SIZE_MAX;
      } else {
        RunAddress(device, address, now);
      }
    }
  }
}

void Addresses::RunAddress(Device& device, InetAddress& address, MonotonicTime now) {
  if (address.probing && address.probed_until <= now) EndDad(device, address);
  const bool deprecated = (address.flags & IFA_F_DEPRECATED) != 0;
  if (IsAgeless(address) || deprecated) return;
  if (!IsPast(address.preferred_lifetime, address, now)) return;
  address.flags |= IFA_F_DEPRECATED;
  Tell(RTM_NEWADDR, device, address, {});
}

}  // namespace vswitch
