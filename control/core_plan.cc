// SPDX-License-Identifier: BSD-3-Clause
#include "control/core_plan.h"

#include <sched.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/options.h"

namespace vswitch {
namespace {

constexpr size_t kMaxWorkers = 127;  // RTE_MAX_LCORE without the control thread's

absl::Status CheckCpu(unsigned cpu, const std::set<unsigned>& allowed,
                      const std::set<unsigned>& online) {
  if (!online.contains(cpu)) {
    return absl::FailedPreconditionError(absl::StrCat("cores: CPU ", cpu, " is not online (CPUs ",
                                                      absl::StrJoin(online, ","), " are)"));
  }
  if (!allowed.contains(cpu)) {
    return absl::FailedPreconditionError(absl::StrCat("cores: this process may not run on CPU ",
                                                      cpu, " (its affinity allows CPUs ",
                                                      absl::StrJoin(allowed, ","), ")"));
  }
  return absl::OkStatus();
}

}  // namespace

std::string CorePlan::Lcores() const {
  std::string text = absl::StrCat("0@(", absl::StrJoin(control, ","), ")");
  for (size_t i = 0; i < workers.size(); ++i) absl::StrAppend(&text, ",", i + 1, "@", workers[i]);
  return text;
}

std::vector<unsigned> CorePlan::WorkerLcores() const {
  std::vector<unsigned> lcores;
  for (size_t i = 0; i < workers.size(); ++i) lcores.push_back(static_cast<unsigned>(i + 1));
  return lcores;
}

std::set<unsigned> AllowedCpus() {
  std::set<unsigned> cpus;
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (unsigned cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.insert(cpu);
  }
  return cpus;
}

std::set<unsigned> OnlineCpus() {
  std::string list;
  std::ifstream("/sys/devices/system/cpu/online") >> list;
  const absl::StatusOr<std::vector<unsigned>> cpus = ParseCoreList(list);
  return cpus.ok() ? std::set<unsigned>(cpus->begin(), cpus->end()) : AllowedCpus();
}

absl::StatusOr<CorePlan> PlanCores(const std::vector<unsigned>& wanted,
                                   const std::set<unsigned>& allowed,
                                   const std::set<unsigned>& online) {
  CorePlan plan{.workers = wanted, .control = {}};
  if (wanted.empty()) plan.workers = {*allowed.rbegin()};
  if (plan.workers.size() > kMaxWorkers) {
    return absl::FailedPreconditionError(
        absl::StrCat("cores: more than ", kMaxWorkers, " poll-mode cores are not supported"));
  }
  std::set<unsigned> polling;
  for (const unsigned cpu : plan.workers) {
    if (absl::Status status = CheckCpu(cpu, allowed, online); !status.ok()) return status;
    if (!polling.insert(cpu).second) {
      return absl::FailedPreconditionError(absl::StrCat("cores: CPU ", cpu, " is named twice"));
    }
  }
  for (const unsigned cpu : allowed) {
    if (!polling.contains(cpu)) plan.control.push_back(cpu);
  }
  if (plan.control.empty()) plan.control.assign(allowed.begin(), allowed.end());
  return plan;
}

}  // namespace vswitch
