// SPDX-License-Identifier: BSD-3-Clause
// Links in several network namespaces, and the numbers of namespaces.
#include <linux/if_link.h>
#include <linux/net_namespace.h>

#include <cerrno>

#include "absl/strings/str_format.h"
#include "control/protocol.h"
#include "tests/support/rtnl_fixture.h"

namespace vswitch {
namespace {

constexpr uint32_t kFd = 17, kOtherFd = 18;

class RtnlNetnsTest : public RtnlTest {
 protected:
  RtnlNetnsTest() { client_.namespaces = {{kFd, &there_}, {kOtherFd, &ns()}}; }

  static RequestBuilder Move(int32_t ifindex, uint32_t fd = kFd) {
    return std::move(
        RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(ifindex)).U32(IFLA_NET_NS_FD, fd));
  }

  static RequestBuilder Add(const std::string& name) {
    return std::move(
        RequestBuilder(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL).Str(IFLA_IFNAME, name));
  }

  // `ip link add MAIN type veth peer name PEER netns THERE`.
  void AddVethThere(const std::string& main, const std::string& peer) {
    RequestBuilder request = Add(main);
    request.BeginVethPeer().Str(IFLA_IFNAME, peer).U32(IFLA_NET_NS_FD, kFd).End().End().End();
    ASSERT_EQ(Ask(request).error, 0);
  }

  void AddDummyThere(const std::string& name) {
    FakeClient other;
    other.ns = &there_;
    rtnl_.Handle(RequestBuilder(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL)
                     .Str(IFLA_IFNAME, name)
                     .Kind("dummy")
                     .Build(),
                 other);
    ASSERT_NE(there_.FindByName(name), nullptr);
  }

  // "1: NEW 0" for an RTM_NEWNSID with id 0 in the namespace with inode 1.
  std::vector<std::string> IdsTold() {
    std::vector<std::string> lines;
    for (const auto& [inode, datagram] : std::exchange(multicast_.ids, {})) {
      const auto header = ReadStruct<nlmsghdr>(datagram);
      lines.push_back(absl::StrFormat("%d: %s %d", inode,
                                      header.nlmsg_type == RTM_NEWNSID ? "NEW" : "DEL",
                                      ReadStruct<int32_t>(Bytes(datagram).subspan(24))));
    }
    return lines;
  }

  static Datagram Nsid(uint16_t type, uint16_t flags,
                       const std::vector<std::pair<uint16_t, uint32_t>>& attrs) {
    Datagram datagram;
    NlWriter writer(datagram);
    writer.Begin(type, static_cast<uint16_t>(NLM_F_REQUEST | flags), 1, 0);
    writer.PutStruct(rtgenmsg{});
    for (const auto& [attr, value] : attrs) writer.PutU32(attr, value);
    writer.End();
    return datagram;
  }

  // The attributes of an RTM_NEWNSID that answers `request`.
  std::vector<int32_t> AskIds(const Datagram& request) {
    Raw(request);
    std::vector<int32_t> ids;
    for (const Datagram& sent : client_.sent) {
      NlReader reader(sent);
      while (const auto message = reader.Next()) {
        if (message->header.nlmsg_type != RTM_NEWNSID) continue;
        for (const NlAttr& attr : ListAttributes(message->payload().subspan(4), 0)) {
          ids.push_back(ReadStruct<int32_t>(attr.value));
        }
      }
    }
    return ids;
  }

  Namespace& there_ = registry_.NamespaceFor(2);
};

TEST_F(RtnlNetnsTest, MovesALinkWithItsIndexDown) {
  AddVeth("v0", "v1");
  SetUp("v0");
  SetUp("v1");
  Notifications();
  ASSERT_EQ(Ask(Move(2)).error, 0);
  EXPECT_EQ(ns().FindByName("v1"), nullptr);
  EXPECT_EQ(ns().FindByIndex(2), nullptr);
  const Device* moved = there_.FindByName("v1");
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(moved, there_.FindByIndex(2));
  EXPECT_EQ(moved->ns, &there_);
  EXPECT_FALSE(moved->up());
  EXPECT_FALSE(Get("v0").carrier);
  EXPECT_EQ(Get("v0").link, moved);
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>{"NEWLINK v1 down change=0x41 operstate=2 link=3",
                                      "DELLINK v1 down change=0xffffffff operstate=2 link=3",
                                      "NEWLINK v1 down change=0xffffffff operstate=2 link=3",
                                      "NEWLINK v0 up change=0x0 operstate=3 link=2"}));
}

