// SPDX-License-Identifier: BSD-3-Clause
#include "perf/port.h"

#include <rte_dev.h>
#include <rte_errno.h>

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "perf/frame.h"
#include "pmd/ring_backend.h"

namespace vswitch {
namespace {

// Enough to fill a ring and the cache in front of the pool; more would only leave the CPU's cache.
constexpr unsigned kPoolCache = 256;
// The driver asks for room for a virtio header and VLAN tags beside the frame.
constexpr uint32_t kExtraRoom = 64;
constexpr uint32_t kMbufOverhead = 256;

absl::Status Failure(const std::string& what, int error) {
  return absl::UnavailableError(absl::StrCat(what, ": ", rte_strerror(error)));
}

// A chain of fewer buffers the driver puts into an indirect table, if that is negotiated, unless
// the ring is split and in order (VIRTIO_MAX_TX_INDIRECT). With tables a ring of N keeps N long
// frames under way, which no cache holds. (And those of packed rings are against the standard: the
// header is said to be for the switch to write.)
constexpr uint16_t kTooManyForTable = 8;
constexpr uint16_t kMostSegments = kTooManyForTable;
static_assert(FrameCodec::kMaxSize <= kMostSegments * PerfPort::kBufferSize);

uint16_t SegmentsOf(uint32_t frame_size) {
  return static_cast<uint16_t>((frame_size + PerfPort::kBufferSize - 1) / PerfPort::kBufferSize);
}

uint16_t SegmentsOf(uint32_t frame_size, const PortOptions& options) {
  const uint16_t segments = SegmentsOf(frame_size);
  const bool tables = options.packed || !options.in_order;
  return segments > 1 && tables ? kTooManyForTable : segments;
}

// Where the whole frame must fit into one.
uint16_t RoomFor(uint32_t frame_size) {
  return static_cast<uint16_t>(std::max<uint32_t>(RTE_MBUF_DEFAULT_BUF_SIZE,
                                                  RTE_PKTMBUF_HEADROOM + frame_size + kExtraRoom));
}

unsigned BuffersFor(unsigned in_flight) { return in_flight + 2 * kPoolCache - 1; }

absl::StatusOr<MempoolPtr> MakePool(const std::string& name, unsigned buffers, uint16_t room) {
  MempoolPtr pool(
      rte_pktmbuf_pool_create(name.c_str(), buffers, kPoolCache, 0, room, SOCKET_ID_ANY));
  if (pool != nullptr) return pool;
  return Failure("packet buffers (more --memory?)", rte_errno);
}

// A port "kernel:IFACE" is a packet socket on an interface of the kernel.
constexpr absl::string_view kKernelPrefix = "kernel:";

bool IsKernel(const std::string& socket) { return absl::StartsWith(socket, kKernelPrefix); }

std::string KernelArguments(const std::string& socket) {
  return absl::StrCat("iface=", absl::StripPrefix(socket, kKernelPrefix),
                      ",qpairs=1,blocksz=65536,framesz=2048,framecnt=1024");
}

unsigned InFlight(const PortOptions& options) {
  return 2U * (options.ring_pairs > 0 ? RingBackend::kEntries : options.queue_size) *
         options.queues;
}

std::string MacText(uint64_t mac) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", mac >> 40 & 0xff, mac >> 32 & 0xff,
                         mac >> 24 & 0xff, mac >> 16 & 0xff, mac >> 8 & 0xff, mac & 0xff);
}

