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
#include "pmd/guest_fault.h"
#include "pmd/vhost_patience.h"
#include "pmd/vhost_user.h"
#include "pmd/virtio.h"

namespace vswitch {
namespace {

std::string PathOf(int vid) {
  char path[PATH_MAX] = "";
  return rte_vhost_get_ifname(vid, path, sizeof(path)) < 0 ? "" : path;
}

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
    const std::string path = PathOf(vid);
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

using enum vhost_user::Request;

// A message as it comes over the socket.
struct [[gnu::packed]] Message {
  vhost_user::Header header;
  uint64_t payload[2];
};

// What refers to something that a ServedGuest has.
bool Changes(uint32_t request) {
  switch (request) {
    case kSetFeatures:
    case kSetMemTable:
    case kSetLogBase:
    case kSetVringNum:
    case kSetVringAddr:
    case kSetVringBase:
    case kSetVringKick:
    case kSetVringCall:
    case kSetVringEnable:
      return true;
    default:
      return false;
  }
}

// All messages are handled on one thread.
Patience& ForMessage() {
  thread_local Patience patience;
  return patience;
}

// It is left to librte_vhost in any case, which closes the descriptors that came with it.
rte_vhost_msg_result BeforeMessage(int vid, void* context) {
  ForMessage().Begin();
  auto* message = static_cast<Message*>(context);
  VhostEvents* events = Table().Find(vid);
  if (events == nullptr) return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
  events->OnMessage(vid);
  if (Changes(message->header.request)) events->OnChanging(vid);
  switch (message->header.request) {
    case kSetMemTable:  // when it fails, librte_vhost may have none any more, and crash when asked
      events->OnMemory(vid, false);
      break;
    case kResetOwner:  // unmaps the log, and librte_vhost goes on to say where it was
      events->OnMemory(vid, false);
      events->OnLog(vid, {});
      break;
    case kSetLogBase:
      // librte_vhost maps the log from there on, and takes the offset for one within the mapping,
      // too. A message without a size is refused.
      if (message->payload[1] != 0) message->header.size = 0;
      break;
    case kSendRarp:
      // librte_vhost would send it with what it takes out of a ring, which it never does here.
      if (message->header.size >= sizeof(uint64_t)) events->OnAnnounce(vid, message->payload[0]);
      break;
    default:
      break;
  }
  return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

LogArea LogOf(int vid) {
  uint64_t base = 0, size = 0;
  if (rte_vhost_get_log_base(vid, &base, &size) < 0) return {};
  return {reinterpret_cast<void*>(base), size};
}

// librte_vhost says that a ring was disabled only after the VMM has its answer: which must not find
// us in the ring any more.
void TakeAway(int vid, const Message& message, VhostEvents& events) {
  const auto ring = static_cast<uint32_t>(message.payload[0]);
  const bool enabled = message.payload[0] >> 32 != 0;
  if (!enabled && ring <= UINT16_MAX) events.OnRing(vid, static_cast<uint16_t>(ring), false);
}

// Not for messages that failed.
rte_vhost_msg_result AfterMessage(int vid, void* context) {
  ForMessage().End(PathOf(vid));
  GuardThread(nullptr);
  const auto* message = static_cast<const Message*>(context);
  const uint32_t request = message->header.request;
  VhostEvents* events = Table().Find(vid);
  if (events == nullptr || !Changes(request)) return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
  if (request == kSetMemTable) events->OnMemory(vid, true);
  if (request == kSetVringEnable) TakeAway(vid, *message, *events);
  if (request == kSetLogBase) events->OnLog(vid, LogOf(vid));
  events->OnChanged(vid);
  return RTE_VHOST_MSG_RESULT_NOT_HANDLED;
}

constexpr rte_vhost_user_extern_ops kMessageOps = {.pre_msg_handle = BeforeMessage,
                                                   .post_msg_handle = AfterMessage};

int NewConnection(int vid) {
  VhostEvents* events = Table().Find(vid);
  if (events == nullptr) return -1;
  LimitPatience(PathOf(vid));
  events->OnConnected(vid);
  return rte_vhost_extern_callback_register(vid, &kMessageOps, nullptr);
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

// What Packet does not carry: UDP fragmentation and the ECN variant of TSO. VIRTIO_NET_F_GSO is the
// old name for all of them together.
constexpr uint64_t kNotCarried =
    kVirtioNetHostUfo | kVirtioNetGuestUfo | kVirtioNetHostEcn | kVirtioNetGuestEcn | kVirtioNetGso;

// A log of what is in flight: we have nothing in flight between two bursts, and do not write it.
bool LeaveOutInflight(const std::string& path) {
  constexpr uint64_t kInflight = 1ULL << 12;  // VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD
  uint64_t features = 0;
  return rte_vhost_driver_get_protocol_features(path.c_str(), &features) == 0 &&
         rte_vhost_driver_set_protocol_features(path.c_str(), features & ~kInflight) == 0;
}

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
  const uint64_t flags = client ? RTE_VHOST_USER_CLIENT : 0;
  if (rte_vhost_driver_register(path_.c_str(), flags) < 0) {
    return ErrnoStatus(ENOSPC, absl::StrCat("cannot register socket ", path_,
                                            ": a process can have 1024 vhost-user sockets"));
  }
  registered_ = true;
  if (rte_vhost_driver_disable_features(path_.c_str(), kNotCarried) < 0 ||
      !LeaveOutInflight(path_) || rte_vhost_driver_callback_register(path_.c_str(), &kOps) < 0 ||
      StartClosed(path_) < 0) {
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
