// SPDX-License-Identifier: BSD-3-Clause
// Timing and limits of neighbours: what `ip ntable` shows and changes.
#ifndef VSWITCH_CONTROL_NEIGH_PARAMS_H_
#define VSWITCH_CONTROL_NEIGH_PARAMS_H_

#include <sys/socket.h>

#include <chrono>
#include <cstdint>

namespace vswitch {

using Milliseconds = std::chrono::milliseconds;

// Of the neighbours of one device (struct neigh_parms). Times are multiples of the 4 ms that Linux
// counts in; a user can even make them negative: over before they begin.
struct NeighParams {
  Milliseconds base_reachable{30000}, retransmit{1000}, delay_probe{5000}, gc_stale{60000};
  Milliseconds anycast_delay{1000}, proxy_delay{800}, locktime{1000}, interval_probe{5000};
  Milliseconds reachable{30000};  // drawn from base_reachable
  uint32_t unicast_probes = 3, multicast_probes = 3, multicast_reprobes = 0, app_probes = 0;
  uint32_t queue_bytes = 212992, proxy_queue = 64;

  // Between half and one and a half times the base (neigh_rand_reach_time; RFC 4861, section
  // 6.3.2).
  void DrawReachable();
};

// Of a table as a whole.
struct NeighLimits {
  Milliseconds gc_interval{30000};
  uint32_t thresh1 = 128, thresh2 = 512, thresh3 = 1024;
};

// What a frame of the largest size takes in the kernel: queue_bytes can be said in packets.
inline constexpr uint32_t kFrameTruesize = 2090;

// `family` is AF_INET or AF_INET6.
inline const char* NeighTableName(uint8_t family) {
  return family == AF_INET ? "arp_cache" : "ndisc_cache";
}

}  // namespace vswitch

#endif  // VSWITCH_CONTROL_NEIGH_PARAMS_H_
