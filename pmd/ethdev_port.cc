// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/ethdev_port.h"

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

constexpr uint16_t kDescriptors = 1024;
// A GSO frame of 64 KiB in our buffers, and its headers.
constexpr uint16_t kGsoSegments = 40;

constexpr uint64_t kTxChecksums =
    RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_IPV4_CKSUM;
constexpr uint64_t kTxOffloads =
    kTxChecksums | RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;

// All our ports have this one owner, and each port one user.
rte_eth_dev_owner Owner() {
  static const uint64_t id = [] {
    uint64_t value = RTE_ETH_DEV_NO_OWNER;
    rte_eth_dev_owner_new(&value);
    return value;
  }();
  rte_eth_dev_owner owner{};
  owner.id = id;
  std::copy_n("vswitch", sizeof("vswitch"), owner.name);
  return owner;
}

// RTE_MAX_ETHPORTS when there is none yet.
uint16_t FindPort(const std::string& devargs) {
  rte_dev_iterator iterator;
  if (rte_eth_iterator_init(&iterator, devargs.c_str()) != 0) return RTE_MAX_ETHPORTS;
  const uint16_t port = rte_eth_iterator_next(&iterator);
  if (port != RTE_MAX_ETHPORTS) rte_eth_iterator_cleanup(&iterator);
  return port;
}

// The class and bus prefixes aside, a PCI address begins with a hexadecimal domain or bus.
bool LooksLikePci(const std::string& devargs) {
  const std::string name = devargs.substr(0, devargs.find(','));
  return name.rfind("pci:", 0) == 0 || name.find(':') == 4 || name.find(':') == 2;
}

absl::Status Probe(const std::string& devargs) {
  // All ports have a device of their own in this process, so a port that is missing needs a place.
  if (rte_eth_dev_count_total() >= RTE_MAX_ETHPORTS) {
    return ErrnoStatus(ENOSPC, absl::StrCat("no room for ", devargs, ": DPDK has at most ",
                                            RTE_MAX_ETHPORTS, " ports in a process"));
  }
  const int result = rte_dev_probe(devargs.c_str());
  if (result == 0 || result == -EEXIST) return absl::OkStatus();
  std::string message = absl::StrCat("no DPDK driver takes devargs \"", devargs, "\"");
  if (LooksLikePci(devargs)) {
    absl::StrAppend(&message, "; a PCI device must be bound to vfio-pci, and vswitch be started ",
                    "with PCI (without --no-pci)");
  }
  return ErrnoStatus(EINVAL, message);
}

void AddRss(const rte_eth_dev_info& info, rte_eth_conf* conf) {
  conf->rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
  conf->rx_adv_conf.rss_conf.rss_hf =
      info.flow_type_rss_offloads & (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP | RTE_ETH_RSS_UDP);
}

rte_eth_conf ConfigurationFor(const rte_eth_dev_info& info, uint16_t queues, uint32_t mtu,
                              rte_mempool* pool) {
  rte_eth_conf conf{};
  conf.rxmode.mtu = mtu;
  const uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
  if (mtu + kEthernetHeaderSize + 2 * kVlanTagSize + RTE_ETHER_CRC_LEN > room) {
    conf.rxmode.offloads = info.rx_offload_capa & RTE_ETH_RX_OFFLOAD_SCATTER;
  }
  conf.txmode.offloads = info.tx_offload_capa & kTxOffloads;
  if (queues > 1) AddRss(info, &conf);
  return conf;
}

// eth_dev_validate_mtu: the longest frame counts, too.
uint32_t LargestMtu(const rte_eth_dev_info& info) {
  if (info.max_mtu != UINT16_MAX) return info.max_mtu;
  constexpr uint32_t kOverhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;
  return std::min<uint32_t>(UINT16_MAX, info.max_rx_pktlen - kOverhead);
}

OffloadSupport SupportOf(const rte_eth_dev_info& info) {
  const auto has = [&info](uint64_t offloads) {
    return (info.tx_offload_capa & offloads) == offloads;
  };
  OffloadSupport support;
  support.checksum = has(RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
  const bool tso = support.checksum && info.tx_desc_lim.nb_seg_max >= kGsoSegments &&
                   has(RTE_ETH_TX_OFFLOAD_TCP_TSO | RTE_ETH_TX_OFFLOAD_MULTI_SEGS);
  support.tso4 = tso && has(RTE_ETH_TX_OFFLOAD_IPV4_CKSUM);
  support.tso6 = tso;
  return support;
}

}  // namespace

absl::StatusOr<std::unique_ptr<EthdevPort>> EthdevPort::Open(const std::string& devargs) {
  if (devargs.empty()) return ErrnoStatus(EINVAL, "an ethdev needs devargs");
  uint16_t id = FindPort(devargs);
  if (id == RTE_MAX_ETHPORTS) {
    const absl::Status probed = Probe(devargs);
    if (!probed.ok()) return probed;
    id = FindPort(devargs);
  }
  if (id == RTE_MAX_ETHPORTS) {
    return ErrnoStatus(EINVAL, absl::StrCat("devargs \"", devargs, "\" make no network port"));
  }
  const rte_eth_dev_owner owner = Owner();
  // Refused for a port that has an owner, even if that is us.
  if (rte_eth_dev_owner_set(id, &owner) != 0) {
    return ErrnoStatus(EBUSY, absl::StrCat("the port of \"", devargs, "\" is in use"));
  }
  return std::unique_ptr<EthdevPort>(new EthdevPort(id, devargs));
}

