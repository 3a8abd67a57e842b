// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/ring_backend.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/offload.h"
#include "pmd/receive.h"
#include "pmd/transmit.h"

namespace vswitch {
namespace {

// The outgoing ring, for BurstSender.
class OutgoingRing : public MbufLink<OutgoingRing> {
 public:
  OutgoingRing(rte_ring* ring, rte_mempool* pool) : ring_(ring), pool_(pool) {}

  uint16_t Transmit(rte_mbuf** mbufs, uint16_t count) {
    return static_cast<uint16_t>(
        rte_ring_sp_enqueue_burst(ring_, reinterpret_cast<void* const*>(mbufs), count, nullptr));
  }
  bool Prepare(Packet& packet) {
    return SetTxRequest(PacketBuffer::Mbuf(packet), packet.offload(), /*ip_checksum=*/true);
  }
  const OffloadSupport& support() const {
    static constexpr OffloadSupport kAll{true, true, true};
    return kAll;
  }
  rte_mempool* pool() const { return pool_; }
  DropReason refusal() const { return DropReason::kBackendFull; }

 private:
  rte_ring* const ring_;
  rte_mempool* const pool_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> RingBackend::Create(const BackendSpec& spec,
                                                             const std::string& device,
                                                             const BackendEnv& env) {
  const std::string& name = spec.name.empty() ? device : spec.name;
  absl::StatusOr<Ring> rx = NewRing(name + "_rx", RING_F_SC_DEQ);
  if (!rx.ok()) return rx.status();
  absl::StatusOr<Ring> tx = NewRing(name + "_tx", RING_F_SP_ENQ);
  if (!tx.ok()) return tx.status();
  return std::unique_ptr<Backend>(new RingBackend(name, std::move(*rx), std::move(*tx), env.pool));
}

absl::StatusOr<RingBackend::Ring> RingBackend::NewRing(const std::string& name, unsigned flags) {
  if (name.size() >= RTE_RING_NAMESIZE) {
    return ErrnoStatus(ENAMETOOLONG, absl::StrCat("ring name ", name, " is longer than ",
                                                  RTE_RING_NAMESIZE - 1, " bytes"));
  }
  rte_ring* ring = rte_ring_create(name.c_str(), kEntries, SOCKET_ID_ANY, flags);
  if (ring != nullptr) return Ring(ring);
  const int error = rte_errno == 0 ? ENOMEM : rte_errno;
  if (error == EEXIST) {
    return ErrnoStatus(EEXIST, absl::StrCat("a ring named ", name, " exists already"));
  }
  return ErrnoStatus(error, absl::StrCat("cannot create ring ", name, ": ", rte_strerror(error)));
}

RingBackend::~RingBackend() = default;

void RingBackend::Free::operator()(rte_ring* ring) const {
  void* entry = nullptr;
  while (rte_ring_dequeue(ring, &entry) == 0) rte_pktmbuf_free(static_cast<rte_mbuf*>(entry));
  rte_ring_free(ring);
}

void RingBackend::Receive(uint16_t /*queue*/, Burst& burst) {
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  const unsigned count = rte_ring_sc_dequeue_burst(
      rx_.get(), reinterpret_cast<void**>(mbufs.data()), Burst::kCapacity, nullptr);
  FillBurst({mbufs.data(), count}, TakeTxRequest, burst);
}

SendResult RingBackend::Send(uint16_t /*queue*/, Burst& burst) {
  OutgoingRing link(tx_.get(), pool_);
  if (AnyOffload(burst)) return BurstSender(link, burst).Run();
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  GatherMbufs(burst.view(), mbufs.data());
  return {link.Transmit(mbufs.data(), burst.count), DropReason::kBackendFull};
}

}  // namespace vswitch
