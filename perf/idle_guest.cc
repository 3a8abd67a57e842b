// SPDX-License-Identifier: BSD-3-Clause
#include "perf/idle_guest.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "perf/vhost_user.h"

namespace vswitch {
namespace {

using vhost_user::Header;
using vhost_user::kVersion;
using enum vhost_user::Request;

constexpr uint64_t kNoDescriptor = 1 << 8;  // with kick and call: nobody waits for an event
// The only feature: without VHOST_USER_F_PROTOCOL_FEATURES a ring is enabled from the start, and
// nothing is acknowledged.
constexpr uint64_t kVirtioVersion1 = 1ULL << 32;

// The memory as the guest sees it: split rings (virtio 1.1, 2.6) of the size that QEMU gives. All
// zeros are empty rings, so nobody here has to touch them.
constexpr uint64_t kBase = 0x10000000;
constexpr uint64_t kRingSize = 256;
constexpr uint64_t kAvailableAt = kRingSize * 16;
constexpr uint64_t kUsedAt = 2 * kAvailableAt;
constexpr uint64_t kRingStride = 4 * kAvailableAt;
constexpr uint64_t kMemorySize = 2 * kRingStride;

constexpr uint64_t Pair(uint64_t low, uint64_t high) { return high << 32 | low; }

}  // namespace

absl::StatusOr<std::unique_ptr<IdleGuest>> IdleGuest::Connect(const std::string& socket) {
  auto guest = std::unique_ptr<IdleGuest>(new IdleGuest(socket));
  absl::Status status = guest->Dial();
  if (status.ok()) status = guest->Introduce();
  if (status.ok()) status = guest->ShareMemory();
  for (uint32_t ring = 0; status.ok() && ring < 2; ++ring) status = guest->ShareRing(ring);
  // Messages are worked off in order: when this one is answered, the others have been.
  if (status.ok()) status = guest->AskFeatures().status();
  if (!status.ok()) return status;
  return guest;
}

IdleGuest::~IdleGuest() {
  if (connection_ >= 0) close(connection_);
}

absl::Status IdleGuest::Failure(const std::string& what) const {
  return absl::UnavailableError(
      absl::StrCat("idle port ", socket_, ": ", what, ": ", std::strerror(errno)));
}

absl::Status IdleGuest::Dial() {
  sockaddr_un address{.sun_family = AF_UNIX};
  if (socket_.size() >= sizeof(address.sun_path)) {
    errno = ENAMETOOLONG;
    return Failure("connect");
  }
  std::memcpy(address.sun_path, socket_.c_str(), socket_.size() + 1);
  connection_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const timeval patience{.tv_sec = 10};
  if (connection_ < 0 ||
      setsockopt(connection_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0 ||
      connect(connection_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) < 0) {
    return Failure("connect");
  }
  return absl::OkStatus();
}

absl::Status IdleGuest::Introduce() {
  const auto offered = AskFeatures();
  if (!offered.ok()) return offered.status();
  const std::array features = {*offered & kVirtioVersion1};
  const absl::Status owner = Tell(kSetOwner, {});
  return owner.ok() ? Tell(kSetFeatures, features) : owner;
}

absl::Status IdleGuest::ShareMemory() {
  const int memory = memfd_create("idle-guest", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, kMemorySize) < 0) {
    const absl::Status failure = Failure("memory");
    if (memory >= 0) close(memory);
    return failure;
  }
  // One region: guest address, size, address in this process, offset. The third is only a name for
  // the rings: nothing is mapped here.
  const std::array table = {Pair(1, 0), kBase, kMemorySize, kBase, uint64_t{0}};
  const absl::Status told = Tell(kSetMemTable, table, memory);
  close(memory);
  return told;
}

absl::Status IdleGuest::ShareRing(uint32_t ring) {
  const uint64_t at = kBase + ring * kRingStride;
  const std::array size = {Pair(ring, kRingSize)};
  const std::array base = {Pair(ring, 0)};
  const std::array addresses = {Pair(ring, 0), at, at + kUsedAt, at + kAvailableAt, uint64_t{0}};
  const std::array event = {ring | kNoDescriptor};
  absl::Status status = Tell(kSetVringNum, size);
  if (status.ok()) status = Tell(kSetVringBase, base);
  if (status.ok()) status = Tell(kSetVringAddr, addresses);
  if (status.ok()) status = Tell(kSetVringCall, event);
  return status.ok() ? Tell(kSetVringKick, event) : status;
}

absl::Status IdleGuest::Tell(uint32_t request, std::span<const uint64_t> payload, int fd) {
  Header header{request, kVersion, static_cast<uint32_t>(payload.size_bytes())};
  std::array<iovec, 2> parts = {
      {{&header, sizeof(header)}, {const_cast<uint64_t*>(payload.data()), payload.size_bytes()}}};
  msghdr message{};
  message.msg_iov = parts.data();
  message.msg_iovlen = parts.size();
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
  if (fd >= 0) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(fd));
    std::memcpy(CMSG_DATA(rights), &fd, sizeof(fd));
  }
  return sendmsg(connection_, &message, MSG_NOSIGNAL) < 0 ? Failure("send") : absl::OkStatus();
}

absl::StatusOr<uint64_t> IdleGuest::AskFeatures() {
  if (absl::Status asked = Tell(kGetFeatures, {}); !asked.ok()) return asked;
  struct [[gnu::packed]] {
    Header header;
    uint64_t features;
  } answer;
  errno = EPROTO;
  const ssize_t length = recv(connection_, &answer, sizeof(answer), MSG_WAITALL);
  if (length != sizeof(answer) || answer.header.request != kGetFeatures) {
    return Failure("the switch does not answer");
  }
  return uint64_t{answer.features};
}

}  // namespace vswitch
