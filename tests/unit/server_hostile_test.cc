// SPDX-License-Identifier: BSD-3-Clause
// Clients that mean harm, or just do not read: nobody else may notice.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <thread>
#include <vector>

#include "control/server.h"
#include "tests/support/netlink_client.h"

namespace vswitch {
namespace {

void ExpectServes(const ServerThread& server) {
  NetlinkClient client(server.path());
  EXPECT_EQ(client.Ask(GetLinkByName("lo")), 0);
}

size_t OpenDescriptors() {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    ++count;
  }
  return count;
}

// The server closes in its own time.
bool ComesDownTo(size_t descriptors) {
  for (int i = 0; i < 1000 && OpenDescriptors() > descriptors; ++i) usleep(10000);
  return OpenDescriptors() <= descriptors;
}

TEST(HostileClientTest, FullBarrierBlocksNobody) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello();
  const uint64_t full = ~uint64_t{0} - 1;
  fcntl(client.eventfd(), F_SETFL, 0);
  ASSERT_EQ(write(client.eventfd(), &full, sizeof(full)), ssize_t{sizeof(full)});
  // Another thread puts the descriptor back to blocking as fast as it can.
  const std::jthread toggler([&client](const std::stop_token& stop) {
    while (!stop.stop_requested()) fcntl(client.eventfd(), F_SETFL, 0);
  });
  for (int i = 0; i < 2000; ++i) ASSERT_EQ(client.Ask(GetLinkByName("lo")), 0) << i;
  ExpectServes(server);
}

TEST(HostileClientTest, ForeignDescriptorsEndTheConnectionAndAreClosed) {
  ServerThread server;
  int pipe_fds[2];
  ASSERT_EQ(pipe2(pipe_fds, O_CLOEXEC), 0);
  const UniqueFd pipe_in(pipe_fds[0]), pipe_out(pipe_fds[1]);
  const UniqueFd netns(open("/proc/self/ns/net", O_RDONLY)), mount(open("/proc/self/ns/mnt", 0));
  const UniqueFd file(open("/proc/self/exe", O_RDONLY)), directory(open("/", O_RDONLY));
  {
    NetlinkClient warm_up(server.path());
    EXPECT_EQ(warm_up.Ask(GetLinkByName("lo")), 0);
  }
  const size_t before = OpenDescriptors();
  const std::vector<std::vector<int>> offers = {{pipe_out.get()},
                                                {netns.get(), netns.get()},
                                                {mount.get()},
                                                {file.get(), directory.get()},
                                                {netns.get(), file.get()},
                                                std::vector<int>(200, pipe_in.get())};
  for (const std::vector<int>& offer : offers) {
    NetlinkClient client(server.path());
    client.HelloWith(offer);
    EXPECT_TRUE(client.HungUp()) << offer.size() << " descriptors, the first " << offer[0];
  }
  EXPECT_TRUE(ComesDownTo(before));
  ExpectServes(server);
}

TEST(HostileClientTest, DescriptorsThatNobodyAskedForAreClosed) {
  ServerThread server;
  const UniqueFd file(open("/proc/self/exe", O_RDONLY)), netns(open("/proc/self/ns/net", O_RDONLY));
  {
    NetlinkClient warm_up(server.path());
    EXPECT_EQ(warm_up.Ask(GetLinkByName("lo")), 0);
  }
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 5; ++i) {
    NetlinkClient client(server.path());
    ASSERT_TRUE(client.Send(GetLinkByName("lo"), std::vector<int>(60, netns.get())));
    EXPECT_EQ(client.ReceiveAnswer().at(0).error, 0);
    ASSERT_TRUE(client.Send(GetLinkByName("lo"), std::vector<int>(100, file.get())));
    EXPECT_TRUE(client.HungUp());
  }
  EXPECT_TRUE(ComesDownTo(before));
}

// What a request says about namespaces and what came with it do not go together.
TEST(HostileClientTest, NamesOfNamespacesWithoutNamespaces) {
  ServerThread server;
  const UniqueFd netns(open("/proc/self/ns/net", O_RDONLY));
  const auto names = [](size_t count, const Datagram& request) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(kMsgNetns, 0, 0, 0);
    for (uint32_t i = 0; i < count; ++i) writer.PutStruct(NetnsEntry{NetnsHandle::kFd, 0, i});
    writer.End();
    datagram.insert(datagram.end(), request.begin(), request.end());
    return datagram;
  };
  NetlinkClient client(server.path());
  ASSERT_TRUE(client.Send(names(1, GetLinkByName("lo")), {netns.get()}));
  EXPECT_EQ(client.ReceiveAnswer().at(0).error, 0);
  ASSERT_TRUE(client.Send(names(0, {}), {netns.get()}));
  ASSERT_TRUE(client.Send(names(1000, GetLinkByName("lo")), {netns.get()}));
  EXPECT_TRUE(client.HungUp());
  ExpectServes(server);
}

TEST(HostileClientTest, SecondHelloChangesNothing) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello(5);
  client.HelloWith({});
  ASSERT_TRUE(client.Send(GetLinkByName("lo")));
  EXPECT_EQ(client.ReceiveAnswer().at(0).pid, 5u);
}

