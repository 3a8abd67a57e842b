// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/fake_guest.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "pmd/vhost_user.h"

namespace vswitch {
namespace {

constexpr uint64_t kGuestBase = 0x10000000;  // guest physical address of the memory
constexpr uint32_t kRingStride = 4u << 20;   // memory of one ring and its data
constexpr uint32_t kUsedOffset = 32u << 10;  // of its used ring in it
constexpr uint32_t kDataOffset = 64u << 10;  // of the data in it
constexpr uint64_t kMemorySize = uint64_t{kRingStride} * 2 * FakeGuest::kMaxPairs;
constexpr uint32_t kHeaderSize = 12;  // virtio_net_hdr with num_buffers
constexpr uint32_t kPageSize = 4096;
constexpr uint64_t kLogSize = (kGuestBase + kMemorySize) / kPageSize / 8;  // a bit per page

constexpr uint64_t kProtocolFeatures = 1ULL << 30;  // VHOST_USER_F_PROTOCOL_FEATURES
constexpr uint64_t kReplyAck = 1ULL << 3;

using vhost_user::Header;
using vhost_user::kNeedReply;
using vhost_user::kReply;
using vhost_user::kVersion;
using enum vhost_user::Request;

[[noreturn]] void Die(const char* what) {
  std::perror(what);
  std::abort();
}

template <typename T>
std::span<const uint8_t> BytesOf(const T& value) {
  return {reinterpret_cast<const uint8_t*>(&value), sizeof(value)};
}

sockaddr_un AddressOf(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  return address;
}

void SetTimeout(int fd) {
  const timeval timeout{10, 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
}

// A split virtqueue, virtio 1.1, 2.6; <linux/virtio_ring.h> is not C++.
struct Descriptor {
  static constexpr uint16_t kNext = 1, kWrite = 2;  // flags
  uint64_t address;
  uint32_t length;
  uint16_t flags, next;
};
struct AvailableRing {
  uint16_t flags, index, ring[FakeGuest::kRingSize], used_event;
};
struct UsedElement {
  uint32_t id, length;
};
struct UsedRing {
  static constexpr uint16_t kNoNotify = 1;  // flags
  uint16_t flags, index;
  UsedElement ring[FakeGuest::kRingSize];
  uint16_t available_event;
};
struct RingLayout {
  Descriptor* descriptors;
  AvailableRing* available;
  UsedRing* used;
};

RingLayout RingAt(uint8_t* memory) {
  return {reinterpret_cast<Descriptor*>(memory), reinterpret_cast<AvailableRing*>(memory + 16384),
          reinterpret_cast<UsedRing*>(memory + kUsedOffset)};
}

uint16_t LoadIndex(uint16_t& index) {
  return std::atomic_ref(index).load(std::memory_order_acquire);
}

struct SharedMemory {
  int fd;
  uint8_t* start;
};
SharedMemory MakeMemory(const char* name, uint64_t size) {
  const int fd = memfd_create(name, MFD_CLOEXEC);
  if (fd < 0 || ftruncate(fd, static_cast<off_t>(size)) < 0) Die(name);
  void* start = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (start == MAP_FAILED) Die(name);
  return {fd, static_cast<uint8_t*>(start)};
}

}  // namespace

FakeGuest::FakeGuest() {
  const SharedMemory memory = MakeMemory("guest memory", kMemorySize);
  memory_ = memory.start;
  memory_fd_ = memory.fd;
  const SharedMemory log = MakeMemory("log of written pages", kLogSize);
  log_ = log.start;
  log_fd_ = log.fd;
}

FakeGuest::~FakeGuest() {
  Disconnect();
  if (listener_ >= 0) close(listener_);
  munmap(memory_, kMemorySize);
  close(memory_fd_);
  munmap(log_, kLogSize);
  close(log_fd_);
}

void FakeGuest::Listen(const std::string& path) {
  if (listener_ >= 0) close(listener_);
  listener_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = AddressOf(path);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0 ||
      listen(listener_, 1) < 0) {
    Die("listen");
  }
  SetTimeout(listener_);
}

void FakeGuest::Accept() {
  connection_ = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (connection_ < 0) Die("accept");
  SetTimeout(connection_);
}

void FakeGuest::Connect(const std::string& path) {
  connection_ = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_un address = AddressOf(path);
  if (connect(connection_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    Die("connect");
  }
  SetTimeout(connection_);
}

void FakeGuest::Disconnect() {
  if (connection_ >= 0) close(connection_);
  connection_ = -1;
  for (Ring& ring : rings_) {
    if (ring.kick >= 0) close(ring.kick);
    if (ring.call >= 0) close(ring.call);
    ring = {};
  }
}

uint64_t FakeGuest::OfferedFeatures() {
  const std::vector<uint8_t> reply = Ask(kGetFeatures);
  uint64_t features;
  std::memcpy(&features, reply.data(), sizeof(features));
  return features;
}

void FakeGuest::Start(uint64_t features, uint16_t pairs, uint16_t enabled) {
  pairs_ = pairs;
  OfferedFeatures();
  const uint64_t protocol = kReplyAck;
  Ask(kGetProtocolFeatures);
  SendMessage(kSetProtocolFeatures, 0, BytesOf(protocol), -1);
  Request(kSetOwner, {});
  features_ = features | kVirtioVersion1 | kProtocolFeatures;
  Request(kSetFeatures, BytesOf(features_));
  SendMemoryTable();
  for (uint16_t i = 0; i < 2 * pairs; ++i) SetUpRing(i);
  for (uint16_t i = 0; i < std::min(pairs, enabled); ++i) EnablePair(i, true);
}

void FakeGuest::EnablePair(uint16_t pair, bool enable) {
  EnableRing(2 * pair, enable);
  EnableRing(2 * pair + 1, enable);
  Settle();
}

void FakeGuest::EnableRing(uint16_t index, bool enable) {
  const uint32_t state[2] = {index, enable};
  Request(kSetVringEnable, BytesOf(state));
}

std::vector<uint16_t> FakeGuest::Stop() {
  std::vector<uint16_t> taken;
  for (uint32_t i = 0; i < 2u * pairs_; ++i) {
    uint32_t state[2] = {i, 0};
    const std::vector<uint8_t> reply = Ask(kGetVringBase, BytesOf(state));
    if (reply.size() != sizeof(state)) Die("vhost-user reply");
    std::memcpy(state, reply.data(), sizeof(state));
    taken.push_back(static_cast<uint16_t>(state[1]));
  }
  Settle();
  return taken;
}

void FakeGuest::Continue(std::span<const uint16_t> taken) {
  for (uint16_t i = 0; i < 2 * pairs_; ++i) DescribeRing(i, taken[i]);
  for (uint16_t i = 0; i < pairs_; ++i) EnablePair(i, true);
}

void FakeGuest::LogWrites(bool on) {
  const uint64_t area[2] = {kLogSize, 0};  // where it starts in the descriptor's file
  if (on) Ask(kSetLogBase, BytesOf(area), log_fd_);
  const uint64_t features = on ? features_ | kVhostLogAll : features_;
  Request(kSetFeatures, BytesOf(features));
}

std::vector<uint32_t> FakeGuest::TakeWrittenPages() {
  std::vector<uint32_t> pages;
  for (uint32_t page = kGuestBase / kPageSize; page < kLogSize * 8; ++page) {
    const auto bit = static_cast<uint8_t>(1u << page % 8);
    const auto before = std::atomic_ref(log_[page / 8]).fetch_and(static_cast<uint8_t>(~bit));
    if ((before & bit) != 0) pages.push_back(page - kGuestBase / kPageSize);
  }
  return pages;
}

uint32_t FakeGuest::PageOfBuffer(uint16_t pair, uint16_t buffer) {
  return (2u * pair * kRingStride + kDataOffset + buffer * kBufferSize) / kPageSize;
}

uint32_t FakeGuest::PageOfUsedRing(uint16_t index) {
  return (index * kRingStride + kUsedOffset) / kPageSize;
}

void FakeGuest::Announce(const std::array<uint8_t, 6>& mac) {
  std::array<uint8_t, 8> payload{};
  std::copy(mac.begin(), mac.end(), payload.begin());
  Request(kSendRarp, payload);
}

void FakeGuest::Settle() { OfferedFeatures(); }

void FakeGuest::SendMemoryTable() {
  struct {
    uint32_t regions = 1, padding = 0;
    uint64_t guest, size, user, offset;
  } table;
  table.guest = kGuestBase;
  table.size = kMemorySize;
  table.user = reinterpret_cast<uint64_t>(memory_);
  table.offset = 0;
  Request(kSetMemTable, BytesOf(table), memory_fd_);
}

void FakeGuest::SetUpRing(uint16_t index) {
  std::memset(RingMemory(index), 0, kDataOffset);
  Ring& ring = rings_[index];
  ring.avail = ring.used = 0;
  ring.data = 0;
  DescribeRing(index, 0);
}

void FakeGuest::DescribeRing(uint16_t index, uint16_t taken) {
  Ring& ring = rings_[index];
  if (ring.kick < 0) ring.kick = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (ring.call < 0) ring.call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  const uint32_t size[2] = {index, kRingSize};
  Request(kSetVringNum, BytesOf(size));
  const uint32_t base[2] = {index, taken};
  Request(kSetVringBase, BytesOf(base));
  const RingLayout layout = RingAt(RingMemory(index));
  struct {
    uint32_t index, flags = 0;
    uint64_t descriptors, used, available, log = 0;
  } addresses;
  addresses.index = index;
  addresses.descriptors = reinterpret_cast<uint64_t>(layout.descriptors);
  addresses.used = reinterpret_cast<uint64_t>(layout.used);
  addresses.available = reinterpret_cast<uint64_t>(layout.available);
  Request(kSetVringAddr, BytesOf(addresses));
  const uint64_t number = index;
  Request(kSetVringCall, BytesOf(number), ring.call);
  Request(kSetVringKick, BytesOf(number), ring.kick);
}

uint64_t FakeGuest::TakeCalls(uint16_t index) const {
  uint64_t calls = 0;
  return read(rings_[index].call, &calls, sizeof(calls)) == sizeof(calls) ? calls : 0;
}

uint8_t* FakeGuest::RingMemory(uint16_t index) const {
  return memory_ + uint64_t{index} * kRingStride;
}

uint8_t* FakeGuest::DataMemory(uint16_t index) const { return RingMemory(index) + kDataOffset; }

void FakeGuest::WriteDescriptor(uint16_t index, uint16_t slot, const uint8_t* data, uint32_t size,
                                uint16_t flags, uint16_t next) const {
  Descriptor& descriptor = RingAt(RingMemory(index)).descriptors[slot];
  descriptor.address = kGuestBase + static_cast<uint64_t>(data - memory_);
  descriptor.length = size;
  descriptor.flags = flags;
  descriptor.next = next;
}

void FakeGuest::MakeAvailable(uint16_t index, uint16_t head) {
  const RingLayout layout = RingAt(RingMemory(index));
  Ring& ring = rings_[index];
  layout.available->ring[ring.avail % kRingSize] = head;
  ++ring.avail;
  std::atomic_ref(layout.available->index).store(ring.avail, std::memory_order_release);
}

void FakeGuest::PostBuffers(uint16_t pair, uint16_t count) {
  const uint16_t index = 2 * pair;
  for (uint16_t i = 0; i < count; ++i) {
    const uint16_t slot = rings_[index].avail % kRingSize;
    WriteDescriptor(index, slot, DataMemory(index) + slot * kBufferSize, kBufferSize,
                    Descriptor::kWrite, 0);
    MakeAvailable(index, slot);
  }
}

void FakeGuest::Transmit(uint16_t pair, const VnetHeader& header, std::span<const uint8_t> bytes) {
  const uint16_t index = 2 * pair + 1;
  Ring& ring = rings_[index];
  // Two descriptors each, and a data area that is large enough not to be overtaken.
  const auto size = static_cast<uint32_t>(kHeaderSize + bytes.size());
  if (ring.data + size > kRingStride - kDataOffset) ring.data = 0;
  uint8_t* data = DataMemory(index) + ring.data;
  ring.data += size;
  std::memset(data, 0, kHeaderSize);
  std::memcpy(data, &header, sizeof(header));
  std::copy(bytes.begin(), bytes.end(), data + kHeaderSize);
  const uint16_t slot = 2 * (ring.avail % (kRingSize / 2));
  WriteDescriptor(index, slot, data, kHeaderSize, Descriptor::kNext, slot + 1);
  WriteDescriptor(index, slot + 1, data + kHeaderSize, size - kHeaderSize, 0, 0);
  MakeAvailable(index, slot);
}

uint16_t FakeGuest::TransmitsDone(uint16_t pair) const {
  return LoadIndex(RingAt(RingMemory(2 * pair + 1)).used->index);
}

void FakeGuest::Kick(uint16_t index) const { eventfd_write(rings_[index].kick, 1); }

bool FakeGuest::NotificationsOff(uint16_t index) const {
  return (RingAt(RingMemory(index)).used->flags & UsedRing::kNoNotify) != 0;
}

std::vector<FakeGuest::Received> FakeGuest::TakeReceived(uint16_t pair) {
  const uint16_t index = 2 * pair;
  const RingLayout layout = RingAt(RingMemory(index));
  Ring& ring = rings_[index];
  std::vector<Received> frames;
  const uint16_t end = LoadIndex(layout.used->index);
  while (ring.used != end) {
    uint16_t buffers = 1;
    Received frame;
    for (uint16_t i = 0; i < buffers; ++i, ++ring.used) {
      const UsedElement& element = layout.used->ring[ring.used % kRingSize];
      const uint8_t* data = DataMemory(index) + element.id * kBufferSize;
      const uint32_t skip = i == 0 ? kHeaderSize : 0;
      if (i == 0) {
        std::memcpy(&frame.header, data, sizeof(frame.header));
        std::memcpy(&buffers, data + sizeof(frame.header), sizeof(buffers));
      }
      frame.bytes.insert(frame.bytes.end(), data + skip, data + element.length);
    }
    frames.push_back(std::move(frame));
  }
  return frames;
}

void FakeGuest::Request(uint32_t request, std::span<const uint8_t> payload, int fd) {
  SendMessage(request, kNeedReply, payload, fd);
  const std::vector<uint8_t> reply = ReadReply(request);
  if (reply.size() != 8 || std::any_of(reply.begin(), reply.end(), [](uint8_t b) { return b; })) {
    std::fprintf(stderr, "vhost-user request %u was refused\n", request);
    std::abort();
  }
}

std::vector<uint8_t> FakeGuest::Ask(uint32_t request, std::span<const uint8_t> payload, int fd) {
  SendMessage(request, 0, payload, fd);
  return ReadReply(request);
}

void FakeGuest::SendMessage(uint32_t request, uint32_t flags, std::span<const uint8_t> payload,
                            int fd) {
  Header header{request, kVersion | flags, static_cast<uint32_t>(payload.size())};
  iovec vectors[2] = {{&header, sizeof(header)},
                      {const_cast<uint8_t*>(payload.data()), payload.size()}};
  msghdr message{};
  message.msg_iov = vectors;
  message.msg_iovlen = 2;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  if (fd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(int));
  }
  if (sendmsg(connection_, &message, MSG_NOSIGNAL) < 0) Die("vhost-user message");
}

std::vector<uint8_t> FakeGuest::ReadReply(uint32_t request) {
  Header header;
  if (recv(connection_, &header, sizeof(header), MSG_WAITALL) != sizeof(header)) {
    Die("vhost-user reply");
  }
  std::vector<uint8_t> payload(header.size);
  if (header.request != request || (header.flags & kReply) == 0) Die("vhost-user reply");
  if (payload.empty()) return payload;  // recv would wait for what comes next
  if (recv(connection_, payload.data(), payload.size(), MSG_WAITALL) !=
      static_cast<ssize_t>(payload.size())) {
    Die("vhost-user reply");
  }
  return payload;
}

}  // namespace vswitch
