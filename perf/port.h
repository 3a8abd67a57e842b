// SPDX-License-Identifier: BSD-3-Clause
// A port of the generator: a virtio-user device, which is what a VM's network card is to the
// switch, or a pair of rings.
#ifndef VSWITCH_PERF_PORT_H_
#define VSWITCH_PERF_PORT_H_

#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"
#include "perf/options.h"

namespace vswitch {

struct MempoolFree {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};
using MempoolPtr = std::unique_ptr<rte_mempool, MempoolFree>;

// One thread. Frames that are longer than a buffer lie in several, as a guest's do; where a device
// cannot do that the buffers are longer.
class PerfPort {
 public:
  static constexpr uint16_t kBurst = 32;
  static constexpr uint32_t kBufferSize = RTE_MBUF_DEFAULT_DATAROOM;

  // Connects to `socket`, where a switch listens. `index` numbers the port in this process and
  // `mac` is its address; `frame_size` is the largest that is sent or received.
  static absl::StatusOr<std::unique_ptr<PerfPort>> Connect(const PortOptions& options,
                                                           const std::string& socket,
                                                           uint16_t index, uint64_t mac,
                                                           uint32_t frame_size);
  // Sends into one ring and receives from another (or the same), which outlive the port's use, not
  // the port.
  static absl::StatusOr<std::unique_ptr<PerfPort>> OverRings(rte_ring* send, rte_ring* receive,
                                                             uint32_t frame_size);
  ~PerfPort();
  PerfPort(const PerfPort&) = delete;
  PerfPort& operator=(const PerfPort&) = delete;

  // Bytes of DPDK memory that a port takes, about.
  static uint64_t MemoryFor(const PortOptions& options, uint32_t frame_size);

  uint16_t queues() const { return queues_; }
  // Whether frames are longer than a buffer.
  bool splits() const { return segments_ > 1; }
  // The frames of the largest size that lie in kBurst buffers.
  uint16_t burst() const { return burst_; }

  // burst() packets, or as many as there are, never more than kBurst; the caller owns them. (A
  // device goes through kBurst buffers and to the end of the last one's packet.)
  uint16_t Receive(uint16_t queue, rte_mbuf** packets) {
    if (receive_ring_ == nullptr) return rte_eth_rx_burst(id_, queue, packets, kBurst);
    return static_cast<uint16_t>(rte_ring_sc_dequeue_burst(
        receive_ring_, reinterpret_cast<void**>(packets), burst_, nullptr));
  }
  // Takes the first packets and returns how many; the rest stays the caller's.
  uint16_t Send(uint16_t queue, rte_mbuf** packets, uint16_t count) {
    if (send_ring_ == nullptr) return rte_eth_tx_burst(id_, queue, packets, count);
    return static_cast<uint16_t>(
        rte_ring_enqueue_burst(send_ring_, reinterpret_cast<void**>(packets), count, nullptr));
  }
  // Empty packets to send, each with buffers for the largest frame; false when all are under way.
  bool Allocate(rte_mbuf** packets, uint16_t count) {
    if (rte_pktmbuf_alloc_bulk(send_pool_.get(), packets, count) != 0) return false;
    return !splits() || Lengthen({packets, count});
  }

 private:
  PerfPort(std::string device, uint16_t queues) : device_(std::move(device)), queues_(queues) {}

  absl::Status Plug(const PortOptions& options, const std::string& socket, uint64_t mac);
  // Whether frames may lie in several buffers.
  absl::Status LookAtDevice(uint16_t segments);
  absl::Status MakePools(const PortOptions& options, uint32_t frame_size);
  absl::Status Start(const PortOptions& options, uint32_t frame_size);
  void SplitFrames(uint16_t segments);
  bool Lengthen(std::span<rte_mbuf* const> packets);

  const std::string device_;  // EAL's name of it
  const uint16_t queues_;
  uint16_t segments_ = 1;  // buffers of the largest frame
  uint16_t burst_ = kBurst;
  uint16_t id_ = RTE_MAX_ETHPORTS;
  rte_ring* send_ring_ = nullptr;
  rte_ring* receive_ring_ = nullptr;
  MempoolPtr receive_pool_;
  MempoolPtr send_pool_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_PORT_H_
