// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_backend.h"

#include <rte_arp.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/offload.h"
#include "pmd/transmit.h"
#include "pmd/vhost_socket_file.h"

namespace vswitch {
namespace {

// Where a worker keeps the burst that it is at, and where it came from.
struct Scratch {
  FrameStore store;
  ServedRing* source = nullptr;
};

Scratch& ThisWorker(rte_mempool* pool) {
  thread_local const auto scratch = std::make_unique<Scratch>();
  if (scratch->store.frames[0].pool != pool) [[unlikely]]
    scratch->store.UsePool(pool);
  return *scratch;
}

// One ring that a guest receives from, for BurstSender.
class GuestLink {
 public:
  GuestLink(ServedRing& ring, const OffloadSupport& support, ChainList& buffers, rte_mempool* pool)
      : ring_(ring), support_(support), buffers_(buffers), pool_(pool) {}

  uint16_t Send(std::span<Packet> packets) {
    const uint32_t refused = ring_.Write(packets, buffers_).refused;
    if (refused == 0) [[likely]] {
      PacketBuffer::Free(packets);
      return static_cast<uint16_t>(packets.size());
    }
    return MoveBehind(refused, packets);
  }
  bool SendAll(std::span<rte_mbuf*> mbufs) {
    std::array<Packet, Burst::kCapacity> packets;
    std::transform(mbufs.begin(), mbufs.end(), packets.begin(),
                   [](rte_mbuf* mbuf) { return PacketBuffer::FromMbuf(mbuf); });
    const auto segments = std::span(packets).first(mbufs.size());
    const uint32_t refused = ring_.Write(segments, buffers_).refused;
    PacketBuffer::Free(segments);
    return refused == 0;
  }
  static bool Prepare(Packet& /*packet*/) { return true; }

  const OffloadSupport& support() const { return support_; }
  rte_mempool* pool() const { return pool_; }
  static DropReason refusal() { return DropReason::kBackendFull; }

 private:
  // Both in order. Returns how many were sent, and frees those.
  static uint16_t MoveBehind(uint32_t refused, std::span<Packet> packets) {
    std::array<Packet, Burst::kCapacity> behind;
    uint16_t sent = 0, left = 0;
    for (size_t i = 0; i < packets.size(); ++i) {
      ((refused >> i & 1) != 0 ? behind[left++] : packets[sent++]) = packets[i];
    }
    std::copy_n(behind.begin(), left, packets.begin() + sent);
    PacketBuffer::Free(packets.first(sent));
    return sent;
  }

  ServedRing& ring_;
  const OffloadSupport& support_;
  ChainList& buffers_;
  rte_mempool* const pool_;
};

// While a worker sends to a ring, which others may want to at the same time, if `shared`.
class RingGuard {
 public:
  RingGuard(ServedRing& ring, bool shared) : ring_(ring), lock_(shared ? &ring.lock() : nullptr) {
    if (lock_ != nullptr) rte_spinlock_lock(lock_);
  }
  ~RingGuard() {
    if (lock_ == nullptr) {
      Notifications::Ours().Owe(ring_);
      return;
    }
    // Once the lock is free, another worker may be at the ring.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    ring_.Notify();
    rte_spinlock_unlock(lock_);
  }
  RingGuard(const RingGuard&) = delete;
  RingGuard& operator=(const RingGuard&) = delete;

