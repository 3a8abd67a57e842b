// SPDX-License-Identifier: BSD-3-Clause
// The host stack's place in the switch: which devices have it, its frames to and from the workers,
// its view of addresses and routes.
#ifndef VSWITCH_CONTROL_HOST_PORT_H_
#define VSWITCH_CONTROL_HOST_PORT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "control/address_events.h"
#include "control/host_stack.h"
#include "control/outbound.h"
#include "control/router.h"
#include "dataplane/dataplane.h"

struct rte_mempool;

namespace vswitch {

// Control thread. A device has the host stack while it has an address, or others send by its
// neighbours. It acts on it only while nothing else is the device's stack: nothing is attached, or
// what is attached is the wire. But for finding neighbours for others: those it asks for, and hears
// of what they say.
class HostPort final : public AddressObserver, private HostContext {
 public:
  // Another node has an address that a device is about to use.
  using OnDuplicateAddress = std::function<void(Device&, const IpAddress&)>;

  // Frames handled between two looks at what clients ask for.
  static constexpr uint32_t kFramesPerRound = 256;
  // Workers cannot wake the control thread, since that is a system call: it looks by itself, often
  // while frames flow and less often while none do.
  static constexpr Milliseconds kBusyInterval{1}, kIdleInterval{10}, kBusyTime{1000};

  // `pool` holds the frames that are sent; null: nothing is sent.
  HostPort(Dataplane& dataplane, Router& router, rte_mempool* pool, OnDuplicateAddress duplicate);
  ~HostPort() override;
  HostPort(const HostPort&) = delete;

  // When Run must be called next; nothing while no device has the stack.
  std::optional<MonotonicTime> NextDeadline() const { return next_; }
  // Handles what arrived, at most kFramesPerRound frames.
  void Run(MonotonicTime now);

  // Devices on `lower` send by its routes and neighbours from now on, which it then needs the stack
  // for, or no longer.
  void AddLower(Device& lower, std::shared_ptr<IpvlanPort> port);
  void RemoveLower(const Device& lower);
  Outbound& outbound() { return outbound_; }
  // Whether another stack is behind the device: a guest's, a tap's.
  bool HasOtherStack(const Device& device) const;

  void OnAddressAdded(Device& device, const InetAddress& address) override;
  void OnAddressReady(Device& device, const InetAddress& address) override;
  void OnAddressChanged(Device& device, const InetAddress&, const InetAddress&) override {
    outbound_.Forget(*device.ns);
  }
  void OnAddressRemoved(Device& device, const InetAddress& address) override;
  void OnAddressProbed(Device& device, const InetAddress& address) override;
  void OnLinkUp(Device& device) override { outbound_.Forget(*device.ns); }
  void OnLinkChanged(Device& device) override { outbound_.Forget(*device.ns); }
  void OnLinkDown(Device& device) override { outbound_.Forget(*device.ns); }
  void OnLinkGone(Device& device) override;

 private:
  void Enable(Device& device);
  void Disable(const Device& device);
  // Whether the device needs the stack.
  bool NeedsStack(const Device& device) const;
  uint8_t TypeOf(const Namespace& ns, const IpAddress& address) override;
  bool IsLocal(const Device& device, const IpAddress& address) override;
  std::optional<HostRoute> RouteTo(const Namespace& ns, const IpAddress& source,
                                   const IpAddress& destination, const Device* device) override;
  std::optional<IpAddress> SourceFor(const Device& device, const IpAddress& destination) override;
  NeighTable& Neighbours(const Namespace& ns, uint8_t family) override;
  void OnDuplicate(Device& device, const IpAddress& address) override;
  void Transmit(const Device& device, Bytes frame, const Offload& offload) override;

  Dataplane& dataplane_;
  Router& router_;
  rte_mempool* const pool_;
  const OnDuplicateAddress duplicate_;
  HostStack stack_{*this};
  Outbound outbound_{dataplane_, router_, stack_, pool_};
  absl::flat_hash_map<DeviceId, Device*> devices_;
  std::optional<MonotonicTime> next_, last_frame_;
  HostFrame frame_;  // the one that is being handled
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_HOST_PORT_H_
