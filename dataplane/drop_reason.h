// SPDX-License-Identifier: BSD-3-Clause
// Why a packet did not reach a backend. Every drop in the data path names one of these.
#ifndef VSWITCH_DATAPLANE_DROP_REASON_H_
#define VSWITCH_DATAPLANE_DROP_REASON_H_

#include <cstddef>
#include <cstdint>

namespace vswitch {

enum class DropReason : uint8_t {
  kDeviceDown,     // the sending device is administratively down (ENETDOWN in the kernel)
  kNoCarrier,      // the noop queue of a device without carrier swallowed it
  kTooShort,       // less than an Ethernet header
  kTooBig,         // above the receiver's MTU + 18 and not GSO
  kMalformed,      // the sender's checksum or segmentation request makes no sense
  kNoHandler,      // nothing takes what this device receives from its wire or stack
  kNoBackend,      // delivered to a device with nothing behind it
  kBackendDown,    // the guest behind the device is not connected
  kBackendFull,    // the guest's, ring's or wire's receive queue is full
  kMailboxFull,    // the worker that owns the destination is overloaded
  kStale,          // the destination was deleted while the packet crossed cores
  kOffload,        // completing checksum or segmentation in software failed
  kHostQueueFull,  // the host stack cannot keep up
  kIsolated,       // for a sibling that the lower device's mode keeps apart
  kNotRouted,      // an L3 slave sent what is neither IPv4 nor IPv6, or is for a group
  kNoRoute,        // the lower device's namespace has no way to the destination
  kBacklogFull,    // too many frames for groups wait for the same lower device
  kNoBuffer,       // all packet buffers are in use
};
inline constexpr size_t kDropReasonCount = static_cast<size_t>(DropReason::kNoBuffer) + 1;

// The name users see in `vsctl show`, e.g. "too_big". Stable.
constexpr const char* DropReasonName(DropReason reason) {
  constexpr const char* kNames[kDropReasonCount] = {
      "device_down", "no_carrier",   "too_short",       "too_big",      "malformed",
      "no_handler",  "no_backend",   "backend_down",    "backend_full", "mailbox_full",
      "stale",       "offload",      "host_queue_full", "isolated",     "not_routed",
      "no_route",    "backlog_full", "no_buffer"};
  return kNames[static_cast<size_t>(reason)];
}

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_DROP_REASON_H_
