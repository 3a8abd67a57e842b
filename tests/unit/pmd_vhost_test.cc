// SPDX-License-Identifier: BSD-3-Clause
// The life of a vhost-user socket without a guest, and what is known of a guest's rings.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "dataplane/errno_status.h"
#include "dataplane/packet_buffer.h"
#include "dataplane/rcu.h"
#include "pmd/factory.h"
#include "pmd/vhost_driver.h"
#include "pmd/vhost_guest.h"
#include "pmd/vhost_socket_file.h"
#include "tests/support/frames.h"

namespace vswitch {
namespace {

namespace fs = std::filesystem;

// A listening socket of somebody else.
class Listener {
 public:
  explicit Listener(const std::string& path) : fd_(socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd_, 1), 0);
  }
  // As when its process dies: the file stays.
  ~Listener() { close(fd_); }

 private:
  const int fd_;
};

class VhostSocketTest : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/vswitch-unit-XXXXXX";
    dir_ = mkdtemp(name);
    env_.pool = TestPool();
    env_.rcu = &rcu_;
    env_.run_dir = dir_ + "/run";
    spec_.type = BackendType::kVhost;
  }
  void TearDown() override { fs::remove_all(dir_); }

  absl::StatusOr<std::unique_ptr<Backend>> Create() {
    return CreateBackend(spec_, "vm1", 1500, env_);
  }
  static struct stat StatOf(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
    return info;
  }

  std::string dir_;
  Rcu rcu_{1};
  BackendEnv env_;
  BackendSpec spec_;
};

TEST_F(VhostSocketTest, HasAPathModeAndOwnerByDefaultAndGoes) {
  const std::string path = env_.run_dir + "/vhost/vm1.sock";
  const mode_t mask = umask(0077);
  {
    const auto backend = Create();
    umask(mask);
    ASSERT_TRUE(backend.ok()) << backend.status();
    EXPECT_TRUE(S_ISSOCK(StatOf(path).st_mode));
    EXPECT_EQ(StatOf(path).st_mode & 0777, 0660u);
    EXPECT_EQ(StatOf(env_.run_dir + "/vhost").st_mode & 0777, 0755u);
    const BackendStatus status = (*backend)->Status();
    EXPECT_EQ(status.type, "vhost-user");
    EXPECT_EQ(status.state, "disconnected");
    EXPECT_EQ(status.path, path);
  }
  EXPECT_FALSE(fs::exists(path));
  EXPECT_TRUE(Create().ok()) << "it can come back";
}

TEST_F(VhostSocketTest, SetsOwnerGroupAndMode) {
  spec_.path = dir_ + "/s";
  spec_.owner = "nobody";
  spec_.group = "12345";
  spec_.mode = 0606;
  const auto backend = Create();
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_EQ(StatOf(spec_.path).st_uid, 65534u);
  EXPECT_EQ(StatOf(spec_.path).st_gid, 12345u);
  EXPECT_EQ(StatOf(spec_.path).st_mode & 0777, 0606u);
}

struct NoEvents : VhostEvents {
  void OnConnected(int) override {}
  void OnMessage(int) override {}
  void OnMemory(int, bool) override {}
  void OnLog(int, const LogArea&) override {}
  void OnReady(int) override {}
  void OnStopped(int) override {}
  void OnChanging(int) override {}
  void OnChanged(int) override {}
  void OnAnnounce(int, uint64_t) override {}
  void OnRing(int, uint16_t, bool) override {}
  void OnDisconnected(int) override {}
};

// Between its birth and ApplyOwnership nobody must get in.
TEST_F(VhostSocketTest, IsBornClosed) {
  const std::string path = dir_ + "/s";
  const mode_t mask = umask(0);
  NoEvents events;
  const auto driver = VhostDriver::Open(path, /*client=*/false, &events);
  EXPECT_EQ(umask(mask), 0u) << "the umask is what it was";
  ASSERT_TRUE(driver.ok()) << driver.status();
  EXPECT_EQ(StatOf(path).st_mode & 0777, 0u);
}

