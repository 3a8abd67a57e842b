// SPDX-License-Identifier: BSD-3-Clause
// The config file: a [vswitch] table with the options of the command line, and [[link]] entries.
#include <linux/if_link.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "config/options.h"
#include "config/toml_table.h"

namespace vswitch {
namespace {

constexpr uint32_t kMinMtu = 68, kMaxMtu = 65535;
constexpr uint32_t kMaxQueues = 4096;
constexpr uint32_t kMaxIndex = INT32_MAX;
constexpr size_t kMaxName = 15;

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  // Reading a directory fails only here. An empty file is fine.
  if (stream && stream.peek() != std::ifstream::traits_type::eof()) text << stream.rdbuf();
  if (!stream.is_open() || stream.bad()) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ": cannot be read: ", std::strerror(errno)));
  }
  return text.str();
}

// toml++ as Debian builds it throws; its exceptions end here.
absl::StatusOr<toml::table> Parse(const std::string& text, const std::string& path) {
  try {
    return toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, ":", error.source().begin.line,
                     ": not valid TOML: ", std::string(error.description())));
  }
}

void ReadCores(TomlTable& table, std::vector<unsigned>& cores) {
  const toml::node* node = table.Node("cores");
  if (node == nullptr) return;
  std::string list = node->value_exact<std::string>().value_or("");
  if (const toml::array* array = node->as_array(); array != nullptr) {
    list = absl::StrJoin(*array, ",", [](std::string* out, const toml::node& cpu) {
      absl::StrAppend(out, cpu.value_exact<int64_t>().value_or(-1));
    });
  }
  absl::StatusOr<std::vector<unsigned>> parsed = ParseCoreList(list);
  if (!parsed.ok()) {
    return table.Fail("cores", "must be a list of CPUs such as \"0,1\" or [0, 1]");
  }
  cores = *std::move(parsed);
}

void ReadEalArgs(TomlTable& table, std::vector<std::string>& arguments) {
  const toml::node* node = table.Node("eal_args");
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr || !(array->empty() || array->is_homogeneous<std::string>())) {
    return table.Fail("eal_args", "must be an array of strings");
  }
  for (const toml::node& argument : *array) arguments.push_back(*argument.value<std::string>());
}

void ReadLogLevel(TomlTable& table, std::string& level) {
  level = table.String("log_level").value_or(level);
  if (std::find(kLogLevels.begin(), kLogLevels.end(), level) == kLogLevels.end()) {
    table.Fail("log_level", absl::StrCat("must be one of ", absl::StrJoin(kLogLevels, ", ")));
  }
}

absl::Status ReadProcess(TomlTable table, Options& options) {
  options.run_dir = table.String("run_dir").value_or(options.run_dir);
  if (options.run_dir.empty()) table.Fail("run_dir", "must not be empty");
  ReadCores(table, options.cores);
  options.no_huge = table.Bool("no_huge").value_or(options.no_huge);
  options.sleep = table.Bool("sleep").value_or(options.sleep);
  options.memory_mib = table.Unsigned("memory", 1, 1 << 20).value_or(options.memory_mib);
  ReadLogLevel(table, options.log_level);
  ReadEalArgs(table, options.eal_args);
  options.owner = table.String("owner").value_or(options.owner);
  options.group = table.String("group").value_or(options.group);
  return table.Finish();
}

// "queues = 2" and "queues = '2'" are the same to whoever checks the options.
std::optional<std::string> OptionText(const toml::node& value) {
  if (value.is_integer()) return absl::StrCat(*value.value<int64_t>());
  if (value.is_boolean()) return *value.value<bool>() ? "true" : "false";
  return value.value_exact<std::string>();
}

std::optional<BackendConfig> ReadBackend(TomlTable& link) {
  const toml::node* node = link.Node("backend");
  if (node == nullptr) return std::nullopt;
  if (!node->is_table()) {
    link.Fail("backend", "must be a table such as { type = \"vhost\" }");
    return std::nullopt;
  }
  TomlTable table(link.file(), link.PathOf("backend"), *node->as_table());
  BackendConfig backend{.type = table.String("type").value_or(""), .line = table.line()};
  if (backend.type.empty()) table.Fail("type", "is needed: vhost, tap, ring or ethdev");
  for (const auto& [key, line] : table.KeyLines()) {
    const toml::node* value = key == "type" ? nullptr : table.Node(key);
    if (value == nullptr) continue;
    const std::optional<std::string> text = OptionText(*value);
    if (!text.has_value()) table.Fail(key, "must be a string, a whole number, true or false");
    backend.options[key] = text.value_or("");
  }
  link.Adopt(table.Finish());
  return backend;
}