TEST(HostileClientTest, TooLongADatagramEndsTheConnection) {
  ServerThread server;
  NetlinkClient client(server.path());
  const int size = 2 * static_cast<int>(kMaxDatagram);
  setsockopt(client.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  ASSERT_TRUE(client.Send(Datagram(kMaxDatagram + 1)));
  EXPECT_TRUE(client.HungUp());
  ExpectServes(server);
}

TEST(HostileClientTest, LongestDatagramIsExecutedToItsEnd) {
  ServerThread server;
  NetlinkClient client(server.path());
  const int size = 2 * static_cast<int>(kMaxDatagram);
  setsockopt(client.fd(), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
  Datagram many;
  const Datagram one = GetLinkByName("nosuch");
  while (many.size() + one.size() <= kMaxDatagram) many.insert(many.end(), one.begin(), one.end());
  const size_t count = many.size() / one.size();
  ASSERT_TRUE(client.Send(many));
  for (size_t i = 0; i < count; ++i) {
    ASSERT_EQ(client.ReceiveAnswer().back().error, ENODEV) << i << " of " << count;
  }
}

TEST(HostileClientTest, ClientThatNeverReadsIsHungUpOn) {
  ServerThread server;
  NetlinkClient client(server.path());
  // The limit is 32768 datagrams beside what the socket holds; each request makes two.
  int sent = 0;
  while (sent < 50000 && client.Send(GetLinkByName("lo"))) ++sent;
  EXPECT_LT(sent, 50000);
  EXPECT_GT(sent, 16000);
  EXPECT_TRUE(client.HungUp());
  ExpectServes(server);
}

// What a dump has not told yet takes no memory, however often it is asked for.
TEST(HostileClientTest, DumpWaitsForItsReader) {
  ServerThread server;
  NetlinkClient client(server.path()), other(server.path());
  constexpr int kLinks = 3000;  // 4 MB of dump; the socket takes 1 MB
  for (int i = 0; i < kLinks; ++i) ASSERT_EQ(other.Ask(NewDummy("d" + std::to_string(i))), 0);
  ASSERT_TRUE(client.Send(DumpLinks()));
  ASSERT_EQ(other.Ask(GetLinkByName("lo")), 0);
  ASSERT_TRUE(client.Send(DumpLinks()));  // EBUSY: the first one is on its way
  ASSERT_EQ(other.Ask(NewDummy("late")), 0);
  std::vector<Reply> replies = client.ReceiveAnswer();
  const auto busy = std::find_if(replies.begin(), replies.end(),
                                 [](const Reply& reply) { return reply.type == NLMSG_ERROR; });
  const auto interrupted = [](const Reply& reply) { return (reply.flags & NLM_F_DUMP_INTR) != 0; };
  if (busy != replies.end()) {
    EXPECT_EQ(busy->error, EBUSY);
    replies.erase(busy);
    for (Reply& reply : client.ReceiveAnswer()) replies.push_back(std::move(reply));
  }
  EXPECT_EQ(replies.back().type, NLMSG_DONE);
  EXPECT_GE(replies.size(), size_t{kLinks} + 2);  // lo and NLMSG_DONE
  EXPECT_EQ(std::count_if(replies.begin(), replies.end(), interrupted), 1);
  // And afterwards again, undisturbed.
  ASSERT_TRUE(client.Send(DumpLinks()));
  replies = client.ReceiveAnswer();
  EXPECT_EQ(replies.size(), size_t{kLinks} + 3);
  EXPECT_EQ(std::count_if(replies.begin(), replies.end(), interrupted), 0);
}

TEST(HostileClientTest, MemberThatNeverReadsLosesNotificationsOnly) {
  ServerThread server;
  NetlinkClient member(server.path()), client(server.path());
  member.Hello();
  member.SetOption(SocketOption::kAddMembership, RTNLGRP_LINK);
  ASSERT_TRUE(member.WaitBarrier());
  ASSERT_EQ(client.Ask(NewDummy("d0")), 0);
  constexpr int kChanges = 20000;  // the limit is 16384 datagrams
  for (int i = 0; i < kChanges; ++i) {
    Datagram change;
    NlWriter writer(change);
    writer.Begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    writer.PutStruct(ifinfomsg{});
    writer.PutString(IFLA_IFNAME, "d0");
    writer.PutU32(IFLA_MTU, 1000 + static_cast<uint32_t>(i % 2));
    writer.End();
    ASSERT_EQ(client.Ask(change), 0) << i;
  }
  // It is still connected; what it has not lost comes before the answer.
  ASSERT_TRUE(member.Send(GetLinkByName("d0")));
  const std::vector<Reply> heard = member.ReceiveAnswer();
  ASSERT_FALSE(heard.empty());
  EXPECT_EQ(heard.back().error, 0);
  EXPECT_GT(heard.size(), 16384u);
  EXPECT_LT(heard.size(), size_t{kChanges});
  EXPECT_EQ(std::count_if(heard.begin(), heard.end(),
                          [](const Reply& reply) { return reply.type == NLMSG_OVERRUN; }),
            1);  // it is told that, and where
}

TEST(HostileClientTest, MoreClientsThanAllowed) {
  rlimit limit;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
  limit.rlim_cur = limit.rlim_max;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
  ASSERT_GE(limit.rlim_cur, 4096u);
  ServerThread server;
  std::vector<std::unique_ptr<NetlinkClient>> clients;
  for (int i = 0; i < 1024; ++i) {
    clients.push_back(std::make_unique<NetlinkClient>(server.path()));
    ASSERT_EQ(clients.back()->Ask(GetLinkByName("lo")), 0) << i;
  }
  NetlinkClient refused(server.path());
  ASSERT_TRUE(refused.connected());
  EXPECT_TRUE(refused.HungUp());
  clients.pop_back();
  for (int i = 0; i < 100; ++i) {  // the server notices in its own time
    if (NetlinkClient(server.path()).Ask(GetLinkByName("lo")) == 0) return;
    usleep(10000);
  }
  FAIL() << "no room after a client left";
}

}  // namespace
}  // namespace vswitch
