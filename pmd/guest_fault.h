// SPDX-License-Identifier: BSD-3-Clause
// Guests that shrink the file which their memory is: touching what is gone raises SIGBUS here.
#ifndef VSWITCH_PMD_GUEST_FAULT_H_
#define VSWITCH_PMD_GUEST_FAULT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "absl/status/statusor.h"

namespace vswitch {

// A mapping of a guest's memory that any thread may touch without harm. When some of it turns out
// to be gone, all of it becomes zeros of our own, `faulted` becomes true, and whoever touched it
// goes on. The guest sees nothing of what is written from then on: its port is to be closed.
//
// The first one installs a handler for SIGBUS, which stays. Whatever else raises SIGBUS gets to the
// handler that was there before, or ends the process as ever. Any thread.
class GuardedMemory {
 public:
  // Where mmap has put it, and all of it. `faulted` outlives the result. It is to be there before
  // the memory is touched, and gone before the mapping is. ENOSPC when too many are.
  static absl::StatusOr<GuardedMemory> Create(void* start, size_t size, std::atomic<bool>& faulted);
  GuardedMemory(GuardedMemory&& other) noexcept : slot_(other.slot_) { other.slot_ = kNone; }
  GuardedMemory& operator=(GuardedMemory&&) = delete;
  ~GuardedMemory();

 private:
  static constexpr int kNone = -1;

  explicit GuardedMemory(int slot) : slot_(slot) {}

  int slot_;
};

// For mappings that nobody has guarded yet: librte_vhost makes them and looks at the rings in them
// within one call. From now on, when what this thread touches is gone, the shared mapping that it
// lies in becomes zeros, and `faulted` true; null: no longer.
void GuardThread(std::atomic<bool>* faulted);

}  // namespace vswitch

#endif  // VSWITCH_PMD_GUEST_FAULT_H_
