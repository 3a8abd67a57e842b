// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/checksum.h"

#include <rte_ip.h>

#include <algorithm>
#include <cstring>

namespace vswitch {
namespace {

uint16_t Fold(uint32_t sum) {
  sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>((sum & 0xffff) + (sum >> 16));
}

void StoreByte(rte_mbuf* mbuf, uint32_t offset, uint8_t value) {
  while (offset >= mbuf->data_len) {
    offset -= mbuf->data_len;
    mbuf = mbuf->next;
  }
  *rte_pktmbuf_mtod_offset(mbuf, uint8_t*, offset) = value;
}

}  // namespace

uint16_t RawChecksum(const rte_mbuf* mbuf, uint32_t offset, uint32_t length) {
  uint32_t sum = 0;
  uint32_t done = 0;
  for (; done < length; mbuf = mbuf->next) {
    if (offset >= mbuf->data_len) {
      offset -= mbuf->data_len;
      continue;
    }
    const uint32_t n = std::min(mbuf->data_len - offset, length - done);
    const uint16_t part = rte_raw_cksum(rte_pktmbuf_mtod_offset(mbuf, const void*, offset), n);
    // RFC 1071, section 2(B): bytes at odd positions count in the other half.
    sum += (done & 1) != 0 ? rte_bswap16(part) : part;
    done += n;
    offset = 0;
  }
  return Fold(sum);
}

uint16_t PseudoHeaderChecksum(const uint8_t* frame, const TransportHeaders& headers,
                              uint32_t length) {
  const uint8_t* network = frame + headers.network;
  uint32_t sum = headers.ipv6 ? rte_raw_cksum(network + 8, 32) : rte_raw_cksum(network + 12, 8);
  uint8_t rest[8] = {};
  WriteBe32(rest, length);
  rest[7] = headers.protocol;
  sum += rte_raw_cksum(rest, sizeof(rest));
  return Fold(sum);
}

bool CompleteChecksum(rte_mbuf* mbuf, uint16_t start, uint16_t offset) {
  const uint32_t field = uint32_t{start} + offset;
  if (field + 2 > mbuf->pkt_len) return false;
  const uint16_t sum = RawChecksum(mbuf, start, mbuf->pkt_len - start);
  uint16_t checksum = static_cast<uint16_t>(~sum);
  if (checksum == 0) checksum = 0xffff;
  uint8_t bytes[2];
  std::memcpy(bytes, &checksum, sizeof(bytes));
  StoreByte(mbuf, field, bytes[0]);
  StoreByte(mbuf, field + 1, bytes[1]);
  return true;
}

}  // namespace vswitch
