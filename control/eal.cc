// SPDX-License-Identifier: BSD-3-Clause
#include "control/eal.h"

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_log.h>
#include <rte_mbuf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/hugepages.h"
#include "control/unique_fd.h"

namespace vswitch {
namespace {

constexpr uint32_t kMinMemoryMib = 32;
constexpr unsigned kPoolCache =
    512;  // mbufs each lcore keeps to itself (RTE_MEMPOOL_CACHE_MAX_SIZE)
constexpr uint64_t kOrdinaryPage = 4096;
// Part of the memory that becomes mbufs; the rest is for rings, ports and DPDK itself.
constexpr uint64_t kPoolShare = 75;  // percent

uint32_t DpdkLevel(const std::string& level) {
  const auto at = std::find(kLogLevels.begin(), kLogLevels.end(), level) - kLogLevels.begin();
  return RTE_LOG_ERR + static_cast<uint32_t>(at);
}

bool AsksForPci(const std::vector<std::string>& eal_args) {
  return std::any_of(eal_args.begin(), eal_args.end(), [](const std::string& argument) {
    return absl::StartsWith(argument, "-a") || absl::StartsWith(argument, "-b") ||
           absl::StartsWith(argument, "--allow") || absl::StartsWith(argument, "--block");
  });
}

// Takes what the process prints on stdout and stderr while it lives. What EAL has to say at
// start-up is worth one line, and only when it fails.
class OutputCapture {
 public:
  OutputCapture()
      : text_(memfd_create("eal-output", MFD_CLOEXEC)),
        stdout_(Redirect(STDOUT_FILENO)),
        stderr_(Redirect(STDERR_FILENO)) {}
  ~OutputCapture() { Restore(); }

  // Ends the capture. The first line that was printed, without the name of who printed it.
  std::string FirstLine() {
    Restore();
    std::string text(4096, '\0');
    const ssize_t length = pread(text_.get(), text.data(), text.size(), 0);
    text.resize(length > 0 ? static_cast<size_t>(length) : 0);
    std::string line = text.substr(0, text.find('\n'));
    for (const char* who : {"EAL: FATAL: ", "EAL: ", "vswitch: "}) {
      if (absl::StartsWith(line, who)) line.erase(0, std::strlen(who));
    }
    return line;
  }

 private:
  UniqueFd Redirect(int fd) {
    std::fflush(nullptr);
    UniqueFd saved(dup(fd));
    if (text_.valid() && saved.valid()) dup2(text_.get(), fd);
    return saved;
  }

  void Restore() {
    std::fflush(nullptr);
    if (stdout_.valid()) dup2(stdout_.get(), STDOUT_FILENO);
    if (stderr_.valid()) dup2(stderr_.get(), STDERR_FILENO);
    stdout_.reset();
    stderr_.reset();
  }

  UniqueFd text_, stdout_, stderr_;
};

absl::Status Failure(const std::string& reason) { return absl::FailedPreconditionError(reason); }

absl::Status CheckOrdinaryMemory(uint32_t wanted) {
  const uint64_t available = AvailableMib();
  if (available == 0 || wanted <= available) return absl::OkStatus();
  return Failure(absl::StrCat("memory: ", wanted, " MiB are more than the ", available,
                              " MiB that are available; ask for less with --memory"));
}

// Decides between hugepages and ordinary memory.
absl::Status ChooseMemory(Options& options) {
  const uint32_t wanted = options.memory_mib;
  if (wanted < kMinMemoryMib) {
    return Failure(absl::StrCat("memory: ", wanted, " MiB are too little; give at least ",
                                kMinMemoryMib, " with --memory"));
  }
  const uint64_t free = FreeHugepageMib();
  if (!options.no_huge && free < wanted) {
    const std::string pages = absl::StrCat(ReservedHugepages() + (wanted - free + 1) / 2);
    std::fprintf(stderr,
                 "vswitch: warning: %u MiB of hugepages are wanted and %lu MiB are free; running "
                 "slower without hugepages (reserve them with ./dev setup or sysctl "
                 "vm.nr_hugepages=%s; --no-huge silences this)\n",
                 wanted, static_cast<unsigned long>(free), pages.c_str());
    options.no_huge = true;
  }
  return options.no_huge ? CheckOrdinaryMemory(wanted) : absl::OkStatus();
}

absl::Status Initialise(const Options& options, const CorePlan& plan) {
  // EAL makes this directory even when it has nothing to put there: below the run dir it is removed
  // with it.
  setenv("RUNTIME_DIRECTORY", options.run_dir.c_str(), 1);
  std::vector<std::string> arguments = EalArguments(options, plan);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());

