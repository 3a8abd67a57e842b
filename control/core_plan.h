// SPDX-License-Identifier: BSD-3-Clause
// Which CPUs poll and which are left to the control thread.
#ifndef VSWITCH_CONTROL_CORE_PLAN_H_
#define VSWITCH_CONTROL_CORE_PLAN_H_

#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vswitch {

struct CorePlan {
  std::vector<unsigned> workers;  // CPU of worker i
  std::vector<unsigned> control;  // where the control thread may run; never empty

  // EAL's --lcores: the main lcore 0 is the control thread, lcore i + 1 is worker i.
  std::string Lcores() const;
  std::vector<unsigned> WorkerLcores() const;
};

// CPUs this process may run on (its affinity), and those that are online.
std::set<unsigned> AllowedCpus();
std::set<unsigned> OnlineCpus();

// One worker on the last allowed CPU when `wanted` is empty. The control thread gets the CPUs
// without a worker, or all of them when there are none. FailedPrecondition, one line, for a CPU
// that is named twice, offline or forbidden. REQUIRES: `allowed` is not empty.
absl::StatusOr<CorePlan> PlanCores(const std::vector<unsigned>& wanted,
                                   const std::set<unsigned>& allowed,
                                   const std::set<unsigned>& online);

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_CORE_PLAN_H_
