// SPDX-License-Identifier: BSD-3-Clause
// Hostile frames with hostile requests, on every way into the switch: a guest's virtio header, a
// tap's, librte_vhost's flags, another DPDK program's flags. What is believed is then completed in
// software as Send would, or handed on as flags. Input: 8 bytes of request, 1 byte that says how
// the frame is cut into buffers, the frame.
#include <rte_eal.h>
#include <rte_mbuf.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <span>
#include <vector>

#include "dataplane/packet_buffer.h"
#include "pmd/checksum.h"
#include "pmd/headers.h"
#include "pmd/offload.h"
#include "pmd/pull.h"
#include "pmd/segment.h"
#include "pmd/vnet_header.h"
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

struct Input {
  Request request;
  uint16_t piece;  // bytes in a buffer
  std::span<const uint8_t> frame;
};

// A chain whose buffers hold `piece` bytes each, the first one `first`.
rte_mbuf* Chain(std::span<const uint8_t> frame, uint16_t first, uint16_t piece) {
  const uint8_t* data = frame.data();
  const size_t size = frame.size();
  rte_mbuf* head = rte_pktmbuf_alloc(Pool());
  rte_mbuf* tail = head;
  uint16_t room = first;
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

// As backends receive it, with contiguous headers.
rte_mbuf* Chain(const Input& input) {
  const uint16_t piece = std::max<uint16_t>(input.piece, 64);
  return Chain(input.frame, std::max(piece, kContiguousHeaders), piece);
}

std::span<const uint8_t> Head(const rte_mbuf* mbuf) {
  return {rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len};
}

bool Holds(const rte_mbuf* mbuf, std::span<const uint8_t> bytes) {
  for (; mbuf != nullptr; mbuf = mbuf->next) {
    const std::span<const uint8_t> head = Head(mbuf);
    if (head.size() > bytes.size()) return false;
    if (!std::equal(head.begin(), head.end(), bytes.begin())) return false;
    bytes = bytes.subspan(head.size());
  }
  return bytes.empty();
}

// A receiver's view: the checksum of a whole segment over its pseudo-header is all ones.
void CheckSegment(const rte_mbuf* segment) {
  const std::span<const uint8_t> head = Head(segment);
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

void CompleteInSoftware(const Input& input) {
  Packet packet = PacketBuffer::FromMbuf(Chain(input));
  Offload offload = ToOffload(input.request);
  if (CheckOffload(packet.Headers(), packet.length(), offload)) {
    packet = PacketBuffer::FromMbuf(PacketBuffer::Mbuf(packet), offload);
    offload.gso != GsoType::kNone ? Segment(packet) : Complete(packet);
  }
  PacketBuffer::Free({&packet, 1});
}

// A request that was believed passes its own check, and comes through another DPDK program
// unchanged.
void HandOn(rte_mbuf* mbuf, const Offload& offload, bool ip_checksum) {
  Offload again = offload;
  FUZZ_CHECK(CheckOffload(Head(mbuf), mbuf->pkt_len, again));
  FUZZ_CHECK(again.gso == offload.gso && again.gso_size == offload.gso_size);
  if (offload.Any() && SetTxRequest(mbuf, offload, ip_checksum)) {
    Offload returned;
    FUZZ_CHECK(TakeTxRequest(mbuf, &returned));
    FUZZ_CHECK(returned.needs_checksum && returned.gso == offload.gso);
    FUZZ_CHECK(returned.gso_size == offload.gso_size);
    FUZZ_CHECK(returned.csum_start == offload.csum_start);
    FUZZ_CHECK(returned.csum_offset == offload.csum_offset);
  }
  rte_pktmbuf_free(mbuf);
}

void FromTap(const Input& input) {
  VnetHeader header{};
  header.flags = input.request.flags;
  header.gso_type = input.request.gso_type;
  header.gso_size = input.request.gso_size;
  header.csum_start = input.request.csum_start;
  header.csum_offset = input.request.csum_offset;
  rte_mbuf* mbuf = Chain(input);
  Offload offload;
  const bool believed = OffloadFromVnetHeader(header, Head(mbuf), mbuf->pkt_len, &offload);
  believed ? HandOn(mbuf, offload, false) : rte_pktmbuf_free(mbuf);
}

void FromVhost(const Input& input) {
  rte_mbuf* mbuf = Chain(input);
  mbuf->ol_flags = RTE_MBUF_F_RX_L4_CKSUM_NONE;
  if (input.request.gso_type != 0) mbuf->ol_flags |= RTE_MBUF_F_RX_LRO;
  mbuf->tso_segsz = input.request.gso_size;
  Offload offload;
  const bool believed = OffloadFromRxFlags(mbuf, &offload);
  believed ? HandOn(mbuf, offload, false) : rte_pktmbuf_free(mbuf);
}

// The lowest bit of the offset says whether the lengths of the headers are true.
void FromProgram(const Input& input) {
  constexpr uint64_t kFlags[] = {RTE_MBUF_F_TX_IPV4,      RTE_MBUF_F_TX_IPV6,
                                 RTE_MBUF_F_TX_IP_CKSUM,  RTE_MBUF_F_TX_TCP_CKSUM,
                                 RTE_MBUF_F_TX_UDP_CKSUM, RTE_MBUF_F_TX_TCP_SEG,
                                 RTE_MBUF_F_TX_VLAN,      RTE_MBUF_F_TX_UDP_SEG};
  rte_mbuf* mbuf = Chain(input);
  for (size_t i = 0; i < std::size(kFlags); ++i) {
    if ((input.request.flags >> i & 1) != 0) mbuf->ol_flags |= kFlags[i];
  }
  mbuf->l2_len = input.request.csum_start & 0x7f;
  mbuf->l3_len = input.request.csum_offset & 0x1ff;
  const auto headers = FindTransport(Head(mbuf));
  if (headers.has_value() && (input.request.csum_offset & 1) == 0) {
    mbuf->l2_len = headers->network & 0x7f;
    mbuf->l3_len = headers->network_size() & 0x1ff;
  }
  mbuf->tso_segsz = input.request.gso_size;
  Offload offload;
  const bool believed = TakeTxRequest(mbuf, &offload);
  FUZZ_CHECK((mbuf->ol_flags & RTE_MBUF_F_TX_OFFLOAD_MASK) == 0);
  believed ? HandOn(mbuf, offload, true) : rte_pktmbuf_free(mbuf);
}

void Pull(const Input& input) {
  rte_mbuf* mbuf = Chain(input.frame, input.piece % 64 + 1, std::max<uint16_t>(input.piece, 20));
  PullHeaders(mbuf);
  FUZZ_CHECK(mbuf->data_len >= std::min<size_t>(input.frame.size(), kContiguousHeaders));
  FUZZ_CHECK(Holds(mbuf, input.frame));
  rte_mbuf_sanity_check(mbuf, 1);
  rte_pktmbuf_free(mbuf);
}

}  // namespace
}  // namespace vswitch

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace vswitch;
  constexpr size_t kPrefix = sizeof(Request) + 1;
  if (size <= kPrefix || size > 70000) return 0;
  Input input;
  std::memcpy(&input.request, data, sizeof(input.request));
  input.piece = static_cast<uint16_t>(1 + data[sizeof(input.request)] * 8);
  input.frame = {data + kPrefix, size - kPrefix};
  for (const auto way : {CompleteInSoftware, FromTap, FromVhost, FromProgram, Pull}) {
    way(input);
    FUZZ_CHECK(rte_mempool_in_use_count(Pool()) == 0);
  }
  return 0;
}
