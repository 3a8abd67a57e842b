// SPDX-License-Identifier: BSD-3-Clause
// A vhost-user backend with a guest in this process at the other end.
#ifndef VSWITCH_TESTS_SUPPORT_VHOST_GUEST_FIXTURE_H_
#define VSWITCH_TESTS_SUPPORT_VHOST_GUEST_FIXTURE_H_

#include <gtest/gtest.h>
#include <poll.h>
#include <rte_vhost.h>

#include <chrono>
#include <climits>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <utility>

#include "dataplane/notifications.h"
#include "dataplane/packet_buffer.h"
#include "dataplane/rcu.h"
#include "pmd/factory.h"
#include "tests/support/fake_guest.h"
#include "tests/support/frames.h"

namespace vswitch {

inline constexpr uint64_t kSends = kVirtioNetCsum | kVirtioNetHostTso4 | kVirtioNetHostTso6;
inline constexpr uint64_t kTakes =
    kVirtioNetGuestCsum | kVirtioNetGuestTso4 | kVirtioNetGuestTso6 | kVirtioNetMrgRxbuf;

class VhostGuestTest : public testing::Test {
 protected:
  VhostGuestTest() {
    char name[] = "/tmp/vswitch-unit-XXXXXX";
    dir_ = mkdtemp(name);
    path_ = dir_ + "/guest.sock";
  }
  ~VhostGuestTest() override {
    backend_.reset();
    std::filesystem::remove_all(dir_);
    EXPECT_EQ(BuffersInUse(), before_);
  }

  void Create(uint16_t queues = 1, bool client = true) {
    BackendSpec spec;
    spec.path = path_;
    spec.client = client;
    spec.queues = queues;
    BackendEnv env;
    env.pool = TestPool();
    env.rcu = &rcu_;
    auto backend = CreateBackend(spec, "vm", 1500, env);
    ASSERT_TRUE(backend.ok()) << backend.status();
    backend_ = std::move(*backend);
  }
  // With the guest as server the connection is there at once.
  void CreateConnected(uint16_t queues = 1) {
    guest_.Listen(path_);
    Create(queues);
    guest_.Accept();
  }
  SendResult Send(std::span<const Packet> packets, uint16_t queue = 0) {
    Burst burst;
    for (const Packet& packet : packets) burst.packets[burst.count++] = packet;
    const SendResult result = backend_->Send(queue, burst);
    Notifications::Ours().Settle();
    PacketBuffer::Free(burst.view().subspan(result.accepted));
    return result;
  }
  SendResult Send(const Packet& packet, uint16_t queue = 0) {
    return Send(std::span(&packet, 1), queue);
  }
  // As at the end of a worker's round.
  void Finish(uint16_t queue) {
    backend_->Finish(queue);
    Notifications::Ours().Settle();
  }
  static bool Eventually(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::yield();
    }
    return true;
  }
  // Those that librte_vhost has not done away with.
  int Connections() const {
    int connections = 0;
    for (int vid = 0; vid < 8; ++vid) {
      char path[PATH_MAX] = "";
      rte_vhost_get_ifname(vid, path, sizeof(path));
      if (path == path_) ++connections;
    }
    return connections;
  }
  bool Connected() { return backend_->Status().state == "connected"; }
  // The bell of a queue that rests.
  bool Rings(uint16_t queue) const {
    pollfd bell{.fd = backend_->Bell(queue), .events = POLLIN, .revents = 0};
    return poll(&bell, 1, 0) == 1;
  }

  const unsigned before_ = BuffersInUse();
  std::string dir_;
  std::string path_;
  Rcu rcu_{2};
  FakeGuest guest_;
  std::unique_ptr<Backend> backend_;
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_VHOST_GUEST_FIXTURE_H_
