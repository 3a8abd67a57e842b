// SPDX-License-Identifier: BSD-3-Clause
#include "control/access.h"

#include <grp.h>
#include <pwd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace vswitch {

namespace {

// Without those of its own group list that came after the connection.
std::vector<gid_t> PeerGroups(int socket) {
  std::vector<gid_t> groups(64);
  auto length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
  if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) {
    groups.resize(length / sizeof(gid_t));  // ERANGE tells how many there are
    if (getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length) != 0) return {};
  }
  groups.resize(length / sizeof(gid_t));
  return groups;
}

}  // namespace

absl::StatusOr<Access> FindAccess(const std::string& owner, const std::string& group) {
  Access access;
  if (!owner.empty()) {
    uint32_t number;
    const passwd* user = getpwnam(owner.c_str());
    if (user == nullptr && !absl::SimpleAtoi(owner, &number)) {
      return absl::FailedPreconditionError(absl::StrCat("owner: no user is called ", owner));
    }
    access.owner = user != nullptr ? user->pw_uid : number;
  }
  if (!group.empty()) {
    uint32_t number;
    const struct group* found = getgrnam(group.c_str());
    if (found == nullptr && !absl::SimpleAtoi(group, &number)) {
      return absl::FailedPreconditionError(absl::StrCat("group: no group is called ", group));
    }
    access.group = found != nullptr ? found->gr_gid : number;
  }
  return access;
}

bool MayChange(int socket, const Access& access) {
  ucred peer{};
  socklen_t length = sizeof(peer);
  if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) return false;
  if (peer.uid == 0 || peer.uid == geteuid() || peer.uid == access.owner) return true;
  if (!access.group.has_value()) return false;
  const std::vector<gid_t> groups = PeerGroups(socket);
  return peer.gid == access.group ||
         std::find(groups.begin(), groups.end(), *access.group) != groups.end();
}

}  // namespace vswitch
