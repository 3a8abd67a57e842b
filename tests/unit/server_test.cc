// SPDX-License-Identifier: BSD-3-Clause
// What clients can rely on: order of answers, barrier, namespaces, notifications, privileges.
#include "control/server.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "dataplane/errno_status.h"
#include "tests/support/netlink_client.h"
#include "tests/support/new_netns.h"

namespace vswitch {
namespace {

constexpr uint32_t kLinkGroup = RTNLGRP_LINK;

std::vector<uint16_t> Types(const std::vector<Reply>& replies) {
  std::vector<uint16_t> types;
  for (const Reply& reply : replies) types.push_back(reply.type);
  return types;
}

Datagram SwitchRequest(uint16_t type, const std::vector<std::pair<uint16_t, std::string>>& attrs) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(type, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
  for (const auto& [attr, text] : attrs) writer.PutString(attr, text);
  writer.End();
  return datagram;
}

std::vector<nlohmann::json> Objects(const std::vector<Reply>& replies) {
  std::vector<nlohmann::json> objects;
  for (const Reply& reply : replies) {
    std::string text;
    const Bytes payload = Bytes(reply.bytes).subspan(sizeof(nlmsghdr));
    for (const NlAttr& attr : ListAttributes(payload, 0)) {
      if (attr.type == kAttrJson) text.append(attr.value.begin(), attr.value.end());
    }
    if (!text.empty()) objects.push_back(nlohmann::json::parse(text));
  }
  return objects;
}

std::string SentenceOf(const Reply& error) {
  const Bytes payload = Bytes(error.bytes).subspan(sizeof(nlmsghdr));
  const size_t quoted = ReadStruct<nlmsgerr>(payload).msg.nlmsg_len;
  for (const NlAttr& attr : ListAttributes(payload.subspan(4 + NLMSG_ALIGN(quoted)), 0)) {
    if (attr.type == NLMSGERR_ATTR_MSG) return reinterpret_cast<const char*>(attr.value.data());
  }
  return "";
}

TEST(ServerTest, AnswersAClientThatNeverSaysHello) {
  ServerThread server;
  NetlinkClient client(server.path());
  ASSERT_TRUE(client.Send(GetLinkByName("lo")));
  const std::vector<Reply> answer = client.ReceiveAnswer();
  ASSERT_EQ(Types(answer), (std::vector<uint16_t>{RTM_NEWLINK, NLMSG_ERROR}));
  EXPECT_EQ(answer[0].pid, 0u);
}

TEST(ServerTest, RepliesAreReadableWhenTheBarrierIsSignalled) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello(4711);
  for (int i = 0; i < 100; ++i) {
    ASSERT_TRUE(client.Send(GetLinkByName(i % 2 == 0 ? "lo" : "nosuch")));
    ASSERT_TRUE(client.WaitBarrier());
    const std::vector<Reply> answer = client.Receive(MSG_DONTWAIT);
    ASSERT_FALSE(answer.empty()) << "round " << i;
    EXPECT_EQ(answer[0].pid, 4711u);
  }
}

TEST(ServerTest, SignalsOncePerDatagram) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello();
  client.SetOption(SocketOption::kExtAck, 1);
  ASSERT_TRUE(client.Send(NewDummy("d0")));
  ASSERT_TRUE(client.Send(GetLinkByName("d0")));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(client.WaitBarrier()) << i;
  fcntl(client.eventfd(), F_SETFL, O_NONBLOCK);
  uint64_t value;
  EXPECT_EQ(read(client.eventfd(), &value, sizeof(value)), -1);
}

TEST(ServerTest, PortIdCanBeChangedLater) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello(1);
  client.SetOption(SocketOption::kPortId, 99);
  ASSERT_TRUE(client.Send(GetLinkByName("lo")));
  EXPECT_EQ(client.ReceiveAnswer().at(0).pid, 99u);
}

