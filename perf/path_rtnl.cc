// SPDX-License-Identifier: BSD-3-Clause
// Requests for links, without the socket they come from.
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>

#include <memory>
#include <string>
#include <string_view>

#include "control/link_request.h"
#include "control/rtnl.h"
#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

// What `ip link add NAME type veth peer name PEER` sends.
Datagram NewVeth(std::string_view name, std::string_view peer_name) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(RTM_NEWLINK, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, 1, 0);
  writer.PutStruct(ifinfomsg{});
  writer.PutString(IFLA_IFNAME, name);
  const size_t info = writer.BeginNest(IFLA_LINKINFO);
  writer.PutBytes(IFLA_INFO_KIND, {reinterpret_cast<const uint8_t*>("veth"), 4});
  const size_t data = writer.BeginNest(IFLA_INFO_DATA);
  const size_t peer = writer.BeginNest(VETH_INFO_PEER);
  writer.PutStruct(ifinfomsg{});
  writer.PutString(IFLA_IFNAME, peer_name);
  writer.EndNest(peer);
  writer.EndNest(data);
  writer.EndNest(info);
  writer.End();
  return datagram;
}

// What `ip link del NAME` sends.
Datagram DelLink(std::string_view name) {
  Datagram datagram;
  NlWriter writer(datagram);
  writer.Begin(RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0);
  writer.PutStruct(ifinfomsg{});
  writer.PutString(IFLA_IFNAME, name);
  writer.End();
  return datagram;
}

// Counts the requests that were granted.
class Grants final : public Client {
 public:
  Grants() { admin = true; }
  void Send(Datagram datagram) override {
    const auto message = NlReader(datagram).Next();
    if (message && ReadStruct<nlmsgerr>(message->payload()).error == 0) ++count;
  }

  uint32_t count = 0;
};

// Somebody listens to links, as `ip monitor link` does.
class Listener final : public Multicast {
 public:
  void Notify(const Namespace&, uint32_t, const Datagram&) override {}
  bool HasMembers(const Namespace&, uint32_t group) const override { return group == RTNLGRP_LINK; }
};

class Parse final : public Path {
 public:
  Parse() : Path(1) {}
  void Run() override {
    ExtAck ack;
    const auto message = NlReader(datagram_).Next();
    auto request = ParseLinkRequest(*message, client_, ack);
    good_ = request.ok() && ParseLinkInfo(*request, ack).ok() && request->kind != nullptr;
  }
  void After() override { Require(good_, "the request was refused"); }

 private:
  const Datagram datagram_ = NewVeth("a", "b");
  Grants client_;
  bool good_ = false;
};

class NewLink final : public Path {
 public:
  explicit NewLink(uint32_t links) : Path(1) {
    for (uint32_t i = 0; i < links; i += 2) {
      const std::string number = std::to_string(i);
      rtnl_.Handle(NewVeth("a" + number, "b" + number), client_);
      Require(client_.count == i / 2 + 1, "no room for a link");
    }
  }
  void Before() override { client_.count = 0; }
  void Run() override {
    rtnl_.Handle(new_, client_);
    rtnl_.Handle(del_, client_);
    rtnl_.Commit();
  }
  void After() override { Require(client_.count == 2, "a request was refused"); }

 private:
  const Datagram new_ = NewVeth("a", "b");
  const Datagram del_ = DelLink("a");
  Registry registry_{1};
  Dataplane dataplane_{1};
  Listener listener_;
  Grants client_;
  Rtnl rtnl_{registry_, dataplane_, listener_, BackendEnv{}};
};

}  // namespace

std::unique_ptr<Path> MakeParse(uint32_t /*size*/) { return std::make_unique<Parse>(); }

std::unique_ptr<Path> MakeNewLink(uint32_t size) { return std::make_unique<NewLink>(size); }

}  // namespace vswitch