 private:
  ServedRing& ring_;
  rte_spinlock_t* const lock_;
};

absl::StatusOr<std::string> SocketPath(const BackendSpec& spec, const std::string& device,
                                       const BackendEnv& env) {
  if (!spec.path.empty()) return spec.path;
  if (spec.client) {
    return ErrnoStatus(EINVAL, "mode=client needs path=SOCKET, the socket QEMU listens on");
  }
  const std::string directory = env.run_dir + "/vhost";
  const absl::Status made = MakeSocketDirectory(directory);
  if (!made.ok()) return made;
  return absl::StrCat(directory, "/", device, ".sock");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> VhostBackend::Create(const BackendSpec& spec,
                                                              const std::string& device,
                                                              const BackendEnv& env) {
  if (spec.queues < 1 || spec.queues > kMaxVhostPairs) {
    return ErrnoStatus(EINVAL,
                       absl::StrCat("a vhost-user device has 1 to ", kMaxVhostPairs, " queues"));
  }
  const absl::StatusOr<SocketOwnership> ownership =
      ParseOwnership(spec.owner, spec.group, spec.mode);
  if (!ownership.ok()) return ownership.status();
  const absl::StatusOr<std::string> path = SocketPath(spec, device, env);
  if (!path.ok()) return path.status();
  absl::Status status = CheckSocketPath(*path);
  if (status.ok() && !spec.client) status = ClaimSocketPath(*path);
  if (!status.ok()) return status;
  std::unique_ptr<VhostBackend> backend(new VhostBackend(*path, spec.queues, env));
  absl::StatusOr<std::unique_ptr<VhostDriver>> driver =
      VhostDriver::Open(*path, spec.client, backend.get());
  if (!driver.ok()) return driver.status();
  backend->driver_ = std::move(*driver);
  if (!spec.client) status = ApplyOwnership(*path, *ownership);
  if (!status.ok()) return status;
  return backend;
}

VhostBackend::~VhostBackend() {
  // Explicitly first: it reports the end of running connections to this object.
  driver_.reset();
}

void VhostBackend::Receive(uint16_t queue, Burst& burst) {
  const ServedGuest* guest = Served();
  if (guest == nullptr || guest->faulted()) return;
  if (queue == 0 && announcement_.load(std::memory_order_relaxed) != 0) [[unlikely]]
    return ReceiveAnnouncement(burst);
  if (guest->pairs().sending > queues_.size()) [[unlikely]]
    return ReceivePairs(*guest, queue, burst);
  ServedRing* ring = guest->ring(2 * queue + 1);
  if (ring == nullptr) return;
  Scratch& worker = ThisWorker(env_.pool);
  worker.source = ring;
  ring->Read(worker.store, burst);
}

// From one pair at a time, and then the next: a busy one does not starve the others.
void VhostBackend::ReceivePairs(const ServedGuest& guest, uint16_t queue, Burst& burst) {
  const auto step = static_cast<uint16_t>(queues_.size());
  const uint16_t pairs = guest.pairs().sending;
  uint16_t& next = queues_[queue].next_pair;
  if (next < queue || next >= pairs) next = queue;
  Scratch& worker = ThisWorker(env_.pool);
  for (uint16_t i = queue; i < pairs && burst.count + burst.malformed == 0; i += step) {
    worker.source = guest.ring(2 * next + 1);
    if (worker.source != nullptr) worker.source->Read(worker.store, burst);
    next += step;
    if (next >= pairs) next = queue;
  }
}

// RFC 903's request, as librte_vhost sends it.
void VhostBackend::ReceiveAnnouncement(Burst& burst) {
  const uint64_t mac = announcement_.exchange(0, std::memory_order_relaxed);
  rte_ether_addr address;
  std::memcpy(&address, &mac, sizeof(address));
  rte_mbuf* frame = rte_net_make_rarp_packet(env_.pool, &address);
  if (frame != nullptr) burst.packets[burst.count++] = PacketBuffer::FromMbuf(frame);
  ThisWorker(env_.pool).source = nullptr;
}

void VhostBackend::Finish(uint16_t /*queue*/) {
  ServedRing* source = std::exchange(ThisWorker(env_.pool).source, nullptr);
  if (source == nullptr) return;
  source->GiveBack();
  Notifications::Ours().Owe(*source);
}

SendResult VhostBackend::Send(uint16_t queue, Burst& burst) {
  const ServedGuest* guest = Served();
  const uint16_t pairs = guest == nullptr || guest->faulted() ? 0 : guest->pairs().receiving;
  if (pairs == 0) return {0, DropReason::kBackendDown};
  ServedRing& ring = *guest->ring(2 * (queue < pairs ? queue : queue % pairs));
  const RingGuard guard(ring, pairs < queues_.size());
  GuestLink link(ring, guest->support(), ThisWorker(env_.pool).store.buffers, env_.pool);
  if (AnyOffload(burst)) return BurstSender(link, burst).Run();
  return {link.Send(burst.view()), DropReason::kBackendFull};
}

template <typename Use>
void VhostBackend::ForEachSender(const ServedGuest& guest, uint16_t queue, const Use& use) const {
  for (size_t pair = queue; pair < guest.pairs().sending; pair += queues_.size()) {
    ServedRing* ring = guest.ring(static_cast<uint16_t>(2 * pair + 1));
    if (ring != nullptr) use(*ring);
  }
}

bool VhostBackend::Rest(uint16_t queue) {
  queues_[queue].bell.Hear();
  const ServedGuest* guest = Served();
  bool can = true;
  if (guest == nullptr) return can;
  ForEachSender(*guest, queue, [&](const ServedRing& ring) { can &= ring.rings(); });
  if (can) ForEachSender(*guest, queue, [](ServedRing& ring) { ring.SetKicks(true); });
  return can;
}

void VhostBackend::Wake(uint16_t queue) {
  const ServedGuest* guest = Served();
  if (guest == nullptr) return;
  ForEachSender(*guest, queue, [](ServedRing& ring) { ring.SetKicks(false); });
}

BackendStatus VhostBackend::Status() const {
  const std::lock_guard lock(mutex_);
  const VhostGuest* newest = Newest();
  const bool connected = newest != nullptr && !newest->faulted();
  return {"vhost-user", connected ? "connected" : "disconnected", path_, queues()};
}

VhostGuest* VhostBackend::Find(int vid) {
  const auto found = std::find_if(guests_.begin(), guests_.end(),
                                  [vid](const auto& guest) { return guest->vid() == vid; });
  return found == guests_.end() ? nullptr : found->get();
}

const VhostGuest* VhostBackend::Newest() const {
  const auto newest = std::find_if(guests_.rbegin(), guests_.rend(),
                                   [](const auto& guest) { return guest->running(); });
  return newest == guests_.rend() ? nullptr : newest->get();
}

void VhostBackend::PublishNewest() {
  const VhostGuest* newest = Newest();
  served_.store(newest == nullptr ? nullptr : newest->served(), std::memory_order_release);
  for (const Queue& queue : queues_) queue.bell.Ring();
}

void VhostBackend::Pause(int vid) {
  std::unique_ptr<ServedGuest> served;
  {
    const std::lock_guard lock(mutex_);
    VhostGuest* guest = Find(vid);
    if (guest != nullptr) served = guest->TakeServed();
    if (served == nullptr) return;
    PublishNewest();
  }
  env_.rcu->Synchronize();
  Listen(*served, false);
  served->HandBack();
}

void VhostBackend::Resume(int vid) {
  const std::lock_guard lock(mutex_);
  VhostGuest* guest = Find(vid);
  if (guest == nullptr) return;
  guest->Serve();
  if (guest->served() == nullptr) return;
  Listen(*guest->served(), true);
  PublishNewest();
}

// Kicks of the guest ring the bells from now on, or no longer.
void VhostBackend::Listen(const ServedGuest& guest, bool on) {
  for (uint16_t q = 0; q < queues_.size(); ++q) {
    const QueueBell& bell = queues_[q].bell;
    ForEachSender(guest, q, [&](ServedRing& ring) {
      if (!on && ring.rings()) bell.Remove(ring.kick_fd());
      ring.set_rings(on && bell.Add(ring.kick_fd()));
    });
  }
}

void VhostBackend::OnConnected(int vid) {
  const std::lock_guard lock(mutex_);
  guests_.push_back(std::make_unique<VhostGuest>(vid));
}

void VhostBackend::OnMessage(int vid) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->GuardThisThread();
}

void VhostBackend::OnMemory(int vid, bool there) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->set_has_memory(there);
}

void VhostBackend::OnLog(int vid, const LogArea& log) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->set_log(log);
}

