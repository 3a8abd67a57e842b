// SPDX-License-Identifier: BSD-3-Clause
// The parts of start-up that need no DPDK: cores, memory, arguments, run dir, service manager.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

#include "control/core_plan.h"
#include "control/eal.h"
#include "control/hugepages.h"
#include "control/run_dir.h"
#include "control/service_manager.h"

namespace vswitch {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

namespace fs = std::filesystem;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A short directory of its own, gone after the test.
class TempDir {
 public:
  TempDir() {
    char name[] = "/tmp/vsw-XXXXXX";
    path_ = mkdtemp(name);
  }
  ~TempDir() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// A socket that somebody listens on for as long as the result lives; its file stays.
UniqueFd Serve(const std::string& path, int type = SOCK_STREAM) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  std::strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  UniqueFd fd(socket(AF_UNIX, type, 0));
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(type == SOCK_DGRAM || listen(fd.get(), 1) == 0);
  return fd;
}

// The socket file of a dead process.
void MakeSocket(const std::string& path) { Serve(path); }

TEST(CorePlanTest, OneWorkerOnTheLastCpuByDefault) {
  const CorePlan plan = *PlanCores({}, {0, 1, 5}, {0, 1, 2, 5});
  EXPECT_THAT(plan.workers, ElementsAre(5));
  EXPECT_THAT(plan.control, ElementsAre(0, 1));
  EXPECT_EQ(plan.Lcores(), "0@(0,1),1@5");
  EXPECT_THAT(plan.WorkerLcores(), ElementsAre(1));
}

TEST(CorePlanTest, ControlThreadSharesWhenWorkersTakeAll) {
  const CorePlan plan = *PlanCores({1, 0}, {0, 1}, {0, 1});
  EXPECT_EQ(plan.Lcores(), "0@(0,1),1@1,2@0");
  EXPECT_THAT(plan.WorkerLcores(), ElementsAre(1, 2));
}

TEST(CorePlanTest, RefusesCpusItCannotHave) {
  EXPECT_THAT(Message(PlanCores({2}, {0, 1}, {0, 1}).status()), HasSubstr("CPU 2 is not online"));
  EXPECT_THAT(Message(PlanCores({1}, {0}, {0, 1}).status()), HasSubstr("may not run on CPU 1"));
  EXPECT_THAT(Message(PlanCores({0, 0}, {0}, {0}).status()), HasSubstr("CPU 0 is named twice"));
}

TEST(CorePlanTest, KnowsThisMachine) {
  const std::set<unsigned> allowed = AllowedCpus(), online = OnlineCpus();
  ASSERT_FALSE(allowed.empty());
  for (const unsigned cpu : allowed) EXPECT_TRUE(online.contains(cpu)) << cpu;
}

class HugepageTest : public testing::Test {
 protected:
  void Pool(const std::string& size, const std::string& total, const std::string& free,
            const std::string& reserved) {
    const fs::path pool = fs::path(dir_.path()) / ("hugepages-" + size);
    fs::create_directory(pool);
    std::ofstream(pool / "nr_hugepages") << total;
    std::ofstream(pool / "free_hugepages") << free;
    std::ofstream(pool / "resv_hugepages") << reserved;
  }

