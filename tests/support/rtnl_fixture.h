// SPDX-License-Identifier: BSD-3-Clause
// An Rtnl of one worker that never runs, with clients that collect what they are sent.
#ifndef VSWITCH_TESTS_SUPPORT_RTNL_FIXTURE_H_
#define VSWITCH_TESTS_SUPPORT_RTNL_FIXTURE_H_

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>

#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "control/rtnl.h"

namespace vswitch {

// One line for each message of a datagram, in the form of the recorded cases:
//   "ERROR len=36 flags=0x100 seq=1 error=0"
//   "NEWLINK len=1424 flags=0x0 seq=1 idx=3 type=1 name=v0"
std::vector<std::string> DescribeMessages(Bytes datagram);

class FakeClient : public Client {
 public:
  FakeClient() {
    port_id = 4711;
    admin = true;
    ext_ack = true;
  }
  void Send(Datagram datagram) override { sent.push_back(std::move(datagram)); }
  absl::StatusOr<Namespace*> FindNetns(NetnsHandle handle, uint32_t number) override {
    const auto found = namespaces.find(number);
    return found == namespaces.end() ? Client::FindNetns(handle, number) : found->second;
  }

  std::vector<Datagram> sent;
  std::map<uint32_t, Namespace*> namespaces;  // by descriptor or process number
};

class FakeMulticast : public Multicast {
 public:
  void Notify(const Namespace& ns, uint32_t group, const Datagram& datagram) override {
    if (group == RTNLGRP_LINK) sent.push_back(datagram);
    if (group == RTNLGRP_NSID) ids.emplace_back(ns.inode(), datagram);
    all.emplace_back(group, datagram);
  }

  std::vector<Datagram> sent;                      // about links
  std::vector<std::pair<uint32_t, Datagram>> all;  // with their group
  std::vector<std::pair<uint64_t, Datagram>> ids;  // RTNLGRP_NSID, by namespace
};

// Builds one request with an ifinfomsg. Moves, but does not copy.
class RequestBuilder {
 public:
  RequestBuilder(uint16_t type, uint16_t flags, const ifinfomsg& header = {})
      : datagram_(std::make_unique<Datagram>()), writer_(*datagram_) {
    writer_.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
    writer_.PutStruct(header);
  }

  NlWriter& writer() { return writer_; }
  RequestBuilder& U8(uint16_t type, uint8_t value) { return writer_.PutU8(type, value), *this; }
  RequestBuilder& U16(uint16_t type, uint16_t value) { return writer_.PutU16(type, value), *this; }
  RequestBuilder& U32(uint16_t type, uint32_t value) { return writer_.PutU32(type, value), *this; }
  RequestBuilder& Str(uint16_t type, const std::string& value) {
    return writer_.PutString(type, value), *this;
  }
  RequestBuilder& Mac(uint16_t type, const MacAddress& mac) {
    return writer_.PutBytes(type, {mac.data(), mac.size()}), *this;
  }
  RequestBuilder& Begin(uint16_t type) { return nests_.push_back(writer_.BeginNest(type)), *this; }
  // With NLA_F_NESTED.
  RequestBuilder& BeginNested(uint16_t type) {
    return nests_.push_back(writer_.BeginNest(type, true)), *this;
  }
  RequestBuilder& End() {
    writer_.EndNest(nests_.back());
    return nests_.pop_back(), *this;
  }
  RequestBuilder& Kind(const std::string& kind) {
    return Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, kind).End();
  }
  // LINKINFO of a veth with a PEER nest; the peer's attributes follow, then End() three times.
  RequestBuilder& BeginVethPeer(const ifinfomsg& header = {});

  Datagram Build() {
    writer_.End();
    return *datagram_;
  }

 private:
  std::unique_ptr<Datagram> datagram_;
  NlWriter writer_;
  std::vector<size_t> nests_;
};

// The answer to one request that ends in an NLMSG_ERROR.
struct Answer {
  int error = 0;  // positive errno
  std::string sentence;
};

class RtnlTest : public testing::Test {
 protected:
  // With a pool the host stack can send.
  explicit RtnlTest(rte_mempool* pool = nullptr) : env_{.pool = pool} {}

  // Executes, settles, and returns the last NLMSG_ERROR that came back.
  Answer Ask(RequestBuilder& request) { return Ask(request.Build()); }
  Answer Ask(RequestBuilder&& request) { return Ask(request.Build()); }
  Answer Ask(const Datagram& datagram);
  // Executes and returns every reply, described.
  std::vector<std::string> Raw(const Datagram& datagram);

  // `ip link add MAIN type veth peer name PEER`.
  void AddVeth(const std::string& main, const std::string& peer);
  void AddDummy(const std::string& name);
  // `ip link set NAME up`, or down.
  void SetUp(const std::string& name, bool up = true);
  static ifinfomsg Index(int32_t ifindex) { return {.ifi_index = ifindex}; }

  Device& Get(const std::string& name);
  bool Exists(const std::string& name) { return ns().FindByName(name) != nullptr; }
  Namespace& ns() { return registry_.initial(); }
  // Lets time pass, and what becomes due happen.
  void Wait(std::chrono::milliseconds time);
  // Notifications about links since the last call, e.g. "NEWLINK v0 up change=0x1 operstate=6
  // link=2".
  std::vector<std::string> Notifications();

  Registry registry_{1};
  Dataplane dataplane_{1};
  FakeMulticast multicast_;
  FakeClient client_;
  MonotonicTime now_{std::chrono::seconds(1000)};
  const BackendEnv env_;
  Rtnl rtnl_{registry_, dataplane_, multicast_, env_, [this] { return now_; }};
};

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_RTNL_FIXTURE_H_
