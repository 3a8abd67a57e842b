// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/offload.h"

#include <rte_ip.h>

#include <cstring>

#include "pmd/checksum.h"
#include "pmd/headers.h"

namespace vswitch {
namespace {

constexpr uint64_t kCarriedTxFlags = RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IPV6 |
                                     RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_L4_MASK |
                                     RTE_MBUF_F_TX_TCP_SEG;

std::span<const uint8_t> FirstSegment(const rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len};
}

// The TCP header's size, or 0 when it does not lie within `head`.
uint16_t TcpSize(std::span<const uint8_t> head, const TransportHeaders& headers) {
  if (head.size() < size_t{headers.transport} + kTcpHeaderSize) return 0;
  const uint16_t size = (head[headers.transport + 12] >> 4) * 4;
  const bool fits = head.size() >= size_t{headers.transport} + size;
  return size >= kTcpHeaderSize && fits ? size : 0;
}

// 0 for protocols whose checksum is not ours to carry.
uint16_t ChecksumOffset(uint8_t protocol) {
  if (protocol == kProtocolTcp) return kTcpChecksumOffset;
  return protocol == kProtocolUdp ? kUdpChecksumOffset : 0;
}

bool FitsIpLength(const TransportHeaders& headers, uint32_t length) {
  const uint32_t fixed = headers.network + (headers.ipv6 ? kIpv6HeaderSize : 0);
  return length <= fixed + UINT16_MAX;
}

bool CheckGso(std::span<const uint8_t> head, uint32_t length, Offload& offload) {
  if (offload.gso_size == 0 || offload.csum_offset != kTcpChecksumOffset) return false;
  const auto headers = FindTransport(head);
  if (!headers || headers->fragment || headers->protocol != kProtocolTcp) return false;
  if (headers->transport != offload.csum_start) return false;
  if (headers->ipv6 != (offload.gso == GsoType::kTcp6)) return false;
  const uint16_t tcp_size = TcpSize(head, *headers);
  if (tcp_size == 0 || !FitsIpLength(*headers, length)) return false;
  const uint32_t payload = length - headers->transport - tcp_size;
  if (payload <= offload.gso_size) {
    offload.gso = GsoType::kNone;
    offload.gso_size = 0;
    return true;
  }
  return payload <= uint64_t{offload.gso_size} * kMaxSegments;
}

void WriteIpv4Checksum(rte_mbuf* mbuf, const TransportHeaders& headers) {
  uint8_t* header = rte_pktmbuf_mtod_offset(mbuf, uint8_t*, headers.network);
  std::memset(header + 10, 0, 2);
  const uint16_t checksum = static_cast<uint16_t>(~rte_raw_cksum(header, headers.network_size()));
  std::memcpy(header + 10, &checksum, sizeof(checksum));
}

// The transport protocol that TX flags name; 0 for none, 0xff for one we do not carry.
uint8_t RequestedProtocol(uint64_t flags) {
  const uint64_t l4 = flags & RTE_MBUF_F_TX_L4_MASK;
  if (l4 == RTE_MBUF_F_TX_TCP_CKSUM || (flags & RTE_MBUF_F_TX_TCP_SEG) != 0) return kProtocolTcp;
  if (l4 == RTE_MBUF_F_TX_UDP_CKSUM) return kProtocolUdp;
  return l4 == 0 ? 0 : 0xff;
}

bool TakeTransportRequest(rte_mbuf* mbuf, const TransportHeaders& headers, uint64_t flags,
                          Offload* offload) {
  offload->needs_checksum = true;
  offload->csum_start = headers.transport;
  offload->csum_offset = ChecksumOffset(headers.protocol);
  if ((flags & RTE_MBUF_F_TX_TCP_SEG) != 0) {
    offload->gso = headers.ipv6 ? GsoType::kTcp6 : GsoType::kTcp4;
    offload->gso_size = mbuf->tso_segsz;
  }
  if (!CheckOffload(FirstSegment(mbuf), mbuf->pkt_len, *offload)) return false;
  const uint32_t field = uint32_t{headers.transport} + offload->csum_offset;
  if (field + 2 > mbuf->data_len) return false;
  uint8_t* frame = rte_pktmbuf_mtod(mbuf, uint8_t*);
  const uint16_t pseudo = PseudoHeaderChecksum(frame, headers, mbuf->pkt_len - headers.transport);
  std::memcpy(frame + field, &pseudo, sizeof(pseudo));
  return true;
}

}  // namespace