TEST_F(VhostSocketTest, GivesNobodyWhatIsNotTheSocket) {
  const std::string file = dir_ + "/precious", socket = dir_ + "/other", link = dir_ + "/link";
  std::ofstream(file) << "precious";
  const Listener other(socket);
  fs::create_symlink(socket, link);
  const SocketOwnership wide{.user = 12345, .mode = 0666};
  for (const std::string& path : {file, socket}) {
    fs::permissions(path, fs::perms::owner_read);
    EXPECT_EQ(ErrnoOf(ApplyOwnership(path == file ? file : link, wide)), EEXIST);
    EXPECT_EQ(StatOf(path).st_uid, getuid());
    EXPECT_EQ(StatOf(path).st_mode & 0777, 0400u);
  }
  EXPECT_EQ(ErrnoOf(ApplyOwnership(dir_ + "/none", {})), ENOENT);
}

TEST_F(VhostSocketTest, RefusesUnknownUsersAndGroupsAndLeavesNothing) {
  spec_.path = dir_ + "/s";
  spec_.owner = "no-such-user";
  auto result = Create();
  EXPECT_EQ(ErrnoOf(result.status()), EINVAL);
  EXPECT_NE(result.status().message().find("no-such-user"), absl::string_view::npos);
  spec_.owner = "";
  spec_.group = "no-such-group";
  result = Create();
  EXPECT_EQ(ErrnoOf(result.status()), EINVAL);
  EXPECT_NE(result.status().message().find("no-such-group"), absl::string_view::npos);
  EXPECT_FALSE(fs::exists(spec_.path));
}

TEST_F(VhostSocketTest, RefusesALiveSocketAndKeepsIt) {
  spec_.path = dir_ + "/s";
  const Listener other(spec_.path);
  const auto result = Create();
  EXPECT_EQ(ErrnoOf(result.status()), EADDRINUSE);
  EXPECT_NE(result.status().message().find(spec_.path), absl::string_view::npos);
  EXPECT_TRUE(fs::exists(spec_.path));
}

TEST_F(VhostSocketTest, RefusesItsOwnSocketASecondTime) {
  spec_.path = dir_ + "/s";
  const auto first = Create();
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(ErrnoOf(Create().status()), EADDRINUSE);
  spec_.client = true;
  EXPECT_EQ(ErrnoOf(Create().status()), EADDRINUSE);
  EXPECT_TRUE(fs::exists(spec_.path));
}

TEST_F(VhostSocketTest, ReplacesTheSocketOfADeadProcess) {
  spec_.path = dir_ + "/s";
  { const Listener dead(spec_.path); }
  ASSERT_TRUE(fs::exists(spec_.path));
  const auto backend = Create();
  EXPECT_TRUE(backend.ok()) << backend.status();
}

TEST_F(VhostSocketTest, RefusesWhatIsNotASocket) {
  spec_.path = dir_ + "/s";
  std::ofstream(spec_.path) << "precious";
  EXPECT_EQ(ErrnoOf(Create().status()), EEXIST);
  EXPECT_EQ(fs::file_size(spec_.path), 8u);
}

TEST_F(VhostSocketTest, RefusesPathsThatCannotBe) {
  spec_.path = dir_ + "/";
  spec_.path.resize(108, 'x');  // no room for the terminating zero
  EXPECT_EQ(ErrnoOf(Create().status()), ENAMETOOLONG);
  spec_.path = dir_ + "/missing/s";
  EXPECT_EQ(ErrnoOf(Create().status()), ENOENT);
  spec_.path = "";
  env_.run_dir = "/tmp/" + std::string(120, 'x');
  EXPECT_EQ(ErrnoOf(Create().status()), ENAMETOOLONG);
  fs::remove_all(env_.run_dir);
}

TEST_F(VhostSocketTest, AcceptsTheLongestPathAKernelTakes) {
  spec_.path = dir_ + "/";
  spec_.path.resize(107, 'y');
  EXPECT_TRUE(Create().ok());
}

