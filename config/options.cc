// SPDX-License-Identifier: BSD-3-Clause
// The command line. What it says wins over the config file it names.
#include "config/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <iterator>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace vswitch {
namespace {

// What was given on the command line; nothing for what was not.
struct CommandLine {
  std::string config_file;
  std::optional<std::string> run_dir, cores, log_level, owner, group;
  std::optional<uint32_t> memory_mib;
  bool no_huge = false;
  bool sleep = false;
  std::vector<std::string> eal_args;
};

void Describe(CLI::App& app, CommandLine& line) {
  app.set_version_flag("--version", "vswitch " VSWITCH_VERSION);
  app.add_option("--config", line.config_file, "TOML file with options and links")
      ->type_name("FILE");
  app.add_option("--run-dir", line.run_dir, "where the sockets are (default /run/vswitch)")
      ->type_name("DIR");
  app.add_option("--cores", line.cores, "CPUs of the poll-mode cores, e.g. 0,1 or 2-5")
      ->type_name("LIST");
  app.add_flag("--no-huge", line.no_huge, "use ordinary memory instead of hugepages");
  app.add_flag("--sleep", line.sleep, "let poll-mode cores sleep while they have nothing to do");
  app.add_option("--memory", line.memory_mib, "memory for packets in MiB (default 512)")
      ->type_name("MIB");
  app.add_option("--log-level", line.log_level, "error, warning, notice, info or debug")
      ->type_name("L")
      ->check(CLI::IsMember(std::vector<std::string>(kLogLevels.begin(), kLogLevels.end())));
  app.add_option("--owner", line.owner, "user who may change things, beside root")
      ->type_name("USER");
  app.add_option("--group", line.group, "group whose members may change things")
      ->type_name("GROUP");
  app.footer("Arguments after -- go to DPDK's EAL as they are.");
}

// CLI11 reports help, version and errors with exceptions; they end here.
absl::Status Parse(CLI::App& app, std::vector<std::string> arguments, bool* exit_now) {
  std::reverse(arguments.begin(), arguments.end());  // CLI11 takes a vector back to front
  try {
    app.parse(std::move(arguments));
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
      app.exit(error);
      *exit_now = true;
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(absl::StrCat(error.what(), " (try vswitch --help)"));
  }
  return absl::OkStatus();
}

// The command line's cores are kept from the file's, so they are parsed before it is read.
absl::Status Override(const CommandLine& line, Options& options) {
  if (line.run_dir.has_value()) options.run_dir = *line.run_dir;
  if (line.log_level.has_value()) options.log_level = *line.log_level;
  if (line.owner.has_value()) options.owner = *line.owner;
  if (line.group.has_value()) options.group = *line.group;
  if (line.memory_mib.has_value()) options.memory_mib = *line.memory_mib;
  if (line.no_huge) options.no_huge = true;
  if (line.sleep) options.sleep = true;
  if (!line.eal_args.empty()) options.eal_args = line.eal_args;
  if (options.run_dir.empty()) return absl::InvalidArgumentError("--run-dir: must not be empty");
  if (!line.cores.has_value()) return absl::OkStatus();
  absl::StatusOr<std::vector<unsigned>> cores = ParseCoreList(*line.cores);
  if (!cores.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--cores: ", std::string(cores.status().message())));
  }
  options.cores = *std::move(cores);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Options> ParseOptions(int argc, const char* const* argv, bool* exit_now) {
  *exit_now = false;
  const char* const* end = argv + argc;
  const char* const* separator = std::find_if(
      argv + 1, end, [](const char* argument) { return std::string(argument) == "--"; });

  CLI::App app("A virtual switch that is driven with ip link", "vswitch");
  CommandLine line;
  Describe(app, line);
  if (absl::Status status = Parse(app, std::vector<std::string>(argv + 1, separator), exit_now);
      !status.ok() || *exit_now) {
    if (!status.ok()) return status;
    return Options();
  }
  if (separator != end) line.eal_args.assign(separator + 1, end);

  Options options;
  if (absl::Status status = Override(line, options); !status.ok()) return status;
  if (line.config_file.empty()) return options;
  options.config_file = line.config_file;
  if (absl::Status status = LoadConfigFile(line.config_file, options); !status.ok()) return status;
  if (absl::Status status = Override(line, options); !status.ok()) return status;
  return options;
}

}  // namespace vswitch
