// SPDX-License-Identifier: BSD-3-Clause
// A kernel tap interface.
#ifndef VSWITCH_PMD_TAP_DEVICE_H_
#define VSWITCH_PMD_TAP_DEVICE_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace vswitch {

// Owns the descriptor; when it goes, so does an interface that it created.
class TapDevice {
 public:
  // Creates (or takes over, when it is persistent and unused) the tap `name` in the network
  // namespace of the calling thread, "tap%d" when empty; sets the MTU and brings it up. EBUSY,
  // EINVAL, EPERM with a sentence; nothing is left behind.
  static absl::StatusOr<TapDevice> Open(const std::string& name, uint32_t mtu);
  ~TapDevice();
  TapDevice(TapDevice&& other) noexcept : fd_(other.fd_) { other.fd_ = -1; }
  TapDevice& operator=(TapDevice&&) = delete;

  int fd() const { return fd_; }
  // The interface's present name, in whatever namespace it is.
  std::string Name() const;
  // In whatever namespace it is; an interface that somebody deleted has no MTU to set.
  absl::Status SetMtu(uint32_t mtu) const;

 private:
  explicit TapDevice(int fd) : fd_(fd) {}
  int fd_;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_TAP_DEVICE_H_
