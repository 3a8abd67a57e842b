// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mailbox.h"

#include <rte_ring_elem.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdlib>
#include <new>

#include "dataplane/packet_buffer.h"

namespace vswitch {

namespace {

// Letters about to be written: to initialise them costs more than to post a packet.
union BlankLetters {
  BlankLetters() {}
  std::array<Letter, Burst::kCapacity> letters;
};

}  // namespace

Mailbox::Mailbox(uint32_t capacity) {
  const auto size = static_cast<size_t>(
      rte_ring_get_memsize_elem(kElementSize, std::bit_ceil(capacity * kElements)));
  auto* memory = static_cast<rte_ring*>(std::aligned_alloc(RTE_CACHE_LINE_SIZE, size));
  if (memory == nullptr) throw std::bad_alloc();
  ring_.reset(memory);
  // Many workers post, the owner alone drains.
  rte_ring_init(memory, "mailbox", (capacity - 1) * kElements, RING_F_SC_DEQ | RING_F_EXACT_SZ);
}

Mailbox::~Mailbox() {
  std::array<Letter, Burst::kCapacity> letters;
  while (const uint16_t n = Drain(letters)) {
    for (uint16_t i = 0; i < n; ++i) PacketBuffer::Free({&letters[i].packet, 1});
  }
}

uint16_t Mailbox::Post(const Route& route, std::span<const Packet> packets) {
  BlankLetters blank;
  auto& letters = blank.letters;
  uint16_t posted = 0;
  while (posted < packets.size()) {
    const auto n = static_cast<uint16_t>(std::min(packets.size() - posted, letters.size()));
    const uint16_t written = Write(route, packets.subspan(posted, n), letters);
    const unsigned taken = rte_ring_mp_enqueue_burst_elem(ring_.get(), letters.data(), kElementSize,
                                                          written * kElements, nullptr);
    const auto sent = static_cast<uint16_t>(taken / kElements);
    if (sent < written) [[unlikely]]
      Unwrite(std::span(letters).subspan(sent, written - sent), packets.subspan(posted + sent));
    posted = static_cast<uint16_t>(posted + sent);
    if (sent < n) break;
  }
  if (waker_ != nullptr) [[unlikely]]
    waker_->Wake();
  return posted;
}

// What lies in a guest's memory is copied: its guest gets that back before the letter is read.
// Returns for how many there were buffers.
uint16_t Mailbox::Write(const Route& route, std::span<const Packet> packets,
                        std::span<Letter> letters) {
  for (size_t i = 0; i < packets.size(); ++i) letters[i] = {packets[i], route};
  if (!PacketBuffer::AnyGuestFrame(packets)) return static_cast<uint16_t>(packets.size());
  uint16_t written = 0;
  while (written < packets.size() && PacketBuffer::ToMbuf(letters[written].packet)) ++written;
  return written;
}

// Letters that did not fit; the packets stay as they were.
void Mailbox::Unwrite(std::span<const Letter> letters, std::span<const Packet> packets) {
  for (size_t i = 0; i < letters.size(); ++i) {
    if (PacketBuffer::IsGuestFrame(packets[i])) PacketBuffer::Free({&letters[i].packet, 1});
  }
}

uint16_t Mailbox::Drain(std::span<Letter> letters) {
  const auto room = static_cast<unsigned>(letters.size()) * kElements;
  const unsigned taken =
      rte_ring_sc_dequeue_burst_elem(ring_.get(), letters.data(), kElementSize, room, nullptr);
  return static_cast<uint16_t>(taken / kElements);
}

void Mailbox::Free::operator()(rte_ring* ring) const { std::free(ring); }

}  // namespace vswitch
