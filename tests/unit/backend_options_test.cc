// SPDX-License-Identifier: BSD-3-Clause
#include "control/backend_options.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <map>
#include <string>
#include <vector>

#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

using Options = std::map<std::string, std::string>;

TEST(BackendOptionsTest, Defaults) {
  const absl::StatusOr<BackendSpec> spec = ParseBackendSpec("vhost", {});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->type, BackendType::kVhost);
  EXPECT_EQ(spec->path, "");
  EXPECT_FALSE(spec->client);
  EXPECT_EQ(spec->queues, 1);
  EXPECT_EQ(spec->mode, 0660u);
  EXPECT_EQ(ParseBackendSpec("tap", {})->type, BackendType::kTap);
  EXPECT_EQ(ParseBackendSpec("ring", {})->type, BackendType::kRing);
}

TEST(BackendOptionsTest, EveryOption) {
  absl::StatusOr<BackendSpec> spec = ParseBackendSpec("vhost", {{"path", "/run/vm.sock"},
                                                                {"mode", "server"},
                                                                {"queues", "4"},
                                                                {"owner", "root"},
                                                                {"group", "kvm"},
                                                                {"perm", "0600"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->path, "/run/vm.sock");
  EXPECT_FALSE(spec->client);
  EXPECT_EQ(spec->queues, 4);
  EXPECT_EQ(spec->owner, "root");
  EXPECT_EQ(spec->group, "kvm");
  EXPECT_EQ(spec->mode, 0600u);
  EXPECT_TRUE(ParseBackendSpec("vhost", {{"path", "/a"}, {"mode", "client"}})->client);
  EXPECT_EQ(ParseBackendSpec("tap", {{"ifname", "tap7"}})->name, "tap7");
  EXPECT_EQ(ParseBackendSpec("ring", {{"name", "r7"}})->name, "r7");
  for (const char* type : {"vhost", "tap", "ring"}) {
    EXPECT_FALSE(ParseBackendSpec(type, {})->rewrite_mac) << type;
    EXPECT_TRUE(ParseBackendSpec(type, {{"mac", "rewrite"}})->rewrite_mac) << type;
  }
  spec = ParseBackendSpec("ethdev", {{"devargs", "net_tap0,iface=up0"}, {"queues", "2"}});
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->devargs, "net_tap0,iface=up0");
  EXPECT_EQ(spec->queues, 2);
}

struct Refused {
  std::string type;
  Options options;
  std::string says;  // part of the sentence
};

TEST(BackendOptionsTest, Refusals) {
  const std::vector<Refused> table = {
      {"nosuch", {}, "nosuch"},
      {"", {}, ""},
      {"vhost", {{"colour", "blue"}}, "'colour' of backend vhost (known: path, mode, queues"},
      {"vhost", {{"ifname", "x"}}, "ifname"},
      {"vhost", {{"path", "relative"}}, "absolute"},
      {"vhost", {{"path", ""}}, "absolute"},
      {"vhost", {{"path", "/" + std::string(107, 'x')}}, "107"},
      {"vhost", {{"mode", "both"}}, "server or client"},
      {"vhost", {{"mode", "client"}}, "path="},
      {"vhost", {{"mode", "client"}, {"path", "/a"}, {"owner", "root"}}, "mode=server"},
      {"vhost", {{"queues", "0"}}, "1 to 128"},
      {"vhost", {{"queues", "129"}}, "1 to 128"},
      {"vhost", {{"queues", "-1"}}, "1 to 128"},
      {"vhost", {{"queues", "2x"}}, "1 to 128"},
      {"vhost", {{"queues", ""}}, "1 to 128"},
      {"vhost", {{"perm", "0668"}}, "octal"},
      {"vhost", {{"perm", "1777"}}, "octal"},
      {"vhost", {{"perm", ""}}, "octal"},
      {"vhost", {{"perm", "00000660"}}, "octal"},
      {"vhost", {{"owner", ""}}, "user"},
      {"vhost", {{"group", ""}}, "group"},
      {"tap", {{"queues", "2"}}, "known: ifname"},
      {"tap", {{"ifname", "sixteen-bytes-xx"}}, "15 bytes"},
      {"tap", {{"ifname", "a/b"}}, "15 bytes"},
      {"tap", {{"ifname", ".."}}, "15 bytes"},
      {"tap", {{"ifname", "a,mac=x"}}, "15 bytes"},
      {"ring", {{"name", ""}}, "bytes"},
      {"ring", {{"name", std::string(25, 'r')}}, "bytes"},
      {"tap", {{"mac", "02:00:00:00:00:01"}}, "rewrite"},
      {"ethdev", {{"devargs", "net_null0"}, {"mac", "rewrite"}}, "known: devargs"},
      {"ethdev", {}, "devargs="},
      {"ethdev", {{"devargs", ""}}, "DPDK"}};
  for (const Refused& refused : table) {
    const absl::StatusOr<BackendSpec> spec = ParseBackendSpec(refused.type, refused.options);
    const std::string what =
        refused.type + (refused.options.empty() ? ""
                                                : " " + refused.options.begin()->first + "=" +
                                                      refused.options.begin()->second);
    ASSERT_FALSE(spec.ok()) << what;
    EXPECT_EQ(ErrnoOf(spec.status()), EINVAL) << what;
    EXPECT_NE(std::string(spec.status().message()).find(refused.says), std::string::npos)
        << what << ": " << spec.status().message();
  }
}

}  // namespace
}  // namespace vswitch
