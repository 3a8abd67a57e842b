// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/ethdev_backend.h"

#include <rte_mbuf.h>

#include <array>

#include "dataplane/packet_buffer.h"
#include "pmd/offload.h"
#include "pmd/pull.h"
#include "pmd/receive.h"
#include "pmd/transmit.h"

namespace vswitch {
namespace {

// One transmit queue, for BurstSender.
class TxQueue : public MbufLink<TxQueue> {
 public:
  TxQueue(const EthdevPort& port, uint16_t queue, rte_mempool* pool)
      : port_(port), queue_(queue), pool_(pool) {}

  uint16_t Transmit(rte_mbuf** mbufs, uint16_t count) {
    const uint16_t fit = port_.sends_chains() ? count : JoinChains(mbufs, count);
    // Some drivers want the pseudo-header sum in a form of their own.
    const uint16_t ready = prepare_ ? rte_eth_tx_prepare(port_.id(), queue_, mbufs, fit) : fit;
    refusal_ = ready == count ? DropReason::kBackendFull : DropReason::kOffload;
    const uint16_t sent = rte_eth_tx_burst(port_.id(), queue_, mbufs, ready);
    if (sent < ready) refusal_ = DropReason::kBackendFull;
    return sent;
  }
  bool Prepare(Packet& packet) {
    prepare_ = true;
    return SetTxRequest(PacketBuffer::Mbuf(packet), packet.offload(), /*ip_checksum=*/true);
  }
  const OffloadSupport& support() const { return port_.support(); }
  rte_mempool* pool() const { return pool_; }
  DropReason refusal() const { return refusal_; }

 private:
  const EthdevPort& port_;
  const uint16_t queue_;
  rte_mempool* const pool_;
  bool prepare_ = false;
  DropReason refusal_ = DropReason::kBackendFull;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> EthdevBackend::Create(const BackendSpec& spec,
                                                               uint32_t mtu,
                                                               const BackendEnv& env) {
  absl::StatusOr<std::unique_ptr<EthdevPort>> port = EthdevPort::Open(spec.devargs);
  if (!port.ok()) return port.status();
  const absl::Status started = (*port)->Start(spec.queues, mtu, env.pool);
  if (!started.ok()) return started;
  return std::unique_ptr<Backend>(new EthdevBackend(std::move(*port), spec, env.pool));
}

void EthdevBackend::Receive(uint16_t queue, Burst& burst) {
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  const uint16_t count = rte_eth_rx_burst(port_->id(), queue, mbufs.data(), Burst::kCapacity);
  // No port is asked for receive offloads, but what stands behind net_ring or net_vhost is another
  // program, and its requests come along.
  FillBurst({mbufs.data(), count}, TakeRequest, burst);
}

SendResult EthdevBackend::Send(uint16_t queue, Burst& burst) {
  TxQueue link(*port_, queue, pool_);
  if (AnyOffload(burst)) return BurstSender(link, burst).Run();
  std::array<rte_mbuf*, Burst::kCapacity> mbufs;
  GatherMbufs(burst.view(), mbufs.data());
  const uint16_t sent = link.Transmit(mbufs.data(), burst.count);
  return {sent, link.refusal()};
}

BackendStatus EthdevBackend::Status() const {
  return {"ethdev", port_->link_up() ? "up" : "down", devargs_, queues_};
}

}  // namespace vswitch
