// SPDX-License-Identifier: BSD-3-Clause
// Links of a config file become links, or an error that names file, line and key.
#include "control/apply_config.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "config/options.h"
#include "control/ipvlan_master.h"
#include "tests/support/rtnl_fixture.h"

namespace vswitch {
namespace {

class ApplyConfigTest : public RtnlTest {
 protected:
  ~ApplyConfigTest() override { unlink(path_.c_str()); }

  absl::Status Apply(const std::string& text) {
    std::ofstream(path_) << text;
    Options options;
    options.config_file = path_;
    if (absl::Status status = LoadConfigFile(path_, options); !status.ok()) return status;
    return ApplyConfig(options, rtnl_);
  }

  // The error with the name of the file made "FILE".
  std::string ErrorOf(const std::string& text) {
    const absl::Status status = Apply(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    std::string message(status.message());
    if (message.find(path_) == 0) message.replace(0, path_.size(), "FILE");
    return message;
  }

  const std::string path_ = testing::TempDir() + "apply_config_test." + std::to_string(getpid());
};

TEST_F(ApplyConfigTest, BothEndsGetWhatTheFileSays) {
  const absl::Status status = Apply(
      "[[link]]\nname = \"a\"\nkind = \"veth\"\nmtu = 9000\naddress = \"02:00:00:00:00:01\"\n"
      "txqueuelen = 5\ngroup = 3\nnumtxqueues = 2\nnumrxqueues = 4\nindex = 20\nup = true\n"
      "[link.peer]\nname = \"b\"\nmtu = 1400\naddress = \"02:00:00:00:00:02\"\nindex = 10\n"
      "up = true\n");
  ASSERT_TRUE(status.ok()) << status;
  const Device& a = Get("a");
  EXPECT_EQ(a.mtu, 9000u);
  EXPECT_EQ(a.address, (MacAddress{2, 0, 0, 0, 0, 1}));
  EXPECT_EQ(a.txqlen, 5u);
  EXPECT_EQ(a.group, 3u);
  EXPECT_EQ(a.num_tx_queues, 2u);
  EXPECT_EQ(a.num_rx_queues, 4u);
  EXPECT_EQ(a.ifindex, 20);
  EXPECT_TRUE(a.up());
  EXPECT_TRUE(a.carrier);
  const Device& b = Get("b");
  EXPECT_EQ(b.mtu, 1400u);
  EXPECT_EQ(b.address, (MacAddress{2, 0, 0, 0, 0, 2}));
  EXPECT_EQ(b.ifindex, 10);
  EXPECT_TRUE(b.up());
  EXPECT_EQ(b.link, &a);
}

TEST_F(ApplyConfigTest, LinksAreDownUnlessAsked) {
  ASSERT_TRUE(Apply("[[link]]\nname = \"a\"\nkind = \"veth\"\npeer = \"b\"\n").ok());
  EXPECT_FALSE(Get("a").up());
  EXPECT_FALSE(Get("b").up());
}

TEST_F(ApplyConfigTest, AddressesAreAdded) {
  const absl::Status status = Apply(
      "[[link]]\nname = \"a\"\nkind = \"veth\"\naddresses = [\"10.0.0.1/24\", \"fd00::1/64\"]\n"
      "peer = { name = \"b\", addresses = [\"10.0.0.2\"] }\n");
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_NE(Get("a").inet, nullptr);
  EXPECT_EQ(Get("a").inet->v4.at(0).prefix().ToString(), "10.0.0.1/24");
  EXPECT_EQ(Get("a").inet->v6.at(0).prefix().ToString(), "fd00::1/64");
  ASSERT_NE(Get("b").inet, nullptr);
  EXPECT_EQ(Get("b").inet->v4.at(0).prefix().ToString(), "10.0.0.2/32");
}

TEST_F(ApplyConfigTest, AddressesThatRtnetlinkRefuses) {
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"a\"\nkind = \"dummy\"\n"
                    "addresses = [\"10.0.0.1/24\", \"ff02::1/64\"]\n"),
            "FILE:4: link[0].addresses: \"ff02::1/64\": Cannot assign requested address");
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"b\"\nkind = \"veth\"\n"
                    "[link.peer]\nname = \"c\"\naddresses = [\"10.0.0.1/24\", \"10.0.0.1/24\"]\n"),
            "FILE:6: link[0].peer.addresses: \"10.0.0.1/24\": File exists");
}

