// SPDX-License-Identifier: BSD-3-Clause
#include "control/registry.h"

#include <algorithm>
#include <cerrno>
#include <limits>

#include "control/link_name.h"
#include "dataplane/errno_status.h"

namespace vswitch {

namespace {

// drivers/net/loopback.c: what every network namespace is born with.
std::unique_ptr<Device> MakeLoopback() {
  auto lo = std::make_unique<Device>();
  lo->name = "lo";
  lo->type = ARPHRD_LOOPBACK;
  lo->flags = IFF_LOOPBACK;
  lo->mtu = 65536;
  lo->min_mtu = 0;
  lo->max_mtu = 0;
  lo->broadcast = {};
  lo->tso_max_size = 524280;
  lo->announced = true;
  lo->inet6_without_dad = true;
  return lo;
}

size_t BucketOf(int32_t ifindex, size_t buckets) {
  return static_cast<uint32_t>(ifindex) & (buckets - 1);
}

}  // namespace

Namespace::Namespace(uint64_t inode) : inode_(inode), lo_(MakeLoopback()) {
  (void)Insert(*lo_);  // cannot fail in an empty namespace
}

int32_t Namespace::IdOf(const Namespace& peer) const {
  const auto found = ids_.find(&peer);
  return found == ids_.end() ? -1 : found->second;
}

Namespace* Namespace::FindById(int32_t id) const {
  const auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : found->second;
}

int32_t Namespace::AssignId(Namespace& peer, int32_t wanted) {
  int32_t id = std::max(wanted, 0);
  if (wanted < 0) {
    for (auto next = peers_.begin(); next != peers_.end() && next->first == id; ++next) ++id;
  }
  if (!peers_.try_emplace(id, &peer).second) return -1;
  ids_[&peer] = id;
  ++peer.known_by_;
  return id;
}

int32_t Namespace::ForgetId(const Namespace& peer) {
  const auto node = ids_.extract(&peer);
  if (node.empty()) return -1;
  --peers_.extract(node.mapped()).mapped()->known_by_;
  return node.mapped();
}

Device* Namespace::FindByIndex(int32_t ifindex) const {
  const auto found = by_index_.find(ifindex);
  return found == by_index_.end() ? nullptr : found->second;
}

Device* Namespace::FindByName(const std::string& name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : found->second;
}

absl::StatusOr<std::string> Namespace::ResolveName(const std::string& wanted) {
  if (!IsLegalName(wanted)) return ErrnoStatus(EINVAL);
  if (wanted.find('%') != std::string::npos) return FillTemplate(wanted);
  if (by_name_.contains(wanted)) return ErrnoStatus(EEXIST);
  return wanted;
}

absl::StatusOr<std::string> Namespace::FillTemplate(const std::string& name_template) {
  const auto parsed = ParseNameTemplate(name_template);
  if (!parsed.ok()) return parsed.status();
  const NameTemplate& parts = **parsed;
  const bool remembered = parts.suffix.empty();
  const auto taken = taken_below_.find(parts.prefix);
  uint32_t number = remembered && taken != taken_below_.end() ? taken->second : 0;
  std::string name = parts.With(number);
  while (by_name_.contains(name)) name = parts.With(++number);
  if (remembered && number > 0) taken_below_[parts.prefix] = number;
  if (name.size() > kMaxNameLength) return ErrnoStatus(ENFILE);
  return name;
}

// A number that becomes free again may be the smallest of its template. A name such as "a12" is the
// 12 of "a%d" and the 2 of "a1%d".
void Namespace::ReleaseName(const std::string& name) {
  by_name_.erase(name);
  for (size_t at = name.size(); at-- > 0 && name[at] >= '0' && name[at] <= '9';) {
    const std::optional<uint32_t> number = TrailingNumber(name, at);
    const auto taken = taken_below_.find(name.substr(0, at));
    if (!number.has_value() || taken == taken_below_.end()) continue;
    taken->second = std::min(taken->second, *number);
    if (taken->second == 0) taken_below_.erase(taken);
  }
}

int32_t Namespace::NextIndex() {
  do {
    last_ifindex_ = last_ifindex_ == std::numeric_limits<int32_t>::max() ? 1 : last_ifindex_ + 1;
  } while (by_index_.contains(last_ifindex_));
  return last_ifindex_;
}

int32_t Namespace::IndexFor(const Device& device) {
  return by_index_.contains(device.ifindex) ? NextIndex() : device.ifindex;
}

absl::Status Namespace::Insert(Device& device) {
  if (device.ifindex == 0) {
    device.ifindex = NextIndex();
  } else if (by_index_.contains(device.ifindex)) {
    return ErrnoStatus(EBUSY);
  }
  device.ns = this;
  touched = last_serial_ > 0 || touched;  // its own lo is what it was born with
  device.serial = ++last_serial_;
  ++changes_;
  device.registered = true;
  by_index_[device.ifindex] = &device;
  by_name_[device.name] = &device;
  for (const std::string& altname : device.altnames) by_name_[altname] = &device;
  std::list<Device*>& bucket = buckets_[BucketOf(device.ifindex, kBuckets)];
  device.dump_position = bucket.insert(bucket.begin(), &device);
  return absl::OkStatus();
}

void Namespace::Remove(Device& device) {
  by_index_.erase(device.ifindex);
  ReleaseName(device.name);
  for (const std::string& altname : device.altnames) ReleaseName(altname);
  buckets_[BucketOf(device.ifindex, kBuckets)].erase(device.dump_position);
  device.registered = false;
  ++changes_;
}

void Namespace::Rename(Device& device, const std::string& name) {
  ReleaseName(device.name);
  device.name = name;
  by_name_[name] = &device;
}

absl::Status Namespace::AddAltname(Device& device, const std::string& name) {
  if (!by_name_.try_emplace(name, &device).second) return ErrnoStatus(EEXIST);
  device.altnames.push_back(name);
  return absl::OkStatus();
}

absl::Status Namespace::RemoveAltname(Device& device, const std::string& name) {
  if (!by_name_.contains(name)) return ErrnoStatus(ENOENT);
  const auto found = std::find(device.altnames.begin(), device.altnames.end(), name);
  if (found == device.altnames.end()) return ErrnoStatus(EINVAL);
  device.altnames.erase(found);
  ReleaseName(name);
  return absl::OkStatus();
}

std::vector<Device*> Namespace::DumpOrder() const {
  std::vector<Device*> devices;
  devices.reserve(by_index_.size());
  for (const std::list<Device*>& bucket : buckets_) {
    devices.insert(devices.end(), bucket.begin(), bucket.end());
  }
  return devices;
}

std::vector<Device*> Namespace::InGroup(uint32_t group) const {
  std::vector<Device*> devices;
  for (const auto& [ifindex, device] : by_index_) {
    if (device->group == group) devices.push_back(device);
  }
  std::sort(devices.begin(), devices.end(),
            [](const Device* a, const Device* b) { return a->serial < b->serial; });
  return devices;
}

Registry::Registry(uint64_t initial) : initial_(&NamespaceFor(initial)) {
  initial_->touched = initial_->watched = true;  // as long as this process
}

Namespace& Registry::NamespaceFor(uint64_t inode) {
  std::unique_ptr<Namespace>& ns = namespaces_[inode];
  if (ns == nullptr) ns = std::make_unique<Namespace>(inode);
  return *ns;
}

Namespace* Registry::FindNamespace(uint64_t inode) const {
  const auto found = namespaces_.find(inode);
  return found == namespaces_.end() ? nullptr : found->second.get();
}

Device& Registry::Add(std::unique_ptr<Device> device) {
  Device& added = *device;
  devices_[&added] = std::move(device);
  return added;
}

std::unique_ptr<Device> Registry::Forget(Device& device) {
  auto node = devices_.extract(&device);
  return node.empty() ? nullptr : std::move(node.mapped());
}

std::vector<Namespace*> Registry::namespaces() const {
  std::vector<Namespace*> all;
  for (const auto& [inode, ns] : namespaces_) all.push_back(ns.get());
  return all;
}

}  // namespace vswitch