EthdevPort::~EthdevPort() {
  rte_eth_dev_info info{};
  const bool known = rte_eth_dev_info_get(id_, &info) == 0;
  rte_eth_dev_stop(id_);
  rte_eth_dev_close(id_);
  if (!known || info.device == nullptr) return;
  // Some devices have several ports.
  uint16_t sibling;
  RTE_ETH_FOREACH_DEV_OF(sibling, info.device) return;
  rte_dev_remove(info.device);
}

absl::Status EthdevPort::Fail(int error, const std::string& what) const {
  return ErrnoStatus(
      error, absl::StrCat("cannot ", what, " port \"", devargs_, "\": ", rte_strerror(error)));
}

absl::Status EthdevPort::Start(uint16_t queues, uint32_t mtu, rte_mempool* pool) {
  rte_eth_dev_info info{};
  int result = rte_eth_dev_info_get(id_, &info);
  if (result != 0) return Fail(-result, "look at");
  absl::Status status = Configure(info, queues, mtu, pool);
  if (!status.ok()) return status;
  result = rte_eth_dev_start(id_);
  if (result != 0) return Fail(-result, "start");
  // Not every driver can; those that cannot receive everything anyhow, or have no filter.
  rte_eth_promiscuous_enable(id_);
  return absl::OkStatus();
}

absl::Status EthdevPort::Configure(const rte_eth_dev_info& info, uint16_t queues, uint32_t mtu,
                                   rte_mempool* pool) {
  const uint16_t most = std::min(info.max_rx_queues, info.max_tx_queues);
  if (queues < 1 || queues > most) {
    return ErrnoStatus(EINVAL, absl::StrCat("port \"", devargs_, "\" has 1 to ", most, " queues"));
  }
  if (const absl::Status status = CheckMtu(info, mtu); !status.ok()) return status;
  const rte_eth_conf conf = ConfigurationFor(info, queues, mtu, pool);
  const int result = rte_eth_dev_configure(id_, queues, queues, &conf);
  if (result != 0) return Fail(-result, "configure");
  sends_chains_ = (conf.txmode.offloads & RTE_ETH_TX_OFFLOAD_MULTI_SEGS) != 0;
  support_ = SupportOf(info);
  if (const absl::Status status = SetMtu(mtu); !status.ok()) return status;
  return SetUpQueues(info, conf, queues, pool);
}

absl::Status EthdevPort::SetUpQueues(const rte_eth_dev_info& info, const rte_eth_conf& conf,
                                     uint16_t queues, rte_mempool* pool) {
  uint16_t rx_descriptors = kDescriptors;
  uint16_t tx_descriptors = kDescriptors;
  rte_eth_dev_adjust_nb_rx_tx_desc(id_, &rx_descriptors, &tx_descriptors);
  const auto socket = static_cast<unsigned>(SOCKET_ID_ANY);
  rte_eth_rxconf rx = info.default_rxconf;
  rx.offloads = conf.rxmode.offloads;
  rte_eth_txconf tx = info.default_txconf;
  tx.offloads = conf.txmode.offloads;
  for (uint16_t queue = 0; queue < queues; ++queue) {
    int result = rte_eth_rx_queue_setup(id_, queue, rx_descriptors, socket, &rx, pool);
    if (result == 0) result = rte_eth_tx_queue_setup(id_, queue, tx_descriptors, socket, &tx);
    if (result != 0) return Fail(-result, absl::StrCat("set up queue ", queue, " of"));
  }
  return absl::OkStatus();
}

absl::Status EthdevPort::CheckMtu(const rte_eth_dev_info& info, uint32_t mtu) const {
  const uint32_t most = LargestMtu(info);
  if (mtu >= info.min_mtu && mtu <= most) return absl::OkStatus();
  return ErrnoStatus(EINVAL, absl::StrCat("port \"", devargs_, "\" takes an mtu from ",
                                          info.min_mtu, " to ", most));
}

absl::Status EthdevPort::SetMtu(uint32_t mtu) {
  rte_eth_dev_info info{};
  int result = rte_eth_dev_info_get(id_, &info);
  if (result != 0) return Fail(-result, "look at");
  if (const absl::Status status = CheckMtu(info, mtu); !status.ok()) return status;
  result = rte_eth_dev_set_mtu(id_, static_cast<uint16_t>(mtu));
  if (result == 0 || result == -ENOTSUP) return absl::OkStatus();
  return Fail(-result, absl::StrCat("set the mtu ", mtu, " of"));
}

absl::Status EthdevPort::SetAddress(const std::array<uint8_t, 6>& address) {
  rte_ether_addr wanted;
  std::copy(address.begin(), address.end(), wanted.addr_bytes);
  const int result = rte_eth_dev_default_mac_addr_set(id_, &wanted);
  if (result == 0 || result == -ENOTSUP) return absl::OkStatus();
  return Fail(-result, "set the address of");
}

NicState EthdevPort::State() const {
  NicState state;
  state.carrier = link_up();
  rte_eth_dev_info info{};
  if (rte_eth_dev_info_get(id_, &info) != 0) return state;
  state.min_mtu = info.min_mtu;
  state.max_mtu = LargestMtu(info);
  rte_ether_addr address{};
  rte_eth_macaddr_get(id_, &address);
  std::copy_n(address.addr_bytes, state.address.size(), state.address.begin());
  return state;
}

bool EthdevPort::link_up() const {
  rte_eth_link link{};
  return rte_eth_link_get_nowait(id_, &link) == 0 && link.link_status == RTE_ETH_LINK_UP;
}

}  // namespace vswitch