  TempDir dir_;
};

TEST_F(HugepageTest, CountsFreePagesOfAllSizes) {
  EXPECT_EQ(FreeHugepageMib(dir_.path()), 0u);
  Pool("2048kB", "100", "10", "3");
  EXPECT_EQ(FreeHugepageMib(dir_.path()), 14u);
  Pool("1048576kB", "1", "1", "0");
  EXPECT_EQ(FreeHugepageMib(dir_.path()), 1038u);
  EXPECT_EQ(ReservedHugepages(dir_.path()), 100u);
}

TEST_F(HugepageTest, NoneWhereTheKernelKnowsNone) {
  EXPECT_EQ(FreeHugepageMib(dir_.path() + "/nosuch"), 0u);
  EXPECT_EQ(ReservedHugepages(dir_.path() + "/nosuch"), 0u);
}

TEST_F(HugepageTest, PagesPromisedToOthersAreNotFree) {
  Pool("2048kB", "8", "3", "8");
  EXPECT_EQ(FreeHugepageMib(dir_.path()), 0u);
}

TEST_F(HugepageTest, ReadsMemAvailable) {
  const std::string file = dir_.path() + "/meminfo";
  std::ofstream(file) << "MemTotal:    4096 kB\nMemAvailable:    3072 kB\n";
  EXPECT_EQ(AvailableMib(file), 3u);
  EXPECT_EQ(AvailableMib(dir_.path() + "/nosuch"), 0u);
}

std::vector<std::string> ArgumentsFor(const Options& options) {
  return EalArguments(options, CorePlan{.workers = {1}, .control = {0}});
}

TEST(EalArgumentsTest, NoFilesAndNoPciByDefault) {
  const std::vector<std::string> arguments = ArgumentsFor(Options());
  EXPECT_THAT(arguments, Contains("--in-memory"));
  EXPECT_THAT(arguments, Contains("--no-pci"));
  EXPECT_THAT(arguments, Contains("0@(0),1@1"));
  EXPECT_THAT(arguments, Not(Contains("--no-huge")));
}

TEST(EalArgumentsTest, NoHugeLeavesNoFilesEither) {
  Options options;
  options.no_huge = true;
  EXPECT_THAT(ArgumentsFor(options), Contains("--no-huge"));
  EXPECT_THAT(ArgumentsFor(options), Contains("--no-shconf"));
}

TEST(EalArgumentsTest, PciWhenAsked) {
  Options options;
  options.eal_args = {"-a", "0000:03:00.0"};
  EXPECT_THAT(ArgumentsFor(options), Not(Contains("--no-pci")));
  EXPECT_EQ(ArgumentsFor(options).back(), "0000:03:00.0");
}

TEST(RunDirTest, MakesAndRemovesIt) {
  const TempDir parent;
  const std::string path = parent.path() + "/run";
  {
    const absl::StatusOr<std::unique_ptr<RunDir>> run_dir = RunDir::Take(path);
    ASSERT_TRUE(run_dir.ok()) << run_dir.status();
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 07777, 0755u);
    EXPECT_TRUE(fs::is_directory(path + "/vhost"));
    MakeSocket((*run_dir)->rtnl_socket());
    MakeSocket(path + "/vhost/a.sock");
  }
  EXPECT_FALSE(fs::exists(path));
}

TEST(RunDirTest, LeavesADirectoryThatWasThere) {
  const TempDir dir;
  std::ofstream(dir.path() + "/mine") << "precious";
  { ASSERT_TRUE(RunDir::Take(dir.path()).ok()); }
  EXPECT_TRUE(fs::exists(dir.path() + "/mine"));
  fs::remove(dir.path() + "/mine");
  EXPECT_TRUE(fs::is_empty(dir.path()));
}

// Somebody may choose a directory that is not vswitch's alone, such as /run.
TEST(RunDirTest, LeavesWhatOthersHaveInIt) {
  const TempDir dir;
  const std::string& path = dir.path();
  fs::create_directories(path + "/vhost");
  fs::create_directories(path + "/dpdk/vswitch-1");
  fs::create_directories(path + "/dpdk/other");
  std::ofstream(path + "/vswitch.pid") << "1\n";
  MakeSocket(path + "/idle.sock");
  const UniqueFd docker = Serve(path + "/docker.sock");
  const UniqueFd qemu = Serve(path + "/vhost/qemu.sock");
  const UniqueFd datagrams = Serve(path + "/vhost/log.sock", SOCK_DGRAM);
  MakeSocket(path + "/vhost/old.sock");
  { ASSERT_TRUE(RunDir::Take(path).ok()); }
  EXPECT_TRUE(fs::exists(path + "/docker.sock"));
  EXPECT_TRUE(fs::exists(path + "/idle.sock"));
  EXPECT_TRUE(fs::exists(path + "/vhost/qemu.sock"));
  EXPECT_TRUE(fs::exists(path + "/vhost/log.sock"));
  EXPECT_FALSE(fs::exists(path + "/vhost/old.sock"));
  EXPECT_TRUE(fs::exists(path + "/dpdk/other"));
  EXPECT_FALSE(fs::exists(path + "/dpdk/vswitch-1"));
}

