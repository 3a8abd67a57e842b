// SPDX-License-Identifier: BSD-3-Clause
// A virtual machine behind a vhost-user socket, on librte_vhost.
#ifndef VSWITCH_PMD_VHOST_BACKEND_H_
#define VSWITCH_PMD_VHOST_BACKEND_H_

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "pmd/factory.h"
#include "pmd/vhost_driver.h"
#include "pmd/vhost_guest.h"

namespace vswitch {

// A guest may have more or fewer queue pairs than the backend has queues. Queue q of n receives
// from the guest's pairs q, q + n, q + 2n …; it sends to pair q, or when the guest left that one
// disabled, to pair q modulo the number of pairs it enabled. So a flow that comes from one queue
// stays in order, and when two workers meet on one ring, librte_vhost's queue lock keeps them
// apart.
class VhostBackend final : public Backend, private VhostEvents {
 public:
  // Control thread.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const BackendSpec& spec,
                                                         const std::string& device,
                                                         const BackendEnv& env);
  // A connected guest sees its connection closed.
  ~VhostBackend() override;

  uint16_t queues() const override { return static_cast<uint16_t>(queues_.size()); }
  void Receive(uint16_t queue, Burst& burst) override;
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override;

 private:
  // Written by the worker that owns the queue.
  struct alignas(64) Queue {
    uint16_t next_pair = 0;  // where to start when the guest has several pairs for this queue
  };

  VhostBackend(const std::string& path, uint16_t queues, const BackendEnv& env)
      : path_(path), env_(env), queues_(queues) {}

  void ReceivePairs(VhostGuest& guest, uint16_t queue, uint16_t pairs, Burst& burst);
  void ReceivePair(VhostGuest& guest, uint16_t pair, Burst& burst);

  void OnConnected(int vid) override;
  void OnReady(int vid) override;
  void OnStopped(int vid) override;
  void OnRing(int vid, uint16_t ring, bool usable) override;
  void OnDisconnected(int vid) override;

  VhostGuest* Find(int vid);
  void PublishNewest();

  const std::string path_;
  const BackendEnv env_;
  std::vector<Queue> queues_;
  // The guest that workers serve; null when none runs. A socket can have several connections (a
  // guest that reconnects before the old connection's end was noticed): the newest is served.
  std::atomic<VhostGuest*> current_{nullptr};
  mutable std::mutex mutex_;                         // guests_; held for moments only
  std::vector<std::unique_ptr<VhostGuest>> guests_;  // in order of connecting
  std::unique_ptr<VhostDriver> driver_;              // first to go
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_BACKEND_H_