TEST_F(RtnlNetnsTest, TellsBothNamespacesWhereTheOtherEndIs) {
  AddVeth("v0", "v1");
  ASSERT_EQ(Ask(Move(2)).error, 0);
  // The new home of v1 as seen from its old one, and the reverse for its messages there.
  EXPECT_EQ(IdsTold(), (std::vector<std::string>{"1: NEW 0", "2: NEW 0"}));
  EXPECT_EQ(ns().FindById(0), &there_);
  EXPECT_EQ(there_.FindById(0), &ns());
}

TEST_F(RtnlNetnsTest, TakenIndexIsReplaced) {
  AddDummyThere("d2");
  AddVeth("v0", "v1");
  ASSERT_EQ(Ask(Move(2)).error, 0);
  EXPECT_EQ(there_.FindByName("v1")->ifindex, 3);
}

TEST_F(RtnlNetnsTest, WantedIndex) {
  AddVeth("v0", "v1");
  AddDummyThere("d2");
  RequestBuilder taken = Move(2);
  EXPECT_EQ(Ask(taken.U32(IFLA_NEW_IFINDEX, 2)).error, EBUSY);
  EXPECT_NE(ns().FindByName("v1"), nullptr);
  RequestBuilder free = Move(2);
  EXPECT_EQ(Ask(free.U32(IFLA_NEW_IFINDEX, 77)).error, 0);
  EXPECT_EQ(there_.FindByIndex(77), there_.FindByName("v1"));
}

TEST_F(RtnlNetnsTest, TakenNameNeedsAnother) {
  AddDummyThere("v1");
  AddVeth("v0", "v1");
  EXPECT_EQ(Ask(Move(2)).error, EEXIST);
  EXPECT_EQ(Get("v1").ifindex, 2);
  RequestBuilder by_template = Move(2);
  EXPECT_EQ(Ask(by_template.Str(IFLA_IFNAME, "x%d")).error, 0);
  // Arrived as x0, which the rename that comes later in the same request finds taken.
  EXPECT_NE(there_.FindByName("x1"), nullptr);
}

TEST_F(RtnlNetnsTest, NameThatIsFreeIsGivenAfterwards) {
  AddVeth("v0", "v1");
  RequestBuilder request = Move(2);
  EXPECT_EQ(Ask(request.Str(IFLA_IFNAME, "vz")).error, 0);
  EXPECT_NE(there_.FindByName("vz"), nullptr);
  EXPECT_EQ(there_.FindByName("v1"), nullptr);
}

TEST_F(RtnlNetnsTest, AlternativeNamesGoAlongOrStandInTheWay) {
  AddVeth("v0", "v1");
  ASSERT_TRUE(ns().AddAltname(Get("v1"), "aa").ok());
  AddDummyThere("aa");
  EXPECT_EQ(Ask(Move(2)).error, EEXIST);
  there_.Rename(*there_.FindByName("aa"), "bb");
  EXPECT_EQ(Ask(Move(2)).error, 0);
  EXPECT_EQ(there_.FindByName("aa"), there_.FindByName("v1"));
  EXPECT_EQ(ns().FindByName("aa"), nullptr);
}

TEST_F(RtnlNetnsTest, MoveErrors) {
  AddVeth("v0", "v1");
  EXPECT_EQ(Ask(Move(1)).error, EINVAL);  // lo
  EXPECT_EQ(Ask(Move(2, 99)).error, EBADF);
  EXPECT_EQ(Ask(Move(2, kOtherFd)).error, 0);  // where it is
  EXPECT_EQ(Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(2)).U32(IFLA_NET_NS_PID, 99)).error,
            ESRCH);
  const auto by_id = [&](uint32_t id) {
    return Ask(RequestBuilder(RTM_NEWLINK, NLM_F_ACK, Index(2)).U32(IFLA_TARGET_NETNSID, id));
  };
  EXPECT_EQ(by_id(0).error, EINVAL);
  EXPECT_EQ(by_id(UINT32_MAX).error, EINVAL);
  ASSERT_EQ(ns().AssignId(there_), 0);
  EXPECT_EQ(by_id(0).error, 0);
  EXPECT_NE(there_.FindByName("v1"), nullptr);
}

TEST_F(RtnlNetnsTest, PeerElsewhere) {
  AddVethThere("v0", "v1");
  EXPECT_EQ(Get("v0").ifindex, 2);
  EXPECT_EQ(there_.FindByName("v1")->ifindex, 2);
  EXPECT_EQ(Get("v0").link, there_.FindByName("v1"));
  ASSERT_EQ(Ask(RequestBuilder(RTM_DELLINK, NLM_F_ACK, Index(2))).error, 0);
  EXPECT_EQ(there_.FindByName("v1"), nullptr);
}

