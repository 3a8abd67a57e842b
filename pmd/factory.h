// SPDX-License-Identifier: BSD-3-Clause
// Makes backends. The only header of pmd/ that control/ may include.
#ifndef VSWITCH_PMD_FACTORY_H_
#define VSWITCH_PMD_FACTORY_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/backend.h"
#include "dataplane/rcu.h"

struct rte_mempool;

namespace vswitch {

enum class BackendType : uint8_t { kVhost, kTap, kRing, kEthdev };

// What `vsctl attach DEV TYPE key=value…` or a config file's backend table says, already checked
// for unknown keys.
struct BackendSpec {
  BackendType type = BackendType::kVhost;
  std::string path;      // vhost: socket, empty for <run_dir>/vhost/<device>.sock
  bool client = false;   // vhost: mode=client, QEMU is the server
  uint16_t queues = 1;   // vhost, ethdev: queue pairs
  std::string owner;     // vhost server: user name or number, empty leaves it
  std::string group;     // vhost server: group name or number, empty leaves it
  uint32_t mode = 0660;  // vhost server: socket permissions
  std::string name;      // tap: ifname (empty: kernel's choice); ring: name (empty: the device's)
  std::string devargs;   // ethdev
  bool rewrite_mac = false;  // not ethdev: the guest keeps an address of its own
};

// What a backend needs from the process; outlives every backend.
struct BackendEnv {
  rte_mempool* pool = nullptr;  // mbufs for received frames
  Rcu* rcu = nullptr;           // for threads that must wait for workers
  std::string run_dir;
};

// "vhost", "tap", "ring", "ethdev"; EINVAL with a sentence otherwise.
absl::StatusOr<BackendType> ParseBackendType(const std::string& name);

// Control thread. Errors carry an errno and a sentence (ErrnoStatus): EADDRINUSE for a socket in
// use, EINVAL for bad devargs, EBUSY for a busy tap, and so on; nothing is left behind. `device`
// names default paths. `mtu` is set on the far end where that is possible (tap, ethdev).
absl::StatusOr<std::unique_ptr<Backend>> CreateBackend(const BackendSpec& spec,
                                                       const std::string& device, uint32_t mtu,
                                                       const BackendEnv& env);

}  // namespace vswitch

#endif  // VSWITCH_PMD_FACTORY_H_
