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

// One thread. One pair of empty split rings in memory of its own, and no buffers to receive into.
class IdleGuest {
 public:
  // Connects to `socket`, where a switch listens; when it returns the switch has both rings.
  static absl::StatusOr<std::unique_ptr<IdleGuest>> Connect(const std::string& socket);
  ~IdleGuest();
  IdleGuest(const IdleGuest&) = delete;
  IdleGuest& operator=(const IdleGuest&) = delete;

 private:
  explicit IdleGuest(std::string socket) : socket_(std::move(socket)) {}

  absl::Status Dial();
  absl::Status Introduce();
  absl::Status ShareMemory();
  absl::Status ShareRing(uint32_t ring);
  // `fd` goes along unless negative.
  absl::Status Tell(uint32_t request, std::span<const uint64_t> payload, int fd = -1);
  absl::StatusOr<uint64_t> AskFeatures();
  absl::Status Failure(const std::string& what) const;

  const std::string socket_;
  int connection_ = -1;
};

}  // namespace vswitch

#endif  // VSWITCH_PERF_IDLE_GUEST_H_