TEST_F(RtnlNetnsTest, MainDeviceElsewhereLeavesItsPeerHere) {
  RequestBuilder request = Add("v0");
  request.U32(IFLA_NET_NS_FD, kFd).BeginVethPeer().Str(IFLA_IFNAME, "v1").End().End().End();
  ASSERT_EQ(Ask(request).error, 0);
  EXPECT_NE(there_.FindByName("v0"), nullptr);
  EXPECT_NE(ns().FindByName("v1"), nullptr);
}

TEST_F(RtnlNetnsTest, FailedPairLeavesNothingInEitherNamespace) {
  AddDummy("v0");
  RequestBuilder request = Add("v0x");
  request.U32(IFLA_NET_NS_FD, kFd).BeginVethPeer().Str(IFLA_IFNAME, "v0").End().End().End();
  EXPECT_EQ(Ask(request).error, EEXIST);
  EXPECT_EQ(there_.FindByName("v0x"), nullptr);
}

TEST_F(RtnlNetnsTest, CreatesByIdAndLinkNetns) {
  EXPECT_EQ(Ask(Add("d0").U32(IFLA_LINK_NETNSID, 99).Kind("dummy")).sentence,
            "Unknown network namespace id");
  EXPECT_EQ(Ask(Add("d0").U32(IFLA_TARGET_NETNSID, 5).Kind("dummy")).error, EINVAL);
  ASSERT_EQ(ns().AssignId(there_, 5), 5);
  EXPECT_EQ(Ask(Add("d0").U32(IFLA_TARGET_NETNSID, 5).Kind("dummy")).error, 0);
  EXPECT_NE(there_.FindByName("d0"), nullptr);
  // Made there, moved here: it is down here, and its first message was heard there.
  EXPECT_EQ(Ask(Add("d1").U32(IFLA_LINK_NETNSID, 5).Kind("dummy")).error, 0);
  EXPECT_EQ(there_.FindByName("d1"), nullptr);
  EXPECT_NE(ns().FindByName("d1"), nullptr);
}

TEST_F(RtnlNetnsTest, LooksAndDeletesById) {
  AddDummyThere("d0");
  const auto named = [](uint16_t type, uint16_t flags) {
    return std::move(
        RequestBuilder(type, flags).Str(IFLA_IFNAME, "d0").U32(IFLA_TARGET_NETNSID, 0));
  };
  EXPECT_EQ(Ask(named(RTM_GETLINK, 0)).error, EINVAL);
  ASSERT_EQ(ns().AssignId(there_), 0);
  EXPECT_EQ(Raw(named(RTM_GETLINK, 0).Build()).size(), 1u);
  EXPECT_EQ(Raw(RequestBuilder(RTM_GETLINK, NLM_F_DUMP).U32(IFLA_TARGET_NETNSID, 0).Build()).size(),
            3u);  // lo, d0, the end
  client_.admin = false;
  EXPECT_EQ(Ask(named(RTM_GETLINK, 0)).error, EACCES);
  client_.admin = true;
  EXPECT_EQ(Ask(named(RTM_DELLINK, NLM_F_ACK)).error, 0);
  EXPECT_EQ(there_.FindByName("d0"), nullptr);
}

TEST_F(RtnlNetnsTest, Ids) {
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, 0, {{NETNSA_FD, kFd}})), std::vector<int32_t>{-1});
  EXPECT_EQ(Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_FD, kFd}})).sentence, "nsid is missing");
  EXPECT_EQ(Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, 7}})).sentence,
            "Peer netns reference is missing");
  EXPECT_EQ(Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, 7}, {NETNSA_FD, 99}})).sentence,
            "Peer netns reference is invalid");
  EXPECT_EQ(Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, 7}, {NETNSA_FD, kFd}})).error, 0);
  EXPECT_EQ(IdsTold(), std::vector<std::string>{"1: NEW 7"});
  const Answer again = Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, 8}, {NETNSA_FD, kFd}}));
  EXPECT_EQ(again.error, EEXIST);
  EXPECT_EQ(again.sentence, "Peer netns already has a nsid assigned");
  const Answer taken = Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, 7}, {NETNSA_FD, kOtherFd}}));
  EXPECT_EQ(taken.error, EEXIST);
  EXPECT_EQ(taken.sentence, "The specified nsid is already used");
  // The lowest that is free.
  EXPECT_EQ(
      Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, UINT32_MAX}, {NETNSA_FD, kOtherFd}})).error,
      0);
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, NLM_F_DUMP, {})), (std::vector<int32_t>{0, 7}));
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, 0, {{NETNSA_NSID, 7}})), std::vector<int32_t>{7});
  EXPECT_EQ(Ask(Nsid(RTM_GETNSID, 0, {{NETNSA_NSID, 6}})).error, ENOENT);
}

