// SPDX-License-Identifier: BSD-3-Clause
// Learns when network namespaces of the kernel end.
#ifndef VSWITCH_CONTROL_NETNS_WATCH_H_
#define VSWITCH_CONTROL_NETNS_WATCH_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "control/unique_fd.h"

namespace vswitch {

// An inode number tells namespaces apart only while they live: the kernel gives it to the next one
// at once. To keep a namespace alive by holding it open would keep the interfaces in it, too. So
// each one watched gets an id in our own namespace (RTM_NEWNSID), and when it ends the kernel says
// so to RTNLGRP_NSID, before the inode is free again. Control thread.
class NetnsWatch {
 public:
  // Without CAP_NET_ADMIN nothing is ever told.
  NetnsWatch();

  // Readable when a namespace may have ended; -1 if that can never be.
  int fd() const { return events_.get(); }

  // Watches the namespace that `netns` is open on. False when that failed. REQUIRES: TakeEnded was
  // called since another namespace with this inode may have ended.
  bool Add(int netns, uint64_t inode);

  // Inodes of the watched namespaces that ended since the last call. Never blocks.
  std::vector<uint64_t> TakeEnded();

 private:
  // The ids that our namespace gives now; nothing when the kernel does not say.
  std::optional<absl::flat_hash_set<int32_t>> ListIds() const;
  // Ends what has no id any more, for when events were lost.
  void TakeUnlisted(std::vector<uint64_t>& ended);

  UniqueFd requests_;
  UniqueFd events_;
  absl::flat_hash_map<int32_t, uint64_t> inodes_;  // by id
};

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NETNS_WATCH_H_