TEST(RunDirTest, LeavesALiveRtnlSocketThatIsNotItsOwn) {
  const TempDir dir;
  const UniqueFd other = Serve(dir.path() + "/rtnl.sock", SOCK_SEQPACKET);
  { ASSERT_TRUE(RunDir::Take(dir.path()).ok()); }
  EXPECT_TRUE(fs::exists(dir.path() + "/rtnl.sock"));
}

TEST(RunDirTest, LeavesTheModeOfAVhostDirectoryThatWasThere) {
  const TempDir dir;
  fs::create_directories(dir.path() + "/vhost/kept");
  fs::permissions(dir.path() + "/vhost", fs::perms::owner_all);
  ASSERT_TRUE(RunDir::Take(dir.path()).ok());
  EXPECT_EQ(fs::status(dir.path() + "/vhost").permissions(), fs::perms::owner_all);
}

TEST(RunDirTest, RefusesALiveOneWithItsPid) {
  const TempDir parent;
  const std::string path = parent.path() + "/run";
  const absl::StatusOr<std::unique_ptr<RunDir>> first = RunDir::Take(path);
  ASSERT_TRUE(first.ok());
  EXPECT_THAT(Message(RunDir::Take(path).status()),
              HasSubstr("in use by the vswitch process with pid " + std::to_string(getpid())));
  EXPECT_TRUE(fs::exists(path + "/vswitch.pid"));
}

// What a killed process leaves: its files, and a lock file that nobody holds.
TEST(RunDirTest, TakesOverAStaleOne) {
  const TempDir parent;
  const std::string path = parent.path() + "/run";
  fs::create_directories(path + "/vhost");
  fs::create_directories(path + "/dpdk/vswitch-1");
  std::ofstream(path + "/vswitch.pid") << "1 made\n";
  MakeSocket(path + "/rtnl.sock");
  MakeSocket(path + "/vhost/old.sock");
  {
    const absl::StatusOr<std::unique_ptr<RunDir>> run_dir = RunDir::Take(path);
    ASSERT_TRUE(run_dir.ok()) << run_dir.status();
    EXPECT_FALSE(fs::exists(path + "/rtnl.sock"));
    EXPECT_FALSE(fs::exists(path + "/vhost/old.sock"));
    EXPECT_FALSE(fs::exists(path + "/dpdk"));
  }
  EXPECT_FALSE(fs::exists(path));  // "made" says that a vswitch process made it
}

TEST(RunDirTest, RefusesPathsThatHoldNoSocket) {
  const TempDir parent;
  std::string path = parent.path() + "/";
  path.resize(80, 'x');
  EXPECT_TRUE(RunDir::Take(path).ok());
  MakeSocket(parent.path() + "/y");
  const absl::Status status = RunDir::Take(path + "x").status();
  EXPECT_THAT(Message(status), HasSubstr("81 bytes, at most 80 are possible"));
  EXPECT_EQ((path + "/vhost/123456789012345.sock").size(), sizeof(sockaddr_un::sun_path) - 1);
}

TEST(RunDirTest, NamesTheDirectoryItCannotMake) {
  const absl::Status status = RunDir::Take("/proc/vswitch").status();
  EXPECT_THAT(Message(status), HasSubstr("run dir /proc/vswitch: "));
  EXPECT_EQ(Message(RunDir::Take("/nonexistent/run").status()),
            "run dir /nonexistent/run: No such file or directory (choose another with --run-dir)");
}

TEST(ServiceManagerTest, SendsOneDatagram) {
  const TempDir dir;
  const std::string path = dir.path() + "/notify";
  const UniqueFd fd = Serve(path, SOCK_DGRAM);
  setenv("NOTIFY_SOCKET", path.c_str(), 1);
  NotifyServiceManager("READY=1");
  unsetenv("NOTIFY_SOCKET");
  char text[32];
  const ssize_t length = recv(fd.get(), text, sizeof(text), MSG_DONTWAIT);
  ASSERT_EQ(length, 7);
  EXPECT_EQ(std::string(text, 7), "READY=1");
}

}  // namespace
}  // namespace vswitch
