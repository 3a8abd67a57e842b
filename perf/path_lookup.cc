// SPDX-License-Identifier: BSD-3-Clause
// Finding a device among many: for a packet by its number, for a request by ifindex or name.
#include <memory>
#include <string>
#include <vector>

#include "control/registry.h"
#include "dataplane/device_table.h"
#include "perf/path.h"
#include "perf/small_switch.h"

namespace vswitch {
namespace {

// Lookups in a step, spread over all there are.
constexpr uint32_t kLookups = 64;

uint32_t Nth(uint32_t lookup, uint32_t size) {
  return static_cast<uint32_t>(uint64_t{lookup} * size / kLookups);
}

class DeviceLookup final : public Path {
 public:
  explicit DeviceLookup(uint32_t devices) : Path(kLookups), table_(1) {
    std::vector<DeviceId> ids(devices);
    for (DeviceId& id : ids) id = table_.Allocate();
    for (uint32_t i = 0; i < kLookups; ++i) wanted_.push_back(ids[Nth(i, devices)]);
  }
  void Run() override {
    for (const DeviceId id : wanted_) found_ += table_.Find(id) != nullptr ? 1 : 0;
  }
  void After() override { Require(std::exchange(found_, 0) == kLookups, "a device was not found"); }

 private:
  DeviceTable table_;
  std::vector<DeviceId> wanted_;
  uint32_t found_ = 0;
};

// A namespace full of links called eth0, eth1, …
class Links {
 public:
  explicit Links(uint32_t count) : ns_(1), devices_(count) {
    for (uint32_t i = 0; i < count; ++i) {
      devices_[i].name = NameOf(i);
      Require(ns_.Insert(devices_[i]).ok(), "no room for a link");
    }
  }
  ~Links() {
    for (Device& device : devices_) ns_.Remove(device);
  }
  static std::string NameOf(uint32_t number) { return "eth" + std::to_string(number); }
  const Namespace& ns() const { return ns_; }
  int32_t IndexOf(uint32_t number) const { return devices_[number].ifindex; }

 private:
  Namespace ns_;
  std::vector<Device> devices_;
};

class IndexLookup final : public Path {
 public:
  explicit IndexLookup(uint32_t links) : Path(kLookups), links_(links) {
    for (uint32_t i = 0; i < kLookups; ++i) wanted_.push_back(links_.IndexOf(Nth(i, links)));
  }
  void Run() override {
    for (const int32_t index : wanted_) found_ += links_.ns().FindByIndex(index) != nullptr ? 1 : 0;
  }
  void After() override { Require(std::exchange(found_, 0) == kLookups, "a link was not found"); }

 private:
  Links links_;
  std::vector<int32_t> wanted_;
  uint32_t found_ = 0;
};

class NameLookup final : public Path {
 public:
  explicit NameLookup(uint32_t links) : Path(kLookups), links_(links) {
    for (uint32_t i = 0; i < kLookups; ++i) wanted_.push_back(Links::NameOf(Nth(i, links)));
  }
  void Run() override {
    for (const std::string& name : wanted_) {
      found_ += links_.ns().FindByName(name) != nullptr ? 1 : 0;
    }
  }
  void After() override { Require(std::exchange(found_, 0) == kLookups, "a link was not found"); }

 private:
  Links links_;
  std::vector<std::string> wanted_;
  uint32_t found_ = 0;
};

}  // namespace

std::unique_ptr<Path> MakeDeviceLookup(uint32_t size) {
  return std::make_unique<DeviceLookup>(size);
}

std::unique_ptr<Path> MakeIndexLookup(uint32_t size) { return std::make_unique<IndexLookup>(size); }

std::unique_ptr<Path> MakeNameLookup(uint32_t size) { return std::make_unique<NameLookup>(size); }

}  // namespace vswitch
