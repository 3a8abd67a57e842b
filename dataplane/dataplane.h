// SPDX-License-Identifier: BSD-3-Clause
// The control thread's view of the data path: publish devices, attach backends, commit.
#ifndef VSWITCH_DATAPLANE_DATAPLANE_H_
#define VSWITCH_DATAPLANE_DATAPLANE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "dataplane/device_table.h"
#include "dataplane/rcu.h"
#include "dataplane/worker.h"

namespace vswitch {

// All calls on the control thread unless stated. Changes become visible to workers as they are
// made, each by one pointer store; Commit ends a batch: afterwards no worker can touch what the
// batch removed.
class Dataplane {
 public:
  explicit Dataplane(uint16_t workers);
  // Stops the workers, then destroys devices and backends.
  ~Dataplane();

  // Launches worker i on EAL lcore lcores[i]; lcores.size() is the number of workers. A unit test
  // that steps workers by hand never calls it.
  void Start(const std::vector<unsigned>& lcores);
  // Before Start. Workers that have nothing to do sleep instead of looking for it.
  void AllowSleep();
  void Stop();

  // A new device number with nothing published for it; invalid when there is no room.
  DeviceId CreateDevice();
  // Publishes or replaces what forwards for `id`; the old object is retired.
  void Publish(DeviceId id, std::unique_ptr<const Netdev> netdev);
  // The same for what takes the frames that `id` receives before its stack; null: nothing any more.
  void PublishRxHandler(DeviceId id, std::unique_ptr<const RxHandler> handler);
  // Keeps something that workers may hold until the next grace period has ended.
  void Retire(std::shared_ptr<const void> object);
  // Unpublishes the device, its rx handler and its backend, and retires them.
  void RemoveDevice(DeviceId id);

  // Puts a backend behind the device, its queues spread over the workers with the fewest queues.
  // REQUIRES: nothing attached.
  void Attach(DeviceId id, std::unique_ptr<Backend> backend);
  // Retires the backend of the device, if any.
  void Detach(DeviceId id);
  // What reaches the device's stack where nothing is attached, and what an ethdev receives, goes to
  // host(), as far as that takes it.
  void SetHostStack(DeviceId id, bool on);
  bool HasHostStack(DeviceId id) const;
  HostQueue& host() { return host_; }
  // Through which worker the control thread sends on the device, and to its stack.
  uint16_t WorkerFor(DeviceId id) const;

  // Null when nothing is attached. Valid until the next Detach or RemoveDevice of `id`.
  const Port* PortOf(DeviceId id) const;

  // One grace period if anything was retired since the last one, then destroys it.
  void Commit();

  DeviceTotals Totals(DeviceId id) const { return table_.Totals(id); }
  // What the control thread counts for a device; null when the device is gone.
  DeviceCounters* ControlCounters(DeviceId id) { return table_.ControlCounters(id); }
  const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }
  // EAL lcores by worker; empty before Start.
  const std::vector<unsigned>& lcores() const { return lcores_; }
  const Mailbox& mailbox(uint16_t worker) const { return *mailboxes_[worker]; }
  // For backends whose own threads must wait for workers (librte_vhost's destroy_device).
  Rcu& rcu() { return rcu_; }

 private:
  struct Retired;
  struct Launch {
    Dataplane* dataplane;
    uint16_t worker;
  };

  static int WorkerMain(void* argument);
  void Unpublish(DeviceId id);
  uint16_t LeastLoadedWorker() const;
  void PublishPollList(uint16_t worker, std::vector<PollEntry*> entries);

  Rcu rcu_;
  DeviceTable table_;
  std::vector<std::unique_ptr<Mailbox>> mailboxes_;
  HostQueue host_;
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<unsigned> lcores_;
  std::atomic<bool> stop_{false};
  absl::flat_hash_set<DeviceId> live_;
  std::unique_ptr<Retired> retired_;
};

}  // namespace vswitch

#endif  // VSWITCH_DATAPLANE_DATAPLANE_H_
