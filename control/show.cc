// SPDX-License-Identifier: BSD-3-Clause
#include "control/show.h"

#include <rte_lcore.h>

#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/fill_link.h"
#include "control/link_kind.h"

namespace vswitch {
namespace {

using Json = nlohmann::ordered_json;

// Names as `ip -j link` has them.
constexpr std::pair<uint32_t, const char*> kFlagNames[] = {
    {IFF_LOOPBACK, "LOOPBACK"},
    {IFF_BROADCAST, "BROADCAST"},
    {IFF_POINTOPOINT, "POINTOPOINT"},
    {IFF_MULTICAST, "MULTICAST"},
    {IFF_NOARP, "NOARP"},
    {IFF_ALLMULTI, "ALLMULTI"},
    {IFF_PROMISC, "PROMISC"},
    {IFF_DEBUG, "DEBUG"},
    {IFF_DYNAMIC, "DYNAMIC"},
    {IFF_AUTOMEDIA, "AUTOMEDIA"},
    {IFF_PORTSEL, "PORTSEL"},
    {IFF_NOTRAILERS, "NOTRAILERS"},
    {IFF_UP, "UP"},
    {IFF_LOWER_UP, "LOWER_UP"},
    {IFF_DORMANT, "DORMANT"},
};

Json FlagNames(uint32_t flags) {
  Json names = Json::array();
  if ((flags & IFF_UP) != 0 && (flags & IFF_RUNNING) == 0) names.push_back("NO-CARRIER");
  for (const auto& [bit, name] : kFlagNames) {
    if ((flags & bit) != 0) names.push_back(name);
  }
  return names;
}

const char* OperStateName(const Device& device) {
  constexpr const char* kNames[] = {"UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN",
                                    "TESTING", "DORMANT",    "UP"};
  return kNames[static_cast<size_t>(device.up() ? device.operstate : OperState::kDown)];
}

std::string AddressText(const MacAddress& a) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", a[0], a[1], a[2], a[3], a[4], a[5]);
}

Json NameOf(const Device* device) { return device == nullptr ? Json() : Json(device->name); }

Json DropsByReason(const std::array<uint64_t, kDropReasonCount>& drops) {
  Json json = Json::object();
  for (size_t i = 0; i < kDropReasonCount; ++i) {
    json[DropReasonName(static_cast<DropReason>(i))] = drops[i];
  }
  return json;
}

// The address that a guest must have: of a device that shares its own with others no other will do.
std::string GuestMac(const Device& device, const BackendStatus& status) {
  return device.kind->fixed_address && !status.any_mac ? AddressText(device.address) : "any";
}

Json ShowBackend(const Device& device, const Port* port) {
  if (port == nullptr) return Json();
  const BackendStatus status = port->backend->Status();
  return {{"type", status.type},
          {"state", status.state},
          {"path", status.path},
          {"queues", status.queues},
          {"mac", GuestMac(device, status)}};
}

Json ShowCounters(const DeviceTotals& totals) {
  return {{"rx_packets", totals.rx_packets}, {"rx_bytes", totals.rx_bytes},
          {"rx_errors", totals.rx_errors},   {"rx_dropped", totals.rx_dropped},
          {"multicast", totals.multicast},   {"tx_packets", totals.tx_packets},
          {"tx_bytes", totals.tx_bytes},     {"tx_errors", totals.tx_errors},
          {"tx_dropped", totals.tx_dropped}};
}

// A path may hold any byte: what is not UTF-8 is replaced.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string NamespaceLabel(const Namespace& ns, Registry& registry) {
  if (&ns == &registry.initial()) return "initial";
  return absl::StrCat(ns.inode());
}

std::string ShowDevice(const Device& device, Registry& registry, const Dataplane& dataplane) {
  const DeviceTotals totals = dataplane.Totals(device.id);
  Json json;
  json["ifindex"] = device.ifindex;
  json["name"] = device.name;
  json["kind"] = device.kind == nullptr ? Json() : Json(device.kind->name);
  json["namespace"] = NamespaceLabel(*device.ns, registry);
  json["flags"] = FlagNames(ReportedFlags(device));
  json["operstate"] = OperStateName(device);
  json["mtu"] = device.mtu;
  json["address"] = AddressText(device.address);
  json["link"] = NameOf(device.link);
  json["master"] = NameOf(device.master);
  json["backend"] = ShowBackend(device, dataplane.PortOf(device.id));
  json["counters"] = ShowCounters(totals);
  json["drops"] = DropsByReason(totals.drops);
  return Dump(json);
}

SlotNames NamesOfPolledDevices(Registry& registry, const Dataplane& dataplane) {
  SlotNames names;
  for (const Namespace* ns : registry.namespaces()) {
    for (const Device* device : ns->DumpOrder()) {
      if (dataplane.PortOf(device->id) != nullptr) names[device->id.slot] = device->name;
    }
  }
  return names;
}

std::string ShowWorker(uint16_t index, const SlotNames& names, const Dataplane& dataplane) {
  Worker& worker = *dataplane.workers()[index];
  const WorkerCounters& counters = worker.counters();
  const uint64_t packets = counters.packets.Read();
  const uint64_t busy = counters.busy_cycles.Read();
  std::set<std::string> devices;
  for (const PollEntry* entry : worker.poll_list().entries) {
    const auto name = names.find(entry->device.slot);
    if (name != names.end()) devices.insert(name->second);
  }
  std::array<uint64_t, kDropReasonCount> drops;
  for (size_t i = 0; i < kDropReasonCount; ++i) drops[i] = counters.drops[i].Read();

  Json json;
  json["worker"] = index;
  const bool started = index < dataplane.lcores().size();
  json["cpu"] =
      started ? Json(rte_lcore_to_cpu_id(static_cast<int>(dataplane.lcores()[index]))) : Json();
  json["lcore"] = started ? Json(dataplane.lcores()[index]) : Json();
  json["devices"] = devices;
  json["queues"] = worker.poll_list().entries.size();
  json["resting"] = worker.resting();
  json["packets"] = packets;
  json["busy_cycles"] = busy;
  json["idle_cycles"] = counters.idle_cycles.Read();
  json["longest_round_us"] = 1e6 * static_cast<double>(counters.longest_round.Read()) /
                             static_cast<double>(rte_get_tsc_hz());
  json["cycles_per_packet"] =
      packets == 0 ? 0.0 : static_cast<double>(busy) / static_cast<double>(packets);
  json["sleeps"] = counters.sleeps.Read();
  json["mailbox_depth"] = dataplane.mailbox(index).depth();
  json["drops"] = DropsByReason(drops);
  worker.ForgetLongestRound();
  return Dump(json);
}

}  // namespace vswitch
