// SPDX-License-Identifier: BSD-3-Clause
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

#include "config/options.h"

namespace vswitch {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

std::string Message(const absl::Status& status) { return std::string(status.message()); }

// A config file for the length of a test. Errors name it "FILE".
class ConfigTest : public testing::Test {
 protected:
  ~ConfigTest() override { unlink(path_.c_str()); }

  void Write(const std::string& text) { std::ofstream(path_) << text; }

  absl::Status Load(const std::string& text) {
    Write(text);
    options_ = Options();
    return LoadConfigFile(path_, options_);
  }

  std::string ErrorOf(const std::string& text) {
    const absl::Status status = Load(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << text;
    std::string message = Message(status);
    if (const size_t at = message.find(path_); at == 0) message.replace(0, path_.size(), "FILE");
    return message;
  }

  absl::StatusOr<Options> Parse(std::vector<std::string> arguments) {
    std::vector<const char*> argv = {"vswitch"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    return ParseOptions(static_cast<int>(argv.size()), argv.data(), &exit_now_);
  }

  const std::string path_ = testing::TempDir() + "config_test." + std::to_string(getpid());
  Options options_;
  bool exit_now_ = false;
};

TEST(CoreListTest, NumbersAndRangesInOrder) {
  EXPECT_THAT(*ParseCoreList("0"), ElementsAre(0));
  EXPECT_THAT(*ParseCoreList("3,0-2"), ElementsAre(3, 0, 1, 2));
  EXPECT_THAT(*ParseCoreList("1023"), ElementsAre(1023));
}

TEST(CoreListTest, RefusesEverythingElse) {
  for (const char* text : {"", ",", "0,", ",0", "a", "0x1", "-1", "1-", "2-1", "0-", " 0", "0 ",
                           "1024", "99999999999999999999", "0-1-2", "+1"}) {
    EXPECT_EQ(ParseCoreList(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(MacAddressTest, SixPairsOfHexDigits) {
  EXPECT_THAT(*ParseMacAddress("02:00:5e:AB:cd:ff"),
              ElementsAre(0x02, 0x00, 0x5e, 0xab, 0xcd, 0xff));
  for (const char* text :
       {"", "02:00:00:00:00", "02:00:00:00:00:0", "02:00:00:00:00:001", "02-00-00-00-00-01",
        "02:00:00:00:00:0g", "+2:00:00:00:00:01", "02:00:00:00:00:01:"}) {
    EXPECT_FALSE(ParseMacAddress(text).has_value()) << text;
  }
}

TEST(IpAddressTest, ReadsBothFamilies) {
  const IpAddressConfig inet = *ParseIpAddress("10.0.0.1/24");
  EXPECT_EQ(inet.family, AF_INET);
  EXPECT_EQ(inet.bytes[3], 1);
  EXPECT_EQ(inet.prefix_length, 24);
  const IpAddressConfig inet6 = *ParseIpAddress("fd00::1");
  EXPECT_EQ(inet6.family, AF_INET6);
  EXPECT_EQ(inet6.bytes[15], 1);
  EXPECT_EQ(inet6.prefix_length, 128);
}

TEST(IpAddressTest, RefusesOtherText) {
  for (const char* text : {"", "/24", "10.0.0.1/", "10.0.0.1/33", "10.0.0.1/-1", "10.0.0.1/ 24",
                           "10.0.0.1/24x", "10.0.0", "fd00::1/129", "fd00::g", "10.0.0.1/24/8"}) {
    EXPECT_FALSE(ParseIpAddress(text).has_value()) << text;
  }
}

TEST_F(ConfigTest, CommandLineDefaults) {
  const Options options = *Parse({});
  EXPECT_EQ(options.run_dir, "/run/vswitch");
  EXPECT_TRUE(options.cores.empty());
  EXPECT_FALSE(options.no_huge);
  EXPECT_FALSE(options.sleep);
  EXPECT_EQ(options.memory_mib, 512u);
  EXPECT_EQ(options.log_level, "notice");
  EXPECT_FALSE(exit_now_);
}

TEST_F(ConfigTest, CommandLineTakesEveryOption) {
  const Options options =
      *Parse({"--run-dir", "/tmp/x", "--cores=0,1", "--no-huge", "--sleep", "--memory", "64",
              "--log-level", "debug", "--", "-a", "0000:00:01.0"});
  EXPECT_EQ(options.run_dir, "/tmp/x");
  EXPECT_THAT(options.cores, ElementsAre(0, 1));
  EXPECT_TRUE(options.no_huge);
  EXPECT_TRUE(options.sleep);
  EXPECT_EQ(options.memory_mib, 64u);
  EXPECT_EQ(options.log_level, "debug");
  EXPECT_THAT(options.eal_args, ElementsAre("-a", "0000:00:01.0"));
}

TEST_F(ConfigTest, BadUsageIsInvalidArgumentInOneLine) {
  const std::vector<std::vector<std::string>> wrong = {{"--nonsense"},
                                                       {"word"},
                                                       {"--cores", "x"},
                                                       {"--cores"},
                                                       {"--memory", "lots"},
                                                       {"--memory", "-1"},
                                                       {"--log-level", "loud"},
                                                       {"--run-dir", ""},
                                                       {"--memory=1", "--memory=2"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const absl::Status status = Parse(arguments).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << arguments[0];
    EXPECT_EQ(Message(status).find('\n'), std::string::npos) << Message(status);
  }
}

TEST_F(ConfigTest, HelpAndVersionAskToExit) {
  for (const char* argument : {"--help", "--version"}) {
    EXPECT_TRUE(Parse({argument}).ok());
    EXPECT_TRUE(exit_now_) << argument;
  }
}

TEST_F(ConfigTest, CommandLineWinsOverFile) {
  Write(
      "[vswitch]\nrun_dir = \"/tmp/file\"\ncores = [0]\nmemory = 100\nlog_level = \"info\"\n"
      "owner = \"alice\"\ngroup = \"staff\"\n");
  const Options options =
      *Parse({"--config", path_, "--run-dir", "/tmp/line", "--cores", "1", "--group", "netdev"});
  EXPECT_EQ(options.owner, "alice");
  EXPECT_EQ(options.group, "netdev");
  EXPECT_EQ(options.run_dir, "/tmp/line");
  EXPECT_THAT(options.cores, ElementsAre(1));
  EXPECT_EQ(options.memory_mib, 100u);
  EXPECT_EQ(options.log_level, "info");
  EXPECT_EQ(options.config_file, path_);
}

TEST_F(ConfigTest, UnreadableFileIsNotAUsageError) {
  for (const char* path : {"/nonexistent/file", "/"}) {
    const absl::Status status = Parse({"--config", path}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(Message(status), HasSubstr("cannot be read"));
  }
}

TEST_F(ConfigTest, EmptyFileChangesNothing) {
  EXPECT_TRUE(Load("").ok());
  EXPECT_EQ(options_.run_dir, "/run/vswitch");
  EXPECT_TRUE(options_.links.empty());
}

TEST_F(ConfigTest, ProcessTable) {
  ASSERT_TRUE(Load("[vswitch]\nrun_dir = \"/tmp/x\"\ncores = \"0,2-3\"\nno_huge = true\n"
                   "sleep = true\nmemory = 64\nlog_level = \"debug\"\neal_args = [\"-a\", \"b\"]\n")
                  .ok());
  EXPECT_EQ(options_.run_dir, "/tmp/x");
  EXPECT_THAT(options_.cores, ElementsAre(0, 2, 3));
  EXPECT_TRUE(options_.no_huge);
  EXPECT_TRUE(options_.sleep);
  EXPECT_EQ(options_.memory_mib, 64u);
  EXPECT_EQ(options_.log_level, "debug");
  EXPECT_THAT(options_.eal_args, ElementsAre("-a", "b"));
}

TEST_F(ConfigTest, LinkWithEveryKey) {
  const absl::Status status = Load(R"(
[[link]]
name = "a"
kind = "veth"
address = "02:00:00:00:00:01"
mtu = 9000
txqueuelen = 10
group = 3
numtxqueues = 2
numrxqueues = 4
index = 77
up = true
peer = { name = "b", mtu = 68, up = false }
backend = { type = "vhost", path = "/tmp/a.sock", queues = 2 }
)");
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(options_.links.size(), 1u);
  const LinkConfig& link = options_.links[0];
  EXPECT_EQ(link.name, "a");
  EXPECT_EQ(link.kind, "veth");
  EXPECT_EQ(link.address, "02:00:00:00:00:01");
  EXPECT_EQ(link.mtu, 9000u);
  EXPECT_EQ(link.txqueuelen, 10u);
  EXPECT_EQ(link.group, 3u);
  EXPECT_EQ(link.numtxqueues, 2u);
  EXPECT_EQ(link.numrxqueues, 4u);
  EXPECT_EQ(link.index, 77u);
  EXPECT_TRUE(link.up);
  EXPECT_EQ(link.line, 2);
  EXPECT_EQ(link.key_lines.at("mtu"), 6);
  ASSERT_TRUE(link.peer.has_value());
  EXPECT_EQ(link.peer->name, "b");
  EXPECT_EQ(link.peer->mtu, 68u);
  EXPECT_FALSE(link.peer->up);
  ASSERT_TRUE(link.backend.has_value());
  EXPECT_EQ(link.backend->type, "vhost");
  EXPECT_THAT(link.backend->options, ElementsAre(Pair("path", "/tmp/a.sock"), Pair("queues", "2")));
}

TEST_F(ConfigTest, PeerMayBeANameOnly) {
  ASSERT_TRUE(Load("[[link]]\nname = \"a\"\nkind = \"veth\"\npeer = \"b\"\n").ok());
  EXPECT_EQ(options_.links[0].peer->name, "b");
  EXPECT_EQ(options_.links[0].peer->line, 4);
}

TEST_F(ConfigTest, LinksKeepTheirOrder) {
  ASSERT_TRUE(Load("[[link]]\nname = \"z\"\nkind = \"dummy\"\n"
                   "[[link]]\nname = \"a\"\nkind = \"ethdev\"\ndevargs = \"net_null0\"\n")
                  .ok());
  ASSERT_EQ(options_.links.size(), 2u);
  EXPECT_EQ(options_.links[0].name, "z");
  EXPECT_EQ(options_.links[1].devargs, "net_null0");
}

struct BadFile {
  const char* text;
  const char* error;
};

class BadFileTest : public ConfigTest, public testing::WithParamInterface<BadFile> {};

TEST_P(BadFileTest, NamesFileLineAndKey) { EXPECT_EQ(ErrorOf(GetParam().text), GetParam().error); }

constexpr BadFile kBadProcess[] = {
    {"nonsense = 1", "FILE:1: nonsense: there is no such key"},
    {"vswitch = 1", "FILE:1: vswitch: must be a table"},
    {"[vswitch]\nrundir = \"x\"", "FILE:2: vswitch.rundir: there is no such key"},
    {"[vswitch]\nrun_dir = 1", "FILE:2: vswitch.run_dir: must be a string"},
    {"[vswitch]\nrun_dir = \"\"", "FILE:2: vswitch.run_dir: must not be empty"},
    {"[vswitch]\ncores = 1",
     "FILE:2: vswitch.cores: must be a list of CPUs such as \"0,1\" or [0, 1]"},
    {"[vswitch]\ncores = [0, \"1\"]",
     "FILE:2: vswitch.cores: must be a list of CPUs such as \"0,1\" or [0, 1]"},
    {"[vswitch]\nno_huge = 1", "FILE:2: vswitch.no_huge: must be true or false"},
    {"[vswitch]\nsleep = 1", "FILE:2: vswitch.sleep: must be true or false"},
    {"[vswitch]\nmemory = 0", "FILE:2: vswitch.memory: must be a whole number from 1 to 1048576"},
    {"[vswitch]\nmemory = 1.5", "FILE:2: vswitch.memory: must be a whole number from 1 to 1048576"},
    {"[vswitch]\n\nlog_level = \"loud\"",
     "FILE:3: vswitch.log_level: must be one of error, warning, notice, info, debug"},
    {"[vswitch]\neal_args = [1]", "FILE:2: vswitch.eal_args: must be an array of strings"}};
INSTANTIATE_TEST_SUITE_P(Process, BadFileTest, testing::ValuesIn(kBadProcess));

constexpr BadFile kBadLinks[] = {
    {"[link]\nname = \"a\"",
     "FILE:1: link: must be an array of tables: write [[link]] above each link"},
    {"[[link]]\nkind = \"veth\"", "FILE:1: link[0].name: is needed and must not be empty"},
    {"[[link]]\nname = \"\"", "FILE:2: link[0].name: is needed and must not be empty"},
    {"[[link]]\nname = 7", "FILE:2: link[0].name: must be a string"},
    {"[[link]]\nname = \"0123456789abcdef\"", "FILE:2: link[0].name: is longer than 15 bytes"},
    {"[[link]]\nname = \"a/b\"", "FILE:2: link[0].name: \"a/b\" is not a legal name for a link"},
    {"[[link]]\nname = \"a%d\"", "FILE:2: link[0].name: \"a%d\" is not a legal name for a link"},
    {"[[link]]\nname = \"a\"", "FILE:1: link[0].kind: is needed, e.g. \"veth\""},
    {"[[link]]\nname = \"a\"\nmtu = 67",
     "FILE:3: link[0].mtu: must be a whole number from 68 to 65535"},
    {"[[link]]\nname = \"a\"\nmtu = \"1500\"",
     "FILE:3: link[0].mtu: must be a whole number from 68 to 65535"},
    {"[[link]]\nname = \"a\"\naddress = \"02:00\"",
     "FILE:3: link[0].address: \"02:00\" is not a MAC address such as "
     "\"02:00:00:00:00:01\""},
    {"[[link]]\nname = \"a\"\naddress = \"01:00:00:00:00:01\"",
     "FILE:3: link[0].address: \"01:00:00:00:00:01\" is not the address of one station"},
    {"[[link]]\nname = \"a\"\naddress = \"00:00:00:00:00:00\"",
     "FILE:3: link[0].address: \"00:00:00:00:00:00\" is not the address of one station"},
    {"[[link]]\nname = \"a\"\nnumtxqueues = 0",
     "FILE:3: link[0].numtxqueues: must be a whole number from 1 to 4096"},
    {"[[link]]\nname = \"a\"\nindex = -1",
     "FILE:3: link[0].index: must be a whole number from 1 to 2147483647"},
    {"[[link]]\nname = \"a\"\naddresses = \"10.0.0.1/24\"",
     "FILE:3: link[0].addresses: must be an array of strings such as [\"10.0.0.1/24\"]"},
    {"[[link]]\nname = \"a\"\naddresses = [\"10.0.0.1/24\", \"10.0.0/24\"]",
     "FILE:3: link[0].addresses: \"10.0.0/24\" is not an IP address such as "
     "\"10.0.0.1/24\" or \"fd00::1/64\""},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\ncolour = \"red\"",
     "FILE:4: link[0].colour: there is no such key"}};
INSTANTIATE_TEST_SUITE_P(Links, BadFileTest, testing::ValuesIn(kBadLinks));

constexpr BadFile kBadIpvlans[] = {
    {"[[link]]\nname = \"a\"\nkind = \"ipvlan\"",
     "FILE:1: link[0].link: is needed: the name of the link it stands on"},
    {"[[link]]\nname = \"a\"\nkind = \"ipvlan\"\nlink = \"m\"\nmode = \"l4\"",
     "FILE:5: link[0].mode: must be one of l2, l3, l3s"},
    {"[[link]]\nname = \"a\"\nkind = \"ipvlan\"\nlink = \"m\"\nflags = 1",
     "FILE:5: link[0].flags: must be a string"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\nlink = \"m\"",
     "FILE:4: link[0].link: only an ipvlan stands on another link"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\nmode = \"l2\"",
     "FILE:4: link[0].mode: only an ipvlan has a mode"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\nflags = \"vepa\"",
     "FILE:4: link[0].flags: only an ipvlan has flags"}};
INSTANTIATE_TEST_SUITE_P(Ipvlans, BadFileTest, testing::ValuesIn(kBadIpvlans));

TEST_F(ConfigTest, AnIpvlanIsWhatTheFileSays) {
  ASSERT_TRUE(Load("[[link]]\nname = \"i\"\nkind = \"ipvlan\"\nlink = \"m\"\nmode = \"l3s\"\n"
                   "flags = \"private\"\n")
                  .ok());
  EXPECT_EQ(options_.links[0].lower, "m");
  EXPECT_EQ(options_.links[0].mode, 2);
  EXPECT_EQ(options_.links[0].flags, 1);
}

constexpr BadFile kBadPeersAndBackends[] = {
    {"[[link]]\nname = \"a\"\nkind = \"dummy\"\npeer = \"b\"",
     "FILE:4: link[0].peer: only a veth has a peer"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\npeer = 1",
     "FILE:4: link[0].peer: must be a name or a table"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\npeer = \"\"",
     "FILE:4: link[0].peer: \"\" is not a legal name"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\n[link.peer]\nname = \"b\"\nkind = \"x\"",
     "FILE:6: link[0].peer.kind: there is no such key"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\n[link.peer]\nname = \"b\"\nmtu = 1",
     "FILE:6: link[0].peer.mtu: must be a whole number from 68 to 65535"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\npeer = \"a\"",
     "FILE:4: link[0].peer.name: \"a\" is the name of the link in line 1 already"},
    {"[[link]]\nname = \"a\"\nkind = \"dummy\"\n[[link]]\nname = \"a\"\nkind = \"dummy\"",
     "FILE:5: link[1].name: \"a\" is the name of the link in line 1 already"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\ndevargs = \"x\"",
     "FILE:4: link[0].devargs: only an ethdev has devargs"},
    {"[[link]]\nname = \"a\"\nkind = \"ethdev\"",
     "FILE:1: link[0].devargs: is needed: the DPDK port behind the link, e.g. "
     "\"net_tap0,iface=up0\""},
    {"[[link]]\nname = \"a\"\nkind = \"dummy\"\nbackend = \"vhost\"",
     "FILE:4: link[0].backend: must be a table such as { type = \"vhost\" }"},
    {"[[link]]\nname = \"a\"\nkind = \"dummy\"\nbackend = { path = \"x\" }",
     "FILE:4: link[0].backend.type: is needed: vhost, tap, ring or ethdev"},
    {"[[link]]\nname = \"a\"\nkind = \"veth\"\nbackend = { type = \"tap\", x = [1] }",
     "FILE:4: link[0].backend.x: must be a string, a whole number, true or false"}};
INSTANTIATE_TEST_SUITE_P(PeersAndBackends, BadFileTest, testing::ValuesIn(kBadPeersAndBackends));

TEST_F(ConfigTest, TheExampleIsRight) {
  const absl::Status status = LoadConfigFile(EXAMPLE_TOML, options_);
  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(options_.links.size(), 1u);
  EXPECT_TRUE(options_.links[0].up && options_.links[0].peer->up);
  EXPECT_EQ(options_.links[0].backend->type, "vhost");
  EXPECT_EQ(options_.links[0].peer->backend->type, "vhost");
}

TEST_F(ConfigTest, BrokenTomlNamesTheLine) {
  EXPECT_THAT(ErrorOf("[vswitch]\nmemory = = 1\n"),
              testing::StartsWith("FILE:2: not valid TOML: "));
  EXPECT_THAT(ErrorOf("[vswitch]\nmemory = 1\nmemory = 2\n"),
              testing::StartsWith("FILE:3: not valid TOML: "));
}

}  // namespace
}  // namespace vswitch
