// SPDX-License-Identifier: BSD-3-Clause
#include "control/process.h"

#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/apply_config.h"
#include "control/core_plan.h"
#include "control/service_manager.h"

namespace vswitch {
namespace {

// Before the first thread starts: signals blocked here stay blocked in all of them.
absl::StatusOr<UniqueFd> CatchStopSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  UniqueFd fd(sigprocmask(SIG_BLOCK, &set, nullptr) == 0 ? signalfd(-1, &set, SFD_CLOEXEC) : -1);
  if (!fd.valid()) {
    return absl::FailedPreconditionError(absl::StrCat("signals: ", std::strerror(errno)));
  }
  std::signal(SIGPIPE, SIG_IGN);  // a client that hangs up is an error code, not an end
  return fd;
}

// A guest takes about ten descriptors. Nothing here is for select, which the usual limit is for.
void AllowManyFiles() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

// What tells our network namespace from others; 0 in a kernel without any.
uint64_t OwnNamespace() {
  struct stat info;
  return stat("/proc/self/ns/net", &info) == 0 ? info.st_ino : 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Process>> Process::Start(const Options& options) {
  absl::StatusOr<Access> access = FindAccess(options.owner, options.group);
  if (!access.ok()) return access.status();
  absl::StatusOr<CorePlan> plan = PlanCores(options.cores, AllowedCpus(), OnlineCpus());
  if (!plan.ok()) return plan.status();
  std::unique_ptr<Process> process(new Process());
  AllowManyFiles();

  absl::StatusOr<UniqueFd> signals = CatchStopSignals();
  if (!signals.ok()) return signals.status();
  process->stop_signals_ = *std::move(signals);

  absl::StatusOr<std::unique_ptr<RunDir>> run_dir = RunDir::Take(options.run_dir);
  if (!run_dir.ok()) return run_dir.status();
  process->run_dir_ = *std::move(run_dir);

  absl::StatusOr<std::unique_ptr<Eal>> eal = Eal::Start(options, *plan);
  if (!eal.ok()) return eal.status();
  process->eal_ = *std::move(eal);

  process->dataplane_ = std::make_unique<Dataplane>(static_cast<uint16_t>(plan->workers.size()));
  if (options.sleep) process->dataplane_->AllowSleep();
  process->dataplane_->Start(plan->WorkerLcores());
  if (absl::Status status = process->StartSwitch(options, *access); !status.ok()) return status;
  return process;
}

absl::Status Process::StartSwitch(const Options& options, const Access& access) {
  registry_ = std::make_unique<Registry>(OwnNamespace());
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Listen(run_dir_->rtnl_socket(), *registry_);
  if (!server.ok()) return server.status();
  server_ = *std::move(server);
  server_->set_access(access);

  BackendEnv env;
  env.pool = eal_->pool();
  env.rcu = &dataplane_->rcu();
  env.run_dir = run_dir_->path();
  rtnl_ = std::make_unique<Rtnl>(*registry_, *dataplane_, *server_, env);
  return ApplyConfig(options, *rtnl_);
}

void Process::Run() {
  std::puts("vswitch: ready");
  std::fflush(stdout);
  NotifyServiceManager("READY=1");
  server_->Run(*rtnl_, stop_signals_.get());
  NotifyServiceManager("STOPPING=1");
}

}  // namespace vswitch
