// SPDX-License-Identifier: BSD-3-Clause
// librte_vhost's registration of one socket path, and the way from its process-wide callbacks to
// the backend they concern.
#ifndef VSWITCH_PMD_VHOST_DRIVER_H_
#define VSWITCH_PMD_VHOST_DRIVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "pmd/served_guest.h"

namespace vswitch {

// What librte_vhost reports of one socket; `vid` is its handle of a connection. Called on its event
// thread, on its reconnect thread, or on the control thread inside Open or ~VhostDriver; never two
// at a time for one vid. All may wait for workers, who take none of librte_vhost's locks.
class VhostEvents {
 public:
  virtual ~VhostEvents() = default;
  virtual void OnConnected(int vid) = 0;
  // Any control message is about to be handled. librte_vhost may touch the guest's memory on this
  // thread until the next one, or until OnDisconnected.
  virtual void OnMessage(int vid) = 0;
  // Whether there is a table of the guest's memory, from the next OnChanged on.
  virtual void OnMemory(int vid, bool there) = 0;
  // Where the VMM wants to know which pages were written to, from the next OnChanged on.
  virtual void OnLog(int vid, const LogArea& log) = 0;
  // Features are negotiated and the first queue pair runs.
  virtual void OnReady(int vid) = 0;
  // The rings stop. They may be touched until this returns, not after.
  virtual void OnStopped(int vid) = 0;
  // A control message is about to change memory, rings or features: none may be touched until
  // OnChanged. That does not come when the message fails: who knows what there is then.
  virtual void OnChanging(int vid) = 0;
  virtual void OnChanged(int vid) = 0;
  virtual void OnRing(int vid, uint16_t ring, bool usable) = 0;
  // The guest has moved here, and switches on its way shall learn where it is. `mac`: as it lies in
  // memory, in the low bytes.
  virtual void OnAnnounce(int vid, uint64_t mac) = 0;
  virtual void OnDisconnected(int vid) = 0;
};

class VhostDriver {
 public:
  // Registers `path` (not yet in use, see ClaimSocketPath). EADDRINUSE when this process has it
  // already, ENOSPC at librte_vhost's limit of 1,024 sockets. `events` outlives the result. A
  // server's socket has mode 0, until ApplyOwnership says who may connect.
  static absl::StatusOr<std::unique_ptr<VhostDriver>> Open(const std::string& path, bool client,
                                                           VhostEvents* events);
  // Stops connections (OnStopped), closes the socket and removes a server's file. No event is
  // reported afterwards.
  ~VhostDriver();
  VhostDriver(const VhostDriver&) = delete;
  VhostDriver& operator=(const VhostDriver&) = delete;

 private:
  explicit VhostDriver(const std::string& path) : path_(path) {}
  absl::Status Start(bool client);

  const std::string path_;
  bool registered_ = false;
};

}  // namespace vswitch

#endif  // VSWITCH_PMD_VHOST_DRIVER_H_