bool CheckOffload(std::span<const uint8_t> head, uint32_t length, Offload& offload) {
  if (!offload.needs_checksum) return offload.gso == GsoType::kNone;
  if (offload.csum_start < kEthernetHeaderSize) return false;
  if (uint32_t{offload.csum_start} + offload.csum_offset + 2 > length) return false;
  return offload.gso == GsoType::kNone || CheckGso(head, length, offload);
}

bool OffloadFromRxFlags(const rte_mbuf* mbuf, Offload* offload) {
  const auto headers = FindTransport(FirstSegment(mbuf));
  if (!headers || headers->fragment || ChecksumOffset(headers->protocol) == 0) return false;
  offload->needs_checksum = true;
  offload->csum_start = headers->transport;
  offload->csum_offset = ChecksumOffset(headers->protocol);
  if ((mbuf->ol_flags & RTE_MBUF_F_RX_LRO) != 0) {
    offload->gso = headers->ipv6 ? GsoType::kTcp6 : GsoType::kTcp4;
    offload->gso_size = mbuf->tso_segsz;
  }
  return CheckOffload(FirstSegment(mbuf), mbuf->pkt_len, *offload);
}

bool TakeTxFlags(rte_mbuf* mbuf, Offload* offload) {
  const uint64_t flags = mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK;
  mbuf->ol_flags &= ~RTE_MBUF_F_TX_OFFLOAD_MASK;
  if ((flags & ~kCarriedTxFlags) != 0) return false;
  const uint8_t protocol = RequestedProtocol(flags);
  const bool ip_checksum = (flags & RTE_MBUF_F_TX_IP_CKSUM) != 0;
  if (protocol == 0 && !ip_checksum) return true;  // the address family alone asks for nothing
  const auto headers = FindTransport(FirstSegment(mbuf));
  if (!headers || headers->network != mbuf->l2_len) return false;
  if (headers->network_size() != mbuf->l3_len) return false;
  if (ip_checksum && !headers->ipv6) WriteIpv4Checksum(mbuf, *headers);
  if (protocol == 0) return true;
  if (headers->fragment || headers->protocol != protocol) return false;
  return TakeTransportRequest(mbuf, *headers, flags, offload);
}

bool SetTxRequest(rte_mbuf* mbuf, const Offload& offload, bool ip_checksum) {
  if (!offload.Any()) return true;
  const auto headers = FindTransport(FirstSegment(mbuf));
  if (!headers || headers->fragment || !headers->plain()) return false;
  if (headers->transport != offload.csum_start) return false;
  const uint16_t checksum_offset = ChecksumOffset(headers->protocol);
  if (checksum_offset == 0 || checksum_offset != offload.csum_offset) return false;
  const bool tcp = headers->protocol == kProtocolTcp;
  const uint16_t transport_size = tcp ? TcpSize(FirstSegment(mbuf), *headers) : kUdpHeaderSize;
  if (transport_size == 0) return false;
  uint64_t flags = headers->ipv6 ? RTE_MBUF_F_TX_IPV6 : RTE_MBUF_F_TX_IPV4;
  flags |= tcp ? RTE_MBUF_F_TX_TCP_CKSUM : RTE_MBUF_F_TX_UDP_CKSUM;
  if (offload.gso != GsoType::kNone) {
    flags |= RTE_MBUF_F_TX_TCP_SEG;
    if (ip_checksum && !headers->ipv6) flags |= RTE_MBUF_F_TX_IP_CKSUM;
    mbuf->tso_segsz = offload.gso_size;
  }
  mbuf->l2_len = headers->network;
  mbuf->l3_len = headers->network_size();
  mbuf->l4_len = transport_size;
  mbuf->ol_flags |= flags;
  return true;
}

}  // namespace vswitch