  const bool show = options.log_level == "debug";
  std::unique_ptr<OutputCapture> capture = show ? nullptr : std::make_unique<OutputCapture>();
  const bool started = rte_eal_init(static_cast<int>(argv.size()), argv.data()) >= 0;
  if (started) return absl::OkStatus();
  std::string reason = capture == nullptr ? "" : capture->FirstLine();
  if (reason.empty()) reason = rte_strerror(rte_errno);
  return Failure(absl::StrCat("DPDK did not start: ", reason, " (--log-level debug says more)"));
}

// What these complain about later (a port that cannot be plugged in, a ring whose name is taken) is
// an error of ours, too, or no error at all.
void SilenceWhatWeReport() {
  rte_log_set_level(RTE_LOGTYPE_EAL, RTE_LOG_CRIT);
  rte_log_set_level(RTE_LOGTYPE_RING, RTE_LOG_CRIT);
  rte_log_set_level_pattern("pmd*", RTE_LOG_CRIT);
}

// As many mbufs as fit into the pool's share of the memory.
unsigned PoolSize(const Options& options) {
  rte_mempool_objsz size;
  rte_mempool_calc_obj_size(sizeof(rte_mbuf) + RTE_MBUF_DEFAULT_BUF_SIZE, 0, &size);
  // An mbuf does not cross pages: of ordinary memory each takes a page.
  const uint64_t bytes = options.no_huge ? kOrdinaryPage : size.total_size;
  return static_cast<unsigned>(uint64_t{options.memory_mib} * 1024 * 1024 * kPoolShare / 100 /
                               bytes);
}

}  // namespace

std::vector<std::string> EalArguments(const Options& options, const CorePlan& plan) {
  std::vector<std::string> arguments = {"vswitch",
                                        "--no-telemetry",
                                        absl::StrCat("--file-prefix=vswitch-", getpid()),
                                        "-m",
                                        absl::StrCat(options.memory_mib),
                                        "--lcores",
                                        plan.Lcores()};
  if (options.no_huge) {
    // DPDK 22.11 does not take --in-memory here; without shared config there are no files either.
    arguments.insert(arguments.end(), {"--no-huge", "--no-shconf"});
  } else {
    arguments.push_back("--in-memory");
  }
  if (!AsksForPci(options.eal_args)) {
    arguments.push_back("--no-pci");
    // Without devices that need physical addresses nobody needs the rights to look them up.
    arguments.push_back("--iova-mode=va");
  }
  // During start-up only errors are of use; afterwards the level is set as asked.
  if (options.log_level != "debug") arguments.push_back("--log-level=error");
  arguments.insert(arguments.end(), options.eal_args.begin(), options.eal_args.end());
  return arguments;
}

absl::StatusOr<std::unique_ptr<Eal>> Eal::Start(Options options, const CorePlan& plan) {
  if (absl::Status status = ChooseMemory(options); !status.ok()) return status;
  if (absl::Status status = Initialise(options, plan); !status.ok()) return status;
  std::unique_ptr<Eal> eal(new Eal());
  rte_log_set_global_level(DpdkLevel(options.log_level));
  if (options.log_level != "debug") SilenceWhatWeReport();
  rte_openlog_stream(stderr);  // EAL's own choice writes to syslog, too
  eal->pool_ = rte_pktmbuf_pool_create("packets", PoolSize(options), kPoolCache, 0,
                                       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  if (eal->pool_ == nullptr) {
    return Failure(absl::StrCat("memory: ", options.memory_mib, " MiB are too little for packets (",
                                rte_strerror(rte_errno), "); give more with --memory"));
  }
  return eal;
}

Eal::~Eal() {
  rte_mempool_free(pool_);
  rte_openlog_stream(nullptr);
  rte_eal_cleanup();
}

}  // namespace vswitch
