// SPDX-License-Identifier: BSD-3-Clause
// The command line of vswitch-perf: what it means, and that nonsense is refused by name.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "perf/options.h"

namespace vswitch {
namespace {

using testing::HasSubstr;

struct Parsed {
  std::optional<PerfOptions> options;
  int exit_code = 0;
  std::string error;
};

Parsed Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "vswitch-perf");
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  Parsed parsed;
  testing::internal::CaptureStderr();
  testing::internal::CaptureStdout();
  parsed.options = ParsePerfOptions(static_cast<int>(argv.size()), argv.data(), parsed.exit_code);
  parsed.error = testing::internal::GetCapturedStderr();
  testing::internal::GetCapturedStdout();
  return parsed;
}

// With two ports and a length beside `words`.
Parsed ParseRun(std::vector<std::string> words) {
  words.insert(words.begin(), {"--port", "/a", "--port", "/b", "--count", "100"});
  return Parse(words);
}

TEST(PerfOptionsTest, Defaults) {
  const Parsed parsed = ParseRun({});
  ASSERT_TRUE(parsed.options) << parsed.error;
  const TrafficOptions& traffic = parsed.options->traffic;
  EXPECT_EQ(traffic.size.largest(), 64);
  EXPECT_EQ(traffic.flows, 1);
  EXPECT_EQ(traffic.phases.size(), 1);
  EXPECT_EQ(traffic.phases[0].rate, 0);
  EXPECT_FALSE(traffic.lossless());
  EXPECT_TRUE(parsed.options->port.in_order && parsed.options->port.mergeable);
  EXPECT_EQ(parsed.options->port.queue_size, 256);
  EXPECT_NE(traffic.addresses.Mac(0, 0), traffic.addresses.Mac(1, 0));
}

TEST(PerfOptionsTest, PortsOfEveryKind) {
  const Parsed parsed =
      ParseRun({"--port", "/c", "--port", "/d", "--idle-port", "/e", "--idle-port", "/f",
                "--no-in-order", "--no-mergeable", "--packed", "--queues", "4"});
  ASSERT_TRUE(parsed.options) << parsed.error;
  EXPECT_EQ(parsed.options->port.ports(), 4);
  EXPECT_EQ(parsed.options->port.idle_sockets.size(), 2);
  EXPECT_FALSE(parsed.options->port.in_order || parsed.options->port.mergeable);
  EXPECT_TRUE(parsed.options->port.packed);
  EXPECT_EQ(parsed.options->traffic.flows, 4);  // one for each queue
}

TEST(PerfOptionsTest, AddressesAreCountedFromTheirFirst) {
  const Parsed parsed = ParseRun({"--src-mac", "02:00:00:00:01:fe/4", "--dst-mac",
                                  "02:00:00:00:02:00/1/0", "--dst-ip", "10.0.0.250/1000/2000"});
  ASSERT_TRUE(parsed.options) << parsed.error;
  const Addresses& addresses = parsed.options->traffic.addresses;
  EXPECT_EQ(addresses.Mac(0, 3), 0x020000000201);
  EXPECT_EQ(addresses.Mac(0, 4), 0x0200000001FE);  // from the start again
  EXPECT_EQ(addresses.Mac(2, 0), 0x020000000202);  // the next pair's begin behind
  EXPECT_EQ(addresses.Mac(3, 7), 0x020000000200);  // shared by all pairs
  EXPECT_EQ(addresses.Ip(1, 999), 0x0A0004E1);
  EXPECT_EQ(addresses.Ip(3, 0), 0x0A0008CA);
  EXPECT_EQ(parsed.options->traffic.flows, 1000);
}

TEST(PerfOptionsTest, Phases) {
  const Parsed parsed = ParseRun({"--phases", "1.5e6:2,max:0.25"});
  ASSERT_TRUE(parsed.options) << parsed.error;
  const std::vector<Phase>& phases = parsed.options->traffic.phases;
  ASSERT_EQ(phases.size(), 2);
  EXPECT_EQ(phases[0].rate, 1.5e6);
  EXPECT_EQ(phases[0].seconds, 2);
  EXPECT_EQ(phases[1].rate, 0);
  EXPECT_EQ(phases[1].seconds, 0.25);
  EXPECT_FALSE(parsed.options->traffic.lossless());
}

TEST(PerfOptionsTest, LosslessIsARateAllTheTimeOrAWindow) {
  EXPECT_TRUE(ParseRun({"--rate", "1000"}).options->traffic.lossless());
  EXPECT_TRUE(ParseRun({"--window", "10"}).options->traffic.lossless());
  EXPECT_TRUE(ParseRun({"--phases", "5:1,6:1"}).options->traffic.lossless());
  EXPECT_FALSE(ParseRun({"--rate", "max"}).options->traffic.lossless());
  EXPECT_FALSE(ParseRun({"--rate", "1000", "--busy", "1"}).options->traffic.lossless());
}

