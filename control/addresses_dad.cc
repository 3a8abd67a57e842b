// SPDX-License-Identifier: BSD-3-Clause
// IPv6 addresses that a device gets by itself, and duplicate address detection (RFC 4862 as
// net/ipv6/addrconf.c does it).
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <random>

#include "control/addresses.h"
#include "control/fill_af_spec.h"

namespace vswitch {

namespace {

// One probe, and the time for others to answer it (dad_transmits, RetransTimer of RFC 4861). Linux
// waits a random time of up to a second before; no time at all is one of those.
constexpr std::chrono::seconds kProbeTime{1};

constexpr uint8_t kLinkLocalPrefix = 64;
constexpr size_t kInterfaceId = 8;  // where it begins in an address

IpAddress LinkLocal(const std::array<uint8_t, 8>& interface_id) {
  IpAddress address = IpAddress::Any(AF_INET6);
  address.bytes[0] = 0xfe;
  address.bytes[1] = 0x80;
  std::memcpy(address.bytes.data() + kInterfaceId, interface_id.data(), interface_id.size());
  return address;
}

// RFC 4291, appendix A; of devices that share an address by their numbers (addrconf_ifid_eui48).
std::array<uint8_t, 8> Eui64(const Device& device) {
  const MacAddress& mac = device.address;
  if (device.dev_id != 0) {
    const auto high = static_cast<uint8_t>(device.dev_id >> 8);
    const auto low = static_cast<uint8_t>(device.dev_id);
    return {mac[0], mac[1], mac[2], high, low, mac[3], mac[4], mac[5]};
  }
  return {static_cast<uint8_t>(mac[0] ^ 2), mac[1], mac[2], 0xff, 0xfe, mac[3], mac[4], mac[5]};
}

// Drawn once a device (RFC 7217 with a secret that nobody else knows).
std::array<uint8_t, 8> RandomId(Device& device) {
  if (device.inet6_random_id == 0 && device.addrgenmode == IN6_ADDR_GEN_MODE_RANDOM) {
    std::random_device random;
    device.inet6_random_id = (uint64_t{random()} << 32) | random();
  }
  std::array<uint8_t, 8> id;
  std::memcpy(id.data(), &device.inet6_random_id, id.size());
  return id;
}

}  // namespace

// While the carrier is off a device has no queue, and it is settled only when its carrier is.
bool IsLinkReady(const Device& device) {
  const bool operational =
      device.operstate == OperState::kUp || device.operstate == OperState::kUnknown;
  return device.up() && device.carrier && operational;
}

void Addresses::Inet6Up(Device& device) {
  if (!IsLinkReady(device) || !HasInet6(device)) return;
  device.inet6_ready = true;
  ConfigureInet6(device);
  // Only a loopback keeps IPv6 with an MTU that is too small for it, and no address stays.
  if (device.mtu < NeedsMtu(AF_INET6)) FlushInet6(device);
}

void Addresses::Inet6Changed(Device& device, uint32_t changed_flags) {
  if (!IsLinkReady(device) || !HasInet6(device)) return;
  if (!device.inet6_ready) return Inet6Up(device);
  if ((changed_flags & IFF_NOARP) != 0) RestartDad(device);
}

void Addresses::ConfigureInet6(Device& device) {
  AddOwnInet6(device);
  if (device.inet != nullptr) {
    for (InetAddress& address : device.inet->v6) {
      const bool waits = address.tentative() && (address.flags & IFA_F_DADFAILED) == 0;
      if (waits && !IsNew(device, address)) Probe(device, address);
    }
  }
  Schedule(device);
  TellInet6Link(device);
}

void Addresses::AddOwnInet6(Device& device) {
  if ((device.flags & IFF_LOOPBACK) != 0) return AddInet6Loopback(device);
  TellObservers([&](AddressObserver& o) { o.OnInet6Start(device); });
  switch (device.addrgenmode) {
    case IN6_ADDR_GEN_MODE_EUI64:
      return AddLinkLocal(device, LinkLocal(Eui64(device)), 0);
    case IN6_ADDR_GEN_MODE_RANDOM:
    case IN6_ADDR_GEN_MODE_STABLE_PRIVACY:
      return AddLinkLocal(device, LinkLocal(RandomId(device)), IFA_F_STABLE_PRIVACY);
    default:
      return;
  }
}

// init_loopback. Nobody else can have it.
void Addresses::AddInet6Loopback(Device& device) {
  InetAddress address;
  address.local = IpAddress::Any(AF_INET6);
  address.local.bytes.back() = 1;
  address.peer = address.local;
  address.prefix_length = 128;
  address.scope = RT_SCOPE_HOST;
  address.protocol = IFAPROT_KERNEL_LO;
  address.flags = IFA_F_PERMANENT;
  const absl::StatusOr<InetAddress*> added = InsertInet6(device, std::move(address));
  if (!added.ok()) return;
  (*added)->flags &= ~uint32_t{IFA_F_TENTATIVE};
  TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, **added); });
  TellReady(device, **added);
}

