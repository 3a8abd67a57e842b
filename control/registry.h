// SPDX-License-Identifier: BSD-3-Clause
// All links: names and indexes scoped by namespace.
#ifndef VSWITCH_CONTROL_REGISTRY_H_
#define VSWITCH_CONTROL_REGISTRY_H_

#include <array>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/device.h"

namespace vswitch {

// A scope of names and ifindexes: one kernel network namespace, known by the inode of its nsfs
// file. Born with `lo`, ifindex 1, down.
class Namespace {
 public:
  explicit Namespace(uint64_t inode);
  Namespace(const Namespace&) = delete;

  uint64_t inode() const { return inode_; }
  Device& lo() { return *lo_; }

  Device* FindByIndex(int32_t ifindex) const;
  // Primary and alternative names (__dev_get_by_name).
  Device* FindByName(const std::string& name) const;

  // Settles a name for a new or renamed device: legality, "%d" templates, uniqueness. EINVAL,
  // EEXIST, ENFILE. (dev_get_valid_name)
  absl::StatusOr<std::string> ResolveName(const std::string& wanted);

  // Puts the device into the namespace under its name; ifindex 0 allocates one. EBUSY when the
  // index is taken. REQUIRES: device.name came from ResolveName.
  absl::Status Insert(Device& device);
  void Remove(Device& device);
  // REQUIRES: `name` came from ResolveName.
  void Rename(Device& device, const std::string& name);
  // EEXIST for any name in use. (netdev_name_node_alt_create)
  absl::Status AddAltname(Device& device, const std::string& name);
  // ENOENT for an unknown name, EINVAL for what is no alternative name of `device`.
  // (netdev_name_node_alt_destroy)
  absl::Status RemoveAltname(Device& device, const std::string& name);

  // In the order of a link dump: 256 buckets by (ifindex & 255), the most recent first inside a
  // bucket.
  std::vector<Device*> DumpOrder() const;
  // Every device of the group in order of registration. Looks at every link.
  std::vector<Device*> InGroup(uint32_t group) const;

 private:
  static constexpr size_t kBuckets = 256;

  int32_t NextIndex();
  absl::StatusOr<std::string> FillTemplate(const std::string& name_template);
  void ReleaseName(const std::string& name);

  const uint64_t inode_;
  std::unique_ptr<Device> lo_;
  int32_t last_ifindex_ = 0;
  uint64_t last_serial_ = 0;
  absl::flat_hash_map<int32_t, Device*> by_index_;
  absl::flat_hash_map<std::string, Device*> by_name_;
  // For templates PREFIX%d that were used: every number below this one is taken. Makes the next
  // name cheap however many links there are.
  absl::flat_hash_map<std::string, uint32_t> taken_below_;
  std::array<std::list<Device*>, kBuckets> buckets_;
};

// Owns namespaces and devices.
class Registry {
 public:
  // `initial` is the inode of the vswitch process's own network namespace.
  explicit Registry(uint64_t initial);

  // The namespace with this inode, made on first use.
  Namespace& NamespaceFor(uint64_t inode);
  // Null if there is none yet.
  Namespace* FindNamespace(uint64_t inode) const;
  // REQUIRES: nothing but `lo` is left in it, and it is not the initial one.
  void RemoveNamespace(const Namespace& ns) { namespaces_.erase(ns.inode()); }
  Namespace& initial() { return *initial_; }

  // Takes ownership of a device that is in its namespace already.
  Device& Add(std::unique_ptr<Device> device);
  // Gives up ownership; the device has left its namespace.
  std::unique_ptr<Device> Forget(Device& device);

  std::vector<Namespace*> namespaces() const;

 private:
  absl::flat_hash_map<uint64_t, std::unique_ptr<Namespace>> namespaces_;
  absl::flat_hash_map<const Device*, std::unique_ptr<Device>> devices_;
  Namespace* initial_;
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_REGISTRY_H_
