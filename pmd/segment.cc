// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/segment.h"

#include <rte_ip.h>

#include <algorithm>
#include <cstring>

#include "dataplane/packet_buffer.h"
#include "pmd/checksum.h"

namespace vswitch {
namespace {

constexpr uint8_t kTcpFin = 0x01;
constexpr uint8_t kTcpPsh = 0x08;
constexpr uint8_t kTcpCwr = 0x80;
constexpr uint16_t kTcpFlagsOffset = 13;

void FixIpv4(uint8_t* header, uint16_t header_size, uint16_t length, uint16_t index) {
  WriteBe16(header + 2, length);
  WriteBe16(header + 4, static_cast<uint16_t>(ReadBe16(header + 4) + index));
  std::memset(header + 10, 0, 2);
  const uint16_t checksum = static_cast<uint16_t>(~rte_raw_cksum(header, header_size));
  std::memcpy(header + 10, &checksum, sizeof(checksum));
}

// FIN and PSH belong to the last segment, CWR to the first.
uint8_t FlagsOf(uint8_t flags, bool first, bool last) {
  if (!last) flags &= static_cast<uint8_t>(~(kTcpFin | kTcpPsh));
  if (!first) flags &= static_cast<uint8_t>(~kTcpCwr);
  return flags;
}

}  // namespace

Segmenter::Segmenter(const Packet& frame, rte_mempool* pool)
    : frame_(frame.Headers().data()), pool_(pool), gso_size_(frame.offload().gso_size) {
  valid_ = Parse(frame);
}

bool Segmenter::Parse(const Packet& frame) {
  const std::span<const uint8_t> bytes = frame.Headers();
  const auto found = FindTransport(bytes);
  if (!found || found->fragment || found->protocol != kProtocolTcp) return false;
  headers_ = *found;
  if (bytes.size() < size_t{headers_.transport} + kTcpHeaderSize) return false;
  const uint16_t tcp_size = (bytes[headers_.transport + 12] >> 4) * 4;
  const size_t header_size = size_t{headers_.transport} + tcp_size;
  if (tcp_size < kTcpHeaderSize || bytes.size() < header_size) return false;
  const uint32_t length_limit = UINT16_MAX - (header_size - headers_.network);
  if (gso_size_ == 0 || gso_size_ > length_limit) return false;
  header_size_ = static_cast<uint16_t>(header_size);
  payload_ = frame.length() - header_size_;
  if (payload_ == 0) return false;
  source_ = PacketBuffer::Mbuf(frame);
  source_offset_ = header_size_;
  return true;
}

rte_mbuf* Segmenter::Next() {
  const auto payload =
      static_cast<uint16_t>(std::min<uint32_t>(gso_size_, payload_ - next_offset_));
  rte_mbuf* segment = NewSegment(payload);
  if (segment == nullptr) return nullptr;
  FixHeaders(segment, payload);
  next_offset_ += payload;
  ++index_;
  return segment;
}

rte_mbuf* Segmenter::NewSegment(uint16_t payload) {
  rte_mbuf* segment = rte_pktmbuf_alloc(pool_);
  if (segment == nullptr) return nullptr;
  char* header = rte_pktmbuf_append(segment, header_size_);
  if (header == nullptr ||
      (std::memcpy(header, frame_, header_size_), !AppendPayload(segment, payload))) {
    rte_pktmbuf_free(segment);
    return nullptr;
  }
  return segment;
}

bool Segmenter::AppendPayload(rte_mbuf* segment, uint16_t payload) {
  rte_mbuf* tail = segment;
  while (payload > 0) {
    if (source_offset_ >= source_->data_len) {
      source_offset_ -= source_->data_len;
      source_ = source_->next;
      continue;
    }
    if (rte_pktmbuf_tailroom(tail) == 0) {
      rte_mbuf* more = rte_pktmbuf_alloc(pool_);
      if (more == nullptr || rte_pktmbuf_tailroom(more) == 0) {
        rte_pktmbuf_free(more);
        return false;
      }
      tail->next = more;
      tail = more;
      ++segment->nb_segs;
    }
    const uint16_t n = std::min({payload, rte_pktmbuf_tailroom(tail),
                                 static_cast<uint16_t>(source_->data_len - source_offset_)});
    std::memcpy(rte_pktmbuf_mtod_offset(tail, void*, tail->data_len),
                rte_pktmbuf_mtod_offset(source_, const void*, source_offset_), n);
    tail->data_len += n;
    segment->pkt_len += n;
    source_offset_ += n;
    payload -= n;
  }
  return true;
}

void Segmenter::FixHeaders(rte_mbuf* segment, uint16_t payload) const {
  uint8_t* frame = rte_pktmbuf_mtod(segment, uint8_t*);
  uint8_t* network = frame + headers_.network;
  const auto length = static_cast<uint16_t>(segment->pkt_len - headers_.network);
  if (headers_.ipv6) {
    WriteBe16(network + 4, static_cast<uint16_t>(length - kIpv6HeaderSize));
  } else {
    FixIpv4(network, headers_.network_size(), length, index_);
  }
  uint8_t* tcp = frame + headers_.transport;
  WriteBe32(tcp + 4, ReadBe32(tcp + 4) + next_offset_);
  tcp[kTcpFlagsOffset] =
      FlagsOf(tcp[kTcpFlagsOffset], index_ == 0, next_offset_ + payload == payload_);
  const uint16_t pseudo =
      PseudoHeaderChecksum(frame, headers_, segment->pkt_len - headers_.transport);
  std::memcpy(tcp + kTcpChecksumOffset, &pseudo, sizeof(pseudo));
  CompleteChecksum(segment, headers_.transport, kTcpChecksumOffset);
}

}  // namespace vswitch
