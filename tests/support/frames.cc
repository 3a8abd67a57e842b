// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/frames.h"

#include <rte_mempool.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace vswitch {

rte_mempool* TestPool() {
  static rte_mempool* pool =
      rte_pktmbuf_pool_create("frames", 8191, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, 0);
  if (pool == nullptr) std::abort();
  return pool;
}

unsigned BuffersInUse() { return rte_mempool_in_use_count(TestPool()); }

Packet MakeFrame(uint32_t length, uint8_t seed, const Offload& offload) {
  rte_mbuf* head = rte_pktmbuf_alloc(TestPool());
  rte_mbuf* tail = head;
  for (uint32_t done = 0; done < length;) {
    if (rte_pktmbuf_tailroom(tail) == 0) {
      tail->next = rte_pktmbuf_alloc(TestPool());
      tail = tail->next;
      ++head->nb_segs;
    }
    const auto n =
        static_cast<uint16_t>(std::min<uint32_t>(length - done, rte_pktmbuf_tailroom(tail)));
    uint8_t* data = rte_pktmbuf_mtod(tail, uint8_t*);
    for (uint16_t i = 0; i < n; ++i) data[i] = static_cast<uint8_t>(seed + done + i);
    tail->data_len = n;
    done += n;
  }
  head->pkt_len = length;
  return PacketBuffer::FromMbuf(head, offload);
}

std::vector<uint8_t> FrameBytes(const Packet& packet) {
  std::vector<uint8_t> bytes;
  PacketBuffer::ForEachPiece(packet, [&bytes](const uint8_t* data, uint32_t length) {
    bytes.insert(bytes.end(), data, data + length);
  });
  return bytes;
}

FarEnd::~FarEnd() {
  for (const Packet& packet : input) PacketBuffer::Free({&packet, 1});
}

void FakeBackend::Receive(uint16_t queue, Burst& burst) {
  if (queue != 0) return;
  burst.malformed = std::exchange(far_.malformed, uint16_t{0});
  while (!far_.input.empty() && burst.count < Burst::kCapacity) {
    burst.packets[burst.count++] = far_.input.front();
    far_.input.pop_front();
  }
}

SendResult FakeBackend::Send(uint16_t /*queue*/, Burst& burst) {
  ++far_.bursts;
  const auto n = static_cast<uint16_t>(std::min<uint32_t>(burst.count, far_.room));
  for (uint16_t i = 0; i < n; ++i) {
    far_.sent.push_back({FrameBytes(burst.packets[i]), burst.packets[i].offload()});
    PacketBuffer::Free({&burst.packets[i], 1});
  }
  far_.room -= n;
  return {n, far_.refusal};
}

}  // namespace vswitch
