// SPDX-License-Identifier: BSD-3-Clause
#include "perf/idle_guest.h"

#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "pmd/vhost_user.h"
#include "pmd/virtio.h"

namespace vswitch {
namespace {

using vhost_user::Header;
using vhost_user::kVersion;
using enum vhost_user::Request;

constexpr uint64_t kNoDescriptor = 1 << 8;  // with call: nobody waits for an event
// The only feature: without VHOST_USER_F_PROTOCOL_FEATURES a ring is enabled from the start, and
// nothing is acknowledged.

// The memory as the guest sees it: split rings (virtio 1.1, 2.6) of the size that QEMU gives. All
// zeros are empty rings, so nobody here has to touch them.
constexpr uint64_t kBase = 0x10000000;
constexpr uint64_t kRingSize = 256;
constexpr uint64_t kAvailableAt = kRingSize * 16;
constexpr uint64_t kUsedAt = 2 * kAvailableAt;
constexpr uint64_t kRingStride = 4 * kAvailableAt;
constexpr uint64_t kMemorySize = 2 * kRingStride;

constexpr absl::string_view kListenPrefix = "listen:";

// Who waits at this socket gives up after some seconds.
bool BePatient(int socket) {
  const timeval patience{.tv_sec = 10};
  return setsockopt(socket, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0;
}

constexpr uint64_t Pair(uint64_t low, uint64_t high) { return high << 32 | low; }

}  // namespace

absl::StatusOr<std::unique_ptr<IdleGuest>> IdleGuest::Open(const std::string& socket) {
  const bool listens = absl::StartsWith(socket, kListenPrefix);
  auto guest = std::unique_ptr<IdleGuest>(
      new IdleGuest(std::string(absl::StripPrefix(socket, kListenPrefix)), listens));
  if (absl::Status dialled = guest->Dial(); !dialled.ok()) return dialled;
  return guest;
}

absl::Status IdleGuest::Start() {
  absl::Status status = listens_ ? Accept() : absl::OkStatus();
  if (status.ok()) status = Introduce();
  if (status.ok()) status = ShareMemory();
  for (uint32_t ring = 0; status.ok() && ring < 2; ++ring) status = ShareRing(ring);
  // Messages are worked off in order: when this one is answered, the others have been.
  return status.ok() ? AskFeatures().status() : status;
}

IdleGuest::~IdleGuest() {
  if (connection_ >= 0) close(connection_);
  if (listens_) unlink(socket_.c_str());
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
  if (connection_ < 0 || !BePatient(connection_)) return Failure("socket");
  const auto* name = reinterpret_cast<const sockaddr*>(&address);
  if (!listens_) {
    return connect(connection_, name, sizeof(address)) < 0 ? Failure("connect") : absl::OkStatus();
  }
  const bool bound = bind(connection_, name, sizeof(address)) == 0 && listen(connection_, 1) == 0;
  return bound ? absl::OkStatus() : Failure("listen");
}

absl::Status IdleGuest::Accept() {
  const int accepted = accept4(connection_, nullptr, nullptr, SOCK_CLOEXEC);
  if (accepted < 0 || !BePatient(accepted)) return Failure("accept");
  close(connection_);
  connection_ = accepted;
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
  const std::array call = {ring | kNoDescriptor};
  absl::Status status = Tell(kSetVringNum, size);
  if (status.ok()) status = Tell(kSetVringBase, base);
  if (status.ok()) status = Tell(kSetVringAddr, addresses);
  if (status.ok()) status = Tell(kSetVringCall, call);
  return status.ok() ? ShareDoorbell(ring) : status;
}

// A switch without one would have to look at the ring for ever.
absl::Status IdleGuest::ShareDoorbell(uint32_t ring) {
  const int doorbell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (doorbell < 0) return Failure("doorbell");
  const std::array kick = {uint64_t{ring}};
  const absl::Status told = Tell(kSetVringKick, kick, doorbell);
  close(doorbell);  // never rung
  return told;
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
