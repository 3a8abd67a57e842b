// SPDX-License-Identifier: BSD-3-Clause
// vsctl: the control client. Exit status: 0; 1 refused; 2 usage; 3 vswitch not reachable.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/vsctl_client.h"
#include "control/vsctl_exec.h"
#include "control/vsctl_print.h"
#include "control/vsctl_requests.h"

namespace vswitch {
namespace {

constexpr int kRefused = 1, kUsage = 2, kUnreachable = 3, kNotFound = 127;

struct Settings {
  std::string run_dir = "/run/vswitch";
  bool json = false;
};

struct Arguments {
  std::string device, backend;
  std::vector<std::string> words;
};

int Complain(const std::string& text, int status) {
  fprintf(stderr, "vsctl: %s\n", text.c_str());
  return status;
}

int ReportUnreachable(const Settings& settings, const absl::Status& status) {
  return Complain(absl::StrCat("vswitch is not reachable at ", RtnlSocketPath(settings.run_dir),
                               ": ", status.message()),
                  kUnreachable);
}

// `what` names the request, e.g. "attach a".
int Report(const Settings& settings, const std::string& what, const absl::Status& status) {
  if (status.ok()) return 0;
  if (absl::IsUnavailable(status)) return ReportUnreachable(settings, status);
  return Complain(absl::StrCat(what, ": ", status.message()), kRefused);
}

int Change(const Settings& settings, const std::string& what, const Datagram& request) {
  absl::StatusOr<SwitchClient> client = SwitchClient::Connect(settings.run_dir);
  if (!client.ok()) return ReportUnreachable(settings, client.status());
  return Report(settings, what, client->Change(request));
}

int Print(const Settings& settings, const std::string& what, const Datagram& request,
          std::string (*format)(const nlohmann::ordered_json&)) {
  absl::StatusOr<SwitchClient> client = SwitchClient::Connect(settings.run_dir);
  if (!client.ok()) return ReportUnreachable(settings, client.status());
  const absl::StatusOr<nlohmann::ordered_json> objects = client->Read(request);
  if (!objects.ok()) return Report(settings, what, objects.status());
  const std::string text = settings.json ? objects->dump(2) + "\n" : format(*objects);
  fwrite(text.data(), 1, text.size(), stdout);
  return fflush(stdout) == 0 ? 0 : Complain("writing the answer failed", kRefused);
}

int Run(const Settings& settings, const std::vector<std::string>& argv) {
  const absl::StatusOr<SwitchClient> client = SwitchClient::Connect(settings.run_dir);
  if (!client.ok()) return ReportUnreachable(settings, client.status());
  const absl::Status status = ExecWithShim(settings.run_dir, argv);
  return Complain(std::string(status.message()), absl::IsNotFound(status) ? kNotFound : kRefused);
}

int LinkAdd(const Settings& settings, const Arguments& arguments) {
  const absl::StatusOr<Datagram> request = LinkAddRequest(arguments.words);
  if (!request.ok()) return Complain(std::string(request.status().message()), kUsage);
  return Change(settings, absl::StrCat("link add ", arguments.words[0]), *request);
}

int Attach(const Settings& settings, const Arguments& arguments) {
  const absl::StatusOr<Datagram> request =
      AttachRequest(arguments.device, arguments.backend, arguments.words);
  if (!request.ok()) return Complain(std::string(request.status().message()), kUsage);
  return Change(settings, absl::StrCat("attach ", arguments.device), *request);
}

CLI::App* AddCommand(CLI::App& app, const char* name, const char* description, int* result,
                     std::function<int()> act) {
  CLI::App* command = app.add_subcommand(name, description)->fallthrough();
  command->final_callback([result, act = std::move(act)] { *result = act(); });
  return command;
}

// `ip` and `run` are here for the help text only: see PassThrough.
void DescribePassThrough(CLI::App& app) {
  app.add_subcommand("ip", "ip ARGS...: the system's ip command, on vswitch's links");
  app.add_subcommand("run", "run -- PROGRAM ARGS...: any rtnetlink program, on vswitch's links");
}

void AddCommands(CLI::App& app, const Settings& settings, Arguments& arguments, int* result) {
  CLI::App* link =
      app.add_subcommand("link", "make a device on a DPDK port")->require_subcommand(1);
  link->fallthrough();
  AddCommand(*link, "add", "NAME type ethdev devargs DEVARGS [address MAC] [mtu N] [up]", result,
             [&] { return LinkAdd(settings, arguments); })
      ->add_option("words", arguments.words, "NAME type ethdev devargs DEVARGS ...")
      ->required();

  CLI::App* attach = AddCommand(app, "attach", "put a backend behind a device", result,
                                [&] { return Attach(settings, arguments); });
  attach->add_option("device", arguments.device)->required();
  attach->add_option("backend", arguments.backend, "vhost, tap, ring or ethdev")->required();
  attach->add_option("options", arguments.words,
                     "vhost: path= mode=server|client queues= owner= group= perm=; tap: ifname=; "
                     "ring: name=; all three: mac=rewrite; ethdev: DEVARGS");

  AddCommand(app, "detach", "take the backend of a device away", result,
             [&] {
               return Change(settings, absl::StrCat("detach ", arguments.device),
                             DetachRequest(arguments.device));
             })
      ->add_option("device", arguments.device)
      ->required();

  AddCommand(app, "show", "devices, their backends and counters", result, [&] {
    return Print(settings, absl::StrCat("show ", arguments.device), ShowRequest(arguments.device),
                 FormatDevices);
  })->add_option("device", arguments.device);

  AddCommand(app, "workers", "poll-mode cores and what they do", result,
             [&] { return Print(settings, "workers", WorkersRequest(), FormatWorkers); });
}

int Parse(int argc, char** argv, Settings& settings) {
  CLI::App app("Controls a vswitch process.", "vsctl");
  Arguments arguments;
  int result = 0;
  app.require_subcommand(1);
  app.add_option("--run-dir", settings.run_dir, "run directory of the vswitch process")
      ->capture_default_str();
  app.add_flag("--json", settings.json, "show and workers print one JSON array");
  DescribePassThrough(app);
  AddCommands(app, settings, arguments, &result);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return result;
}

// `vsctl ip ARGS…` and `vsctl run -- PROGRAM ARGS…`: no argument after the command is ours, not
// even -h. The position of the command in argv, or 0 if it is another one.
int PassThrough(int argc, char** argv, Settings& settings) {
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word == "--run-dir" && i + 1 < argc) {
      settings.run_dir = argv[++i];
    } else if (absl::StartsWith(word, "--run-dir=")) {
      settings.run_dir = word.substr(strlen("--run-dir="));
    } else if (word != "--json") {
      return word == "ip" || word == "run" ? i : 0;
    }
  }
  return 0;
}

int Main(int argc, char** argv) {
  Settings settings;
  const char* run_dir = getenv("VSWITCH_RUN_DIR");
  if (run_dir != nullptr && *run_dir != '\0') settings.run_dir = run_dir;
  Settings passed = settings;
  const int command = PassThrough(argc, argv, passed);
  if (command == 0) return Parse(argc, argv, settings);
  std::vector<std::string> words(argv + command, argv + argc);
  if (words[0] == "run") {
    words.erase(words.begin());
    if (!words.empty() && words[0] == "--") {
      words.erase(words.begin());
    } else if (!words.empty() && absl::StartsWith(words[0], "-")) {
      words.clear();
    }
    if (words.empty()) return Complain("usage: vsctl run -- PROGRAM ARGS...", kUsage);
  }
  return Run(passed, words);
}

}  // namespace
}  // namespace vswitch

int main(int argc, char** argv) { return vswitch::Main(argc, argv); }
