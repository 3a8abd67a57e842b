// SPDX-License-Identifier: BSD-3-Clause
// Start-up options and the config file, parsed once into plain structs. Depends on nothing of
// vswitch.
#ifndef VSWITCH_CONFIG_OPTIONS_H_
#define VSWITCH_CONFIG_OPTIONS_H_

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace vswitch {

// What stands behind a link, as `vsctl attach` spells it: type and key=value options, still
// unchecked strings.
struct BackendConfig {
  std::string type;
  std::map<std::string, std::string> options;
  int line = 0;
};

// An IP address with the length of its prefix, as `ip addr add` takes it.
struct IpAddressConfig {
  std::string text;                 // "10.0.0.1/24"
  int family = 0;                   // AF_INET or AF_INET6
  std::array<uint8_t, 16> bytes{};  // in network byte order; IPv4 has the first four
  uint8_t prefix_length = 0;
};

// One end of a link: what `ip link add` would take.
struct LinkEndConfig {
  std::string name;
  std::optional<std::string> address;
  std::optional<uint32_t> mtu, txqueuelen, group, numtxqueues, numrxqueues, index;
  std::vector<IpAddressConfig> addresses;
  bool up = false;
  std::optional<BackendConfig> backend;
  int line = 0;
  std::map<std::string, int> key_lines;  // where each key stands, for errors found later
};

struct LinkConfig : LinkEndConfig {
  std::string kind;
  std::optional<LinkEndConfig> peer;    // veth
  std::string devargs;                  // ethdev
  std::string lower;                    // ipvlan: the name of the link it stands on
  std::optional<uint16_t> mode, flags;  // ipvlan: IPVLAN_MODE_*, IPVLAN_F_*
};

struct Options {
  std::string config_file;  // empty: none
  std::string run_dir = "/run/vswitch";
  std::vector<unsigned> cores =
      {};  // CPUs of the workers; empty: one worker on the last CPU we may run on
  bool no_huge = false;
  bool sleep = false;  // a worker that has nothing to do sleeps instead of looking for it
  uint32_t memory_mib = 512;
  std::string log_level = "notice";
  std::string owner, group;  // who may change things beside root: names or numbers; empty: nobody
  std::vector<std::string> eal_args;
  std::vector<LinkConfig> links;
};

// Names that --log-level and log_level take, from few lines to many.
inline constexpr std::array<const char*, 5> kLogLevels = {"error", "warning", "notice", "info",
                                                          "debug"};

// Parses the command line and the config file it names (command line wins). Errors are one line
// that says what to do: InvalidArgument for usage (exit 2), FailedPrecondition for a bad or
// unreadable file (exit 1; "FILE:LINE: KEY: …"). When help or version was asked for, prints it and
// sets *exit_now.
absl::StatusOr<Options> ParseOptions(int argc, const char* const* argv, bool* exit_now);

// "0,2-3" to {0,2,3} in the order written; InvalidArgument for anything else. Whether the CPUs
// exist is for the start-up to find out.
absl::StatusOr<std::vector<unsigned>> ParseCoreList(const std::string& text);

// "02:00:00:00:00:01" to its bytes; nothing unless it is six pairs of hex digits.
std::optional<std::array<uint8_t, 6>> ParseMacAddress(const std::string& text);

// "10.0.0.1/24" or "fd00::1/64"; without a length it is that of the whole address. Nothing for any
// other text.
std::optional<IpAddressConfig> ParseIpAddress(const std::string& text);

// Reads a config file into `options` (keys of [vswitch] and [[link]]).
absl::Status LoadConfigFile(const std::string& path, Options& options);

}  // namespace vswitch

#endif  // VSWITCH_CONFIG_OPTIONS_H_
