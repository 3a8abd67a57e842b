// SPDX-License-Identifier: BSD-3-Clause
// Network namespaces of the kernel for tests.
#ifndef VSWITCH_TESTS_SUPPORT_NEW_NETNS_H_
#define VSWITCH_TESTS_SUPPORT_NEW_NETNS_H_

#include <fcntl.h>
#include <sched.h>

#include <thread>

#include "control/unique_fd.h"

namespace vswitch {

// Of a thread that is gone: the descriptor keeps the namespace. Invalid without root.
inline UniqueFd NewNetns() {
  UniqueFd fd;
  std::thread([&fd] {
    if (unshare(CLONE_NEWNET) == 0) fd.reset(open("/proc/thread-self/ns/net", O_RDONLY));
  }).join();
  return fd;
}

}  // namespace vswitch

#endif  // VSWITCH_TESTS_SUPPORT_NEW_NETNS_H_
