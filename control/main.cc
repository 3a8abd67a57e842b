// SPDX-License-Identifier: BSD-3-Clause
#include <cstdio>
#include <memory>
#include <string>

#include "config/options.h"
#include "control/process.h"

namespace {

constexpr int kStartFailed = 1;
constexpr int kUsage = 2;

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "vswitch: %s\n", std::string(status.message()).c_str());
  return status.code() == absl::StatusCode::kInvalidArgument ? kUsage : kStartFailed;
}

}  // namespace

int main(int argc, char** argv) {
  bool exit_now = false;
  const absl::StatusOr<vswitch::Options> options = vswitch::ParseOptions(argc, argv, &exit_now);
  if (!options.ok()) return Fail(options.status());
  if (exit_now) return 0;
  const absl::StatusOr<std::unique_ptr<vswitch::Process>> process =
      vswitch::Process::Start(*options);
  if (!process.ok()) {
    Fail(process.status());
    return kStartFailed;
  }
  (*process)->Run();
  return 0;
}
