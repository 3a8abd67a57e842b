// SPDX-License-Identifier: BSD-3-Clause
// The wire behind a device: a DPDK port, hot-plugged by its devargs.
#ifndef VSWITCH_PMD_ETHDEV_BACKEND_H_
#define VSWITCH_PMD_ETHDEV_BACKEND_H_

#include <rte_ethdev.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "pmd/ethdev_port.h"
#include "pmd/factory.h"

namespace vswitch {

class EthdevBackend final : public Backend {
 public:
  // Control thread.
  static absl::StatusOr<std::unique_ptr<Backend>> Create(const BackendSpec& spec, uint32_t mtu,
                                                         const BackendEnv& env);
  ~EthdevBackend() override = default;

  uint16_t queues() const override { return queues_; }
  void Receive(uint16_t queue, Burst& burst) override;
  SendResult Send(uint16_t queue, Burst& burst) override;
  BackendStatus Status() const override;
  absl::Status SetMtu(uint32_t mtu) override { return port_->SetMtu(mtu); }
  std::optional<NicState> Nic() const override { return port_->State(); }
  absl::Status SetAddress(const std::array<uint8_t, 6>& address) override {
    return port_->SetAddress(address);
  }

 private:
  EthdevBackend(std::unique_ptr<EthdevPort> port, const BackendSpec& spec, rte_mempool* pool)
      : devargs_(spec.devargs), port_(std::move(port)), queues_(spec.queues), pool_(pool) {}

  const std::string devargs_;
  const std::unique_ptr<EthdevPort> port_;
  const uint16_t queues_;
  rte_mempool* const pool_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_ETHDEV_BACKEND_H_
