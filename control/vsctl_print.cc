// SPDX-License-Identifier: BSD-3-Clause
#include "control/vsctl_print.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace vswitch {
namespace {

using Json = nlohmann::ordered_json;

// Strings bare, everything else as JSON writes it; "-" for what is not there.
std::string Text(const Json& object, const char* key) {
  const auto found = object.find(key);
  if (found == object.end() || found->is_null()) return "-";
  return found->is_string() ? found->get<std::string>() : found->dump();
}

std::string Names(const Json& object, const char* key, const char* separator) {
  std::vector<std::string> names;
  const auto found = object.find(key);
  if (found != object.end() && found->is_array()) {
    for (const Json& name : *found)
      names.push_back(name.is_string() ? name.get<std::string>() : "");
  }
  return absl::StrJoin(names, separator);
}

Json Object(const Json& parent, const char* key) { return parent.value(key, Json::object()); }

std::string Backend(const Json& device) {
  const auto backend = device.find("backend");
  if (backend == device.end() || !backend->is_object()) return "    backend none\n";
  return absl::StrCat("    backend ", Text(*backend, "type"), " ", Text(*backend, "state"),
                      " path ", Text(*backend, "path"), " queues ", Text(*backend, "queues"),
                      " mac ", Text(*backend, "mac"), "\n");
}

std::string Counters(const Json& counters) {
  const auto direction = [&counters](const std::string& prefix) {
    const auto value = [&](const char* name) { return Text(counters, (prefix + name).c_str()); };
    return absl::StrCat("    ", prefix, " ", value("_packets"), " packets ", value("_bytes"),
                        " bytes ", value("_errors"), " errors ", value("_dropped"), " dropped");
  };
  return absl::StrCat(direction("rx"), " ", Text(counters, "multicast"), " multicast\n",
                      direction("tx"), "\n");
}

std::string Drops(const Json& object) {
  std::string out;
  const Json drops = Object(object, "drops");
  for (const auto& [reason, count] : drops.items()) {
    if (count != 0) absl::StrAppend(&out, " ", reason, " ", count.dump());
  }
  return out;
}

std::string Device(const Json& device) {
  std::string out =
      absl::StrCat(Text(device, "ifindex"), ": ", Text(device, "name"), ": <",
                   Names(device, "flags", ","), "> kind ", Text(device, "kind"), " mtu ",
                   Text(device, "mtu"), " operstate ", Text(device, "operstate"), "\n    address ",
                   Text(device, "address"), " link ", Text(device, "link"), " master ",
                   Text(device, "master"), " namespace ", Text(device, "namespace"), "\n");
  absl::StrAppend(&out, Backend(device), Counters(Object(device, "counters")));
  const std::string drops = Drops(device);
  if (!drops.empty()) absl::StrAppend(&out, "    drops", drops, "\n");
  return out;
}

constexpr const char* kColumns[] = {
    "worker",           "cpu",     "lcore",        "devices",     "queues",
    "resting",          "packets", "busy_cycles",  "idle_cycles", "cycles_per_packet",
    "longest_round_us", "sleeps",  "mailbox_depth"};

std::string Cell(const Json& worker, const char* column) {
  const auto found = worker.find(column);
  if (found != worker.end() && found->is_number_float()) {
    return absl::StrFormat("%.1f", found->get<double>());
  }
  if (found != worker.end() && found->is_array()) return absl::StrCat(found->size());
  return Text(worker, column);
}

size_t ColumnWidth(const Json& workers, const char* column) {
  size_t width = std::string(column).size();
  for (const Json& worker : workers) width = std::max(width, Cell(worker, column).size());
  return width;
}

}  // namespace

std::string FormatDevices(const Json& devices) {
  std::string out;
  for (const Json& device : devices) out += Device(device);
  return out;
}

std::string FormatWorkers(const Json& workers) {
  std::vector<std::string> lines(workers.size() + 1);
  for (const char* column : kColumns) {
    const int width = static_cast<int>(ColumnWidth(workers, column));
    const char* const gap = column == kColumns[0] ? "" : "  ";
    absl::StrAppendFormat(&lines[0], "%s%*s", gap, width, column);
    for (size_t i = 0; i < workers.size(); ++i) {
      absl::StrAppendFormat(&lines[i + 1], "%s%*s", gap, width, Cell(workers[i], column));
    }
  }
  for (const Json& worker : workers) {
    const std::string index = Text(worker, "worker");
    const std::string devices = Names(worker, "devices", " ");
    const std::string drops = Drops(worker);
    if (!devices.empty()) lines.push_back(absl::StrCat("worker ", index, " polls ", devices));
    if (!drops.empty()) lines.push_back(absl::StrCat("worker ", index, " dropped", drops));
  }
  return absl::StrJoin(lines, "\n") + "\n";
}

}  // namespace vswitch
