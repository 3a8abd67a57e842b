// SPDX-License-Identifier: BSD-3-Clause
#include "control/backend_options.h"

#include <linux/if.h>

#include <cerrno>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/errno_status.h"

namespace vswitch {
namespace {

constexpr uint32_t kMaxQueues = 128;    // of a vhost-user device
constexpr size_t kMaxSocketPath = 107;  // sun_path without its NUL
constexpr size_t kMaxRingName = 24;     // two rings' names are made of it

absl::Status BadValue(const std::string& key, const std::string& value, const std::string& wanted) {
  return ErrnoStatus(EINVAL, absl::StrCat(key, "=", value, ": must be ", wanted));
}

absl::Status SetPath(const std::string& value, BackendSpec& spec) {
  if (value.empty() || value[0] != '/' || value.size() > kMaxSocketPath) {
    return BadValue("path", value, "an absolute path of at most 107 bytes");
  }
  spec.path = value;
  return absl::OkStatus();
}

absl::Status SetMode(const std::string& value, BackendSpec& spec) {
  if (value != "server" && value != "client") return BadValue("mode", value, "server or client");
  spec.client = value == "client";
  return absl::OkStatus();
}

absl::Status SetQueues(const std::string& value, BackendSpec& spec) {
  uint32_t queues;
  if (!absl::SimpleAtoi(value, &queues) || queues < 1 || queues > kMaxQueues) {
    return BadValue("queues", value, absl::StrCat("1 to ", kMaxQueues));
  }
  spec.queues = static_cast<uint16_t>(queues);
  return absl::OkStatus();
}

absl::Status SetOwner(const std::string& value, BackendSpec& spec) {
  if (value.empty()) return BadValue("owner", value, "a user name or number");
  spec.owner = value;
  return absl::OkStatus();
}

absl::Status SetGroup(const std::string& value, BackendSpec& spec) {
  if (value.empty()) return BadValue("group", value, "a group name or number");
  spec.group = value;
  return absl::OkStatus();
}

absl::Status SetPerm(const std::string& value, BackendSpec& spec) {
  uint32_t perm = 0;
  bool octal = !value.empty() && value.size() <= 5;
  for (const char c : value) {
    octal = octal && c >= '0' && c <= '7';
    perm = perm * 8 + static_cast<uint32_t>(c - '0');
  }
  if (!octal || perm > 0777) return BadValue("perm", value, "octal permissions such as 0660");
  spec.mode = perm;
  return absl::OkStatus();
}

absl::Status SetIfname(const std::string& value, BackendSpec& spec) {
  const bool legal = !value.empty() && value.size() < IFNAMSIZ && value != "." && value != ".." &&
                     value.find_first_of("/: \t\n\v\f\r,") == std::string::npos;
  if (!legal) return BadValue("ifname", value, "an interface name of at most 15 bytes");
  spec.name = value;
  return absl::OkStatus();
}

absl::Status SetName(const std::string& value, BackendSpec& spec) {
  if (value.empty() || value.size() > kMaxRingName) {
    return BadValue("name", value, absl::StrCat("1 to ", kMaxRingName, " bytes"));
  }
  spec.name = value;
  return absl::OkStatus();
}

absl::Status SetMac(const std::string& value, BackendSpec& spec) {
  if (value != "rewrite") return BadValue("mac", value, "rewrite");
  spec.rewrite_mac = true;
  return absl::OkStatus();
}

absl::Status SetDevargs(const std::string& value, BackendSpec& spec) {
  if (value.empty()) return BadValue("devargs", value, "a DPDK device, e.g. net_tap0,iface=up0");
  spec.devargs = value;
  return absl::OkStatus();
}

struct Option {
  const char* key;
  absl::Status (*set)(const std::string& value, BackendSpec& spec);
};

constexpr Option kVhost[] = {{"path", SetPath},   {"mode", SetMode},   {"queues", SetQueues},
                             {"owner", SetOwner}, {"group", SetGroup}, {"perm", SetPerm},
                             {"mac", SetMac}};
constexpr Option kTap[] = {{"ifname", SetIfname}, {"mac", SetMac}};
constexpr Option kRing[] = {{"name", SetName}, {"mac", SetMac}};
constexpr Option kEthdev[] = {{"devargs", SetDevargs}, {"queues", SetQueues}};

std::span<const Option> OptionsOf(BackendType type) {
  switch (type) {
    case BackendType::kVhost:
      return kVhost;
    case BackendType::kTap:
      return kTap;
    case BackendType::kRing:
      return kRing;
    case BackendType::kEthdev:
      return kEthdev;
  }
  return {};
}

absl::Status UnknownOption(const std::string& type, const std::string& key,
                           std::span<const Option> known) {
  const auto append_key = [](std::string* out, const Option& option) { *out += option.key; };
  return ErrnoStatus(EINVAL,
                     absl::StrCat("unknown option '", key, "' of backend ", type,
                                  " (known: ", absl::StrJoin(known, ", ", append_key), ")"));
}

absl::Status SetOption(const std::string& type, const std::string& key, const std::string& value,
                       BackendSpec& spec) {
  const std::span<const Option> known = OptionsOf(spec.type);
  for (const Option& option : known) {
    if (option.key == key) return option.set(value, spec);
  }
  return UnknownOption(type, key, known);
}

absl::Status CheckTogether(const BackendSpec& spec) {
  if (spec.type == BackendType::kEthdev && spec.devargs.empty()) {
    return ErrnoStatus(EINVAL, "backend ethdev needs devargs=, e.g. devargs=net_tap0,iface=up0");
  }
  if (spec.client && spec.path.empty()) {
    return ErrnoStatus(EINVAL, "mode=client needs path=, the socket of the other side");
  }
  if (spec.client && !(spec.owner.empty() && spec.group.empty())) {
    return ErrnoStatus(EINVAL, "owner= and group= are for mode=server");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BackendSpec> ParseBackendSpec(const std::string& type,
                                             const std::map<std::string, std::string>& options) {
  const absl::StatusOr<BackendType> parsed = ParseBackendType(type);
  if (!parsed.ok()) return parsed.status();
  BackendSpec spec;
  spec.type = *parsed;
  for (const auto& [key, value] : options) {
    if (absl::Status status = SetOption(type, key, value, spec); !status.ok()) return status;
  }
  if (absl::Status status = CheckTogether(spec); !status.ok()) return status;
  return spec;
}

}  // namespace vswitch
