// SPDX-License-Identifier: BSD-3-Clause
// The IP addresses of all devices: executes requests about them, gives devices the addresses that
// Linux gives them by itself, and ends lifetimes.
#ifndef VSWITCH_CONTROL_ADDRESSES_H_
#define VSWITCH_CONTROL_ADDRESSES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/status/status.h"
#include "control/address_events.h"
#include "control/address_request.h"
#include "control/notify.h"
#include "control/registry.h"
#include "control/request.h"

namespace vswitch {

// Control thread. Files: addresses.cc picks the handler and follows links; addresses_inet.cc is
// net/ipv4/devinet.c, addresses_inet6.cc and addresses_dad.cc are net/ipv6/addrconf.c;
// address_dump.cc answers RTM_GETADDR.
class Addresses {
 public:
  Addresses(Registry& registry, Multicast& multicast, Clock clock)
      : registry_(registry), multicast_(multicast), clock_(std::move(clock)) {}
  Addresses(const Addresses&) = delete;

  // Observers are told in the order in which they came. They outlive this.
  void Observe(AddressObserver& observer) { observers_.push_back(&observer); }

  // RTM_NEWADDR, RTM_DELADDR or RTM_GETADDR, and no dump.
  absl::Status Execute(const Request& request);
  // RTM_GETADDR.
  DumpStart Dump(const Request& request);

  // What happens to links, after RTM_NEWLINK has told it unless the name says otherwise.
  void LinkRegistered(Device& device);                       // before its first RTM_NEWLINK
  void LinkUp(Device& device);                               // NETDEV_UP
  void LinkDown(Device& device);                             // NETDEV_DOWN
  void LinkChanged(Device& device, uint32_t changed_flags);  // NETDEV_CHANGE, while UP
  void LinkGone(Device& device);  // NETDEV_UNREGISTER: before RTM_DELLINK
  void MtuChanged(Device& device);
  void Renamed(Device& device);

  // Another node has the address, too (addrconf_dad_failure).
  void DadFailed(Device& device, const IpAddress& address);

  // Begins duplicate address detection of addresses that are new. Linux does it in the background;
  // here it comes after each request.
  void Settle();
  // When Run has something to do.
  std::optional<MonotonicTime> NextDeadline() const;
  // Ends lifetimes and duplicate address detection.
  void Run(MonotonicTime now);

 private:
  using List = std::vector<InetAddress>;

  // An IPv6 address; null if the device has no such one.
  InetAddress* FindLocal(Device& device, const IpAddress& local) const;
  // Whether no observer refuses the address.
  absl::Status Validate(const Device& device, const InetAddress& address) const;
  template <typename Call>
  void TellObservers(Call call) {
    for (AddressObserver* observer : observers_) call(*observer);
  }
  // RTM_NEWADDR or RTM_DELADDR to the group of its family.
  void Tell(uint16_t type, const Device& device, const InetAddress& address, const Cause& cause);
  void TellNetconf(const Device& device, uint8_t family, bool gone);
  // The AF_INET6 form of RTM_NEWLINK (inet6_ifinfo_notify).
  void TellInet6Link(const Device& device);
  void SetLifetimes(const AddressRequest& request, InetAddress& address) const;
  // Keeps the time at which something happens to an address of the device. Looks at all of them;
  // when one came or was given a time, or some went, less will do.
  void Schedule(Device& device);
  void ScheduleMore(Device& device, const InetAddress& address);
  void ScheduleLess(Device& device);
  void SetDeadline(Device& device, std::optional<MonotonicTime> time);
  void Unschedule(Device& device);
  void FreeIfEmpty(Device& device);
  void RunDevice(Device& device, MonotonicTime now);
  void RunAddress(Device& device, InetAddress& address, MonotonicTime now);

  // addresses_inet.cc
  absl::Status NewInet(const Request& request);
  absl::Status DelInet(const Request& request);
  static InetAddress* FindSame(Device& device, const InetAddress& address);
  absl::Status ChangeInet(Device& device, InetAddress& address, const AddressRequest& request,
                          const Cause& cause);
  absl::Status InsertInet(Device& device, InetAddress address, const Cause& cause);
  // With its secondaries, unless they take its place.
  void RemoveInet(Device& device, size_t index, const Cause& cause);
  void RemoveSecondaries(Device& device, const InetAddress& primary, const Cause& cause);
  void PromoteSecondary(Device& device, size_t index, size_t promoted, const Cause& cause);
  void Erase(Device& device, List& list, size_t index, const Cause& cause);
  // It is in no list any more.
  void TellRemoved(Device& device, const InetAddress& address, const Cause& cause);
  void AddLoopback(Device& device);
  // The device loses IPv4.
  void StopInet(Device& device);
  void RenameLabels(Device& device);

  // addresses_inet6.cc
  absl::Status NewInet6(const Request& request);
  absl::Status DelInet6(const Request& request);
  absl::Status GetInet6(const Request& request);
  absl::Status AddInet6(Device& device, const AddressRequest& request, InetAddress address);
  absl::Status ChangeInet6(Device& device, const AddressRequest& request, const Inet6Pair& pair);
  // EADDRNOTAVAIL, EEXIST.
  absl::StatusOr<InetAddress*> InsertInet6(Device& device, InetAddress address);
  void RemoveInet6(Device& device, size_t index);
  // The newest link with the address; null if there is none.
  Device* FindOwner6(const Namespace& ns, const IpAddress& local) const;
  void FlushInet6(Device& device);
  // The device loses IPv6 (addrconf_ifdown with `unregister`), or gets it.
  void StopInet6(Device& device);
  void StartInet6(Device& device);

  // addresses_dad.cc
  void Inet6Up(Device& device);
  void Inet6Changed(Device& device, uint32_t changed_flags);
  // Gives the device the addresses of its own, and starts what waited for it to be ready.
  void ConfigureInet6(Device& device);
  void AddOwnInet6(Device& device);
  void AddInet6Loopback(Device& device);
  void AddLinkLocal(Device& device, const IpAddress& local, uint32_t flags);
  void BeginDad(Device& device, InetAddress& address);
  void Probe(Device& device, InetAddress& address);
  // The time of the probe is over.
  void EndDad(Device& device, InetAddress& address);
  void CompleteDad(Device& device, InetAddress& address);
  void TellReady(Device& device, const InetAddress& address);
  void RestartDad(Device& device);
  // Settle is to begin with the address; with none that the device has.
  void SettleLater(Device& device, const IpAddress& local);
  void ForgetNew(Device& device);
  bool IsNew(Device& device, const InetAddress& address) const;

  Registry& registry_;
  Multicast& multicast_;
  const Clock clock_;
  std::vector<AddressObserver*> observers_;
  std::map<AddressDeadline, Device*> deadlines_;  // one of each device at most
  uint64_t last_deadline_ = 0;
  std::vector<std::pair<Device*, IpAddress>> new_inet6_;  // for Settle
  // Who has an IPv6 address, the oldest link first.
  absl::btree_map<std::tuple<const Namespace*, IpAddress, uint64_t>, Device*> owners6_;
};

// Whether packets can leave the device (addrconf_link_ready).
bool IsLinkReady(const Device& device);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_ADDRESSES_H_
