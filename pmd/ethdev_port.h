// SPDX-License-Identifier: BSD-3-Clause
// A DPDK port from probing to removal.
#ifndef VSWITCH_PMD_ETHDEV_PORT_H_
#define VSWITCH_PMD_ETHDEV_PORT_H_

#include <rte_ethdev.h>

#include <array>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "pmd/offload.h"

namespace vswitch {

// Control thread, but for the accessors.
class EthdevPort {
 public:
  // Finds or probes the port that `devargs` names, and owns it. EINVAL for devargs that no driver
  // takes, EBUSY for a port in use, ENOSPC at DPDK's limit of ports.
  static absl::StatusOr<std::unique_ptr<EthdevPort>> Open(const std::string& devargs);
  // Stops and closes the port and removes its device.
  ~EthdevPort();
  EthdevPort(const EthdevPort&) = delete;
  EthdevPort& operator=(const EthdevPort&) = delete;

  // Sets up `queues` queue pairs and starts, promiscuous.
  absl::Status Start(uint16_t queues, uint32_t mtu, rte_mempool* pool);

  // EINVAL beyond the port's limits; EBUSY from drivers that cannot while the port runs. Drivers
  // that have no MTU take any.
  absl::Status SetMtu(uint32_t mtu);
  // The port is promiscuous: drivers that cannot change the address take frames for any.
  absl::Status SetAddress(const std::array<uint8_t, 6>& address);
  NicState State() const;

  uint16_t id() const { return id_; }
  bool link_up() const;
  const OffloadSupport& support() const { return support_; }
  bool sends_chains() const { return sends_chains_; }

 private:
  EthdevPort(uint16_t id, const std::string& devargs) : id_(id), devargs_(devargs) {}
  absl::Status Configure(const rte_eth_dev_info& info, uint16_t queues, uint32_t mtu,
                         rte_mempool* pool);
  absl::Status SetUpQueues(const rte_eth_dev_info& info, const rte_eth_conf& conf, uint16_t queues,
                           rte_mempool* pool);
  absl::Status CheckMtu(const rte_eth_dev_info& info, uint32_t mtu) const;
  absl::Status Fail(int error, const std::string& what) const;

  const uint16_t id_;
  const std::string devargs_;
  OffloadSupport support_;
  bool sends_chains_ = false;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_ETHDEV_PORT_H_
