// SPDX-License-Identifier: BSD-3-Clause
#include "tests/support/netlink_client.h"

#include <gtest/gtest.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace vswitch {
namespace {

constexpr int kPatienceSeconds = 10;

uint64_t OwnNetns() {
  struct stat info;
  return stat("/proc/self/ns/net", &info) == 0 ? info.st_ino : 0;
}

Reply ToReply(const NlMessage& message) {
  Reply reply;
  reply.type = message.header.nlmsg_type;
  reply.flags = message.header.nlmsg_flags;
  reply.pid = message.header.nlmsg_pid;
  if (reply.type == NLMSG_ERROR || reply.type == NLMSG_DONE) {
    reply.error = -ReadStruct<int32_t>(message.payload());
  }
  reply.bytes.assign(message.bytes.begin(), message.bytes.end());
  return reply;
}

Datagram RequestAboutLink(uint16_t type, uint16_t flags, const std::string& name,
                          const std::string& kind) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
  writer.PutStruct(ifinfomsg{});
  if (!name.empty()) writer.PutString(IFLA_IFNAME, name);
  if (!kind.empty()) {
    const size_t info = writer.BeginNest(IFLA_LINKINFO);
    writer.PutString(IFLA_INFO_KIND, kind);
    writer.EndNest(info);
  }
  writer.End();
  return datagram;
}

}  // namespace

NetlinkClient::NetlinkClient(const std::string& path)
    : socket_(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)),
      eventfd_(::eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  memcpy(address.sun_path, path.data(), path.size());
  const timeval patience{kPatienceSeconds, 0};
  setsockopt(fd(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  setsockopt(fd(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
  if (connect(fd(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) socket_.reset();
}

bool NetlinkClient::Send(const Datagram& datagram, const std::vector<int>& fds) {
  iovec iov{const_cast<uint8_t*>(datagram.data()), datagram.size()};
  msghdr message{};
  message.msg_iov = &iov;
  message.msg_iovlen = 1;
  std::vector<char> control(CMSG_SPACE(fds.size() * sizeof(int)));
  if (!fds.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
  }
  return sendmsg(fd(), &message, MSG_NOSIGNAL) == static_cast<ssize_t>(datagram.size());
}

void NetlinkClient::Hello(uint32_t port_id, int netns) {
  HelloRequest hello;
  hello.port_id = port_id;
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(kMsgHello, 0, 0, 0);
  writer.PutStruct(hello);
  writer.End();
  std::vector<int> fds = {eventfd()};
  if (netns >= 0) fds.push_back(netns);
  ASSERT_TRUE(Send(datagram, fds));
  ASSERT_TRUE(WaitBarrier());
}

void NetlinkClient::HelloWith(const std::vector<int>& fds) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(kMsgHello, 0, 0, 0);
  writer.PutStruct(HelloRequest());
  writer.End();
  ASSERT_TRUE(Send(datagram, fds));
}

void NetlinkClient::SetOption(SocketOption option, uint32_t value) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(kMsgOption, 0, 0, 0);
  writer.PutStruct(OptionRequest{option, value});
  writer.End();
  ASSERT_TRUE(Send(datagram));
}

bool NetlinkClient::WaitBarrier() {
  pollfd poll_fd{eventfd(), POLLIN, 0};
  if (poll(&poll_fd, 1, kPatienceSeconds * 1000) != 1) return false;
  uint64_t value;
  return read(eventfd(), &value, sizeof(value)) == sizeof(value);
}

std::vector<Reply> NetlinkClient::Receive(int flags) {
  std::vector<Reply> replies;
  Datagram buffer(256 * 1024);
  const ssize_t length = recv(fd(), buffer.data(), buffer.size(), flags);
  if (length <= 0) return replies;
  NlReader reader({buffer.data(), static_cast<size_t>(length)});
  while (const auto message = reader.Next()) replies.push_back(ToReply(*message));
  return replies;
}

std::vector<Reply> NetlinkClient::ReceiveAnswer() {
  std::vector<Reply> all;
  for (;;) {
    const std::vector<Reply> some = Receive();
    if (some.empty()) return all;
    all.insert(all.end(), some.begin(), some.end());
    if (all.back().type == NLMSG_ERROR || all.back().type == NLMSG_DONE) return all;
  }
}

int NetlinkClient::Ask(const Datagram& datagram) {
  if (!Send(datagram)) return -1;
  const std::vector<Reply> answer = ReceiveAnswer();
  return answer.empty() ? -1 : answer.back().error;
}

bool NetlinkClient::HungUp() {
  char byte;
  ssize_t length;
  while ((length = recv(fd(), &byte, 1, MSG_TRUNC)) > 0) {
  }
  return length == 0 || errno == ECONNRESET;
}

ServerThread::ServerThread(const Access& access)
    : registry_(OwnNetns()), stop_(eventfd(0, EFD_CLOEXEC)) {
  char pattern[] = "/tmp/vswitch-server-XXXXXX";
  directory_ = mkdtemp(pattern);
  std::filesystem::permissions(directory_, std::filesystem::perms(0755));
  path_ = directory_ + "/rtnl.sock";
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Listen(path_, registry_);
  EXPECT_TRUE(server.ok()) << server.status();
  server_ = *std::move(server);
  server_->set_access(access);
  rtnl_ = std::make_unique<Rtnl>(registry_, dataplane_, *server_, BackendEnv{});
  Start();
}

void ServerThread::Start() {
  thread_ = std::thread([this] { server_->Run(*rtnl_, stop_.get()); });
}

void ServerThread::Stop() {
  if (!thread_.joinable()) return;
  uint64_t value = 1;
  EXPECT_EQ(write(stop_.get(), &value, sizeof(value)), ssize_t{sizeof(value)});
  thread_.join();
  EXPECT_EQ(read(stop_.get(), &value, sizeof(value)), ssize_t{sizeof(value)});
}

ServerThread::~ServerThread() {
  Stop();
  rtnl_.reset();
  server_.reset();
  std::filesystem::remove_all(directory_);
}

Datagram NewDummy(const std::string& name) {
  return RequestAboutLink(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, name, "dummy");
}

Datagram GetLinkByName(const std::string& name) {
  return RequestAboutLink(RTM_GETLINK, NLM_F_ACK, name, "");
}

Datagram DumpLinks() { return RequestAboutLink(RTM_GETLINK, NLM_F_DUMP, "", ""); }

}  // namespace vswitch