// addrconf_add_linklocal. Told when duplicate address detection is over.
void Addresses::AddLinkLocal(Device& device, const IpAddress& local, uint32_t flags) {
  InetAddress address;
  address.local = address.peer = local;
  address.prefix_length = kLinkLocalPrefix;
  address.scope = RT_SCOPE_LINK;
  address.protocol = IFAPROT_KERNEL_LL;
  address.flags = IFA_F_PERMANENT | flags;
  const absl::StatusOr<InetAddress*> added = InsertInet6(device, std::move(address));
  if (!added.ok()) return;
  TellObservers([&](AddressObserver& o) { o.OnAddressAdded(device, **added); });
  SettleLater(device, local);
}

void Addresses::SettleLater(Device& device, const IpAddress& local) {
  new_inet6_.emplace_back(&device, local);
  device.inet6_unsettled = true;
}

// Asked of many devices at once, few of which have any.
void Addresses::ForgetNew(Device& device) {
  if (!std::exchange(device.inet6_unsettled, false)) return;
  std::erase_if(new_inet6_, [&](const auto& entry) { return entry.first == &device; });
}

bool Addresses::IsNew(Device& device, const InetAddress& address) const {
  if (!device.inet6_unsettled) return false;
  const std::pair<Device*, IpAddress> entry(&device, address.local);
  return std::find(new_inet6_.begin(), new_inet6_.end(), entry) != new_inet6_.end();
}

void Addresses::Settle() {
  const auto settling = std::exchange(new_inet6_, {});
  for (const auto& [device, local] : settling) device->inet6_unsettled = false;
  for (const auto& [device, local] : settling) {
    InetAddress* address = FindLocal(*device, local);
    if (address == nullptr) continue;
    BeginDad(*device, *address);
    ScheduleMore(*device, *address);
  }
}

// addrconf_dad_begin. Where the link is not ready an address waits for it, tentative.
void Addresses::BeginDad(Device& device, InetAddress& address) {
  const bool needless = (device.flags & (IFF_NOARP | IFF_LOOPBACK)) != 0 ||
                        device.inet6_without_dad || !address.tentative() ||
                        (address.flags & IFA_F_NODAD) != 0;
  if (needless) return CompleteDad(device, address);
  if (device.inet6_ready) Probe(device, address);
}

void Addresses::Probe(Device& device, InetAddress& address) {
  address.probing = true;
  address.probed_until = clock_() + kProbeTime;
  TellObservers([&](AddressObserver& o) { o.OnAddressProbed(device, address); });
}

// A link that went away meanwhile leaves the address tentative.
void Addresses::EndDad(Device& device, InetAddress& address) {
  address.probing = false;
  if (device.inet6_ready) CompleteDad(device, address);
}

void Addresses::CompleteDad(Device& device, InetAddress& address) {
  address.probing = false;
  address.flags &= ~uint32_t{IFA_F_TENTATIVE | IFA_F_OPTIMISTIC | IFA_F_DADFAILED};
  TellReady(device, address);
}

void Addresses::TellReady(Device& device, const InetAddress& address) {
  Tell(RTM_NEWADDR, device, address, {});
  TellObservers([&](AddressObserver& o) { o.OnAddressReady(device, address); });
}

// IFF_NOARP changed: every address goes through it again (addrconf_dad_run).
void Addresses::RestartDad(Device& device) {
  if (device.inet == nullptr) return;
  ForgetNew(device);
  for (InetAddress& address : device.inet->v6) {
    address.probing = false;
    SettleLater(device, address.local);
  }
}

// A permanent address stays, and says that it failed; another one goes. What was not asked about,
// or failed already, no answer changes: whoever sends them could make everybody be told again and
// again (addrconf_dad_end).
void Addresses::DadFailed(Device& device, const IpAddress& local) {
  InetAddress* address = FindLocal(device, local);
  if (address == nullptr || !address->probing) return;
  address->probing = false;
  if ((address->flags & IFA_F_PERMANENT) == 0) {
    RemoveInet6(device, static_cast<size_t>(address - device.inet->v6.data()));
    return FreeIfEmpty(device);
  }
  address->flags |= IFA_F_DADFAILED;
  Schedule(device);
  Tell(RTM_NEWADDR, device, *address, {});
}

}  // namespace vswitch
