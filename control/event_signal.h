// SPDX-License-Identifier: BSD-3-Clause
// Signals an eventfd that somebody else can tamper with.
#ifndef VSWITCH_CONTROL_EVENT_SIGNAL_H_
#define VSWITCH_CONTROL_EVENT_SIGNAL_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "control/unique_fd.h"

namespace vswitch {

// write() on an eventfd whose counter is full blocks unless O_NONBLOCK is set, and O_NONBLOCK
// belongs to the open file, which the client shares and may clear at any moment. So the kernel is
// asked to do it: the completion of an asynchronous read (IOCB_FLAG_RESFD) adds 1 and cannot block.
class EventSignal {
 public:
  // Falls back to non-blocking writes where the kernel has no asynchronous I/O left to give.
  static absl::StatusOr<EventSignal> Create();
  EventSignal(EventSignal&& other) noexcept;
  EventSignal& operator=(EventSignal&&) = delete;
  ~EventSignal();

  // Adds 1; what a full counter cannot take is lost. Never blocks. False when the kernel would not
  // do it.
  bool Signal(int eventfd) const;

 private:
  EventSignal(uint64_t context, UniqueFd empty) : context_(context), empty_(std::move(empty)) {}

  uint64_t context_;  // aio_context_t; 0: write instead
  UniqueFd empty_;    // an empty file to read from
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_EVENT_SIGNAL_H_