TEST(ServerTest, ExtendedAcknowledgementsAreAnOption) {
  ServerThread server;
  NetlinkClient client(server.path());
  Datagram unknown_kind;
  NlWriter writer(unknown_kind);
  writer.Begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, 1, 0);
  writer.PutStruct(ifinfomsg{});
  writer.End();
  ASSERT_TRUE(client.Send(unknown_kind));
  EXPECT_EQ(client.ReceiveAnswer().at(0).flags & NLM_F_ACK_TLVS, 0);
  client.SetOption(SocketOption::kExtAck, 1);
  ASSERT_TRUE(client.Send(unknown_kind));
  const Reply answer = client.ReceiveAnswer().at(0);
  EXPECT_NE(answer.flags & NLM_F_ACK_TLVS, 0);
  EXPECT_EQ(SentenceOf(answer), "Unknown device type");
}

TEST(ServerTest, NamespacesAreApart) {
  ServerThread server;
  const UniqueFd netns = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient here(server.path()), there(server.path());
  here.Hello();
  there.Hello(8, netns.get());
  EXPECT_EQ(here.Ask(NewDummy("d0")), 0);
  EXPECT_EQ(there.Ask(GetLinkByName("d0")), ENODEV);
  EXPECT_EQ(there.Ask(NewDummy("d0")), 0);
  EXPECT_EQ(here.Ask(NewDummy("d0")), EEXIST);
}

TEST(ServerTest, NamespaceThatEndsTakesItsLinksAndClientsAlong) {
  ServerThread server;
  UniqueFd netns = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient here(server.path()), there(server.path());
  here.Hello();
  there.Hello(8, netns.get());
  EXPECT_EQ(here.Ask(NewDummy("d0")), 0);
  EXPECT_EQ(there.Ask(NewDummy("d0")), 0);
  netns.reset();
  EXPECT_TRUE(there.HungUp());
  EXPECT_EQ(here.Ask(GetLinkByName("d0")), 0);
  server.Stop();
  EXPECT_EQ(server.registry().namespaces().size(), 1u);
}

// Both arrive while the server looks elsewhere: a request, and then the end of the namespace that
// it is for.
TEST(ServerTest, NothingIsDoneForANamespaceThatEnded) {
  ServerThread server;
  UniqueFd netns = NewNetns(), other = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient there(server.path());
  there.Hello(8, netns.get());
  NetnsWatch end;
  ASSERT_TRUE(end.Add(netns.get(), 1));
  EXPECT_EQ(there.Ask(GetLinkByName("lo")), 0);  // nothing else waits for the server then
  server.Stop();
  ASSERT_TRUE(there.Send(NewDummy("d0"), {other.get()}));
  netns.reset();
  pollfd event{end.fd(), POLLIN, 0};
  while (end.TakeEnded().empty()) ASSERT_EQ(poll(&event, 1, 10000), 1);
  server.Start();
  EXPECT_TRUE(there.HungUp());
  server.Stop();
  EXPECT_EQ(server.registry().initial().FindByName("d0"), nullptr);
}

// What a number means comes with the request, and only for that one.
TEST(ServerTest, NamespaceByTheClientsOwnNumber) {
  ServerThread server;
  const UniqueFd netns = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient here(server.path()), there(server.path());
  ASSERT_EQ(here.Ask(NewDummy("d0")), 0);
  const auto move = [&](const std::vector<NetnsEntry>& names, const std::vector<int>& fds) {
    Datagram datagram;
    NlWriter prefix(datagram);
    prefix.Begin(kMsgNetns, 0, 0, 0);
    for (const NetnsEntry& name : names) prefix.PutStruct(name);
    prefix.End();
    NlWriter request(datagram);
    request.Begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    request.PutStruct(ifinfomsg{});
    request.PutString(IFLA_IFNAME, "d0");
    request.PutU32(IFLA_NET_NS_FD, 1234);
    request.End();
    EXPECT_TRUE(here.Send(datagram, fds));
    return here.ReceiveAnswer().at(0).error;
  };
  EXPECT_EQ(move({}, {}), EBADF);
  EXPECT_EQ(move({{NetnsHandle::kFd, EINVAL, 1234}}, {}), EINVAL);
  EXPECT_EQ(move({{NetnsHandle::kFd, 0, 1235}}, {netns.get()}), EBADF);
  EXPECT_EQ(move({{NetnsHandle::kPid, 0, 1234}}, {netns.get()}), EBADF);
  EXPECT_EQ(move({{NetnsHandle::kFd, 0, 1234}}, {netns.get()}), 0);
  EXPECT_EQ(here.Ask(GetLinkByName("d0")), ENODEV);
  there.Hello(8, netns.get());
  EXPECT_EQ(there.Ask(GetLinkByName("d0")), 0);
}

