// SPDX-License-Identifier: BSD-3-Clause
// Another program behind a device: a pair of rte_rings of mbufs.
#ifndef VSWITCH_PMD_RING_BACKEND_H_
#define VSWITCH_PMD_RING_BACKEND_H_

#include <rte_ring.h>

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "pmd/factory.h"

namespace vswitch {

// The other program, in this process or a DPDK secondary, finds the rings with rte_ring_lookup:
//   NAME_rx  it enqueues the frames it sends (any number of producers); the switch takes them out
//   NAME_tx  the switch puts in what it delivers; it dequeues (any number of consumers) and frees
// One ring entry is one mbuf (chain). Offload requests are DPDK's TX flags with l2_len, l3_len and
// tso_segsz, both ways: TCP and UDP checksums, TCP segmentation, IPv4 header checksum. What stands
// in the checksum field is the switch's business on the way in; on the way out it is the
// pseudo-header sum with the length, so a program that passes frames on to a NIC calls
// rte_eth_tx_prepare, as for any frame. The mbufs' pool must be known to this process.
class RingBackend final : public Backend {
 public:
  static constexpr uint32_t kEntries = 1024;

  // Control thread.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const BackendSpec& spec,
                                                         const std::string& device,
                                                         const BackendEnv& env);
  // Frees the rings and what is in them: the other program must have let go of them.
  ~RingBackend() override;

  uint16_t queues() const override { return 1; }
  void Receive(uint16_t queue, Burst& burst) override;
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override { return {"ring", "up", name_, 1}; }

 private:
  struct Free {
    void operator()(rte_ring* ring) const;
  };
  using Ring = std::unique_ptr<rte_ring, Free>;

  static absl::StatusOr<Ring> NewRing(const std::string& name, unsigned flags);
  RingBackend(const std::string& name, Ring rx, Ring tx, rte_mempool* pool)
      : name_(name), rx_(std::move(rx)), tx_(std::move(tx)), pool_(pool) {}

  const std::string name_;
  const Ring rx_;
  const Ring tx_;
  rte_mempool* const pool_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_RING_BACKEND_H_
