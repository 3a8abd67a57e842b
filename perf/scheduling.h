// SPDX-License-Identifier: BSD-3-Clause
// What the kernel's scheduler does to the threads of a measurement.
#ifndef VSWITCH_PERF_SCHEDULING_H_
#define VSWITCH_PERF_SCHEDULING_H_

#include <sys/types.h>

namespace vswitch {

// Raises a thread (0: this one) above all that do not ask for the same, while it exists.
class RealtimePriority {
 public:
  explicit RealtimePriority(pid_t thread);
  ~RealtimePriority();
  RealtimePriority(const RealtimePriority&) = delete;
  RealtimePriority& operator=(const RealtimePriority&) = delete;

 private:
  const pid_t thread_;
};

// Seconds a thread (0: this one) has been ready to run but not running; 0 where the kernel does not
// tell (Documentation/scheduler/sched-stats).
double RunQueueWait(pid_t thread);

}  // namespace vswitch

#endif  // VSWITCH_PERF_SCHEDULING_H_
