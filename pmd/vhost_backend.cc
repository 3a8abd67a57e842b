// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_backend.h"

#include <rte_vhost.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/offload.h"
#include "pmd/pull.h"
#include "pmd/transmit.h"
#include "pmd/vhost_socket_file.h"

namespace vswitch {
namespace {

// One receive ring of a guest, for BurstSender.
class GuestRing {
 public:
  GuestRing(const VhostGuest& guest, uint16_t ring, rte_mempool* pool)
      : guest_(guest), ring_(ring), pool_(pool) {}

  uint16_t Transmit(rte_mbuf** mbufs, uint16_t count) {
    const uint16_t sent = rte_vhost_enqueue_burst(guest_.vid(), ring_, mbufs, count);
    rte_pktmbuf_free_bulk(mbufs, sent);
    return sent;
  }

  bool Prepare(Packet& packet) {
    rte_mbuf* mbuf = PacketBuffer::Mbuf(packet);
    if (!SetTxRequest(mbuf, packet.offload(), /*ip_checksum=*/false)) return false;
    if (!packet.IsGso()) return true;
    rte_mbuf* split = SplitHeaders(mbuf, mbuf->l2_len + mbuf->l3_len + mbuf->l4_len, pool_);
    if (split == nullptr) {
      mbuf->ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
      return false;
    }
    PacketBuffer::Replace(packet, split, packet.offload());
    return true;
  }

  const OffloadSupport& support() const { return guest_.support(); }
  rte_mempool* pool() const { return pool_; }
  DropReason refusal() const { return DropReason::kBackendFull; }

 private:
  const VhostGuest& guest_;
  const uint16_t ring_;
  rte_mempool* const pool_;
};

// Turns librte_vhost's flags into requests for the burst's packets from `first` on, dropping frames
// whose request makes no sense.
void TakeRequests(Burst& burst, uint16_t first) {
  uint16_t kept = first;
  for (uint16_t i = first; i < burst.count; ++i) {
    rte_mbuf* mbuf = PacketBuffer::Mbuf(burst.packets[i]);
    Offload offload;
    if (HasRxRequest(mbuf->ol_flags) && !OffloadFromRxFlags(mbuf, &offload)) {
      rte_pktmbuf_free(mbuf);
      ++burst.malformed;
      continue;
    }
    burst.packets[kept++] = PacketBuffer::FromMbuf(mbuf, offload);
  }
  burst.count = kept;
}

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
  if (spec.queues < 1 || spec.queues > VhostGuest::kMaxPairs) {
    return ErrnoStatus(
        EINVAL, absl::StrCat("a vhost-user device has 1 to ", VhostGuest::kMaxPairs, " queues"));
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
  VhostGuest* guest = current_.load(std::memory_order_acquire);
  if (guest == nullptr) return;
  const uint16_t pairs = guest->sending_pairs();
  if (pairs <= queues_.size()) [[likely]] {
    if (queue < pairs) ReceivePair(*guest, queue, burst);
    return;
  }
  ReceivePairs(*guest, queue, pairs, burst);
}

void VhostBackend::ReceivePairs(VhostGuest& guest, uint16_t queue, uint16_t pairs, Burst& burst) {
  const auto step = static_cast<uint16_t>(queues_.size());
  uint16_t& next = queues_[queue].next_pair;
  if (next < queue || next >= pairs) next = queue;
  // Once around, from where the last call stopped: a busy pair does not starve the others.
  for (uint16_t i = queue; i < pairs && burst.count < Burst::kCapacity; i += step) {
    ReceivePair(guest, next, burst);
    next += step;
    if (next >= pairs) next = queue;
  }
}

void VhostBackend::ReceivePair(VhostGuest& guest, uint16_t pair, Burst& burst) {
  const uint16_t ring = 2 * pair + 1;
  if (!guest.Use(ring)) return;
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  const uint16_t room = Burst::kCapacity - burst.count;
  const uint16_t count = rte_vhost_dequeue_burst(guest.vid(), ring, env_.pool, mbufs.data(), room);
  const uint16_t first = burst.count;
  bool requests = false;
  for (uint16_t i = 0; i < count; ++i) {
    requests |= HasRxRequest(mbufs[i]->ol_flags);
    burst.packets[first + i] = PacketBuffer::FromMbuf(mbufs[i]);
  }
  burst.count += count;
  if (requests) TakeRequests(burst, first);
}

SendResult VhostBackend::Send(uint16_t queue, Burst& burst) {
  VhostGuest* guest = current_.load(std::memory_order_acquire);
  const uint16_t pairs = guest == nullptr ? 0 : guest->receiving_pairs();
  if (pairs == 0) return {0, DropReason::kBackendDown};
  const uint16_t ring = 2 * (queue < pairs ? queue : queue % pairs);
  if (!guest->Use(ring)) return {0, DropReason::kBackendDown};
  GuestRing link(*guest, ring, env_.pool);
  if (AnyOffload(burst)) return BurstSender(link, burst).Run();
  return {TransmitFitting(link, burst.view()), DropReason::kBackendFull};
}

BackendStatus VhostBackend::Status() const {
  const bool connected = current_.load(std::memory_order_relaxed) != nullptr;
  return {"vhost-user", connected ? "connected" : "disconnected", path_, queues()};
}

VhostGuest* VhostBackend::Find(int vid) {
  const auto found = std::find_if(guests_.begin(), guests_.end(),
                                  [vid](const auto& guest) { return guest->vid() == vid; });
  return found == guests_.end() ? nullptr : found->get();
}

void VhostBackend::PublishNewest() {
  const auto newest = std::find_if(guests_.rbegin(), guests_.rend(),
                                   [](const auto& guest) { return guest->running(); });
  current_.store(newest == guests_.rend() ? nullptr : newest->get(), std::memory_order_release);
}

void VhostBackend::OnConnected(int vid) {
  const std::lock_guard lock(mutex_);
  guests_.push_back(std::make_unique<VhostGuest>(vid));
}

void VhostBackend::OnReady(int vid) {
  uint64_t features = 0;
  rte_vhost_get_negotiated_features(vid, &features);
  const std::lock_guard lock(mutex_);
  VhostGuest* guest = Find(vid);
  if (guest == nullptr) return;
  guest->SetFeatures(features);
  guest->set_running(true);
  PublishNewest();
}

void VhostBackend::OnStopped(int vid) {
  {
    const std::lock_guard lock(mutex_);
    VhostGuest* guest = Find(vid);
    if (guest == nullptr) return;
    guest->set_running(false);
    PublishNewest();
  }
  env_.rcu->Synchronize();
}

void VhostBackend::OnRing(int vid, uint16_t ring, bool usable) {
  const std::lock_guard lock(mutex_);
  if (VhostGuest* guest = Find(vid)) guest->SetRing(ring, usable);
}

void VhostBackend::OnDisconnected(int vid) {
  const std::lock_guard lock(mutex_);
  // Not served any more, and since OnStopped no worker holds it.
  std::erase_if(guests_, [vid](const auto& guest) { return guest->vid() == vid; });
}

}  // namespace vswitch
