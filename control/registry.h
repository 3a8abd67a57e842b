// SPDX-License-Identifier: BSD-3-Clause
// All links: names and indexes scoped by namespace.
#ifndef VSWITCH_CONTROL_REGISTRY_H_
#define VSWITCH_CONTROL_REGISTRY_H_

#include <array>
#include <cstdint>
#include <list>
#include <map>
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

  // Other namespaces have numbers here (netns_ids). Negative: none.
  int32_t IdOf(const Namespace& peer) const;
  // Null if there is none.
  Namespace* FindById(int32_t id) const;
  // Negative when the wanted id is taken; a negative wish gets the lowest that is free. REQUIRES:
  // the peer has none yet.
  int32_t AssignId(Namespace& peer, int32_t wanted = -1);
  // The id it had, negative for none.
  int32_t ForgetId(const Namespace& peer);
  const std::map<int32_t, Namespace*>& ids() const { return peers_; }

  // Nobody is in it and nothing in it differs from a new one, so it need not be kept.
  bool idle() const { return clients == 0 && !touched && peers_.empty() && known_by_ == 0; }
  size_t clients = 0;    // whose namespace it is
  bool touched = false;  // something here was changed
  bool watched = false;  // its end will be told
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
  // The index that a device of another namespace gets here: its own if that is free.
  int32_t IndexFor(const Device& device);
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
  // Counts links that came and went (dev_base_seq).
  uint64_t changes() const { return changes_; }
  // Counts addresses that came, went or changed (dev_addr_genid).
  uint64_t address_changes() const { return address_changes_; }
  void CountAddressChange() { ++address_changes_; }
  // Every device of the group in order of registration. Looks at every link.
  std::vector<Device*> InGroup(uint32_t group) const;

 private:
  friend class LinkCursor;
  static constexpr size_t kBuckets = 256;

  int32_t NextIndex();
  absl::StatusOr<std::string> FillTemplate(const std::string& name_template);
  void ReleaseName(const std::string& name);

  const uint64_t inode_;
  std::unique_ptr<Device> lo_;
  std::map<int32_t, Namespace*> peers_;  // by id
  absl::flat_hash_map<const Namespace*, int32_t> ids_;
  size_t known_by_ = 0;  // namespaces in which this one has an id
  int32_t last_ifindex_ = 0;
  uint64_t last_serial_ = 0;
  uint64_t changes_ = 0;
  uint64_t address_changes_ = 0;
  absl::flat_hash_map<int32_t, Device*> by_index_;
  absl::flat_hash_map<std::string, Device*> by_name_;
  // For templates PREFIX%d that were used: every number below this one is taken. Makes the next
  // name cheap however many links there are.
  absl::flat_hash_map<std::string, uint32_t> taken_below_;
  std::array<std::list<Device*>, kBuckets> buckets_;
};

// Where a dump that walks the links of a namespace goes on.
class LinkCursor {
 public:
  // Calls `visit(const Device&)` for the links that come next in the order of a dump, until it
  // returns false: that link comes again. True when all were visited.
  template <typename Visit>
  bool Walk(const Namespace& ns, Visit visit) {
    for (; bucket_ < Namespace::kBuckets; ++bucket_, position_ = 0) {
      size_t position = 0;
      for (const Device* device : ns.buckets_[bucket_]) {
        if (position++ < position_) continue;
        if (!visit(*device)) return false;
        ++position_;
      }
    }
    return true;
  }

 private:
  size_t bucket_ = 0, position_ = 0;
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