TEST(ServerTest, NamespaceThatIsOnlyLookedAtIsNotKept) {
  ServerThread server;
  {
    const UniqueFd netns = NewNetns(), other = NewNetns();
    ASSERT_TRUE(netns.valid()) << "needs root";
    NetlinkClient here(server.path()), there(server.path());
    there.Hello(8, netns.get());
    EXPECT_EQ(there.Ask(DumpLinks()), 0);
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(kMsgNetns, 0, 0, 0);
    writer.PutStruct(NetnsEntry{NetnsHandle::kFd, 0, 7});
    writer.End();
    NlWriter request(datagram);
    request.Begin(RTM_GETNSID, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
    request.PutStruct(uint32_t{0});
    request.PutU32(NETNSA_FD, 7);
    request.End();
    ASSERT_TRUE(here.Send(datagram, {other.get()}));
    EXPECT_EQ(here.ReceiveAnswer().at(0).type, RTM_NEWNSID);
  }
  NetlinkClient last(server.path());
  EXPECT_EQ(last.Ask(GetLinkByName("lo")), 0);
  server.Stop();
  EXPECT_EQ(server.registry().namespaces().size(), 1u);
}

TEST(ServerTest, NamespaceOfTheProcessIsTheInitialOne) {
  ServerThread server;
  NetlinkClient silent(server.path()), named(server.path());
  const UniqueFd own(open("/proc/self/ns/net", O_RDONLY));
  named.Hello(8, own.get());
  EXPECT_EQ(silent.Ask(NewDummy("d0")), 0);
  EXPECT_EQ(named.Ask(GetLinkByName("d0")), 0);
}

TEST(ServerTest, MembersHearOfChangesBeforeTheRequesterIsAnswered) {
  ServerThread server;
  NetlinkClient client(server.path()), other(server.path());
  client.Hello();
  other.Hello();
  other.SetOption(SocketOption::kGroups, 1u << (kLinkGroup - 1));
  ASSERT_TRUE(other.WaitBarrier());
  client.SetOption(SocketOption::kAddMembership, kLinkGroup);
  ASSERT_TRUE(client.Send(NewDummy("d0")));
  EXPECT_EQ(Types(client.ReceiveAnswer()), (std::vector<uint16_t>{RTM_NEWLINK, NLMSG_ERROR}));
  EXPECT_EQ(Types(other.Receive()), std::vector<uint16_t>{RTM_NEWLINK});
}

TEST(ServerTest, FormerMembersHearNothing) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.SetOption(SocketOption::kAddMembership, kLinkGroup);
  client.SetOption(SocketOption::kDropMembership, kLinkGroup);
  ASSERT_TRUE(client.Send(NewDummy("d0")));
  EXPECT_EQ(Types(client.ReceiveAnswer()), std::vector<uint16_t>{NLMSG_ERROR});
  client.SetOption(SocketOption::kGroups, ~0u);
  client.SetOption(SocketOption::kGroups, 0);
  ASSERT_TRUE(client.Send(NewDummy("d1")));
  EXPECT_EQ(Types(client.ReceiveAnswer()), std::vector<uint16_t>{NLMSG_ERROR});
}

