// SPDX-License-Identifier: BSD-3-Clause
// The host's network stack behind a device: a kernel tap (Documentation/networking/tuntap.rst).
#ifndef VSWITCH_PMD_TAP_BACKEND_H_
#define VSWITCH_PMD_TAP_BACKEND_H_

#include <rte_mbuf.h>
#include <sys/uio.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "pmd/factory.h"
#include "pmd/tap_device.h"
#include "pmd/virtio.h"

namespace vswitch {

// One queue. Only the file descriptor is used once the backend exists, so that the interface may be
// renamed, reconfigured and moved to another network namespace. Checksum and segmentation requests
// pass both ways in the virtio_net_hdr.
//
// Hot-path exception: a tap is read and written by system calls. So it is as well that a silent
// queue is polled rarely, and rests.
class TapBackend final : public Backend {
 public:
  // Control thread. Opens the tap in the network namespace of the calling thread.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const BackendSpec& spec, uint32_t mtu,
                                                         const BackendEnv& env);
  ~TapBackend() override;

  uint16_t queues() const override { return 1; }
  void Receive(uint16_t queue, Burst& burst) override;
  // Readable while there is a frame, so a rest takes no more than that it is watched.
  int Bell(uint16_t /*queue*/) const override { return device_.fd(); }
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override;
  absl::Status SetMtu(uint32_t mtu) override { return device_.SetMtu(mtu); }

 private:
  TapBackend(TapDevice device, rte_mempool* pool);

  // Buffers for the largest frame, kept filled between reads. False when the pool is empty.
  bool Refill();
  // Reads one frame into the buffers. 0 or less when there is none.
  ssize_t Read();
  // Takes the buffers a frame of `length` bytes filled.
  rte_mbuf* TakeFrame(uint32_t length);

  const TapDevice device_;
  rte_mempool* const pool_;
  // What follows belongs to the worker that owns the queue.
  const uint32_t room_;             // bytes of one buffer
  std::vector<rte_mbuf*> buffers_;  // null: to be refilled
  std::vector<iovec> vectors_;      // [0] the header, then one for each buffer
  VnetHeader header_;               // of the last frame read
  std::atomic<bool> down_{false};   // the last frame was refused since the interface is down
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_TAP_BACKEND_H_