std::string GuestArguments(const PortOptions& options, const std::string& socket, uint64_t mac) {
  return absl::StrCat("path=", socket, ",queue_size=", options.queue_size,
                      ",queues=", options.queues, ",packed_vq=", options.packed ? 1 : 0,
                      ",in_order=", options.in_order ? 1 : 0,
                      ",mrg_rxbuf=", options.mergeable ? 1 : 0, ",mac=", MacText(mac));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PerfPort>> PerfPort::Connect(const PortOptions& options,
                                                            const std::string& socket,
                                                            uint16_t index, uint64_t mac,
                                                            uint32_t frame_size) {
  auto port = std::unique_ptr<PerfPort>(new PerfPort(
      absl::StrCat(IsKernel(socket) ? "net_af_packet" : "net_virtio_user", index), options.queues));
  absl::Status status = port->Plug(options, socket, mac);
  if (status.ok()) status = port->LookAtDevice(SegmentsOf(frame_size, options));
  if (status.ok()) status = port->MakePools(options, frame_size);
  if (status.ok()) status = port->Start(options, frame_size);
  if (!status.ok()) return status;
  return port;
}

absl::StatusOr<std::unique_ptr<PerfPort>> PerfPort::OverRings(rte_ring* send, rte_ring* receive,
                                                              uint32_t frame_size) {
  auto port = std::unique_ptr<PerfPort>(new PerfPort(send->name, 1));
  port->send_ring_ = send;
  port->receive_ring_ = receive;
  port->SplitFrames(SegmentsOf(frame_size));
  const unsigned in_flight = rte_ring_get_capacity(send) + rte_ring_get_capacity(receive);
  auto pool = MakePool(absl::StrCat("pool_", send->name), port->segments_ * BuffersFor(in_flight),
                       RTE_MBUF_DEFAULT_BUF_SIZE);
  if (!pool.ok()) return pool.status();
  port->send_pool_ = *std::move(pool);
  return port;
}

uint64_t PerfPort::MemoryFor(const PortOptions& options, uint32_t frame_size) {
  const uint64_t buffers = BuffersFor(InFlight(options));
  if (!options.mergeable) return 2 * buffers * (RoomFor(frame_size) + kMbufOverhead);
  return (1 + SegmentsOf(frame_size, options)) * buffers *
         (RTE_MBUF_DEFAULT_BUF_SIZE + kMbufOverhead);
}

absl::Status PerfPort::Plug(const PortOptions& options, const std::string& socket, uint64_t mac) {
  const std::string arguments =
      IsKernel(socket) ? KernelArguments(socket) : GuestArguments(options, socket, mac);
  const int error = rte_eal_hotplug_add("vdev", device_.c_str(), arguments.c_str());
  // DPDK's errno says nothing about what went wrong; its log on standard error does.
  if (error != 0) return absl::UnavailableError(absl::StrCat("no switch serves ", socket));
  const int found = rte_eth_dev_get_port_by_name(device_.c_str(), &id_);
  return found == 0 ? absl::OkStatus() : Failure(device_, -found);
}

absl::Status PerfPort::LookAtDevice(uint16_t segments) {
  rte_eth_dev_info info;
  const int error = rte_eth_dev_info_get(id_, &info);
  if (error != 0) return Failure(device_, -error);
  const bool splits = (info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER) != 0 &&
                      (info.tx_offload_capa & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  if (splits) SplitFrames(segments);
  return absl::OkStatus();
}

void PerfPort::SplitFrames(uint16_t segments) {
  segments_ = segments;
  burst_ = kBurst / segments_;
}

// Gives everything back when there is not enough.
bool PerfPort::Lengthen(std::span<rte_mbuf* const> packets) {
  std::array<rte_mbuf*, kMostSegments> more;
  for (rte_mbuf* packet : packets) {
    if (rte_pktmbuf_alloc_bulk(send_pool_.get(), more.data(), segments_ - 1U) != 0) {
      for (rte_mbuf* one : packets) rte_pktmbuf_free(one);
      return false;
    }
    packet->nb_segs = segments_;
    for (uint16_t i = 0; i + 1 < segments_; ++i) packet = packet->next = more[i];
  }
  return true;
}

absl::Status PerfPort::MakePools(const PortOptions& options, uint32_t frame_size) {
  const unsigned buffers = BuffersFor(InFlight(options));
  const uint16_t room = splits() ? RTE_MBUF_DEFAULT_BUF_SIZE : RoomFor(frame_size);
  auto receive = MakePool(device_ + "_rx", buffers, room);
  if (!receive.ok()) return receive.status();
  receive_pool_ = *std::move(receive);
  auto send = MakePool(device_ + "_tx", segments_ * buffers, room);
  if (!send.ok()) return send.status();
  send_pool_ = *std::move(send);
  return absl::OkStatus();
}

absl::Status PerfPort::Start(const PortOptions& options, uint32_t frame_size) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = std::max<uint32_t>(RTE_ETHER_MTU, frame_size - RTE_ETHER_HDR_LEN);
  if (splits()) {
    conf.rxmode.offloads = RTE_ETH_RX_OFFLOAD_SCATTER;
    conf.txmode.offloads = RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  }
  int error = rte_eth_dev_configure(id_, queues_, queues_, &conf);
  for (uint16_t queue = 0; error == 0 && queue < queues_; ++queue) {
    error = rte_eth_rx_queue_setup(id_, queue, options.queue_size, SOCKET_ID_ANY, nullptr,
                                   receive_pool_.get());
    if (error != 0) break;
    error = rte_eth_tx_queue_setup(id_, queue, options.queue_size, SOCKET_ID_ANY, nullptr);
  }
  if (error == 0) error = rte_eth_dev_start(id_);
  if (error == 0) return absl::OkStatus();
  return Failure(absl::StrCat("cannot start ", device_, " with ", queues_, " queue pairs"), -error);
}

PerfPort::~PerfPort() {
  if (id_ == RTE_MAX_ETHPORTS) return;
  rte_eth_dev_stop(id_);
  rte_eal_hotplug_remove("vdev", device_.c_str());
}

}  // namespace vswitch
