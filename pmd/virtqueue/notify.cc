// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/virtqueue/notify.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <ctime>

namespace vswitch {
namespace {

constexpr unsigned kUnseen = 32;  // reads that were done, and nobody looked

}  // namespace

Interrupter::Interrupter(Way way) : nothing_(open("/dev/null", O_RDONLY | O_CLOEXEC)) {
  if (way == Way::kWrite || nothing_ < 0) return;
  if (syscall(SYS_io_setup, kUnseen, &reads_) < 0) reads_ = 0;
}

Interrupter::~Interrupter() {
  if (reads_ != 0) syscall(SYS_io_destroy, reads_);
  if (nothing_ >= 0) close(nothing_);
}

Interrupter& Interrupter::Ours() {
  thread_local Interrupter ours;
  return ours;
}

bool Interrupter::Submit(int call_fd) const {
  iocb read = {};
  read.aio_lio_opcode = IOCB_CMD_PREAD;
  read.aio_fildes = static_cast<uint32_t>(nothing_);
  read.aio_flags = IOCB_FLAG_RESFD;
  read.aio_resfd = static_cast<uint32_t>(call_fd);
  iocb* reads[] = {&read};
  return syscall(SYS_io_submit, reads_, 1, reads) == 1;
}

void Interrupter::Signal(int call_fd) const {
  if (Submit(call_fd) || errno != EAGAIN) return;
  std::array<io_event, kUnseen> seen;
  timespec at_once = {};
  while (syscall(SYS_io_getevents, reads_, 0, seen.size(), seen.data(), &at_once) ==
         static_cast<long>(seen.size())) {
  }
  Submit(call_fd);
}

void Interrupter::Write(int call_fd) {
  pollfd room = {.fd = call_fd, .events = POLLOUT, .revents = 0};
  if (poll(&room, 1, 0) != 1 || room.revents != POLLOUT) return;
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = write(call_fd, &one, sizeof(one));
}

}  // namespace vswitch
