// SPDX-License-Identifier: BSD-3-Clause
#include "perf/scheduling.h"

#include <sched.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace vswitch {
namespace {

void SetPriority(pid_t thread, int policy, int priority) {
  const sched_param parameters{.sched_priority = priority};
  if (sched_setscheduler(thread, policy, &parameters) != 0) {
    std::perror("vswitch-perf: scheduling priority");
  }
}

}  // namespace

RealtimePriority::RealtimePriority(pid_t thread) : thread_(thread) {
  SetPriority(thread_, SCHED_FIFO, 1);
}

RealtimePriority::~RealtimePriority() { SetPriority(thread_, SCHED_OTHER, 0); }

double RunQueueWait(pid_t thread) {
  const std::string name = thread == 0 ? "thread-self" : std::to_string(thread);
  std::ifstream file("/proc/" + name + "/schedstat");
  double ran = 0;
  double waited = 0;
  return file >> ran >> waited ? waited / 1e9 : 0;
}

}  // namespace vswitch
