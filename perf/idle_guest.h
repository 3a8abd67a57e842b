// SPDX-License-Identifier: BSD-3-Clause
// A guest that is connected and never sends. A thousand of them cost a thousand descriptors here,
// and the switch what a thousand idle virtual machines cost it.
#ifndef VSWITCH_PERF_IDLE_GUEST_H_
#define VSWITCH_PERF_IDLE_GUEST_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace vswitch {

// One thread. One pair of empty split rings in memory of its own, with doorbells, and no buffers to
// receive into.
class IdleGuest {
 public:
  // Connects to `socket`, where a switch listens. With "listen:" before it the switch shall connect
  // to us there, which may take it a second: open all guests before the first is started.
  static absl::StatusOr<std::unique_ptr<IdleGuest>> Open(const std::string& socket);
  // When it returns the switch has both rings.
  absl::Status Start();
  ~IdleGuest();
  IdleGuest(const IdleGuest&) = delete;
  IdleGuest& operator=(const IdleGuest&) = delete;

 private:
  IdleGuest(std::string socket, bool listens) : socket_(std::move(socket)), listens_(listens) {}

  absl::Status Dial();
  absl::Status Accept();
  absl::Status Introduce();
  absl::Status ShareMemory();
  absl::Status ShareRing(uint32_t ring);
  absl::Status ShareDoorbell(uint32_t ring);
  // `fd` goes along unless negative.
  absl::Status Tell(uint32_t request, std::span<const uint64_t> payload, int fd = -1);
  absl::StatusOr<uint64_t> AskFeatures();
  absl::Status Failure(const std::string& what) const;

  const std::string socket_;
  const bool listens_;
  int connection_ = -1;  // until the switch connects, where it can
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_IDLE_GUEST_H_