TEST_F(RtnlNetnsTest, HighestId) {
  EXPECT_EQ(Ask(Nsid(RTM_NEWNSID, NLM_F_ACK, {{NETNSA_NSID, INT32_MAX}, {NETNSA_FD, kFd}})).error,
            0);
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, NLM_F_DUMP, {})), std::vector<int32_t>{INT32_MAX});
}

TEST_F(RtnlNetnsTest, IdsOfAnotherNamespace) {
  ASSERT_EQ(ns().AssignId(there_, 3), 3);
  ASSERT_EQ(there_.AssignId(ns(), 9), 9);
  // How the namespace with id 3 calls ours, and how we do.
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, 0, {{NETNSA_FD, kOtherFd}, {NETNSA_TARGET_NSID, 3}})),
            (std::vector<int32_t>{9, -1}));
  EXPECT_EQ(Ask(Nsid(RTM_GETNSID, 0, {{NETNSA_FD, kFd}, {NETNSA_TARGET_NSID, 4}})).sentence,
            "Target netns reference is invalid");
  client_.strict_check = true;
  EXPECT_EQ(AskIds(Nsid(RTM_GETNSID, NLM_F_DUMP, {{NETNSA_TARGET_NSID, 3}})),
            (std::vector<int32_t>{9, -1}));
  EXPECT_EQ(Raw(Nsid(RTM_GETNSID, NLM_F_DUMP, {{NETNSA_NSID, 3}})),
            std::vector<std::string>{"DONE len=64 flags=0x202 seq=1 done=-22 "
                                     "msg=\"Unsupported attribute in dump request\""});
}

TEST_F(RtnlNetnsTest, EndOfANamespaceDeletesPairsAndForgetsItsIds) {
  AddVethThere("v0", "v1");
  AddDummyThere("d0");
  SetUp("v0");
  IdsTold();
  Notifications();
  rtnl_.EndNamespace(there_);
  EXPECT_FALSE(Exists("v0"));
  EXPECT_EQ(registry_.FindNamespace(2), nullptr);
  EXPECT_EQ(IdsTold(), std::vector<std::string>{"1: DEL 0"});
  EXPECT_EQ(Notifications(),
            (std::vector<std::string>{"NEWLINK v0 down change=0x41 operstate=2 link=0",
                                      "DELLINK d0 down change=0xffffffff operstate=2",
                                      "DELLINK v1 down change=0xffffffff operstate=2 link=0",
                                      "DELLINK v0 down change=0xffffffff operstate=2 link=0"}));
  EXPECT_EQ(ns().FindById(0), nullptr);
}

TEST_F(RtnlNetnsTest, EndOfANamespaceSendsPortsHome) {
  for (const char* name : {"up0", "up1", "up2"}) {
    RequestBuilder request = Add(name);
    request.U32(IFLA_NET_NS_FD, kFd).Begin(IFLA_LINKINFO).Str(IFLA_INFO_KIND, "ethdev");
    request.Begin(IFLA_INFO_DATA).Str(kEthdevDevargs, "net_null0").End().End();
    ASSERT_EQ(Ask(request).error, 0);
  }
  AddDummy("up1");
  AddDummy("dev4");
  AddDummy("up2");
  ASSERT_TRUE(there_.AddAltname(*there_.FindByName("up0"), "dev4").ok());
  ASSERT_TRUE(there_.AddAltname(*there_.FindByName("up0"), "other").ok());
  rtnl_.EndNamespace(there_);
  // Its names that are free go along; what is called up1 here already makes it dev<ifindex>, and
  // when that is taken, too, dev%d.
  EXPECT_EQ(Get("up0").kind->name, "ethdev");
  EXPECT_EQ(Get("up0").altnames, std::vector<std::string>{"other"});
  EXPECT_EQ(Get("dev3").kind->name, "ethdev");
  EXPECT_EQ(Get("dev0").kind->name, "ethdev");
  EXPECT_EQ(Get("up1").kind->name, "dummy");
}

TEST_F(RtnlNetnsTest, NamespaceIsIdleUntilItIsUsed) {
  EXPECT_TRUE(there_.idle());
  AddVethThere("v0", "v1");
  EXPECT_FALSE(there_.idle());
  Namespace& third = registry_.NamespaceFor(3);
  EXPECT_TRUE(third.idle());
  ASSERT_EQ(there_.AssignId(third), 0);
  EXPECT_FALSE(third.idle());
}

}  // namespace
}  // namespace vswitch