TEST(PerfOptionsTest, TheFirstPortsAreBusy) {
  const Parsed parsed = ParseRun({"--rate", "50", "--busy", "1", "--burst", "512"});
  ASSERT_TRUE(parsed.options) << parsed.error;
  EXPECT_TRUE(parsed.options->traffic.IsBusy(0));
  EXPECT_FALSE(parsed.options->traffic.IsBusy(1));
  EXPECT_EQ(parsed.options->traffic.burst, 512);
}

TEST(PerfOptionsTest, HelpIsNoError) {
  const Parsed parsed = Parse({"--help"});
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, 0);
}

struct Refusal {
  const char* name;
  std::vector<std::string> words;
  const char* says;
};

class RefusalTest : public testing::TestWithParam<Refusal> {};

TEST_P(RefusalTest, IsExitStatusTwoAndSaysWhy) {
  const Parsed parsed = ParseRun(GetParam().words);
  EXPECT_FALSE(parsed.options);
  EXPECT_EQ(parsed.exit_code, 2);
  EXPECT_THAT(parsed.error, HasSubstr(GetParam().says));
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusalTest,
    testing::Values(
        Refusal{"odd_ports", {"--port", "/c"}, "even number"},
        Refusal{"small", {"--size", "63"}, "63 is neither imix nor a number in [64, 9216]"},
        Refusal{"large", {"--size", "9217"}, "--size: 9217"},
        Refusal{"size_word", {"--size", "tiny"}, "--size: tiny"},
        Refusal{"rate", {"--rate", "fast"}, "--rate: fast"},
        Refusal{"negative_rate", {"--rate", "-1"}, "--rate"},
        Refusal{"phase_without_time", {"--phases", "1000"}, "--phases: 1000"},
        Refusal{"phase_of_no_time", {"--phases", "1000:0"}, "--phases: 1000:0"},
        Refusal{"phase_of_nan", {"--phases", "1000:nan"}, "--phases: 1000:nan"},
        Refusal{"phases_and_rate", {"--phases", "1:1", "--rate", "5"}, "excludes"},
        Refusal{"mac", {"--src-mac", "02:00"}, "02:00 is no address"},
        Refusal{"multicast", {"--dst-mac", "01:00:5e:00:00:01"}, "not all unicast"},
        Refusal{"runs_into_multicast", {"--src-ip", "223.255.255.250/100"}, "not all unicast"},
        Refusal{"ip", {"--dst-ip", "10.0.0"}, "10.0.0 is no address"},
        Refusal{"no_addresses", {"--src-ip", "10.0.0.1/0"}, "0 is no number of addresses"},
        Refusal{"step", {"--src-ip", "10.0.0.1/1/x"}, "x is no step"},
        Refusal{"too_many_parts", {"--src-ip", "10.0.0.1/1/1/1"}, "ADDRESS[/COUNT[/STEP]]"},
        Refusal{"no_flows", {"--flows", "0"}, "--flows"},
        Refusal{"many_flows", {"--dst-ip", "10.0.0.1/1048577"}, "at most 1048576 flows"},
        Refusal{"flows_for_queues", {"--flows", "2", "--queues", "4"}, "--queues"},
        Refusal{"window_for_queues", {"--window", "2", "--queues", "4"}, "--window"},
        Refusal{"large_burst", {"--burst", "513"}, "--burst"},
        Refusal{"window_for_burst", {"--window", "255", "--burst", "256"}, "--burst per queue"},
        Refusal{"pattern", {"--pattern", "star"}, "--pattern"},
        Refusal{"rings_and_ports", {"--ring-pairs", "1"}, "exclude each other"},
        Refusal{"unknown", {"--colour", "red"}, "--colour"}),
    [](const auto& test) { return test.param.name; });

TEST(PerfOptionsTest, RingsNeedACoreOfTheirOwn) {
  EXPECT_THAT(Parse({"--ring-pairs", "1", "--count", "5"}).error, HasSubstr("--switch-core"));
  EXPECT_THAT(
      Parse({"--ring-pairs", "1", "--count", "5", "--core", "0", "--switch-core", "0"}).error,
      HasSubstr("must differ"));
}

TEST(PerfOptionsTest, ARunNeedsPortsAndAnEnd) {
  EXPECT_EQ(Parse({"--seconds", "1"}).exit_code, 2);
  EXPECT_THAT(Parse({"--port", "/a", "--port", "/b"}).error, HasSubstr("--count or --seconds"));
}

}  // namespace
}  // namespace vswitch
