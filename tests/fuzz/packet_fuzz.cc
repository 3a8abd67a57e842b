// SPDX-License-Identifier: BSD-3-Clause
// Packet views of hostile frames: a checksum or segmentation request out of a guest's header is
// checked against the frame, then completed in software as Send would. Input: 8 bytes of request, 1
// byte that says how the frame is cut into buffers, the frame.
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "dataplane/packet_buffer.h"
#include "pmd/checksum.h"
#include "pmd/headers.h"
#include "pmd/offload.h"
#include "pmd/segment.h"
#include "tests/fuzz/fuzz.h"

namespace vswitch {
namespace {

rte_mempool* Pool() {
  static rte_mempool* pool = [] {
    std::array<char*, 6> eal = {const_cast<char*>("packet_fuzz"),    const_cast<char*>("--no-huge"),
                                const_cast<char*>("--no-shconf"),    const_cast<char*>("--no-pci"),
                                const_cast<char*>("--no-telemetry"), const_cast<char*>("-m64")};
    if (rte_eal_init(static_cast<int>(eal.size()), eal.data()) < 0) std::abort();
    return rte_pktmbuf_pool_create("fuzz", 4095, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  }();
  if (pool == nullptr) std::abort();
  return pool;
}

struct Request {
  uint8_t flags, gso_type;
  uint16_t gso_size, csum_start, csum_offset;
};

Offload ToOffload(const Request& request) {
  Offload offload;
  offload.needs_checksum = (request.flags & 1) != 0;
  offload.csum_start = request.csum_start;
  offload.csum_offset = request.csum_offset;
  if (request.gso_type % 3 == 1) offload.gso = GsoType::kTcp4;
  if (request.gso_type % 3 == 2) offload.gso = GsoType::kTcp6;
  if (offload.gso != GsoType::kNone) offload.gso_size = request.gso_size;
  return offload;
}

// A chain whose buffers hold `piece` bytes each, the first one at least 128 (Packet::Headers).
rte_mbuf* Chain(const uint8_t* data, size_t size, uint16_t piece) {
  rte_mbuf* head = rte_pktmbuf_alloc(Pool());
  rte_mbuf* tail = head;
  uint16_t room = std::max<uint16_t>(piece, 128);
  for (size_t done = 0; done < size; room = piece) {
    if (done > 0) {
      tail->next = rte_pktmbuf_alloc(Pool());
      tail = tail->next;
      ++head->nb_segs;
    }
    const auto n = static_cast<uint16_t>(std::min<size_t>({size - done, room, 2048}));
    std::memcpy(rte_pktmbuf_mtod(tail, void*), data + done, n);
    tail->data_len = n;
    done += n;
  }
  head->pkt_len = static_cast<uint32_t>(size);
  return head;
}

// A receiver's view: the checksum of a whole segment over its pseudo-header is all ones.
void CheckSegment(const rte_mbuf* segment) {
  const std::span<const uint8_t> head{rte_pktmbuf_mtod(segment, const uint8_t*), segment->data_len};
  const auto headers = FindTransport(head);
  FUZZ_CHECK(headers.has_value());
  const uint32_t length = segment->pkt_len - headers->transport;
  const uint32_t sum = PseudoHeaderChecksum(head.data(), *headers, length) +
                       RawChecksum(segment, headers->transport, length);
  FUZZ_CHECK((sum & 0xffff) + (sum >> 16) == 0xffff);
}

void Segment(const Packet& packet) {
  Segmenter segmenter(packet, Pool());
  if (!segmenter.valid()) return;
  uint32_t segments = 0;
  while (!segmenter.done()) {
    rte_mbuf* segment = segmenter.Next();
    FUZZ_CHECK(segment != nullptr);
    FUZZ_CHECK(++segments <= kMaxSegments);
    CheckSegment(segment);
    rte_pktmbuf_free(segment);
  }
  FUZZ_CHECK(segments > 1);
}

void Complete(const Packet& packet) {
  const Offload& offload = packet.offload();
  CompleteChecksum(PacketBuffer::Mbuf(packet), offload.csum_start, offload.csum_offset);
}

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vswitch;
  constexpr size_t kPrefix = sizeof(Request) + 1;
  if (size <= kPrefix || size > 70000) return 0;
  Request request;
  std::memcpy(&request, data, sizeof(request));
  const auto piece = static_cast<uint16_t>(1 + data[sizeof(request)] * 8);
  rte_mbuf* mbuf = Chain(data + kPrefix, size - kPrefix, std::max<uint16_t>(piece, 64));
  Packet packet = PacketBuffer::FromMbuf(mbuf);
  Offload offload = ToOffload(request);
  if (CheckOffload(packet.Headers(), packet.length(), offload)) {
    packet = PacketBuffer::FromMbuf(mbuf, offload);
    offload.gso != GsoType::kNone ? Segment(packet) : Complete(packet);
  }
  PacketBuffer::Free({&packet, 1});
  FUZZ_CHECK(rte_mempool_in_use_count(Pool()) == 0);
  return 0;
}
