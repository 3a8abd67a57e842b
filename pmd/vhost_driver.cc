// SPDX-License-Identifier: BSD-3-Clause
#include "pmd/vhost_driver.h"

#include <rte_vhost.h>
#include <sys/stat.h>

#include <cerrno>
#include <climits>
#include <mutex>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "dataplane/errno_status.h"
#include "pmd/virtio.h"

namespace vswitch {
namespace {

// librte_vhost's callbacks carry a vid only, and a vid knows its socket path. The table's lock is
// never held across a call of librte_vhost or of an event.
class DriverTable {
 public:
  bool Add(const std::string& path, VhostEvents* events) {
    const std::lock_guard lock(mutex_);
    return table_.emplace(path, events).second;
  }
  void Remove(const std::string& path) {
    const std::lock_guard lock(mutex_);
    table_.erase(path);
  }
  VhostEvents* Find(int vid) {
    char path[PATH_MAX] = "";
    if (rte_vhost_get_ifname(vid, path, sizeof(path)) < 0) return nullptr;
    const std::lock_guard lock(mutex_);
    const auto found = table_.find(path);
    return found == table_.end() ? nullptr : found->second;
  }

 private:
  std::mutex mutex_;
  absl::flat_hash_map<std::string, VhostEvents*> table_;
};

DriverTable& Table() {
  static auto* table = new DriverTable;  // outlives librte_vhost's threads
  return *table;
}

int NewConnection(int vid) {
  VhostEvents* events = Table().Find(vid);
  if (events == nullptr) return -1;
  events->OnConnected(vid);
  return 0;
}

void DestroyConnection(int vid) {
  if (VhostEvents* events = Table().Find(vid)) events->OnDisconnected(vid);
}

int NewDevice(int vid) {
  VhostEvents* events = Table().Find(vid);
  if (events == nullptr) return -1;
  events->OnReady(vid);
  return 0;
}

void DestroyDevice(int vid) {
  if (VhostEvents* events = Table().Find(vid)) events->OnStopped(vid);
}

int VringStateChanged(int vid, uint16_t ring, int enable) {
  if (VhostEvents* events = Table().Find(vid)) events->OnRing(vid, ring, enable != 0);
  return 0;
}

constexpr rte_vhost_device_ops kOps = {
    .new_device = NewDevice,
    .destroy_device = DestroyDevice,
    .vring_state_changed = VringStateChanged,
    .features_changed = nullptr,
    .new_connection = NewConnection,
    .destroy_connection = DestroyConnection,
    .guest_notified = nullptr,
    .reserved = {},
};

// What Packet does not carry: UDP fragmentation and the ECN variant of TSO (librte_vhost drops its
// bit). VIRTIO_NET_F_GSO is the old name for all of them together.
constexpr uint64_t kNotCarried =
    kVirtioNetHostUfo | kVirtioNetGuestUfo | kVirtioNetHostEcn | kVirtioNetGuestEcn | kVirtioNetGso;

// For the whole process, and only while the control thread makes a socket.
class Umask {
 public:
  explicit Umask(mode_t mask) : before_(umask(mask)) {}
  ~Umask() { umask(before_); }
  Umask(const Umask&) = delete;
  Umask& operator=(const Umask&) = delete;

 private:
  const mode_t before_;
};

int StartClosed(const std::string& path) {
  const Umask closed(0777);
  return rte_vhost_driver_start(path.c_str());
}

}  // namespace

absl::StatusOr<std::unique_ptr<VhostDriver>> VhostDriver::Open(const std::string& path, bool client,
                                                               VhostEvents* events) {
  if (!Table().Add(path, events)) {
    return ErrnoStatus(EADDRINUSE, absl::StrCat("socket ", path, " is in use by another device"));
  }
  std::unique_ptr<VhostDriver> driver(new VhostDriver(path));
  const absl::Status started = driver->Start(client);
  if (!started.ok()) return started;
  return driver;
}

absl::Status VhostDriver::Start(bool client) {
  // Without the compliant flag, requests arrive as TX flags with unchecked header lengths.
  uint64_t flags = RTE_VHOST_USER_NET_COMPLIANT_OL_FLAGS;
  if (client) flags |= RTE_VHOST_USER_CLIENT;
  if (rte_vhost_driver_register(path_.c_str(), flags) < 0) {
    return ErrnoStatus(ENOSPC, absl::StrCat("cannot register socket ", path_,
                                            ": a process can have 1024 vhost-user sockets"));
  }
  registered_ = true;
  if (rte_vhost_driver_disable_features(path_.c_str(), kNotCarried) < 0 ||
      rte_vhost_driver_callback_register(path_.c_str(), &kOps) < 0 || StartClosed(path_) < 0) {
    return ErrnoStatus(EIO, absl::StrCat("librte_vhost cannot start socket ", path_));
  }
  return absl::OkStatus();
}

VhostDriver::~VhostDriver() {
  // In this order: unregistering stops connections, whose callbacks look the path up.
  if (registered_) rte_vhost_driver_unregister(path_.c_str());
  Table().Remove(path_);
}

}  // namespace vswitch
