// SPDX-License-Identifier: BSD-3-Clause
// A vswitch process from start-up to a clean stop.
#ifndef VSWITCH_CONTROL_PROCESS_H_
#define VSWITCH_CONTROL_PROCESS_H_

#include <memory>

#include "absl/status/statusor.h"
#include "config/options.h"
#include "control/access.h"
#include "control/eal.h"
#include "control/registry.h"
#include "control/rtnl.h"
#include "control/run_dir.h"
#include "control/server.h"
#include "control/unique_fd.h"
#include "dataplane/dataplane.h"

namespace vswitch {

// Lives on the control thread. Members are torn down from the last to the first: links and their
// backends while workers still run, then workers, DPDK and, last, the run dir.
class Process {
 public:
  // Everything up to the config file's links is in place when it returns. On failure, one line that
  // says what to do, everything is gone again.
  static absl::StatusOr<std::unique_ptr<Process>> Start(const Options& options);

  // Announces readiness and serves until SIGTERM or SIGINT.
  void Run();

 private:
  Process() = default;
  absl::Status StartSwitch(const Options& options, const Access& access);

  UniqueFd stop_signals_;
  std::unique_ptr<RunDir> run_dir_;
  std::unique_ptr<Eal> eal_;
  std::unique_ptr<Dataplane> dataplane_;
  std::unique_ptr<Registry> registry_;
  std::unique_ptr<Server> server_;
  std::unique_ptr<Rtnl> rtnl_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_PROCESS_H_
