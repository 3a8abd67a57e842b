// SPDX-License-Identifier: BSD-3-Clause
// What stands behind a device where the kernel has its protocol stack or the wire.
#ifndef VSWITCH_DATAPLANE_BACKEND_H_
#define VSWITCH_DATAPLANE_BACKEND_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "dataplane/drop_reason.h"
#include "dataplane/packet.h"

namespace vswitch {

// What `vsctl show` and `ip -d link` say of a backend.
struct BackendStatus {
  std::string type;   // "vhost-user", "tap", "ring", "ethdev"
  std::string state;  // "connected", "disconnected", "up", "down"
  std::string path;   // socket, interface or ring name, devargs
  uint16_t queues = 1;
  bool any_mac = false;  // the guest may have any address, whatever the device has
};

// What a NIC says of itself.
struct NicState {
  bool carrier = false;
  std::array<uint8_t, 6> address{};  // zero when it has none
  uint32_t min_mtu = 0, max_mtu = 0;
};

struct SendResult {
  uint16_t accepted = 0;  // the first `accepted` packets are gone to the far end
  DropReason reason = DropReason::kBackendFull;  // why the rest was not taken
};

// Receive and Send of one queue are called by the one worker that owns the queue, never blocking,
// inside an RCU read section. Construction, destruction and the rest belong to the control
// thread. The owner detaches a backend (Dataplane::Detach) and waits a grace period before
// destroying it.
class Backend {
 public:
  virtual ~Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;

  // Queue pairs, fixed for the backend's life; at least 1.
  virtual uint16_t queues() const = 0;

  // Fills `burst` (passed empty) with up to Burst::kCapacity packets that came out of the stack,
  // guest or wire, with offload requests normalised to Offload. Frames whose requests make no sense
  // are freed and counted in burst.malformed.
  // Packets may still lie in a guest's memory: until Finish.
  virtual void Receive(uint16_t queue, Burst& burst) = 0;
  // Ends a Receive that found anything. What still lies in the guest's memory goes back to it.
  // Until then nothing else is received on this thread.
  // This and Send may owe somebody an interrupt: the worker settles its Notifications in the same
  // round.
  virtual void Finish(uint16_t /*queue*/) {}

  // Hands burst packets [0, accepted) to the far end, in order; their buffers belong to it (or are
  // freed) afterwards. Packets [accepted, count) stay the caller's. Completes in software what the
  // far end cannot take.
  virtual SendResult Send(uint16_t queue, Burst& burst) = 0;
  // Whether Send takes packets that still lie in a guest's memory; else they have mbufs.
  bool copies_from_guests() const { return copies_from_guests_; }

  // A queue that gave nothing for a while rests: Receive is not called until its bell rings.
  // Control thread. A descriptor, the same for the backend's life, that is readable while there may
  // be something to receive; -1: there is none, and the queue does not rest.
  virtual int Bell(uint16_t /*queue*/) const { return -1; }
  // The worker, as Receive. The far end is to ring from now on, and what rang before has been
  // heard: the bell is not readable for it any more. One Receive follows, and if that finds
  // anything, Wake. A Receive that finds nothing though something is there leaves the bell
  // readable. False: it cannot rest now.
  virtual bool Rest(uint16_t /*queue*/) { return true; }
  // It is polled again; who rings does so for nothing.
  virtual void Wake(uint16_t /*queue*/) {}

  // Control thread.
  virtual BackendStatus Status() const = 0;

  // Control thread, all four; the defaults are for far ends that have none of it. Errors carry an
  // errno and a sentence (ErrnoStatus), and nothing is changed.
  // The device's MTU, for a far end that has one of its own to follow it (tap, NIC).
  virtual absl::Status SetMtu(uint32_t /*mtu*/) { return absl::OkStatus(); }
  // Only where the far end is a NIC.
  virtual std::optional<NicState> Nic() const { return std::nullopt; }
  virtual absl::Status SetAddress(const std::array<uint8_t, 6>& /*address*/) {
    return absl::OkStatus();
  }
  // The device's address, for who tells it from a guest's.
  virtual void OnAddress(const std::array<uint8_t, 6>& /*address*/) {}

 protected:
  explicit Backend(bool copies_from_guests = false) : copies_from_guests_(copies_from_guests) {}

 private:
  const bool copies_from_guests_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_BACKEND_H_