TEST_F(ApplyConfigTest, BackendsAreAttached) {
  ASSERT_TRUE(Apply("[[link]]\nname = \"a\"\nkind = \"veth\"\nbackend = { type = \"ring\" }\n"
                    "peer = { name = \"b\", backend = { type = \"ring\" } }\n")
                  .ok());
  EXPECT_NE(dataplane_.PortOf(Get("a").id), nullptr);
  EXPECT_NE(dataplane_.PortOf(Get("b").id), nullptr);
}

constexpr char kLower[] = "[[link]]\nname = \"m0\"\nkind = \"dummy\"\n";

TEST_F(ApplyConfigTest, AnIpvlanStandsOnALinkAbove) {
  const absl::Status status = Apply(absl::StrCat(
      kLower, "[[link]]\nname = \"i0\"\nkind = \"ipvlan\"\nlink = \"m0\"\nmode = \"l2\"\n",
      "flags = \"vepa\"\naddresses = [\"10.0.0.1/24\"]\n",
      "backend = { type = \"ring\", mac = \"rewrite\" }\n"));
  ASSERT_TRUE(status.ok()) << status;
  const Device& slave = Get("i0");
  EXPECT_EQ(slave.link, &Get("m0"));
  EXPECT_EQ(slave.ipvlan->master->mode(), IPVLAN_MODE_L2);
  EXPECT_EQ(slave.ipvlan->master->flags(), IPVLAN_F_VEPA);
  EXPECT_TRUE(dataplane_.PortOf(slave.id)->backend->Status().any_mac);
}

TEST_F(ApplyConfigTest, AnIpvlanThatCannotBe) {
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"i0\"\nkind = \"ipvlan\"\nlink = \"m0\"\n"),
            "FILE:4: link[0].link: there is no \"m0\" yet: links are made in this order");
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"i0\"\nkind = \"ipvlan\"\nlink = \"lo\"\n"),
            "FILE:4: link[0].link: Invalid argument");
}

TEST_F(ApplyConfigTest, UnknownKind) {
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"a\"\nkind = \"nosuch\"\n"),
            "FILE:3: link[0].kind: Unknown device type");
}

TEST_F(ApplyConfigTest, NameTaken) {
  EXPECT_EQ(ErrorOf("[[link]]\nkind = \"dummy\"\nname = \"lo\"\n"),
            "FILE:3: link[0].name: File exists");
  EXPECT_EQ(ErrorOf("[[link]]\nkind = \"veth\"\nname = \"a\"\n[link.peer]\nname = \"lo\"\n"),
            "FILE:5: link[0].peer.name: File exists");
  EXPECT_FALSE(Exists("a"));
}

TEST_F(ApplyConfigTest, IndexTaken) {
  EXPECT_EQ(ErrorOf("[[link]]\nkind = \"dummy\"\nname = \"a\"\nindex = 1\n"),
            "FILE:4: link[0].index: File exists");
  EXPECT_EQ(ErrorOf("[[link]]\nkind = \"veth\"\nname = \"a\"\nindex = 7\n"
                    "[link.peer]\nname = \"b\"\nindex = 1\n"),
            "FILE:7: link[0].peer.index: Device or resource busy");
}

TEST_F(ApplyConfigTest, BackendRefused) {
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"a\"\nkind = \"veth\"\n\n"
                    "backend = { type = \"ring\", colour = \"red\" }\n")
                .substr(0, 33),
            "FILE:5: link[0].backend: unknown ");
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"d\"\nkind = \"dummy\"\nbackend = { type = \"x\" }\n")
                .substr(0, 25),
            "FILE:4: link[0].backend: ");
}

TEST_F(ApplyConfigTest, TheFirstErrorEndsIt) {
  EXPECT_EQ(ErrorOf("[[link]]\nname = \"a\"\nkind = \"dummy\"\n"
                    "[[link]]\nname = \"b\"\nkind = \"nosuch\"\n"
                    "[[link]]\nname = \"c\"\nkind = \"dummy\"\n"),
            "FILE:6: link[1].kind: Unknown device type");
  EXPECT_FALSE(Exists("c"));
}

}  // namespace
}  // namespace vswitch
