// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/tap_backend.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "pmd/vnet_header.h"

namespace vswitch {
namespace {

// An IP packet of 65,535 bytes (IPv6: plus its header) behind an Ethernet header with two tags.
constexpr uint32_t kLargestFrame = 65535 + 40 + kEthernetHeaderSize + 2 * kVlanTagSize;
// What one poll reads at most, so that large frames do not keep the worker from other ports.
constexpr uint32_t kBytesPerPoll = 128 * 1024;
// More segments than this come from rings and odd guests only.
constexpr size_t kMaxVectors = 257;

// The frame with its header in one system call.
ssize_t Write(int fd, const Packet& packet) {
  VnetHeader header = VnetHeaderFor(packet.offload(), packet.Headers());
  std::array<iovec, kMaxVectors> vectors;
  vectors[0] = {&header, sizeof(header)};
  size_t count = 1;
  bool room = true;
  PacketBuffer::ForEachPiece(packet, [&](const uint8_t* data, uint32_t length) {
    room = room && count < vectors.size();
    if (room) vectors[count++] = {const_cast<uint8_t*>(data), length};
  });
  if (room) return writev(fd, vectors.data(), static_cast<int>(count));
  errno = EINVAL;
  return -1;
}

enum class Refusal { kFull, kDown, kFrame };

Refusal RefusalOf(int error) {
  switch (error) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
    case EINTR:
      return Refusal::kFull;
    case EIO:  // not IFF_UP (tun_get_user)
    case ENETDOWN:
    case EBADFD:  // the interface was deleted
    case ENODEV:
      return Refusal::kDown;
    default:  // the kernel does not like this frame
      return Refusal::kFrame;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Backend>> TapBackend::Create(const BackendSpec& spec, uint32_t mtu,
                                                            const BackendEnv& env) {
  absl::StatusOr<TapDevice> device = TapDevice::Open(spec.name, mtu);
  if (!device.ok()) return device.status();
  return std::unique_ptr<Backend>(new TapBackend(std::move(*device), env.pool));
}

TapBackend::TapBackend(TapDevice device, rte_mempool* pool)
    : Backend(/*copies_from_guests=*/true),
      device_(std::move(device)),
      pool_(pool),
      room_(rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM),
      buffers_((kLargestFrame + room_) / room_, nullptr),
      vectors_(buffers_.size() + 1) {
  vectors_[0] = {&header_, sizeof(header_)};
}

TapBackend::~TapBackend() {
  for (rte_mbuf* buffer : buffers_) rte_pktmbuf_free(buffer);
}

void TapBackend::Receive(uint16_t /*queue*/, Burst& burst) {
  uint32_t bytes = 0;
  while (burst.count < Burst::kCapacity && bytes < kBytesPerPoll) {
    const ssize_t length = Read();
    if (length <= 0) return;
    bytes += static_cast<uint32_t>(length);
    rte_mbuf* mbuf = TakeFrame(static_cast<uint32_t>(length));
    const std::span<const uint8_t> head(rte_pktmbuf_mtod(mbuf, const uint8_t*), mbuf->data_len);
    Offload offload;
    if (length > kLargestFrame || !OffloadFromVnetHeader(header_, head, mbuf->pkt_len, &offload)) {
      rte_pktmbuf_free(mbuf);
      ++burst.malformed;
      continue;
    }
    burst.packets[burst.count++] = PacketBuffer::FromMbuf(mbuf, offload);
  }
}

bool TapBackend::Refill() {
  for (size_t i = 0; i < buffers_.size() && buffers_[i] == nullptr; ++i) {
    buffers_[i] = rte_pktmbuf_alloc(pool_);
    if (buffers_[i] == nullptr) return false;
    vectors_[i + 1] = {rte_pktmbuf_mtod(buffers_[i], void*), room_};
  }
  return true;
}

ssize_t TapBackend::Read() {
  if (!Refill()) return 0;
  const ssize_t length = readv(device_.fd(), vectors_.data(), static_cast<int>(vectors_.size()));
  const auto header = static_cast<ssize_t>(sizeof(header_));
  return length <= header ? 0 : length - header;
}

rte_mbuf* TapBackend::TakeFrame(uint32_t length) {
  rte_mbuf* head = buffers_[0];
  rte_mbuf* tail = nullptr;
  head->pkt_len = length;
  head->nb_segs = 0;
  for (size_t i = 0; length > 0; ++i) {
    rte_mbuf* next = buffers_[i];
    buffers_[i] = nullptr;
    next->data_len = static_cast<uint16_t>(std::min(length, room_));
    length -= next->data_len;
    ++head->nb_segs;
    if (tail != nullptr) tail->next = next;
    tail = next;
  }
  return head;
}

SendResult TapBackend::Send(uint16_t /*queue*/, Burst& burst) {
  uint16_t sent = 0;
  uint16_t end = burst.count;  // behind it are frames the kernel refused for what they are
  while (sent < end) {
    Packet& packet = burst.packets[sent];
    if (Write(device_.fd(), packet) >= 0) {
      PacketBuffer::Free({&packet, 1});
      ++sent;
      continue;
    }
    const Refusal refusal = RefusalOf(errno);
    down_.store(refusal == Refusal::kDown, std::memory_order_relaxed);
    if (refusal == Refusal::kDown) return {sent, DropReason::kBackendDown};
    if (refusal == Refusal::kFull) return {sent, DropReason::kBackendFull};
    const auto first = burst.packets.begin();
    std::rotate(first + sent, first + sent + 1, first + burst.count);
    --end;
  }
  if (sent > 0) down_.store(false, std::memory_order_relaxed);
  return {sent, DropReason::kOffload};
}

BackendStatus TapBackend::Status() const {
  const bool down = down_.load(std::memory_order_relaxed);
  return {"tap", down ? "down" : "up", device_.Name(), 1};
}

}  // namespace vswitch
