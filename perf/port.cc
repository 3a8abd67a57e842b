// SPDX-License-Identifier: BSD-3-Clause
#include "perf/port.h"

#include <rte_dev.h>
#include <rte_errno.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace vswitch {
namespace {

// Enough to fill a ring and the cache in front of the pool; more would only leave the CPU's cache.
constexpr unsigned kPoolCache = 256;
// The driver asks for room for a virtio header and VLAN tags beside the frame.
constexpr uint32_t kExtraRoom = 64;

absl::Status Failure(const std::string& what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", rte_strerror(error)));
}

MempoolPtr MakePool(const std::string& name, unsigned buffers, uint32_t frame_size) {
  const uint32_t room =
      std::max<uint32_t>(RTE_MBUF_DEFAULT_BUF_SIZE, RTE_PKTMBUF_HEADROOM + frame_size + kExtraRoom);
  return MempoolPtr(rte_pktmbuf_pool_create(name.c_str(), buffers, kPoolCache, 0,
                                            static_cast<uint16_t>(room), SOCKET_ID_ANY));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PerfPort>> PerfPort::Open(const PortOptions& options,
                                                         const std::string& socket, uint16_t index,
                                                         uint32_t frame_size) {
  auto port =
      std::unique_ptr<PerfPort>(new PerfPort(socket, absl::StrCat("net_virtio_user", index)));
  absl::Status status = port->Plug(options, index);
  if (status.ok()) status = port->MakePools(options.queue_size, frame_size);
  if (status.ok()) status = port->Start(options.queue_size, frame_size);
  if (!status.ok()) return status;
  return port;
}

absl::Status PerfPort::Plug(const PortOptions& options, uint16_t index) {
  const std::string arguments =
      absl::StrCat("path=", socket_, ",queue_size=", options.queue_size,
                   ",packed_vq=", options.packed ? 1 : 0, ",mac=02:00:00:00:00:0", 1 + index);
  const int error = rte_eal_hotplug_add("vdev", device_.c_str(), arguments.c_str());
  // DPDK's errno says nothing about what went wrong; its log on standard error does.
  if (error != 0) return absl::UnavailableError(absl::StrCat("no switch serves ", socket_));
  const int found = rte_eth_dev_get_port_by_name(device_.c_str(), &id_);
  return found == 0 ? absl::OkStatus() : Failure(device_, -found);
}

absl::Status PerfPort::MakePools(uint16_t queue_size, uint32_t frame_size) {
  const unsigned buffers = 2 * queue_size + 2 * kPoolCache - 1;
  rx_pool_ = MakePool(device_ + "_rx", buffers, frame_size);
  tx_pool_ = MakePool(device_ + "_tx", buffers, frame_size);
  return rx_pool_ && tx_pool_ ? absl::OkStatus() : Failure("packet buffers", rte_errno);
}

absl::Status PerfPort::Start(uint16_t queue_size, uint32_t frame_size) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = std::max<uint32_t>(RTE_ETHER_MTU, frame_size - RTE_ETHER_HDR_LEN);
  int error = rte_eth_dev_configure(id_, 1, 1, &conf);
  if (error == 0) {
    error = rte_eth_rx_queue_setup(id_, 0, queue_size, SOCKET_ID_ANY, nullptr, rx_pool_.get());
  }
  if (error == 0) error = rte_eth_tx_queue_setup(id_, 0, queue_size, SOCKET_ID_ANY, nullptr);
  if (error == 0) error = rte_eth_dev_start(id_);
  return error == 0 ? absl::OkStatus() : Failure(absl::StrCat("cannot start ", socket_), -error);
}

PerfPort::~PerfPort() {
  if (id_ == RTE_MAX_ETHPORTS) return;
  rte_eth_dev_stop(id_);
  rte_eal_hotplug_remove("vdev", device_.c_str());
}

}  // namespace vswitch