// Legal as the kernel sees it (dev_valid_name), and no pattern: other entries must be able to tell
// whether two names are the same.
void CheckName(TomlTable& table, const std::string& name) {
  if (name.empty()) return table.Fail("name", "is needed and must not be empty");
  if (name.size() > kMaxName) return table.Fail("name", "is longer than 15 bytes");
  if (name == "." || name == ".." || name.find_first_of("/:% \t\n\v\f\r") != std::string::npos) {
    table.Fail("name", absl::StrCat("\"", name, "\" is not a legal name for a link"));
  }
}

void CheckAddress(TomlTable& table, const std::string& text) {
  const std::optional<std::array<uint8_t, 6>> mac = ParseMacAddress(text);
  if (!mac.has_value()) {
    return table.Fail("address", absl::StrCat("\"", text,
                                              "\" is not a MAC address such as "
                                              "\"02:00:00:00:00:01\""));
  }
  const bool zero = std::all_of(mac->begin(), mac->end(), [](uint8_t byte) { return byte == 0; });
  if (zero || ((*mac)[0] & 1) != 0) {
    table.Fail("address", absl::StrCat("\"", text, "\" is not the address of one station"));
  }
}

void ReadAddresses(TomlTable& table, std::vector<IpAddressConfig>& addresses) {
  const toml::node* node = table.Node("addresses");
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr || !(array->empty() || array->is_homogeneous<std::string>())) {
    return table.Fail("addresses", "must be an array of strings such as [\"10.0.0.1/24\"]");
  }
  for (const toml::node& entry : *array) {
    const std::string text = *entry.value<std::string>();
    const std::optional<IpAddressConfig> address = ParseIpAddress(text);
    if (!address.has_value()) {
      return table.Fail("addresses", absl::StrCat("\"", text,
                                                  "\" is not an IP address such as "
                                                  "\"10.0.0.1/24\" or \"fd00::1/64\""));
    }
    addresses.push_back(*address);
  }
}

void ReadEnd(TomlTable& table, LinkEndConfig& end) {
  end.line = table.line();
  end.key_lines = table.KeyLines();
  end.name = table.String("name").value_or("");
  CheckName(table, end.name);
  end.address = table.String("address");
  if (end.address.has_value()) CheckAddress(table, *end.address);
  end.mtu = table.Unsigned("mtu", kMinMtu, kMaxMtu);
  end.txqueuelen = table.Unsigned("txqueuelen", 0, UINT32_MAX);
  end.group = table.Unsigned("group", 0, UINT32_MAX);
  end.numtxqueues = table.Unsigned("numtxqueues", 1, kMaxQueues);
  end.numrxqueues = table.Unsigned("numrxqueues", 1, kMaxQueues);
  end.index = table.Unsigned("index", 1, kMaxIndex);
  end.up = table.Bool("up").value_or(false);
  end.backend = ReadBackend(table);
  ReadAddresses(table, end.addresses);
}

// A name alone, or a table with the keys of a link.
std::optional<LinkEndConfig> ReadPeer(TomlTable& link) {
  const toml::node* node = link.Node("peer");
  if (node == nullptr) return std::nullopt;
  LinkEndConfig peer;
  if (node->is_string()) {
    const toml::table named{{"name", *node->value<std::string>()}};
    TomlTable table(link.file(), link.PathOf("peer"), named);
    peer.name = *node->value<std::string>();
    peer.line = static_cast<int>(node->source().begin.line);
    CheckName(table, peer.name);
    if (!table.ok()) link.Fail("peer", absl::StrCat("\"", peer.name, "\" is not a legal name"));
  } else if (node->is_table()) {
    TomlTable table(link.file(), link.PathOf("peer"), *node->as_table());
    ReadEnd(table, peer);
    link.Adopt(table.Finish());
  } else {
    link.Fail("peer", "must be a name or a table");
  }
  return peer;
}

using Word = std::pair<const char*, uint16_t>;
constexpr std::array<Word, 3> kModes = {
    {{"l2", IPVLAN_MODE_L2}, {"l3", IPVLAN_MODE_L3}, {"l3s", IPVLAN_MODE_L3S}}};
constexpr std::array<Word, 3> kFlags = {
    {{"bridge", 0}, {"private", IPVLAN_F_PRIVATE}, {"vepa", IPVLAN_F_VEPA}}};

