// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/dataplane.h"

#include <rte_launch.h>

#include <algorithm>
#include <utility>

namespace vswitch {

// What workers may still hold until the next grace period ends. Backends go before the slots, since
// stopping one may still look at its device.
struct Dataplane::Retired {
  std::vector<std::unique_ptr<const Netdev>> netdevs;
  std::vector<std::unique_ptr<const RxHandler>> rx_handlers;
  std::vector<std::shared_ptr<const void>> others;
  std::vector<std::unique_ptr<const Port>> ports;
  std::vector<std::unique_ptr<const PollList>> poll_lists;
  std::vector<DeviceId> slots;

  bool empty() const {
    return netdevs.empty() && rx_handlers.empty() && others.empty() && ports.empty() &&
           poll_lists.empty() && slots.empty();
  }
};

Dataplane::Dataplane(uint16_t workers)
    : rcu_(workers), table_(workers), host_(workers), retired_(std::make_unique<Retired>()) {
  for (uint16_t i = 0; i < workers; ++i) mailboxes_.push_back(std::make_unique<Mailbox>());
  for (uint16_t i = 0; i < workers; ++i) {
    workers_.push_back(std::make_unique<Worker>(i, table_, mailboxes_, host_));
  }
}

Dataplane::~Dataplane() {
  Stop();
  for (const DeviceId id : live_) Unpublish(id);
  live_.clear();
  Commit();
}

void Dataplane::Start(const std::vector<unsigned>& lcores) {
  stop_.store(false);
  for (uint16_t i = 0; i < workers_.size(); ++i) {
    workers_[i]->set_poll_times(PollTimes::OfTsc());
    rte_eal_remote_launch(&Dataplane::WorkerMain, new Launch{this, i}, lcores[i]);
    lcores_.push_back(lcores[i]);
  }
}

int Dataplane::WorkerMain(void* argument) {
  const std::unique_ptr<Launch> launch(static_cast<Launch*>(argument));
  Dataplane& dataplane = *launch->dataplane;
  dataplane.workers_[launch->worker]->Run(dataplane.rcu_, dataplane.stop_);
  return 0;
}

void Dataplane::AllowSleep() {
  for (uint16_t i = 0; i < workers_.size(); ++i) {
    Worker& worker = *workers_[i];
    worker.AllowSleep();
    mailboxes_[i]->set_waker(&worker.waker());
    host_.Outbox(i).set_waker(&worker.waker());
  }
}

void Dataplane::Stop() {
  stop_.store(true);
  for (const auto& worker : workers_) worker->waker().Wake();
  for (const unsigned lcore : lcores_) rte_eal_wait_lcore(lcore);
  lcores_.clear();
}

DeviceId Dataplane::CreateDevice() {
  const DeviceId id = table_.Allocate();
  if (id.valid()) live_.insert(id);
  return id;
}

void Dataplane::Publish(DeviceId id, std::unique_ptr<const Netdev> netdev) {
  DeviceSlot* slot = table_.Find(id);
  if (slot == nullptr) return;
  const Netdev* old = slot->netdev.exchange(netdev.release(), std::memory_order_acq_rel);
  if (old != nullptr) retired_->netdevs.emplace_back(old);
}

void Dataplane::PublishRxHandler(DeviceId id, std::unique_ptr<const RxHandler> handler) {
  DeviceSlot* slot = table_.Find(id);
  if (slot == nullptr) return;
  const RxHandler* old = slot->rx_handler.exchange(handler.release(), std::memory_order_acq_rel);
  if (old != nullptr) retired_->rx_handlers.emplace_back(old);
}

void Dataplane::Retire(std::shared_ptr<const void> object) {
  if (object != nullptr) retired_->others.push_back(std::move(object));
}

void Dataplane::RemoveDevice(DeviceId id) {
  if (live_.erase(id) > 0) Unpublish(id);
}

void Dataplane::Unpublish(DeviceId id) {
  Detach(id);
  Publish(id, nullptr);
  PublishRxHandler(id, nullptr);
  table_.Invalidate(id);
  retired_->slots.push_back(id);
}

void Dataplane::Attach(DeviceId id, std::unique_ptr<Backend> backend) {
  DeviceSlot* slot = table_.Find(id);
  if (slot == nullptr || workers_.empty()) return;
  auto port = std::make_unique<Port>();
  port->device = id;
  port->entries = std::make_unique<PollEntry[]>(backend->queues());
  for (uint16_t queue = 0; queue < backend->queues(); ++queue) {
    const uint16_t worker = LeastLoadedWorker();
    port->owner.push_back(worker);
    PollEntry& entry = port->entries[queue];
    entry.backend = backend.get();
    entry.device = id;
    entry.queue = queue;
    entry.bell = backend->Bell(queue);
    entry.wire = backend->Nic().has_value();
    workers_[worker]->bells().Add(entry);
    std::vector<PollEntry*> entries = workers_[worker]->poll_list().entries;
    entries.push_back(&entry);
    PublishPollList(worker, std::move(entries));
  }
  port->backend = std::move(backend);
  slot->port.store(port.release(), std::memory_order_release);
}

void Dataplane::Detach(DeviceId id) {
  DeviceSlot* slot = table_.Find(id);
  if (slot == nullptr) return;
  const Port* port = slot->port.exchange(nullptr, std::memory_order_acq_rel);
  if (port == nullptr) return;
  for (uint16_t queue = 0; queue < port->owner.size(); ++queue) {
    workers_[port->owner[queue]]->bells().Remove(port->entries[queue]);
  }
  for (uint16_t worker = 0; worker < workers_.size(); ++worker) {
    std::vector<PollEntry*> entries = workers_[worker]->poll_list().entries;
    const size_t gone = std::erase_if(
        entries, [&](const PollEntry* entry) { return entry->backend == port->backend.get(); });
    if (gone > 0) PublishPollList(worker, std::move(entries));
  }
  retired_->ports.emplace_back(port);
}

void Dataplane::SetHostStack(DeviceId id, bool on) {
  if (DeviceSlot* slot = table_.Find(id)) slot->host_stack.store(on, std::memory_order_release);
}

bool Dataplane::HasHostStack(DeviceId id) const {
  const DeviceSlot* slot = table_.Find(id);
  return slot != nullptr && slot->host_stack.load(std::memory_order_relaxed);
}

uint16_t Dataplane::WorkerFor(DeviceId id) const {
  const Port* port = PortOf(id);
  return port != nullptr ? port->owner[0] : static_cast<uint16_t>(id.slot % workers_.size());
}

const Port* Dataplane::PortOf(DeviceId id) const {
  const DeviceSlot* slot = table_.Find(id);
  return slot == nullptr ? nullptr : slot->port.load(std::memory_order_relaxed);
}

void Dataplane::Commit() {
  if (retired_->empty()) return;
  rcu_.Synchronize();
  const std::unique_ptr<Retired> retired = std::exchange(retired_, std::make_unique<Retired>());
  retired->ports.clear();
  for (const DeviceId id : retired->slots) table_.Release(id);
}

uint16_t Dataplane::LeastLoadedWorker() const {
  uint16_t best = 0;
  for (uint16_t i = 1; i < workers_.size(); ++i) {
    const auto queues = [this](uint16_t w) { return workers_[w]->poll_list().entries.size(); };
    if (queues(i) < queues(best)) best = i;
  }
  return best;
}

void Dataplane::PublishPollList(uint16_t worker, std::vector<PollEntry*> entries) {
  retired_->poll_lists.push_back(workers_[worker]->Publish(std::move(entries)));
}

}  // namespace vswitch
