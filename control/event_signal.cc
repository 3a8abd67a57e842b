// SPDX-License-Identifier: BSD-3-Clause
#include "control/event_signal.h"

#include <fcntl.h>
#include <linux/aio_abi.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

constexpr unsigned kInFlight = 8;

bool WriteOnce(int eventfd) {
  const uint64_t one = 1;
  fcntl(eventfd, F_SETFL, O_NONBLOCK);
  return write(eventfd, &one, sizeof(one)) == sizeof(one) || errno == EAGAIN;
}

}  // namespace

absl::StatusOr<EventSignal> EventSignal::Create() {
  UniqueFd empty(memfd_create("vswitch-empty", MFD_CLOEXEC));
  if (!empty.valid()) return ErrnoStatus(errno, std::string("memfd_create: ") + strerror(errno));
  aio_context_t context = 0;
  if (syscall(SYS_io_setup, kInFlight, &context) != 0) context = 0;
  return EventSignal(context, std::move(empty));
}

EventSignal::EventSignal(EventSignal&& other) noexcept
    : context_(std::exchange(other.context_, 0)), empty_(std::move(other.empty_)) {}

EventSignal::~EventSignal() {
  if (context_ != 0) syscall(SYS_io_destroy, context_);
}

bool EventSignal::Signal(int eventfd) const {
  if (context_ == 0) return WriteOnce(eventfd);
  char byte = 0;
  iocb read{};
  read.aio_lio_opcode = IOCB_CMD_PREAD;
  read.aio_fildes = static_cast<uint32_t>(empty_.get());
  read.aio_buf = reinterpret_cast<uintptr_t>(&byte);
  read.aio_nbytes = 1;
  read.aio_flags = IOCB_FLAG_RESFD;
  read.aio_resfd = static_cast<uint32_t>(eventfd);
  iocb* list[] = {&read};
  // A read of an empty memfd completes inside io_submit; its event must still be collected.
  const bool submitted = syscall(SYS_io_submit, context_, 1L, list) == 1;
  io_event done[kInFlight];
  syscall(SYS_io_getevents, context_, 0L, intptr_t{kInFlight}, done, nullptr);
  return submitted;
}

}  // namespace vswitch
