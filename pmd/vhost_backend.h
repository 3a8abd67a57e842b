// SPDX-License-Identifier: BSD-3-Clause
// A virtual machine behind a vhost-user socket.
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
#include "pmd/queue_bell.h"
#include "pmd/served_guest.h"
#include "pmd/vhost_driver.h"
#include "pmd/vhost_guest.h"

namespace vswitch {

// librte_vhost speaks with the guest's VMM; its rings are served here, frame by frame from one
// guest's memory into another's.
//
// A guest may have more or fewer queue pairs than the backend has queues. Queue q of n receives
// from the guest's pairs q, q + n, q + 2n …; it sends to pair q, or when the guest left that one
// disabled, to pair q modulo the number of pairs it enabled. So a flow that comes from one queue
// stays in order, and workers that meet on one ring take its lock.
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
  void Finish(uint16_t queue) override;
  SendResult Send(uint16_t queue, Burst& burst) override;
  int Bell(uint16_t queue) const override { return queues_[queue].bell.fd(); }
  bool Rest(uint16_t queue) override;
  void Wake(uint16_t queue) override;
  BackendStatus Status() const override;

 private:
  struct alignas(64) Queue {
    uint16_t next_pair = 0;  // the worker's: where to start when the guest has several pairs for it
    QueueBell bell;
  };

  VhostBackend(const std::string& path, uint16_t queues, const BackendEnv& env)
      : Backend(/*copies_from_guests=*/true), path_(path), env_(env), queues_(queues) {}

  ServedGuest* Served() const { return served_.load(std::memory_order_acquire); }
  void ReceiveAnnouncement(Burst& burst);
  void ReceivePairs(const ServedGuest& guest, uint16_t queue, Burst& burst);
  // use(ring) for each ring that the queue receives from.
  template <typename Use>
  void ForEachSender(const ServedGuest& guest, uint16_t queue, const Use& use) const;

  void OnConnected(int vid) override;
  void OnMessage(int vid) override;
  void OnMemory(int vid, bool there) override;
  void OnLog(int vid, const LogArea& log) override;
  void OnReady(int vid) override;
  void OnStopped(int vid) override;
  void OnChanging(int vid) override;
  void OnChanged(int vid) override;
  void OnRing(int vid, uint16_t ring, bool usable) override;
  void OnAnnounce(int vid, uint64_t mac) override;
  void OnDisconnected(int vid) override;

  VhostGuest* Find(int vid);
  // Afterwards no worker touches the guest, and librte_vhost knows how far its rings are.
  void Pause(int vid);
  void Resume(int vid);
  void SetRunning(int vid, bool running);
  void SetChanging(int vid, bool changing);
  const VhostGuest* Newest() const;
  void PublishNewest();
  void Listen(const ServedGuest& guest, bool on);

  const std::string path_;
  const BackendEnv env_;
  std::vector<Queue> queues_;
  // What workers serve; null when nothing is connected, or a control message is being handled. A
  // socket can have several connections (a guest that reconnects before the old connection's end
  // was noticed): the newest is served.
  alignas(64) std::atomic<ServedGuest*> served_{nullptr};
  // A MAC address that queue 0 shall announce, and bit 48; 0: none.
  std::atomic<uint64_t> announcement_{0};
  mutable std::mutex mutex_;                         // guests_; held for moments only
  std::vector<std::unique_ptr<VhostGuest>> guests_;  // in order of connecting
  std::unique_ptr<VhostDriver> driver_;              // first to go
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_BACKEND_H_