std::optional<uint16_t> ReadWord(TomlTable& table, const std::string& key,
                                 const std::array<Word, 3>& words) {
  const std::optional<std::string> text = table.String(key);
  if (!text.has_value()) return std::nullopt;
  for (const auto& [word, value] : words) {
    if (*text == word) return value;
  }
  table.Fail(key, absl::StrCat("must be one of ", words[0].first, ", ", words[1].first, ", ",
                               words[2].first));
  return std::nullopt;
}

void ReadIpvlan(TomlTable& table, LinkConfig& link) {
  link.lower = table.String("link").value_or("");
  link.mode = ReadWord(table, "mode", kModes);
  link.flags = ReadWord(table, "flags", kFlags);
}

void CheckIpvlan(TomlTable& table, const LinkConfig& link) {
  if (link.kind == "ipvlan") {
    if (link.lower.empty()) table.Fail("link", "is needed: the name of the link it stands on");
    return;
  }
  if (!link.lower.empty()) table.Fail("link", "only an ipvlan stands on another link");
  if (link.mode.has_value()) table.Fail("mode", "only an ipvlan has a mode");
  if (link.flags.has_value()) table.Fail("flags", "only an ipvlan has flags");
}

void CheckKind(TomlTable& table, const LinkConfig& link) {
  if (link.kind.empty()) return table.Fail("kind", "is needed, e.g. \"veth\"");
  if (link.peer.has_value() && link.kind != "veth") table.Fail("peer", "only a veth has a peer");
  if (link.kind == "ethdev" && link.devargs.empty()) {
    table.Fail("devargs", "is needed: the DPDK port behind the link, e.g. \"net_tap0,iface=up0\"");
  }
  if (link.kind != "ethdev" && !link.devargs.empty()) {
    table.Fail("devargs", "only an ethdev has devargs");
  }
  CheckIpvlan(table, link);
}

absl::StatusOr<LinkConfig> ReadLink(TomlTable table) {
  LinkConfig link;
  ReadEnd(table, link);
  link.kind = table.String("kind").value_or("");
  link.peer = ReadPeer(table);
  link.devargs = table.String("devargs").value_or("");
  ReadIpvlan(table, link);
  CheckKind(table, link);
  if (absl::Status status = table.Finish(); !status.ok()) return status;
  return link;
}

// Where each name was used first.
using Names = std::map<std::string, int>;

absl::Status CheckUnique(const std::string& file, const std::string& path, const LinkEndConfig& end,
                         Names& names) {
  const auto [first, fresh] = names.emplace(end.name, end.line);
  if (fresh) return absl::OkStatus();
  const auto key = end.key_lines.find("name");
  const int line = key == end.key_lines.end() ? end.line : key->second;
  return absl::FailedPreconditionError(absl::StrCat(file, ":", line, ": ", path, ".name: \"",
                                                    end.name, "\" is the name of the link in line ",
                                                    first->second, " already"));
}

absl::Status ReadLinks(TomlTable& file, Options& options) {
  const toml::node* node = file.Node("link");
  if (node == nullptr) return absl::OkStatus();
  if (!node->is_array_of_tables()) {
    file.Fail("link", "must be an array of tables: write [[link]] above each link");
    return absl::OkStatus();
  }
  Names names;
  for (const toml::node& entry : *node->as_array()) {
    const std::string path = absl::StrCat("link[", options.links.size(), "]");
    absl::StatusOr<LinkConfig> link = ReadLink(TomlTable(file.file(), path, *entry.as_table()));
    if (!link.ok()) return link.status();
    absl::Status status = CheckUnique(file.file(), path, *link, names);
    if (status.ok() && link->peer.has_value()) {
      status = CheckUnique(file.file(), path + ".peer", *link->peer, names);
    }
    if (!status.ok()) return status;
    options.links.push_back(*std::move(link));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status LoadConfigFile(const std::string& path, Options& options) {
  absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<toml::table> root = Parse(*text, path);
  if (!root.ok()) return root.status();
  TomlTable file(path, "", *root);
  const toml::node* process = file.Node("vswitch");
  if (process != nullptr && !process->is_table()) file.Fail("vswitch", "must be a table");
  if (process != nullptr && process->is_table()) {
    file.Adopt(ReadProcess(TomlTable(path, "vswitch", *process->as_table()), options));
  }
  if (file.ok()) file.Adopt(ReadLinks(file, options));
  return file.Finish();
}

}  // namespace vswitch
