// SPDX-License-Identifier: BSD-3-Clause
// DPDK's environment (EAL) and the packet pool, started from our own options.
#ifndef VSWITCH_CONTROL_EAL_H_
#define VSWITCH_CONTROL_EAL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "config/options.h"
#include "control/core_plan.h"

struct rte_mempool;

namespace vswitch {

// The command line for rte_eal_init: nothing on disk outside the run dir, no PCI unless
// options.eal_args ask for it, memory and lcores as planned.
std::vector<std::string> EalArguments(const Options& options, const CorePlan& plan);

// Control thread. One per process, ever.
class Eal {
 public:
  // Warns on stderr and goes on without hugepages when there are too few. FailedPrecondition, one
  // line, when DPDK does not start or the memory is too little. The calling thread becomes the main
  // lcore and moves to plan.control.
  static absl::StatusOr<std::unique_ptr<Eal>> Start(Options options, const CorePlan& plan);
  // REQUIRES: workers have stopped and no mbuf is in use.
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // mbufs for received frames; valid as long as this object.
  rte_mempool* pool() const { return pool_; }

 private:
  Eal() = default;

  rte_mempool* pool_ = nullptr;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_EAL_H_