TEST_F(VhostSocketTest, RefusesQueueCountsOfNoUse) {
  spec_.queues = 0;
  EXPECT_EQ(ErrnoOf(Create().status()), EINVAL);
  spec_.queues = 129;
  EXPECT_EQ(ErrnoOf(Create().status()), EINVAL);
  spec_.queues = 128;
  const auto backend = Create();
  ASSERT_TRUE(backend.ok());
  EXPECT_EQ((*backend)->queues(), 128);
}

TEST_F(VhostSocketTest, AClientWaitsForItsServerAndMakesNoFile) {
  spec_.client = true;
  EXPECT_EQ(ErrnoOf(Create().status()), EINVAL) << "a client needs a path";
  spec_.path = dir_ + "/qemu";
  const auto backend = Create();
  ASSERT_TRUE(backend.ok()) << backend.status();
  EXPECT_FALSE(fs::exists(spec_.path));
  EXPECT_EQ((*backend)->Status().state, "disconnected");
}

TEST_F(VhostSocketTest, WithoutAGuestNothingComesAndNothingGoes) {
  const unsigned before = BuffersInUse();
  const std::unique_ptr<Backend> backend = *Create();
  Burst burst;
  backend->Receive(0, burst);
  EXPECT_EQ(burst.count, 0);
  burst.packets[burst.count++] = MakeFrame(60);
  const SendResult result = backend->Send(0, burst);
  EXPECT_EQ(result.accepted, 0);
  EXPECT_EQ(result.reason, DropReason::kBackendDown);
  PacketBuffer::Free(burst.view());
  EXPECT_EQ(BuffersInUse(), before);
}

TEST(ServedPairs, AreThoseThatCarryTraffic) {
  UsableRings rings;
  EXPECT_EQ(ServedPairs::Of(rings).receiving, 0);
  EXPECT_EQ(ServedPairs::Of(rings).sending, 0);
  rings[0] = rings[1] = true;
  EXPECT_EQ(ServedPairs::Of(rings).receiving, 1);
  EXPECT_EQ(ServedPairs::Of(rings).sending, 1);
  rings[4] = rings[5] = true;  // behind a gap: not used for receiving
  EXPECT_EQ(ServedPairs::Of(rings).receiving, 1);
  EXPECT_EQ(ServedPairs::Of(rings).sending, 3);
  rings[2] = true;
  EXPECT_EQ(ServedPairs::Of(rings).receiving, 3);
  rings[0] = false;
  EXPECT_EQ(ServedPairs::Of(rings).receiving, 0);
  rings[254] = rings[255] = true;
  EXPECT_EQ(ServedPairs::Of(rings).sending, 128);
}

TEST(VhostGuest, IgnoresRingsThatCannotBe) {
  VhostGuest guest(0);
  guest.SetRing(255, true);
  guest.SetRing(256, true);
  guest.SetRing(65535, true);
  EXPECT_EQ(guest.usable().count(), 1u);
  guest.SetRing(255, false);
  EXPECT_TRUE(guest.usable().none());
}

TEST(VhostGuest, TakesWhatItNegotiated) {
  const OffloadSupport support = SupportOf(1ULL << 1 | 1ULL << 8);
  EXPECT_TRUE(support.checksum);
  EXPECT_FALSE(support.tso4);
  EXPECT_TRUE(support.tso6);
}

TEST(ParseBackendType, KnowsItsNames) {
  EXPECT_EQ(*ParseBackendType("vhost"), BackendType::kVhost);
  EXPECT_EQ(*ParseBackendType("tap"), BackendType::kTap);
  EXPECT_EQ(*ParseBackendType("ring"), BackendType::kRing);
  EXPECT_EQ(*ParseBackendType("ethdev"), BackendType::kEthdev);
  const auto unknown = ParseBackendType("vhost-user");
  EXPECT_EQ(ErrnoOf(unknown.status()), EINVAL);
  EXPECT_NE(unknown.status().message().find("vhost-user"), absl::string_view::npos);
}

}  // namespace
}  // namespace vswitch