TEST(ServerTest, MembersOfOtherNamespacesHearNothing) {
  ServerThread server;
  const UniqueFd netns = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient client(server.path()), elsewhere(server.path());
  elsewhere.Hello(8, netns.get());
  elsewhere.SetOption(SocketOption::kAddMembership, kLinkGroup);
  ASSERT_TRUE(elsewhere.WaitBarrier());
  EXPECT_EQ(client.Ask(NewDummy("d0")), 0);
  EXPECT_TRUE(elsewhere.Receive(MSG_DONTWAIT).empty());
}

// As another user, as far as the server can see: only this thread changes.
TEST(ServerTest, OthersMayReadAndNotChange) {
  ASSERT_EQ(geteuid(), 0u) << "needs root";
  ServerThread server;
  NetlinkClient root(server.path());
  ASSERT_EQ(root.Ask(NewDummy("d0")), 0);
  std::thread([&server] {
    ASSERT_EQ(syscall(SYS_setresuid, 65534, 65534, 65534), 0);
    NetlinkClient client(server.path());
    ASSERT_TRUE(client.connected());
    EXPECT_EQ(client.Ask(GetLinkByName("d0")), 0);
    EXPECT_EQ(client.Ask(NewDummy("d1")), EPERM);
    EXPECT_EQ(client.Ask(SwitchRequest(kMsgAttach, {{kAttrDevice, "d0"}, {kAttrBackend, "ring"}})),
              EPERM);
    EXPECT_EQ(client.Ask(SwitchRequest(kMsgDetach, {{kAttrDevice, "d0"}})), EPERM);
    EXPECT_EQ(client.Ask(SwitchRequest(kMsgShow, {})), 0);
  }).join();
}

// As a user with these ids, in a thread of its own; what NewDummy("d0") is answered.
int AskAs(const ServerThread& server, uid_t user, gid_t group, const std::vector<gid_t>& groups) {
  int error = -1;
  std::thread([&] {
    // The system calls change this thread only.
    EXPECT_EQ(syscall(SYS_setgroups, groups.size(), groups.data()), 0);
    EXPECT_EQ(syscall(SYS_setresgid, group, group, group), 0);
    EXPECT_EQ(syscall(SYS_setresuid, user, user, user), 0);
    NetlinkClient client(server.path());
    error = client.Ask(NewDummy("d0"));
  }).join();
  return error;
}

TEST(ServerTest, OwnerAndGroupMayChangeThings) {
  ASSERT_EQ(geteuid(), 0u) << "needs root";
  const ServerThread server(Access{.owner = 1234, .group = 4321});
  EXPECT_EQ(AskAs(server, 65534, 65534, {}), EPERM);
  EXPECT_EQ(AskAs(server, 4321, 1234, {1234}), EPERM);
  EXPECT_EQ(AskAs(server, 1234, 65534, {}), 0);
  EXPECT_EQ(AskAs(server, 65534, 4321, {}), EEXIST);
  EXPECT_EQ(AskAs(server, 65534, 65534, {1, 4321}), EEXIST);
  std::vector<gid_t> many;
  for (gid_t group = 4222; group <= 4321; ++group) many.push_back(group);
  EXPECT_EQ(AskAs(server, 65534, 65534, many), EEXIST);
}

TEST(AccessTest, NamesAndNumbers) {
  const absl::StatusOr<Access> names = FindAccess("root", "root");
  ASSERT_TRUE(names.ok());
  EXPECT_EQ(names->owner, 0u);
  EXPECT_EQ(names->group, 0u);
  EXPECT_EQ(FindAccess("4711", "")->owner, 4711u);
  EXPECT_FALSE(FindAccess("", "")->owner.has_value());
  EXPECT_EQ(FindAccess("no such user", "").status().message(),
            "owner: no user is called no such user");
  EXPECT_EQ(FindAccess("", "no such group").status().message(),
            "group: no group is called no such group");
}

