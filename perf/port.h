// SPDX-License-Identifier: BSD-3-Clause
// A virtio-user port: what a VM's network card is to the switch.
#ifndef VSWITCH_PERF_PORT_H_
#define VSWITCH_PERF_PORT_H_

#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "perf/options.h"

namespace vswitch {

struct MempoolFree {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};
using MempoolPtr = std::unique_ptr<rte_mempool, MempoolFree>;

// One thread. One queue pair; frames are never split over several mbufs.
class PerfPort {
 public:
  static constexpr uint16_t kBurst = 32;

  // Connects to `socket`, where a switch listens. `index` numbers the port in this process;
  // `frame_size` is the largest that is sent or received.
  static absl::StatusOr<std::unique_ptr<PerfPort>> Open(const PortOptions& options,
                                                        const std::string& socket, uint16_t index,
                                                        uint32_t frame_size);
  ~PerfPort();
  PerfPort(const PerfPort&) = delete;
  PerfPort& operator=(const PerfPort&) = delete;

  // Up to kBurst packets; the caller owns them.
  uint16_t Receive(rte_mbuf** packets) { return rte_eth_rx_burst(id_, 0, packets, kBurst); }
  // Takes the first packets and returns how many; the rest stays the caller's.
  uint16_t Send(rte_mbuf** packets, uint16_t count) {
    return rte_eth_tx_burst(id_, 0, packets, count);
  }
  // Empty buffers to send; false when all are under way.
  bool Allocate(rte_mbuf** packets, uint16_t count) {
    return rte_pktmbuf_alloc_bulk(tx_pool_.get(), packets, count) == 0;
  }

  const std::string& socket() const { return socket_; }

 private:
  PerfPort(std::string socket, std::string device)
      : socket_(std::move(socket)), device_(std::move(device)) {}

  absl::Status Plug(const PortOptions& options, uint16_t index);
  absl::Status MakePools(uint16_t queue_size, uint32_t frame_size);
  absl::Status Start(uint16_t queue_size, uint32_t frame_size);

  const std::string socket_;
  const std::string device_;  // EAL's name of it
  uint16_t id_ = RTE_MAX_ETHPORTS;
  MempoolPtr rx_pool_;
  MempoolPtr tx_pool_;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_PORT_H_