void VhostBackend::OnReady(int vid) {
  SetRunning(vid, true);
  Resume(vid);
}

void VhostBackend::OnStopped(int vid) {
  Pause(vid);
  SetRunning(vid, false);
}

void VhostBackend::SetRunning(int vid, bool running) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->set_running(running);
  PublishNewest();
}

// Rings come and go in the middle of a message, too, and what it changes next is not to be served.
void VhostBackend::SetChanging(int vid, bool changing) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->set_changing(changing);
}

void VhostBackend::OnChanging(int vid) {
  SetChanging(vid, true);
  Pause(vid);
}

void VhostBackend::OnChanged(int vid) {
  SetChanging(vid, false);
  Resume(vid);
}

void VhostBackend::OnRing(int vid, uint16_t ring, bool usable) {
  Pause(vid);
  {
    const std::lock_guard lock(mutex_);
    if (VhostGuest* guest = Find(vid)) guest->SetRing(ring, usable);
  }
  Resume(vid);
}

void VhostBackend::OnAnnounce(int vid, uint64_t mac) {
  const std::lock_guard lock(mutex_);
  if (Newest() == nullptr || Newest()->vid() != vid) return;
  announcement_.store(mac << 16 >> 16 | 1ULL << 48, std::memory_order_relaxed);
  queues_[0].bell.Ring();
}

void VhostBackend::OnDisconnected(int vid) {
  GuardThread(nullptr);
  const std::lock_guard lock(mutex_);
  // Not served any more, and since OnStopped no worker holds it.
  std::erase_if(guests_, [vid](const auto& guest) { return guest->vid() == vid; });
}

}  // namespace vswitch