TEST(ServerTest, RequestsOfAClientThatLeftAreExecuted) {
  ServerThread server;
  for (int i = 0; i < 20; ++i) {
    NetlinkClient client(server.path());
    ASSERT_TRUE(client.Send(GetLinkByName("lo")));  // its answer stays unread: a reset
    ASSERT_TRUE(client.Send(NewDummy("d" + std::to_string(i))));
  }
  NetlinkClient client(server.path());
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(client.Ask(GetLinkByName("d" + std::to_string(i))), 0) << i;
  }
}

TEST(ServerTest, ShowDescribesDevices) {
  ServerThread server;
  NetlinkClient client(server.path());
  ASSERT_EQ(client.Ask(NewDummy("d0")), 0);
  ASSERT_TRUE(client.Send(SwitchRequest(kMsgShow, {{kAttrDevice, "d0"}})));
  const std::vector<Reply> answer = client.ReceiveAnswer();
  EXPECT_EQ(answer.back().type, NLMSG_DONE);
  const std::vector<nlohmann::json> objects = Objects(answer);
  ASSERT_EQ(objects.size(), 1u);
  const nlohmann::json& device = objects[0];
  EXPECT_EQ(device["name"], "d0");
  EXPECT_EQ(device["ifindex"], 2);
  EXPECT_EQ(device["kind"], "dummy");
  EXPECT_EQ(device["namespace"], "initial");
  EXPECT_EQ(device["flags"], (nlohmann::json{"BROADCAST", "NOARP"}));
  EXPECT_EQ(device["operstate"], "DOWN");
  EXPECT_EQ(device["mtu"], 1500);
  EXPECT_EQ(device["address"].get<std::string>().size(), 17u);
  EXPECT_TRUE(device["backend"].is_null());
  EXPECT_EQ(device["counters"]["rx_packets"], 0);
  EXPECT_EQ(device["drops"]["too_big"], 0);
}

TEST(ServerTest, ShowSpansNamespacesForAdmins) {
  ServerThread server;
  const UniqueFd netns = NewNetns();
  ASSERT_TRUE(netns.valid()) << "needs root";
  NetlinkClient here(server.path()), there(server.path());
  there.Hello(8, netns.get());
  ASSERT_EQ(there.Ask(NewDummy("d1")), 0);
  ASSERT_EQ(here.Ask(NewDummy("d0")), 0);
  ASSERT_TRUE(here.Send(SwitchRequest(kMsgShow, {})));
  std::set<std::pair<std::string, bool>> seen;
  for (const nlohmann::json& device : Objects(here.ReceiveAnswer())) {
    EXPECT_TRUE(seen.emplace(device["name"], device["namespace"] == "initial").second);
  }
  EXPECT_EQ(seen,
            (std::set<std::pair<std::string, bool>>{{"lo", true}, {"d0", true}, {"d1", false}}));
}

TEST(ServerTest, WorkersAreDescribed) {
  ServerThread server;
  NetlinkClient client(server.path());
  ASSERT_TRUE(client.Send(SwitchRequest(kMsgWorkers, {})));
  const std::vector<nlohmann::json> objects = Objects(client.ReceiveAnswer());
  ASSERT_EQ(objects.size(), 1u);
  EXPECT_EQ(objects[0]["worker"], 0);
  EXPECT_EQ(objects[0]["queues"], 0);
  EXPECT_TRUE(objects[0]["devices"].empty());
  EXPECT_EQ(objects[0]["mailbox_depth"], 0);
  EXPECT_EQ(objects[0]["resting"], 0);
  EXPECT_EQ(objects[0]["sleeps"], 0);
}

TEST(ServerTest, OneDumpOfDevicesADatagram) {
  ServerThread server;
  NetlinkClient client(server.path());
  client.Hello();
  Datagram two = SwitchRequest(kMsgShow, {});
  const Datagram second = SwitchRequest(kMsgShow, {});
  two.insert(two.end(), second.begin(), second.end());
  ASSERT_TRUE(client.Send(two));
  const std::vector<Reply> first = client.ReceiveAnswer();
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first.back().type, NLMSG_DONE);
  const std::vector<Reply> refusal = client.ReceiveAnswer();
  ASSERT_EQ(refusal.size(), 1u);
  EXPECT_EQ(refusal[0].error, EBUSY);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgShow, {})), 0);
}

TEST(ServerTest, RefusalsNameTheReason) {
  ServerThread server;
  NetlinkClient client(server.path());
  ASSERT_EQ(client.Ask(NewDummy("d0")), 0);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgAttach, {{kAttrDevice, "d9"}, {kAttrBackend, "ring"}})),
            ENODEV);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgDetach, {{kAttrDevice, "d9"}})), ENODEV);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgShow, {{kAttrDevice, "d9"}})), ENODEV);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgAttach, {{kAttrBackend, "ring"}})), EINVAL);
  EXPECT_EQ(client.Ask(SwitchRequest(kMsgAttach, {{kAttrDevice, "d0"}})), EINVAL);
  const std::vector<std::vector<std::string>> bad_options = {
      {"colour=blue"}, {"path"}, {"path=/a", "path=/b"}};
  for (const std::vector<std::string>& options : bad_options) {
    std::vector<std::pair<uint16_t, std::string>> attrs = {{kAttrDevice, "d0"},
                                                           {kAttrBackend, "vhost"}};
    for (const std::string& option : options) attrs.emplace_back(kAttrOption, option);
    ASSERT_TRUE(client.Send(SwitchRequest(kMsgAttach, attrs)));
    const Reply answer = client.ReceiveAnswer().at(0);
    EXPECT_EQ(answer.error, EINVAL) << options[0];
    EXPECT_NE(SentenceOf(answer).find(options[0].substr(0, options[0].find('='))),
              std::string::npos)
        << SentenceOf(answer);
  }
}

// --- the socket file ---

struct SocketFile : testing::Test {
  SocketFile() {
    char pattern[] = "/tmp/vswitch-socket-XXXXXX";
    directory = mkdtemp(pattern);
    path = directory + "/rtnl.sock";
  }
  ~SocketFile() override { std::filesystem::remove_all(directory); }

  std::string directory, path;
  Registry registry{1};
};

TEST_F(SocketFile, HasTheModeAskedForAndGoesAway) {
  {
    const auto server = Server::Listen(path, registry, 0640);
    ASSERT_TRUE(server.ok()) << server.status();
    struct stat info;
    ASSERT_EQ(stat(path.c_str(), &info), 0);
    EXPECT_EQ(info.st_mode & 0777, 0640u);
  }
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(SocketFile, OfADeadProcessIsReplaced) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  UniqueFd dead(socket(AF_UNIX, SOCK_SEQPACKET, 0));
  ASSERT_EQ(bind(dead.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  dead.reset();
  ASSERT_TRUE(std::filesystem::exists(path));
  EXPECT_TRUE(Server::Listen(path, registry).ok());
}

TEST_F(SocketFile, OfALiveProcessIsLeftAlone) {
  const auto first = Server::Listen(path, registry);
  ASSERT_TRUE(first.ok());
  const auto second = Server::Listen(path, registry);
  EXPECT_EQ(ErrnoOf(second.status()), EADDRINUSE);
  EXPECT_NE(second.status().message().find(path), absl::string_view::npos);
  EXPECT_TRUE(NetlinkClient(path).connected());
}

TEST_F(SocketFile, OfAnotherTypeIsLeftAlone) {
  std::ofstream(path) << "precious";
  EXPECT_EQ(ErrnoOf(Server::Listen(path, registry).status()), EEXIST);
  EXPECT_EQ(std::filesystem::file_size(path), 8u);
}

TEST_F(SocketFile, CannotBeMade) {
  EXPECT_EQ(ErrnoOf(Server::Listen(directory + "/no/such", registry).status()), ENOENT);
  EXPECT_EQ(ErrnoOf(Server::Listen(directory + std::string(120, 'x'), registry).status()),
            ENAMETOOLONG);
}

}  // namespace
}  // namespace vswitch
